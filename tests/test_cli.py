"""The `iscqk` program."""

import ast
import importlib
import io
import re
import shlex
import signal
import subprocess
import sys
from contextlib import redirect_stdout

import pytest

import iscqk
from conftest import ROOT
from examples import words_of
from iscqk import cli
from iscqk.plan.stage_registry import ROOMS, module_name
from iscqk.runtime.shutdown import Stopped
from iscqk.stages import draw


def test_every_stage_is_a_command():
    folders = [ROOT / "src/iscqk" / room for room in ROOMS]
    modules = [path.stem.replace("_", "-") for folder in folders for path in folder.glob("*.py")]
    assert sorted(cli.STAGES) == sorted(name for name in modules if name != "--init--")


@pytest.mark.parametrize("stage", cli.STAGES)
def test_every_command_explains_itself_and_ends_with_an_example_that_parses(stage, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main([stage, "--help"])
    shown = capsys.readouterr().out
    assert exit_.value.code == 0 and f"usage: iscqk {stage}" in shown
    example = importlib.import_module(module_name(stage)).EXAMPLE
    assert re.sub(r"\s+", " ", shown).rstrip().endswith(re.sub(r"\s+", " ", f"example: {example}"))
    name, *arguments = words_of(stage)
    assert example.startswith("iscqk ") and name == stage
    cli.stage_parser(stage).parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serch"], "error: no command 'serch', did you mean search?; see `iscqk --help`\n"),
        (["search", "s.h5"], "error: the following arguments are required: --output; see `iscqk "),
        ([], "error: the following arguments are required: COMMAND; see `iscqk --help`\n"),
    ],
)
def test_a_wrong_command_is_told_in_a_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(message) and error.count("\n") == 1


def test_it_tells_its_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0
    told = capsys.readouterr().out
    assert re.fullmatch(r"iscqk \d+\.\d+\.\d+\n", told) and told == f"iscqk {iscqk.__version__}\n"
    command = [sys.executable, "-m", "iscqk", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == told


def test_help_begins_with_what_people_use(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    used = ["match", "duplicates", "describe", "score", "validate", "search", "report", "plan"]
    assert shown[shown.index("match") :][: len(used)] == used
    assert set(cli.STAGES) <= set(shown)


def drawing(folder):
    """The arguments that draw three small images."""
    splits = ("training", "references", "others")
    counts = [f"--{split}=1" for split in splits]
    folders = [str(folder / split) for split in splits]
    return ["draw", *counts, "--side=32", "--seed=0", "--workers=1", "--output", *folders]


def test_stages_run_one_after_the_other_in_one_process(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert cli.main([*drawing(first), "--then", *drawing(second)]) == 0
    drawn = {path.relative_to(first): path.read_bytes() for path in first.rglob("*.*")}
    assert len(drawn) == 3
    assert all((second / path).read_bytes() == content for path, content in drawn.items())


def test_drawing_that_was_stopped_goes_on_by_the_same_command(tmp_path, monkeypatch, capsys):
    original = draw.draw_images

    def stopped(put, split, *rest):
        if split == "others":
            raise Stopped(signal.SIGTERM)
        original(put, split, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(draw, "draw_images", stopped)
        assert cli.main(drawing(tmp_path)) == 128 + signal.SIGTERM
    assert not [*tmp_path.iterdir()]
    assert cli.main(drawing(tmp_path)) == 0 and len([*tmp_path.rglob("*.jpg")]) == 3


def test_drawing_into_a_folder_and_one_in_it_is_told(tmp_path, capsys):
    *rest, training, references, others = drawing(tmp_path)
    assert cli.main([*rest, training, f"{training}/more", others]) == 1
    assert "training, which is written, too; name another" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_what_follows_a_stage_that_fails_does_not_run(tmp_path, capsys):
    failing = ["validate", str(tmp_path / "nowhere.h5")]
    assert cli.main([*failing, "--then", *drawing(tmp_path / "images")]) == 1
    assert not (tmp_path / "images").exists() and "nowhere.h5" in capsys.readouterr().out


def test_any_command_of_several_may_ask_for_quiet(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(cli, "set_up_logging", lambda quiet: asked.append(quiet))
    for words in ([], ["--quiet"], ["-q"]):
        first, second = (drawing(tmp_path / f"{name}{words}") for name in "ab")
        assert cli.main([*first, "--then", *second, *words]) == 0
    assert asked == [False, True, True]


@pytest.mark.parametrize("wrong", [[], ["serch"], ["search", "s.h5"]])
def test_nothing_runs_where_a_later_stage_is_wrong(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as exit_:
        cli.main([*drawing(tmp_path / "images"), "--then", *wrong])
    assert exit_.value.code == 2 and not (tmp_path / "images").exists()
    assert capsys.readouterr().err.startswith("error: ")


def test_help_waits_for_no_library():
    script = "import sys, iscqk.cli; iscqk.cli.main(['--help'])"
    check = f"""
try:
    {script.replace("; ", chr(10) + "    ")}
except SystemExit:
    assert not {{"torch", "pandas", "timm"}} & set(sys.modules), "slow"
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "  search  " in done.stdout


def test_names_of_the_package_are_listed_and_wrong_ones_are_seen_by_type_checkers():
    assert {*iscqk.__all__, "__version__", "Model"} <= {*dir(iscqk)}
    with pytest.raises(AttributeError, match="Modl"):
        _ = iscqk.Modl
    (checked,) = (
        n for n in ast.parse((ROOT / "src/iscqk/__init__.py").read_text()).body if type(n) is ast.If
    )
    names = {getattr(node, "name", "") for node in checked.orelse}
    assert checked.test.id == "TYPE_CHECKING" and names == {"__getattr__"}


def test_the_collector_looks_at_nothing_that_a_stage_imports():
    """Else it takes a third of the start and half a second of the end of all that need torch."""
    program = (
        "import gc, sys; from iscqk.cli import stage_parser; gc.collect(); "
        "before = gc.get_freeze_count(); "
        ""
        "stage_parser('embed'); frozen = gc.get_freeze_count() - before; "
        "stage_parser('embed'); again = gc.get_freeze_count() - before - frozen; "
        "print('torch' in sys.modules, gc.isenabled(), frozen > 100_000, again)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "True True True 0\n", done.stderr


@pytest.fixture(scope="module")
def completions():
    """What the program prints for each shell."""
    printed = {}
    for shell in ("bash", "zsh"):
        with redirect_stdout(io.StringIO()) as output, pytest.raises(SystemExit) as exit_:
            cli.main(["--print-completion", shell])
        assert exit_.value.code == 0
        printed[shell] = output.getvalue()
    return printed


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("iscqk val", {"validate", "validation-queries", "validation-scores"}),
        ("iscqk validate --ph", {"--phase"}),
        ("iscqk validate --phase ", {"phase1", "phase2"}),
    ],
)
def test_bash_completes_stages_options_and_choices(completions, tmp_path, typed, completed):
    (tmp_path / "completion").write_text(completions["bash"])
    words = typed.split(" ")
    drive = (
        f". ./completion; COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; "
        '$(complete -p iscqk | sed "s/.*-F \\([^ ]*\\).*/\\1/") iscqk; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", drive], cwd=tmp_path, capture_output=True, text=True)
    assert set(done.stdout.split()) == completed, done.stderr


def test_zsh_is_told_of_every_stage(completions):
    script = completions["zsh"]
    assert script.startswith("#compdef iscqk")
    assert all(f"\n    {stage}:'" in script for stage in cli.STAGES)


@pytest.mark.parametrize(
    ("stage", "unneeded"),
    [
        ("score", ("torch", "tqdm", "jsonschema", "faiss")),
        ("match", ("torch", "jsonschema", "faiss")),
        ("duplicates", ("torch", "jsonschema", "faiss")),
        ("describe", ("torch", "jsonschema", "faiss")),
        ("search", ("torch", "jsonschema", "faiss")),
        ("plan", ("torch", "faiss")),
        ("report", ("torch", "jsonschema", "faiss")),
    ],
)
def test_a_command_starts_without_what_only_its_work_may_need(stage, unneeded):
    program = (
        f"import sys; from iscqk.cli import stage_parser; stage_parser('{stage}')\n"
        f"print({{*{unneeded}}} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stdout + done.stderr

"""Every command that README, pages and presets print is one: program, options, targets, files.

That those of README and tutorial run as typed is in tests/torture/test_torture_tutorial.py.
"""

import ast
import copy
import inspect
import re
import shlex
from itertools import groupby

import pytest
import yaml
from snakemake.cli import get_argument_parser
from snakemake.utils import update_config

import iscqk
from conftest import ROOT
from iscqk.cli import STAGES, stage_parser
from iscqk.plan.checks import check_config

MADE = {"configuration.md", "commands.md", "edits.md"}  # by a build of the pages
PAGES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name not in MADE),
]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SYSTEM = {
    *("cat", "cd", "cp", "done", "exit", "export", "find", "for", "git", "grep", "pip", "podman"),
    *("pytest", "python3", "rm", "source", "tar", "torchrun", "uv"),
}


def blocks(page, language):
    """Return the blocks of code on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def scripts():
    """Yield (page, script) of all that can be typed: blocks on pages, comments of presets."""
    for page in PAGES:
        yield from ((page.name, block) for block in blocks(page, "(?:bash|sh)"))
    for preset in sorted((ROOT / "workflow/presets").glob("*.yaml")):
        comments = "".join(
            f"{line[1:].strip()}\n"
            for line in preset.read_text().splitlines()
            if line.startswith("#")
        )
        for command in re.findall(r"^(?:iscqk|make|snakemake) (?:.*\\\n)*.*$", comments, re.M):
            yield preset.name, command


def commands_of(script):
    """Yield the words of each command of a script, but variables before and the reader's own."""
    text = re.sub(r"(^|\s)#.*", r"\1", script.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    for ends, words in groupby(lexer, lambda word: not word.strip("|&;\n")):
        words = list(words)
        if words[-1] == "...":
            del words[-2 if words[-2].startswith("--") else -1 :]
        if ">" in words:
            del words[words.index(">") :]
        while words and re.fullmatch(r"[A-Z_]+=\S+|/usr/bin/time|-v|do", words[0]):
            del words[0]
        if words and not ends:
            yield words


def mentioned():
    """Return (page, words) of each command in a sentence, of which options may be missing."""
    return [
        (page.name, shlex.split(text.replace(" ...", "")))
        for page in PAGES
        for text in re.findall(r"`((?:iscqk|snakemake|make) [^`]+)`", page.read_text())
    ]


COMMANDS = [(page, words) for page, script in scripts() for words in commands_of(script)]
NAMED = {
    name
    for page in PAGES
    for block in blocks(page, "yaml")
    for name in re.findall(r"^# (\S+\.yaml)$", block, re.MULTILINE)
}


def of(program):
    """Return the commands of a program, each as a case of a test."""
    found = {" ".join(words): words[1:] for _, words in COMMANDS if words[0] == program}
    return pytest.mark.parametrize("words", found.values(), ids=found)


def rules():
    """Return the names of all rules."""
    files = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    return {name for file in files for name in re.findall(r"^rule (\w+):", file.read_text(), re.M)}


def is_target(word):
    """Return whether Snakemake can be asked for it, in a page's configuration."""
    presets = [path.read_text() for path in (ROOT / "workflow/presets").glob("*.yaml")]
    laid_over = "\n".join([*presets, *(text for page in PAGES for text in blocks(page, "yaml"))])
    name = word.removeprefix("ablation_")
    is_ablation = name in CONFIG["study"]["ablations"] or f" {name}:" in laid_over
    return word in rules() or word.startswith("results/") or (name != word and is_ablation)


def test_there_are_many_and_no_program_is_unknown():
    assert len(COMMANDS) > 80
    known = SYSTEM | {"iscqk", "make", "python", "snakemake"}
    assert [words for _, words in COMMANDS if words[0] not in known] == []


@of("iscqk")
def test_what_iscqk_is_asked_it_understands(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # nothing is there that could not be written
    stage_parser(words[0]).parse_args(words[1:])


@of("snakemake")
def test_what_snakemake_is_asked_it_understands(words):
    bare = [
        more
        for word, after in zip(words, [*words[1:], "-"], strict=True)
        for more in ([word, "all"] if word == "--cores" and after.startswith("-") else [word])
    ]
    asked = get_argument_parser().parse_args(bare)
    assert [word for word in asked.targets if not is_target(word)] == []
    for path in asked.configfile or []:
        assert (ROOT / path).is_file() or path.name in NAMED, path
    for profile in [asked.workflow_profile, *(asked.profile or [])]:
        assert not profile or (ROOT / profile / "config.yaml").is_file()
    for key in asked.config or []:
        assert key.split("=")[0] in CONFIG


def test_a_rule_makes_each_file_that_snakemake_is_asked_for(project):
    files = [
        word
        for _, (program, *words) in COMMANDS
        for word in words
        if program == "snakemake" and word.startswith("results/")
    ]
    assert files
    made = f"snakemake {' '.join(files)} -n --configfile config.yaml tiny.yaml"
    project.run(f'bash -c "{made}"')  # which makes several names of one with braces


@of("make")
def test_what_make_is_asked_it_makes(words):
    targets = re.findall(r"^([a-z].*?):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    phony = re.search(r"^TARGETS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.M)[1]
    known = {*" ".join(targets).split(), *phony.replace("\\\n", " ").split()}
    assert {word for word in words if "=" not in word} <= known


@of("python")
def test_what_python_runs_is_there_and_has_the_options(words):
    file = f"src/{words[1].replace('.', '/')}.py" if words[0] == "-m" else words[0]
    text = (ROOT / file).read_text()
    assert [word for word in words if word.startswith("--") and f'"{word}"' not in text] == []


def test_python_has_the_arguments_and_defaults_that_its_page_says():
    objects = {"iscqk": iscqk, "iscqk.Model": iscqk.Model, "model": iscqk.Model}
    text = "".join(blocks(ROOT / "docs/reference/python.md", "python"))
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert len(calls) == 4
    for call in calls:
        function = getattr(objects[ast.unparse(call.func.value)], call.func.attr)
        known = inspect.signature(function).parameters
        assert {argument.id for argument in call.args} <= known.keys()
        for keyword in call.keywords:
            assert known[keyword.arg].default == ast.literal_eval(keyword.value), keyword.arg


def test_options_that_sentences_mention_are_there():
    snakemake = get_argument_parser()._option_string_actions
    found = mentioned()
    assert len(found) > 50
    for page, (program, *words) in found:
        options = {word for word in words if word.startswith("-")} - {"--then", "--help"}
        if program == "iscqk" and words[0] in STAGES:
            assert options <= set(stage_parser(words[0])._option_string_actions), (page, words)
        elif program == "iscqk":
            assert words[0] in ("--help", "STAGE", "COMMAND"), (page, words)
        elif program == "snakemake":
            assert options <= set(snakemake), (page, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_configurations_are_valid(page):
    for block in blocks(page, "yaml"):
        if "spread" not in block:  # a method that the page tells how to add
            config = copy.deepcopy(CONFIG)
            update_config(config, yaml.safe_load(block))  # as Snakemake does
            check_config(config)

"""Arguments of all commands are looked at before any work."""

import argparse
import itertools
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from examples import words_of
from iscqk.cli import STAGES, main, stage_parser
from iscqk.errors import UserError
from iscqk.runtime.cores import cores
from iscqk.runtime.options import (
    Parser,
    json_object,
    json_objects,
    output_file,
    output_folder,
    output_place,
)


def refused(parse, arguments, capsys):
    """Return the one line that arguments are refused with."""
    with pytest.raises(SystemExit) as exit_:
        parse(arguments)
    told = capsys.readouterr().err
    assert exit_.value.code == 2 and told.startswith("error: ") and told.count("\n") == 1
    return told


def numbers(parser):
    """Yield the options of a parser that take numbers."""
    for action in parser._actions:
        if action.type not in (None, json.loads) and action.option_strings and not action.choices:
            try:
                is_number = isinstance(action.type("1"), int | float)
            except (UserError, TypeError, argparse.ArgumentTypeError):
                continue
            if is_number:
                yield action


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("match scans --againts photos", "no option --againts, did you mean --against?"),
        ("match scans --against=a --gpu", "no option --gpu; see `iscqk match --help`"),
    ],
)
def test_an_option_that_there_is_not_is_told_before_one_that_is_missing(command, message, capsys):
    assert message in refused(main, command.split(), capsys)


@pytest.mark.parametrize("stage", STAGES)
def test_a_path_has_a_name(stage, capsys):
    """What is in no variable of a shell would be the current folder, and all that is below it."""
    parser = stage_parser(stage)
    for action in parser._actions:
        if action.type in (Path, output_file, output_folder, output_place) and action.nargs != 0:
            count = action.nargs if isinstance(action.nargs, int) else 1
            words = [*action.option_strings[:1], *[""] * count]
            assert "an empty name; name files or folders" in refused(
                parser.parse_args, words, capsys
            )


def test_an_option_may_be_cut_short_and_what_follows_two_dashes_is_none():
    parser = Parser(prog="iscqk any")
    parser.add_argument("--results")
    parser.add_argument("files", nargs="*")
    found = parser.parse_args(["--resul=x", "--", "--no-option"])
    assert (found.results, found.files) == ("x", ["--no-option"])


# An object with every key that some option asks for.
OF_ALL_KEYS = json.dumps(
    {"seed": 0, "label": "a", "phase": "a", "score": "a", "method": "a", "learning_curve": "a"}
    | dict.fromkeys(["histories", "usage", "features"], ["a"])
    | dict.fromkeys(["dataset", "model", "models", "train", "describe", "search"], {})
)
POOL = '{"names": ["blur"], "strength": [0, 1], "length": [1, 1]}'


def value_for(action):
    """Return a value that an option takes."""
    if action.choices:
        return str(next(iter(action.choices)))
    for value in ("1", "64", "{}", "[]", POOL, OF_ALL_KEYS, f"[{OF_ALL_KEYS}]"):
        try:
            action.type and action.type(value)
        except (UserError, ValueError, TypeError, argparse.ArgumentTypeError):
            continue
        return value
    raise AssertionError(f"no value for {action.option_strings}")


@pytest.mark.parametrize("stage", STAGES)
def test_no_number_is_nan_or_infinite_and_no_count_negative(stage, capsys):
    for action in numbers(stage_parser(stage)):
        (option,), times = action.option_strings, 3 if action.nargs == 3 else 1
        given = [[option, *[wrong] * times] for wrong in ("nan", "1e999")]
        if action.type is not float:
            given.append([f"{option}=-1"])
        for words in given:
            assert f"argument {option}: " in refused(stage_parser(stage).parse_args, words, capsys)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("match a --against b --threads 0", "argument --threads: 0: at least 1 is needed"),
        ("match a --against b --top 0", "argument --top: 0: at least 1"),
        ("search s.h5 --output p.csv --shards 0", "argument --shards: 0: at least 1"),
        ("merge --temperature nan", "argument --temperature: nan is no number to work with"),
        ("merge --temperature 0", "argument --temperature: 0 is less than the minimum of 1e-06"),
        ("merge --temperature 1e-40", "argument --temperature: 1e-40 is less than the minimum"),
        ("merge --temperature 11", "argument --temperature: 11 is greater than the maximum of 10"),
        ("merge --temperature warm", "argument --temperature: 'warm' is not of type 'number'"),
        ("refine --share 1.5", "argument --share: 1.5 is greater than the maximum of 1"),
        ("refine --nearest 0", "argument --nearest: 0 is less than the minimum of 1"),
        ("refine --weights 1 inf", "argument --weights: inf is no number"),
        ("whiten --whitening=-0.1", "argument --whitening: -0.1 is less than the minimum of 0"),
        ("whiten --size 0", "argument --size: 0: at least 1"),
        ("import-weights w --mean 0 nan 1", "argument --mean: nan: no number to work with"),
    ],
)
def test_numbers_are_of_the_range_that_they_have_in_the_config(command, message, capsys):
    assert message in refused(main, command.split(), capsys)


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_is_written_is_looked_at_before_the_work(stage):
    written = [action for action in stage_parser(stage)._actions if "output" in action.dest]
    assert written or stage in ("plan",)
    for action in written:
        assert action.type in (output_file, output_folder, output_place), action.option_strings
        assert action.default is None or isinstance(action.default, str)  # looked at, too


@pytest.mark.parametrize(
    "command",
    [
        "search none.h5 --output {}",
        "score none.h5 none.csv --output {}",
        "score none.h5 none.csv --curve {}",
        "score none.h5 none.csv --edits e.csv --by-edit {}",
        "validate none.h5 --output {}",
        "report --results none --output {}",
        "match none --against none --output {}",
        "validate none.h5 --then search none.h5 --output {}",
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_read(
    command, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    assert main(command.format("taken/x.html").split()) == 1
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/taken: a file; name a folder to write to, or remove it\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="a folder; name a file to write"):
        output_file(str(tmp_path))
    with pytest.raises(UserError, match="file: a file; name a folder to write to"):
        output_folder(str(tmp_path / "file"))
    assert output_folder(str(tmp_path)) == tmp_path
    assert output_file(str(tmp_path / "new/file")) == tmp_path / "new/file"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("validate s.h5 --output s.h5", "--output: s.h5 is named by file, too; name another"),
        ("validate s.h5 --output ./link.h5", "--output: link.h5 is named by file, too"),
        ("score s.h5 gt.csv --output gt.csv", "--output: gt.csv is named by ground_truth, too"),
        ("score s.h5 gt.csv --curve c --output c", "--output: c is named by --curve, too"),
        (
            "whiten --part a s.h5 --whitening 0 --size 8 --output s.h5",
            "s.h5 is named by --part, too",
        ),
        (
            "prepare --training t --references r --lists training=gt.csv --output a b gt.csv d",
            "gt.csv is named by --lists, too",
        ),
        (
            "merge --queries q --references r --ranking similarity --output o o",
            "o is named by --out",
        ),
    ],
)
def test_nothing_is_written_over_what_is_read_or_written(
    command, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for name in ("s.h5", "gt.csv"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link.h5").symlink_to("s.h5")
    assert message in refused(main, command.split(), capsys)
    assert (tmp_path / "s.h5").read_text() == "s.h5"


def test_no_command_writes_over_a_file_that_its_example_reads(tmp_path, monkeypatch, capsys):
    """Whatever option of those in the example names either of them."""
    monkeypatch.chdir(tmp_path)
    seen = set()
    for stage in STAGES:
        words, parser = words_of(stage)[1:], stage_parser(stage)
        found = vars(parser.parse_args(words))
        writing = [one.dest for one in parser._actions if one.type in (output_file, output_place)]
        written = {str(path) for dest in writing for path in np.atleast_1d(found[dest])}
        named = {word for word in words if re.fullmatch(r"[\w/][\w./-]*\.[a-z]\w*", word)}
        for old, path in itertools.product(written & {*words}, named - written):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
            over = [path if word == old else word for word in words]
            assert f": {path} is named by " in refused(parser.parse_args, over, capsys), stage
            seen.add(stage)
    assert len(seen) == 19 and {"whiten", "train", "merge"} <= seen, seen


def test_a_list_that_is_given_twice_adds_up_and_all_else_is_refused(capsys):
    parser = Parser(prog="iscqk any")
    parser.add_argument("--weights", type=float, nargs="+", default=[1.0])
    parser.add_argument("--shards", nargs="*")
    parser.add_argument("--manifests", nargs=2)
    parser.add_argument("--name", default="a")
    found = parser.parse_args("--weights 2 --shards --weights 3 4 --name b".split())
    assert (found.weights, found.shards, found.name) == ([2.0, 3.0, 4.0], [], "b")
    assert parser.parse_args([]).weights == [1.0]
    assert parser.parse_args("--shards a --shards b".split()).shards == ["a", "b"]
    for twice in ("--manifests a b --manifests c d", "--name a --name=b"):
        option = twice.split()[0]
        assert f"argument {option}: given twice; give it once" in refused(
            parser.parse_args, twice.split(), capsys
        )


@pytest.mark.parametrize("stage", STAGES)
def test_no_single_value_is_forgotten_for_a_later_one(stage, tmp_path, monkeypatch, capsys):
    """Not even where it says the default."""
    monkeypatch.chdir(tmp_path)
    parser, seen = stage_parser(stage), 0
    for action in parser._actions:
        if action.option_strings and isinstance(action, argparse._StoreAction):
            if action.nargs is None:
                value = value_for(action)
                once = [action.option_strings[0], value]
                assert "given twice" in refused(parser.parse_args, [*once, *once], capsys)
                seen += 1
    assert seen


RUN = {"method": "qk", "seed": 0, "features": ["a.h5"]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", r"no JSON \(Expecting"),
        ("[" * 100_000, "no JSON \\(maximum recursion"),
        ("[]", "no JSON list with something in it; give one"),
        ("{}", "no JSON list with something in it"),
        ("null", "no JSON list with something in it"),
        ("[3]", "'3' is no JSON object; write it as one"),
        ("[{}]", "method is missing; give text"),
        (json.dumps([RUN, RUN | {"seed": "0"}]), "seed is 0; give a whole number"),
        (json.dumps([RUN, RUN | {"seed": True}]), "seed is True; give a whole number"),
        (json.dumps([RUN | {"features": "a.h5"}]), "features is a.h5; give a list of texts, one"),
        (json.dumps([RUN | {"features": [1]}]), r"features is \[1\]; give a list of texts, one at"),
        (json.dumps([RUN | {"features": []}]), r"features is \[\]; give a list of texts, one at"),
    ],
    ids=range(12),
)
def test_json_of_another_form_is_told_before_any_work(text, told, capsys):
    words = ["neighbours", "--runs", text, "--training", "t.csv", "--evaluation", "e.csv"]
    found = refused(main, [*words, "--rare", "3", "--output", "out"], capsys)
    assert re.match(f"error: argument --runs: {told}", found) and found.count("\n") == 1


def test_json_may_be_in_a_file(tmp_path):
    read, rows = json_objects(seed=int), tmp_path / "rows.json"
    rows.write_text('[{"seed": 1, "é": 2}]', encoding="utf-8")
    assert read(f"@{rows}") == [{"seed": 1, "é": 2}]
    for content in (None, b"\xff", b"{"):
        rows.unlink() if content is None else rows.write_bytes(content)
        with pytest.raises(argparse.ArgumentTypeError, match="rows.json|no JSON"):
            read(f"@{rows}")


COMPARED = {"label": "a", "seed": 0, "phase": "phase1", "score": "s", "histories": [], "usage": []}
CURVES = {"curve": "c.csv", "by_edit": "e.csv", "rankings": {"similarity": "s.json"}}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([COMPARED | CURVES, COMPARED], "curve is missing; give text"),
        ([COMPARED, COMPARED | {"rankings": {}}], "curve is missing; give text"),
        ([COMPARED | CURVES | {"rankings": "r.csv"}], "rankings is r.csv; give an object"),
        (
            [COMPARED | CURVES | {"rankings": {}}],
            "rankings is {}; give an object of texts, one at least",
        ),
        ([COMPARED | CURVES | {"rankings": {"x": 1}}], "rankings is {'x': 1}; give an object of t"),
        ([COMPARED | {"histories": [1]}], "histories is [1]; give a list of texts"),
        ([COMPARED | {"usage": [None]}], "usage is [None]; give a list of texts"),
    ],
    ids=range(7),
)
def test_keys_that_go_together_are_in_all_objects_or_in_none(rows, told, capsys):
    words = ["compare", "--title", "m", "--runs", json.dumps(rows), "--output", "out"]
    assert told in refused(main, words, capsys)


@pytest.mark.parametrize("models", [3, {"m": None}, {"m": "h.csv"}, {"m": [3]}])
def test_the_histories_of_each_model_are_lists_of_texts(models, capsys):
    curve = {"label": "a", "seed": 0, "learning_curve": "l.csv", "models": models}
    words = ["compare", "--title", "m", "--runs", json.dumps([COMPARED]), "--output", "out"]
    told = refused(main, [*words, "--learning-curves", json.dumps([curve])], capsys)
    assert f"models is {models}; give an object of lists of texts" in told


def test_a_config_is_an_object_with_the_sections_that_are_looked_at(capsys):
    read = json_object(seed=int, model=dict)
    assert read('{"seed": 1, "model": {}, "more": 2}') == {"seed": 1, "model": {}, "more": 2}
    for text in ("[]", '{"seed": 1}', '{"seed": 1, "model": 3}', "3"):
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


@pytest.mark.parametrize(
    ("words", "told"),
    {
        "draw --training 1000001 --output a b c": "1000001 is greater than the maximum of 1000000",
        "draw --side 9 --output a b c": "9 is less than the minimum of 16",
        "synthesize-phase --queries 9 --references 10 --output a": "9 is less than the minimum",
        "synthesize-phase --queries 10 --references 1000001 --output a": "maximum of 1000000",
        "synthesize-images a.h5 --count 0 --output b.h5": "0: at least 1 is needed",
        "plan --config a --usage b --queries 0": "0: at least 1 is needed",
        "benchmark-index a.h5 --threads 0 --output b": "0: at least 1 is needed",
        "match a --against b --threads 100000": "100000: at most 1024 can be worked with",
        "draw --output a b c --workers 100000": "100000: at most 1024 can be worked with",
        "import-weights a --backbone b --image-size 9 --output c": "9 is less than the minimum",
    }.items(),
)
def test_numbers_that_a_command_can_do_nothing_with_are_told_before_the_work(words, told, capsys):
    stage, *arguments = words.split()
    assert told in refused(stage_parser(stage).parse_args, arguments, capsys)


@pytest.mark.parametrize("words", ["draw --output a b c --seed", "search a.h5 --output b --shards"])
def test_numbers_that_no_library_takes_are_told(words, capsys):
    stage, *arguments = words.split()
    told = f"argument {arguments[-1]}: {2**63}: at most {2**63 - 1} can be worked with"
    assert told in refused(stage_parser(stage).parse_args, [*arguments, str(2**63)], capsys)
    assert stage_parser(stage).parse_args([*arguments, str(2**63 - 1)])


def test_a_page_is_not_written_over_its_own_plots(tmp_path, capsys):
    """They lie beside it under its name, with another ending."""
    assert main(["report", "--results", str(tmp_path), "--output", str(tmp_path / "page.zip")]) == 1
    assert "page.zip: the plots would be written over; name a page" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a system that limits no cores")
@pytest.mark.parametrize(
    "stage",
    ["match", "describe", "duplicates", "benchmark-likely", "benchmark-index", "validation-scores"],
)
def test_threads_are_by_default_as_many_as_the_cores_that_may_be_used(stage, monkeypatch):
    """A job of a cluster is given a few of many."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {5, 9, 11})
    assert stage_parser(stage).get_default("threads") == 3


@pytest.mark.parametrize(
    ("own", "files", "found"),
    [
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),  # podman run --cpus 2
        ("0::/\n", {"cpu.max": "150000 100000"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000"}, 1),
        ("0::/\n", {"cpu.max": "9900000 100000"}, 64),
        ("0::/\n", {"cpu.max": "max 100000"}, 64),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/../x\n", {"cpu.max": "400000 100000"}, 4),
        ("0::/x\n", {}, 64),
        (
            "5:memory:/\n4:cpu,cpuacct:/docker/x\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        (None, {}, 64),
    ],
)
def test_a_containers_limit_of_cores_is_seen(own, files, found, tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {*range(64)}, raising=False)
    monkeypatch.setattr("iscqk.runtime.cores._GROUPS", tmp_path)
    monkeypatch.setattr("iscqk.runtime.cores._OWN", tmp_path / "own")
    for name, text in {**files, **({"own": own} if own else {})}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores() == found
    assert stage_parser("describe").get_default("threads") == found

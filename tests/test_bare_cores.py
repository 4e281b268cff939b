"""`--cores` without a number, and what is wrong with a configuration before it is looked at."""

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest
import snakemake.common

from snakemake_logger_plugin_iscqk.bare_cores import complete
from snakemake_logger_plugin_iscqk.plain_yaml import (
    name_user,
    read_plainly,
    refuse_no_cache,
    refuse_unreadable,
)


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        ("snakemake target --cores", "snakemake target --cores all"),
        ("snakemake target -c", "snakemake target -c all"),
        ("snakemake --cores --dry-run target", "snakemake --cores all --dry-run target"),
        ("snakemake --cores 2 target", "snakemake --cores 2 target"),
        ("snakemake target", "snakemake target"),
        ("snakemake --cores=3", "snakemake --cores=3"),
    ],
)
def test_only_a_bare_option_is_completed(given, completed):
    assert complete(given.split()) == completed.split()


def test_all_cores_are_those_that_a_container_may_use():
    program = (
        "import sys; sys.argv = ['snakemake']; from snakemake import cli; "
        "cli.get_argument_parser(); from iscqk.runtime.cores import cores; "
        "assert cli.available_cpu_count is cores"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("--config train.rounds=2", "--config train.rounds=2: a key within a section; write it"),
        ("--config=train.rounds=2", "--config train.rounds=2: a key within a section; write it"),
        ("--config seed=1 train.rounds=2 all", "--config train.rounds=2: a key within"),
        ("-C seed", "--config seed: not of the form KEY=VALUE"),
        ("--config 9=2", "--config 9=2: no key of config.yaml"),
    ],
)
def test_what_snakemake_cannot_read_of_a_command_is_told_with_the_remedy(given, complaint):
    with pytest.raises(SystemExit, match=complaint):
        refuse_unreadable(["snakemake", *given.split()])


@pytest.mark.parametrize(
    "given", ["--config seed=1 title=a.b=c --cores all a.b", "all --configfile a.yaml", "-c 2 all"]
)
def test_any_other_command_is_left_alone(given):
    refuse_unreadable(["snakemake", *given.split()])


def test_a_run_whose_standard_error_is_closed_goes_on(tmp_path):
    (tmp_path / "Snakefile").write_text("rule: output: touch('made')")
    command = "exec snakemake --cores 1 --logger iscqk 2>&-"
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "made").exists()


def test_a_user_without_a_name_is_called_by_number(monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)  # nobody's
    name_user()
    assert getpass.getuser() == "4000000001"


def test_a_cache_that_cannot_be_written_is_told_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not/there"))
    monkeypatch.setattr(snakemake.common, "APPDIRS", None)
    refuse_no_cache()
    assert not (tmp_path / "not").exists()
    # root may write anywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    complaint = f"make {tmp_path} writable, or set XDG_CACHE_HOME to a folder of your own$"
    with pytest.raises(SystemExit, match=complaint):
        refuse_no_cache()


def test_a_file_in_place_of_the_cache_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(snakemake.common, "APPDIRS", None)
    (tmp_path / "file").touch(0o777)
    with pytest.raises(SystemExit, match="file is a file; remove it, or set XDG_CACHE_HOME to"):
        refuse_no_cache()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"train: {rounds: 1\n", r"not plain YAML in UTF-8 \(line 2: expected ',' or '}'"),
        (b"a: 1\na: 2\n", "line 2: the key a stands twice"),
        (b"a: {b: 1, b: 1}\n", "line 1: the key b stands twice"),
        (b"a: *nobody\n", "line 1: found undefined alias"),
        (b"a: !!python/none x\n", "could not determine a constructor"),
        (b"- a\n", "no keys at its top level; write it like config.yaml"),
        (b"title: caf\xe9\n", "not plain YAML in UTF-8"),
        (b"[" * 5000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_configuration_is_told_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(SystemExit, match=complaint) as end:
        read_plainly(path)
    assert str(end.value).startswith(f"error: config file {path}: ")
    assert "\n" not in str(end.value)
    with pytest.raises(SystemExit, match="No such file or directory; correct its path"):
        read_plainly(tmp_path / "d.yaml")


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_changes_nothing(tmp_path, content):
    (tmp_path / "c.yaml").write_text(content)
    assert read_plainly(tmp_path / "c.yaml") == {}

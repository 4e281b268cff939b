"""What every command says of files that are not there, or are of another kind than they should be.

The example at the end of each command's help is run where nothing is: one line, no traceback, and
nothing is written.
"""

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from examples import JSON, words_of
from iscqk.cli import STAGES, main

READ_NO_FILE = {"draw", "synthesize-phase", "benchmark-gpu"}


def picture():
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(file, "PNG")
    return file.getvalue()


KINDS = {"nothing": None, "empty": b"", "text": b"a note\n", "picture": picture(), "json": b"[1]"}


# What there is no fault to find with: bytes that weights are told apart by, a table without rows.
TAKEN = {
    "synthesize": ("empty", "text", "picture", "json"),
    "benchmark-table": ("text", "json"),
}


def cases():
    """Yield commands and kinds of files that they cannot take."""
    for stage in (stage for stage in STAGES if stage not in READ_NO_FILE):
        for kind in KINDS:
            if kind not in TAKEN.get(stage, ()):
                yield stage, kind


def read_by(stage):
    """Return the paths that a command's example names to be read."""
    words = words_of(stage)
    paths = {word.partition("=")[2] or word for word in words[1:]}
    written = set(words[words.index("--output") :]) if "--output" in words else set()
    named = re.findall(r'"(\w\.\w+)"', JSON.get(stage, ""))
    return sorted({path for path in paths - written if re.search(r"\.\w+$", path)} | {*named})


@pytest.mark.parametrize(("stage", "kind"), list(cases()))
def test_a_command_ends_in_one_line_where_its_files_are_wrong(
    stage, kind, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    if KINDS[kind] is not None:
        for path in map(Path, read_by(stage)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(KINDS[kind])
    before = sorted(tmp_path.rglob("*"))
    assert main(words_of(stage)) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "Traceback" not in errors[0]
    assert sorted(tmp_path.rglob("*")) == before

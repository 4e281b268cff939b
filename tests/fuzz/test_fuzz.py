"""Readers of files from elsewhere, fuzzed: shortly here, for long with `pytest -m torture`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from readers import READERS, once

pytest.importorskip("atheris", reason="atheris is for Linux on x86 and Python before 3.14 only")

FOLDER = Path(__file__).parent
LONG = int(os.environ.get("ISCQK_FUZZ_RUNS", 10_000_000))  # over all readers
# Of all executions; a reader that takes milliseconds gets fewer than one that takes none.
SHARES = {
    "copies": 0.35,
    "images": 0.1,
    "names": 0.25,
    "weights": 0.2,
    "listed_ids": 0.02,
    "predictions": 0.015,
    "ground_truth": 0.015,
    "manifest": 0.015,
    "manifest_shard": 0.01,
    "edits": 0.005,
    "submission": 0.01,
    "descriptors": 0.01,
}


def fuzz(name, runs, folder):
    """Fuzz one reader and fail on a crash, a hang or too much memory."""
    command = [sys.executable, FOLDER / "fuzz_reader.py", name, folder, f"-runs={runs}", "-seed=1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    left = [path.name for path in folder.iterdir() if path.name not in ("corpus", "words")]
    assert done.returncode == 0, f"{name}: {left} in {folder}\n{done.stderr[-3000:]}"
    assert "DONE" in done.stderr and not left


def test_seeds_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, reader in READERS.items():
        good = 0
        for number, seed in enumerate(reader.seeds()):
            (tmp_path / f"{name}{number}").write_bytes(seed)
            once(reader, tmp_path / f"{name}{number}")
            good += _is_read(reader, tmp_path / f"{name}{number}")
        assert good, f"no seed of {name} is taken"


def _is_read(reader, path):
    try:
        reader.read(path)
    except Exception:
        return False
    return True


def test_the_readers_are_fuzzed_for_a_moment(tmp_path):
    fuzz("all", 1500, tmp_path)


@pytest.mark.torture
@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_fuzzed_for_long(tmp_path, name):
    assert set(SHARES) == set(READERS) and abs(sum(SHARES.values()) - 1) < 1e-9
    fuzz(name, round(LONG * SHARES[name]), tmp_path)

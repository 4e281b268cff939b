"""A resume state that is torn, damaged or foreign is set aside, said so, and never unpickled."""

import hashlib
import io
import logging
import os
import pickle
import random
import shutil
from pathlib import Path

import pytest
import torch

from iscqk.errors import UserError
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.methods import modules
from iscqk.plan import stage_code
from iscqk.plan.stage_code import PACKAGE, code_digest
from iscqk.runtime.shutdown import FULL_MEMORY, exit_status_of

RUN = fingerprint(seed=1)
STATE = {"step": 5, "encoder": {"weight": torch.arange(300.0)}, "history": [{"loss": 1.5}]}


@pytest.fixture
def saved(tmp_path):
    Checkpoint(tmp_path / "c.pt", RUN).save(STATE)
    return tmp_path / "c.pt"


def refused(path, caplog):
    """Return whether a state is not used, and is named in a line of the log."""
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert Checkpoint(path, RUN).load() is None
    return len(caplog.messages) == 1 and caplog.messages[0].startswith(f"{path}: ")


def test_a_state_comes_back(saved):
    state = Checkpoint(saved, RUN).load()
    assert state["step"] == 5 and state["history"] == STATE["history"]
    assert torch.equal(state["encoder"]["weight"], STATE["encoder"]["weight"])
    assert Checkpoint(saved.with_name("none.pt"), RUN).load() is None


def test_nothing_is_left_of_a_state_that_is_removed(saved):
    saved.with_name(".c.part.pt").touch()  # by a kill, while it was saved
    Checkpoint(saved, RUN).remove()
    assert list(saved.parent.iterdir()) == []


def test_of_every_torn_or_damaged_state_none_is_used(saved, caplog):
    whole, moments = saved.read_bytes(), random.Random(0)
    for length in [0, 1, 31, 32, 33, *moments.sample(range(len(whole)), 60)]:
        saved.write_bytes(whole[:length])
        assert refused(saved, caplog), length
    for place in moments.sample(range(len(whole)), 120):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << moments.randrange(8)
        saved.write_bytes(flipped)
        assert refused(saved, caplog), place
    for foreign in (b"half a file", b"\0" * len(whole), whole[32:], whole + b"more"):
        saved.write_bytes(foreign)
        assert refused(saved, caplog)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a system without /proc")
def test_a_state_whose_disk_fails_is_not_started_anew_without(saved):
    """Reading an address that is none fails as a disk does."""
    saved.unlink()
    saved.symlink_to("/proc/self/mem")
    told = r"c.pt: cannot be read \(Input/output error\); see to it and run the same command again"
    with pytest.raises(UserError, match=told):
        Checkpoint(saved, RUN).load()


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")], ids=type
)
def test_a_state_that_does_not_fit_the_memory_is_kept(saved, monkeypatch, capsys, error):
    def load(*_, **__):
        raise error

    monkeypatch.setattr(torch, "load", load)
    assert exit_status_of(Checkpoint(saved, RUN).load) == 1
    assert capsys.readouterr().err == f"error: {FULL_MEMORY}\n"


def with_digest(content):
    return hashlib.sha256(content).digest() + content


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("save", [torch.save, pickle.dump])
def test_no_pickle_is_loaded(saved, caplog, save):
    """Whole by its digest, but it would make a folder."""
    content, made = io.BytesIO(), saved.with_name("made")
    save({"run": RUN, "step": Harmful(made)}, content)
    saved.write_bytes(with_digest(content.getvalue()))
    assert refused(saved, caplog) and not made.exists()


@pytest.mark.parametrize("other", [torch.zeros(3), [1, 2], None, {"step": 1}])
def test_what_is_no_state_is_not_used(saved, caplog, other):
    content = io.BytesIO()
    torch.save(other, content)
    saved.write_bytes(with_digest(content.getvalue()))
    assert refused(saved, caplog)


def test_another_runs_state_is_not_used(saved, caplog):
    Checkpoint(saved, fingerprint(seed=2)).save(STATE)
    assert refused(saved, caplog)


def test_an_edit_of_what_trains_changes_its_digest(tmp_path, monkeypatch):
    """It reruns the training, which must not go on from what the old code made."""
    before, other = (code_digest("train", *modules(method)) for method in ("qk", "isd"))
    shutil.copytree(PACKAGE, tmp_path / "iscqk")
    monkeypatch.setattr(stage_code, "PACKAGE", tmp_path / "iscqk")
    with open(tmp_path / "iscqk/learning/bank_loss.py", "a") as file:
        file.write("# a comment\n")
    assert code_digest("train", *modules("qk")) == before
    edited = shutil.copytree(tmp_path / "iscqk", tmp_path / "edited/iscqk")
    monkeypatch.setattr(stage_code, "PACKAGE", edited)
    with open(edited / "learning/bank_loss.py", "a") as file:
        file.write("EDITED = True\n")
    assert code_digest("train", *modules("qk")) != before
    assert code_digest("train", *modules("isd")) == other


OWN = {
    "methods/own/__init__.py": "from . import beside\nfrom .below.loss import loss\n",
    "methods/own/beside.py": "from ..shared import rows\n",
    "methods/own/below/loss.py": "from .... import whole\n",
    "methods/shared.py": "rows = 1\n",
    "whole.py": "",
    "methods/own/words.txt": "a few",
    "methods/own/data/more.txt": "some",
}
LEFT = [
    *("methods/own/.DS_Store", "methods/own/words.txt~", "methods/own/data/__pycache__/a.pyc"),
    *("methods/own/Thumbs.db", "methods/own/data/desktop.ini", "methods/own/beside.py.orig"),
    *("methods/own/beside.py.rej", "methods/own/#beside.py#"),
]


def digest_of_own(package, monkeypatch, changed=()):
    for name, content in {**OWN, **dict.fromkeys(changed, "other = 2")}.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(content)
    monkeypatch.setattr(stage_code, "PACKAGE", package)
    return stage_code._digest(package, "iscqk.methods.own")


@pytest.mark.parametrize("changed", [*OWN, *LEFT])
def test_all_that_a_method_of_ones_own_is_made_of_counts(tmp_path, monkeypatch, changed):
    """Modules by whatever dots, and data beside them; but not what an editor leaves there."""
    before = digest_of_own(tmp_path / "1/iscqk", monkeypatch)
    after = digest_of_own(tmp_path / "2/iscqk", monkeypatch, [changed])
    assert (after == before) == (changed in LEFT)

"""Two and four gloo processes under torchrun find what one finds, up to rounding."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytestmark = pytest.mark.long
RANKS = Path(__file__).with_name("ranks.py")
TRAININGS = [
    "plain", "learned temperature", "few negatives", "soft targets", "near duplicates", "teacher",
    "live head", "live head, softly", "simclr", "moco", "isd", "solo",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of images."""
    folder, rng = tmp_path_factory.mktemp("ranks"), np.random.default_rng(0)
    for number in range(23):  # no multiple of anything
        # Noise: of smooth images some channels are all but constant, and batch norm blows up the
        # last bit of these.
        noise = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number:02}.png")
    return folder


def found_by(count, folder):
    """Return what so many processes find."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, f"--nproc-per-node={count}", str(RANKS), str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return torch.load(folder / f"{count}.pt")


@pytest.fixture(scope="module")
def ours(folder):
    """Return what one process finds."""
    return found_by(1, folder)


@pytest.fixture(scope="module", params=[2, 4])
def count(request):
    return request.param


@pytest.fixture(scope="module")
def theirs(folder, count):
    """Return what several find."""
    return found_by(count, folder)


@pytest.mark.parametrize("training", TRAININGS)
def test_processes_train_as_one(ours, theirs, training):
    """Some steps with batch statistics: the curve and the weights at its end."""
    (curve, weights), (their_curve, their_weights) = ours[training], theirs[training]
    assert len(curve) >= 4 and (curve[0] - curve[-1]).abs().max() > 1e-3  # something was learned
    torch.testing.assert_close(their_curve, curve, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(their_weights, weights, rtol=1e-3, atol=1e-4)


def test_processes_describe_as_one(ours, theirs):
    for many, one in zip(theirs["embed"], ours["embed"], strict=True):
        assert len(one) == 23
        torch.testing.assert_close(many, one, rtol=1e-5, atol=1e-6)


def test_one_process_finds_its_own_resume_state(ours):
    assert ours["state"] == "{'step': 7}"


def test_processes_that_find_different_resume_states_train_no_step(theirs, count):
    told = f"0 of {count}.pt: the processes of this training find different states there"
    assert f"{told} (here of step 7); have all of them read" in theirs["state"]


def test_all_processes_do_what_the_first_says(theirs):
    assert theirs["as the first"]


def test_the_runs_differ_from_one_another(ours):
    ends = [ours[training][0][-1, 0].item() for training in TRAININGS]
    assert len({round(end, 5) for end in ends}) == len(ends)

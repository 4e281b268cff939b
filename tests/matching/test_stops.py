"""`match`, `duplicates` and `describe` where they are stopped, killed, or run twice at once."""

import errno
import os
import re
import shlex
import signal
import subprocess
import sys

import pandas as pd
import pytest
from commands import run

import iscqk
from conftest import long
from drawn_images import put_drawn
from iscqk.formats import described_images, files
from iscqk.formats.described_images import read_described
from iscqk.images import opening
from iscqk.matching import cache

COMMANDS = {
    "describe": "iscqk describe many --output many.h5",
    "match, of its references": "iscqk match scans --against many",
    "match, of its images": "iscqk match many --against scans",
    "duplicates": "iscqk duplicates many",
}


@pytest.fixture
def many(folder):
    """Add 150 images: two blocks that are described together, and some more."""
    put_drawn(folder / "many", "references", 150, 5, 48)
    return folder


# Runs a command that is sent a signal when two blocks of the 150 images are described.
STOPPED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background ignores
import iscqk
from iscqk.cli import main
from iscqk.runtime import keeping
number, keeping.SECONDS = int(sys.argv[1]), float(sys.argv[2])
original = iscqk.Model.blocks
def blocks(model, images, *rest):
    for done, block in enumerate(original(model, images, *rest)):
        if len(images) == 150 and done == 2:
            os.kill(os.getpid(), number)
        yield block
iscqk.Model.blocks = blocks
sys.exit(main(sys.argv[3:]))
"""


def stopped(number, command, model, seconds=60):
    """Return the end of a command that gets a signal."""
    words = [str(int(number)), str(seconds), *shlex.split(command)[1:], f"--model={model}"]
    return subprocess.run([sys.executable, "-c", STOPPED, *words], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("number", "command"),
    [(signal.SIGINT, COMMANDS["describe"])]
    + [long(signal.SIGTERM, command) for command in COMMANDS.values()],
)
def test_a_stopped_command_goes_on_from_there(many, model_folder, caplog, number, command):
    done = stopped(number, command, model_folder)
    assert done.returncode == 128 + number
    assert done.stderr.splitlines()[-1].endswith("the same command goes on from here")
    assert not list(many.glob("*/*.csv")) and not (many / "many.h5").exists()
    caplog.set_level("INFO")
    run(f"{command} --model {model_folder}")
    assert "128 of 150 images are in " in caplog.text
    kept = {"many.h5", "matches/references.h5", "matches/queries.h5", "duplicates/references.h5"}
    for path in filter(os.path.exists, kept):
        found = read_described(path)
        paths = [file.path for file in found.files]
        whole = iscqk.Model.load(model_folder).describe(paths, found.side)
        assert abs(found.vectors - whole).max() < 1e-5
    assert not list(many.rglob(".*"))


def test_a_killed_command_loses_what_is_newer_than_the_last_look(many, model_folder, caplog):
    done = stopped(signal.SIGKILL, COMMANDS["describe"], model_folder, seconds=-9)
    assert done.returncode == -signal.SIGKILL and not (many / "many.h5").exists()
    caplog.set_level("INFO")
    run(f"{COMMANDS['describe']} --model {model_folder}")
    kept = re.search(r"(\d+) of 150 images are in many.h5", caplog.text)
    assert 0 < int(kept[1]) < 150


# Runs a command that is killed when it has written something, which has no name yet.
KILLED = """
import os, signal, sys
from iscqk.cli import main
from iscqk.formats import files
from iscqk.runtime import keeping
files.sync_to_disk, keeping.SECONDS = lambda _: os.kill(os.getpid(), signal.SIGKILL), -9
main(sys.argv[1:])
"""


def test_what_a_kill_left_half_written_goes_with_the_next_run(many, model_folder):
    words = [*shlex.split(COMMANDS["describe"])[1:], f"--model={model_folder}"]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert (many / "..many.unfinished.part.h5").exists()
    run(f"{COMMANDS['describe']} --model {model_folder}")
    assert not list(many.rglob(".*"))


@pytest.mark.parametrize(
    "command", [COMMANDS["describe"], *map(long, list(COMMANDS.values())[1:])], ids=COMMANDS
)
def test_a_second_command_at_once_is_refused_before_its_work(
    many, model_folder, monkeypatch, capsys, command
):
    monkeypatch.setattr(files, "_MOMENT_SECONDS", 0.3)
    original, inner = iscqk.Model.blocks, []
    again = [sys.executable, "-c", QUICK, *shlex.split(command)[1:], f"--model={model_folder}"]

    def blocks(self, images, *rest):
        if not inner:
            inner.append(subprocess.run(again, capture_output=True, text=True))
        return original(self, images, *rest)

    monkeypatch.setattr(iscqk.Model, "blocks", blocks)
    run(f"{command} --model {model_folder}")
    assert inner[0].returncode == 1 and "blocks" not in inner[0].stderr
    assert "another process is writing it; wait for that or" in inner[0].stderr.splitlines()[-1]
    if "match" in command:
        assert len(pd.read_csv("matches/matches.csv"))
    elif "duplicates" in command:  # of these there are none
        assert "image" in pd.read_csv("duplicates/duplicates.csv").columns
    assert not list(many.rglob(".*"))


QUICK = """
import sys
import iscqk
from iscqk.cli import main
from iscqk.formats import files
files._MOMENT_SECONDS = 0.3
iscqk.Model.blocks = lambda *_: sys.exit("blocks")
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("module", "name"), [(described_images, "status_of"), (opening, "_openable")]
)
def test_a_disk_that_fails_ends_a_command_and_nothing_is_lost(
    many, model_folder, monkeypatch, capsys, caplog, module, name
):
    run(f"iscqk describe photos --output many.h5 --model {model_folder}")
    before, whole = (many / "many.h5").read_bytes(), getattr(module, name)

    def failing(path):
        if str(path) == "many/R000149.jpg":
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return whole(path)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, failing)
        run(
            f"iscqk describe photos many --output many.h5 --threads 1 --model {model_folder}",
            status=1,
        )
    error = capsys.readouterr().err.splitlines()[-1]
    assert "many/R000149.jpg: the disk does not answer (Input/output error)" in error
    assert (many / "many.h5").read_bytes() == before
    caplog.set_level("INFO")
    run(f"iscqk describe photos many --output many.h5 --model {model_folder}")
    # Beside the 24 that were known, two whole blocks that were described before.
    assert f"{24 if module is described_images else 24 + 128} of 174 images are in" in caplog.text


def test_images_whose_disk_leaves_are_not_left_out(many, model_folder, monkeypatch, capsys):
    original = cache.DescriptorCache.find

    def find(self, files):
        os.rename("many", "unmounted")
        return original(self, files)

    monkeypatch.setattr(cache.DescriptorCache, "find", find)
    run(f"iscqk describe photos many --output many.h5 --model {model_folder}", status=1)
    told = "many/R000000.jpg: gone since its folder was listed; see to its disk, then"
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert not (many / "many.h5").exists()


def test_an_image_that_somebody_removes_meanwhile_is_left_out(
    many, model_folder, monkeypatch, caplog
):
    original = cache.DescriptorCache.find

    def find(self, files):
        os.unlink("many/R000007.jpg")
        return original(self, files)

    monkeypatch.setattr(cache.DescriptorCache, "find", find)
    run(f"iscqk describe many --output many.h5 --model {model_folder}")
    assert len(read_described("many.h5").files) == 149 and "many/R000007.jpg" in caplog.text

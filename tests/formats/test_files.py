"""Files are whole under their names: after errors, power loss, full disks and beside other runs."""

import ast
import errno
import fcntl
import json
import os
import posix
import re
import struct
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from conftest import ROOT
from iscqk.errors import UserError
from iscqk.formats import files, locks, permissions
from iscqk.formats.descriptor_shards import appending_descriptors
from iscqk.formats.files import atomic_file, atomic_folder, exclusive, write_text
from iscqk.formats.hdf5 import write_hdf5
from iscqk.formats.locks import lock
from iscqk.formats.path_checks import refuse_missing, refuse_unwritable
from iscqk.learning.checkpoint import Checkpoint
from iscqk.matching.model_bank import write_bank
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.hub import save_hub_folder
from iscqk.models.weights import save_encoder
from iscqk.retrieval.refining import Projection, save_projection


def test_an_error_leaves_what_was_there(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(KeyError), atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyError
    with pytest.raises(KeyError), atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "1.jpg").write_bytes(b"half")
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_is_filled_once_and_forgets_what_a_killed_run_left(tmp_path):
    (tmp_path / ".images.part").mkdir()
    (tmp_path / ".images.part" / "left-over.jpg").touch()
    (tmp_path / ".images.part" / "folder").mkdir()
    (tmp_path / ".images.part" / "folder" / "left-over.jpg").touch()
    with atomic_folder(tmp_path / "images") as temporary:
        (temporary / "1.jpg").touch()
        assert not (tmp_path / "images").exists()
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["1.jpg"]
    with pytest.raises(UserError, match="images: not empty"), atomic_folder(tmp_path / "images"):
        pass


def test_content_is_on_the_disk_before_the_name_and_the_name_before_going_on(tmp_path, monkeypatch):
    """What a power loss would find: the calls in their order, each done by the real one."""
    calls = []

    def spy(name):
        real = getattr(posix, name)  # of which `conftest` leaves `os` none

        def call(*arguments):
            first = arguments[0] if arguments else ""
            open_file = f"/proc/self/fd/{first}"
            calls.append((name, os.readlink(open_file) if isinstance(first, int) else str(first)))
            return real(*arguments)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "replace", "sync"):
        spy(name)
    write_text(tmp_path / "a.txt", "x")
    part, folder = str(tmp_path / ".a.part.txt"), str(tmp_path)
    assert calls == [("fsync", part), ("replace", part), ("fsync", folder)]
    calls.clear()
    with atomic_folder(tmp_path / "images") as temporary:
        (temporary / "1.jpg").write_bytes(b"1")
    part = str(tmp_path / ".images.part")
    assert calls == [("sync", ""), ("replace", part), ("fsync", folder)]


# What a method is called that writes a file, whatever its object is.
WRITES = re.compile(r"write_(text|bytes)|to_(csv|json|parquet|pickle)|tofile|save(_file|fig|z.*)?")
SHUTIL = re.compile(r"copy(2|file|fileobj|tree)?|move|make_archive")
MODE = re.compile(r"[rwaxbt+]*[wax+][rwaxbt+]*(:\w*)?")  # of an open file that is written
IN_PLACE = {
    "bench/measuring.py": "a switch of the kernel's, under /proc",
    "bench/text_pages.py": "a folder of pages that goes with the benchmark",
    "learning/tensorboard.py": "events, which are looked at while they grow",
    "learning/training.py": "what a `Checkpoint` saves, which goes by `atomic_file`",
}


def writes(call):
    """Return whether a call writes a file, by the function's name and by the mode that it gets."""
    receiver, _, name = ast.unparse(call.func).rpartition(".")
    if name in ("open", "File", "ZipFile", "TarFile", "memmap"):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        texts = [one.value for one in given if isinstance(one, ast.Constant)]
        return any(isinstance(text, str) and MODE.fullmatch(text) for text in texts)
    if receiver in ("", "shutil"):  # nothing, where such a function was imported by its name
        return bool(SHUTIL.fullmatch(name) or name == "save_file")
    return bool(WRITES.fullmatch(name))


def in_place(tree):
    """Yield the calls of a module that write neither to a temporary place nor to memory."""
    passing = {"temporary"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "io.BytesIO()":
            passing.update(map(ast.unparse, node.targets))
        elif isinstance(node, ast.withitem):
            if ast.unparse(node.context_expr) == "TemporaryDirectory()" and node.optional_vars:
                passing.add(ast.unparse(node.optional_vars))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and writes(node):
            if not passing & {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}:
                yield ast.unparse(node)


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'r+b')", "path.open(mode='a')", "h5py.File(path, 'w')",
        "tarfile.open(path, 'x:gz')", "(path / f'{n}.json').write_text(text)", "table.to_csv(path)",
        "image.save(path, 'JPEG')", "shutil.copy2(here, path)", "copyfile(here, path)",
        "np.savez_compressed(path, rows)",
    ],
)  # fmt: skip
def test_a_call_that_writes_in_place_is_seen(line):
    assert [*in_place(ast.parse(line))]
    assert not [*in_place(ast.parse(line.replace("path", "temporary")))]
    assert not [*in_place(ast.parse(f"path = io.BytesIO()\n{line}"))]


def test_nothing_else_writes_files():
    """Whatever is opened for writing is a temporary one of `atomic_file` or `_folder`."""
    package = ROOT / "src/iscqk"
    found = {
        str(path.relative_to(package)): calls
        for path in package.rglob("*.py")
        if (calls := [*in_place(ast.parse(path.read_text()))])
    }
    assert {file: calls for file, calls in found.items() if file not in IN_PLACE} == {}
    assert found.keys() == IN_PLACE.keys() and all(len(calls) == 1 for calls in found.values())


def test_two_processes_do_not_write_one_file_together(tmp_path, monkeypatch):
    """A lock is of an open file: it keeps this process out as it does any other."""
    path, temporary = tmp_path / "a.txt", tmp_path / ".a.part.txt"
    monkeypatch.setattr(files, "_WAIT_SECONDS", 0.5)
    with open(temporary, "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("theirs")
        other.flush()
        with pytest.raises(UserError, match=r"a\.part\.txt: another process is writing it; wait"):
            write_text(path, "ours")
        assert temporary.read_text() == "theirs"
        threading.Timer(0.3, lambda: (temporary.replace(path), other.close())).start()
        monkeypatch.setattr(files, "_WAIT_SECONDS", 60)
        write_text(path, "ours")  # waits until the other has renamed its own
    assert path.read_text() == "ours" and list(tmp_path.iterdir()) == [path]


def test_what_is_in_the_way_of_a_name_is_told_in_a_line(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder/inside").mkdir(parents=True)
    in_the_way = {
        "folder": "folder: a folder; name a file",
        "file/x": "file: a file; name a folder",
    }
    for name, message in in_the_way.items():
        for look in (refuse_unwritable, lambda path: write_text(path, "x")):
            with pytest.raises(UserError, match=message):
                look(tmp_path / name)
    for name in ("file", "file/x"):
        with pytest.raises(UserError, match="file: a file"), atomic_folder(tmp_path / name):
            pass
    assert (tmp_path / "file").read_text() == "x"
    refuse_unwritable(tmp_path / "new/folder/file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_who_writes_one_file_by_two_names_does_not_do_so_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_MOMENT_SECONDS", 0.3)
    (tmp_path / "link").symlink_to("file")
    with exclusive(tmp_path / "link"):
        with pytest.raises(UserError, match="another process"), exclusive(tmp_path / "file"):
            pass


def test_a_folder_may_hold_any_name(tmp_path):
    (tmp_path / "any").mkdir()
    refuse_unwritable(tmp_path, is_folder=True)


def test_who_works_alone_leaves_no_trace(tmp_path):
    with pytest.raises(UserError, match="later"), exclusive(tmp_path / "new/a.txt"):
        raise UserError("later")
    assert not list(tmp_path.iterdir())
    with exclusive(tmp_path / "new/a.txt"):
        write_text(tmp_path / "new/a.txt", "x")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_a_new_folder_that_is_closed_to_its_maker_goes_again(shared):
    """By a umask that takes the right to write from oneself."""
    before = os.umask(0o277)
    try:
        with another_user(), pytest.raises(PermissionError):
            exclusive(shared / "new/a.txt").__enter__()
    finally:
        os.umask(before)
    assert not list(shared.iterdir())


def test_who_waited_for_a_file_that_was_renamed_meanwhile_locks_a_new_one(tmp_path, monkeypatch):
    path, is_locked = tmp_path / ".a.part.txt", locks._is_locked

    def renamed(descriptor):
        monkeypatch.undo()
        path.rename(tmp_path / "a.txt")
        return is_locked(descriptor)

    monkeypatch.setattr(locks, "_is_locked", renamed)
    locks.unlock(locks.lock(path, 5))
    assert path.is_file() and (tmp_path / "a.txt").is_file()


def test_who_waited_for_a_folder_that_was_removed_meanwhile_makes_it_anew(tmp_path, monkeypatch):
    """As that of a command that has failed."""
    path, make_way = tmp_path / "new/.a.txt.lock", locks.make_way
    path.parent.mkdir()

    def removed(path):
        monkeypatch.undo()
        path.parent.rmdir()
        return make_way(path)

    monkeypatch.setattr(locks, "make_way", removed)
    locks.unlock(locks.lock(path, 5))
    assert path.is_file()


def test_a_lock_is_gone_once_the_file_is_written(tmp_path):
    """Also where a worker process that was started meanwhile still has the file open."""
    with atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
        copy = os.dup(
            next(fd for fd in map(int, os.listdir("/proc/self/fd")) if _is(fd, temporary))
        )
    with open(tmp_path / "a.txt") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(copy)


def _is(descriptor, path):
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") == str(path)
    except OSError:
        return False


WRITERS = {
    "text": lambda path: write_text(path, "x" * 3_000_000),
    "hdf5": lambda path: _write_hdf5(path),
    "safetensors": lambda path: _save(path),
    "descriptors": lambda path: _describe(path),
    "state": lambda path: Checkpoint(path, "run").save({"a": torch.zeros(1_000_000)}),
    "images": lambda path: _fill(path),
}


def _write_hdf5(path):
    with write_hdf5(path) as file:
        file["rows"] = np.zeros((1000, 1000), dtype=np.float32)


def _describe(path):
    """Write what HDF5 holds back until the file is closed."""
    with appending_descriptors(path, 256, {"side": "q"}, 3008) as appender:
        for first in range(0, 3000, 16):
            ids = [f"R{number:06}" for number in range(first, first + 16)]
            appender.append(ids, np.ones((16, 256), dtype=np.float32))


def _save(path):
    with atomic_file(path) as temporary:
        save_file({"a": torch.zeros(1_000_000)}, temporary)


def _fill(path):
    with atomic_folder(path) as temporary:
        for number in range(30):
            (temporary / f"{number}.jpg").write_bytes(bytes(100_000))


WEIGHTS = {
    "weights": lambda folder: save_encoder(folder / "q.safetensors", new_encoder(), {}),
    "model": lambda folder: save_hub_folder(folder, new_encoder(), {}, "card"),
    "bank": lambda folder: write_bank(folder, np.ones((3, 2))),
    "projection": lambda folder: save_projection(
        folder / "p.safetensors", Projection(np.ones(3, np.float32), np.ones((3, 2), np.float32))
    ),
}


def new_encoder():
    return Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()


@pytest.mark.parametrize("name", WRITERS)
def test_a_link_stays_one_and_what_it_leads_to_is_written(name, tmp_path):
    """As where results lie on another disk; half of a file is never beside the link."""
    disk, here = tmp_path / "disk", tmp_path / "here"
    disk.mkdir()
    here.mkdir()
    (here / "first").symlink_to("../disk/file")
    (here / "again").symlink_to("first")
    (here / "results").symlink_to("../disk")
    if name == "images":
        (disk / "file").mkdir()
    WRITERS[name](here / "again")
    assert (here / "again").is_symlink() and (here / "first").is_symlink()
    assert [path.name for path in disk.iterdir()] == ["file"]
    if name == "images":
        assert len(list((disk / "file").iterdir())) == 30
    WRITERS[name](here / "results/other")
    assert (disk / "other").exists() and len(list(here.iterdir())) == 3


@pytest.mark.parametrize("name", WRITERS)
def test_a_link_to_a_folder_that_is_gone_is_told_and_kept(name, tmp_path):
    (tmp_path / "results").symlink_to("disk/results")
    (tmp_path / "file").symlink_to("disk/file")
    for link, path in (("results", "results/a"), ("file", "file")):
        for write in (WRITERS[name], lambda path: refuse_unwritable(path, name == "images")):
            with pytest.raises(
                UserError, match=rf"{link}: a link to .*/disk/{link}; make its fold"
            ):
                write(tmp_path / path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "results"]


PROGRAM = """\
import json, os, sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from formats.test_files import WRITERS
from iscqk.errors import UserError
os.chdir(sys.argv[3])
found = {}
for name, write in WRITERS.items():
    path = Path(f"{name}.out")
    if name != "images" and sys.argv[4] == "old":
        path.write_text("old")
    try:
        write(path)
    except UserError as error:
        found[name] = str(error)
    assert not [other for other in os.listdir() if "part" in other]
    assert sys.argv[4] != "old" or name == "images" or path.read_text() == "old"
print(json.dumps(found))
"""


def written(folder, mount, old):
    """Return what each writer says of a folder, in a namespace whose mounts nobody else sees."""
    arguments = [str(ROOT / "tests"), str(ROOT / "src"), str(folder), old]
    program = [sys.executable, "-c", PROGRAM, *arguments]
    command = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh", *program]
    done = subprocess.run(command, capture_output=True, text=True)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_name_that_no_file_can_have_is_told_before_the_work(tmp_path):
    """What is written beside the name has a longer one; no letter has one byte here."""
    fits, too_long = (tmp_path / ("ä" * count) for count in (124, 125))
    refuse_unwritable(fits)
    write_text(fits, "a")
    assert fits.read_text() == "a"
    for refuse in (refuse_unwritable, lambda path: write_text(path, "a")):
        with pytest.raises(UserError, match="a name of over 249 bytes; name a shorter one"):
            refuse(too_long)
    for name in ("a\0b", "a\ud800b"):
        with pytest.raises(UserError, match="has characters that no file's name can have; name an"):
            refuse_unwritable(tmp_path / name)
    with pytest.raises(UserError, match="too long a path; name a shorter one"):
        write_text(tmp_path / ("x" * 300) / "a.csv", "a")


def test_what_is_no_file_is_never_replaced_by_one(tmp_path):
    """Whoever may write to /dev, as in a container, would lose it for all programs."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (pipe, tmp_path / "link", "/dev/null", "/dev/stdout", "/dev/never.csv"):
        for refuse in (refuse_unwritable, lambda path: write_text(path, "a")):
            with pytest.raises(UserError, match="a device or a pipe, no file; name a file to wri"):
                refuse(path)
    assert pipe.is_fifo() and Path("/dev/null").is_char_device()
    with pytest.raises(UserError, match="a device or a pipe, no file; name a file$"):
        refuse_missing(pipe)


def test_a_full_disk_is_told_in_a_line_and_keeps_what_was_there(tmp_path):
    found = written(tmp_path, f"mount -t tmpfs -o size=2m none {tmp_path}", "old")
    for name in WRITERS:
        assert found[name].startswith(f"{name}.out: no space left"), name


def test_a_mount_point_is_told_before_the_work(tmp_path):
    """As a folder or file that a container was given; a folder in it is no such thing."""
    mounts = []
    for name in WRITERS:
        place = tmp_path / f"{name}.out"
        (place.mkdir if name == "images" else place.touch)()
        mounts.append(f"mount --bind {place} {place}")
    found = written(tmp_path, " && ".join(mounts), "none")
    for name in WRITERS:
        remedy = "name a folder in it" if name == "images" else "mount its folder, or name another"
        told = f"{name}.out: a mount point, which cannot be replaced; {remedy}"
        assert found[name].startswith(told)
    inside = written(tmp_path, f"mount --bind {tmp_path} {tmp_path} && rm -r {tmp_path}/*", "none")
    assert inside == {}


def test_a_read_only_folder_is_told_in_a_line(tmp_path):
    bind = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path}"
    found = written(tmp_path, bind, "none")
    for name in WRITERS:
        assert found[name].startswith(f"{name}.out: cannot be written (Read-only"), name


@contextmanager
def another_user():
    """Be nobody where this is root, to whom every file is its own."""
    is_root = not os.geteuid()
    try:
        if is_root:
            os.setresuid(65534, 65534, 0)
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)


@pytest.fixture
def shared():
    """Return a folder that all may write to, and its path search."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_what_another_users_killed_run_left_is_in_nobodys_way(shared, monkeypatch):
    monkeypatch.setattr(files, "_MOMENT_SECONDS", 0.3)
    names = (".a.part.txt", ".a.txt.lock", ".images.part")
    for look in (refuse_unwritable, lambda path: write_text(path, "x")):
        for name in names[:2]:
            (shared / name).touch(0o444)
        (shared / names[2]).mkdir(0o555)
        with open(shared / names[1]) as other, another_user():
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(UserError, match=f"{names[1]}: another process is writing it; w"):
                exclusive(shared / "a.txt").__enter__()
        with another_user():
            look(shared / "a.txt")
            with exclusive(shared / "a.txt"), atomic_folder(shared / "images"):
                pass
        assert not any((shared / name).exists() for name in names)
        (shared / "images").rmdir()


@pytest.mark.skipif(bool(os.geteuid()), reason="has no other user")
def test_what_another_user_alone_can_remove_is_told(shared):
    shared.chmod(0o1777)  # as /tmp
    (shared / ".a.part.txt").touch(0o644)
    for look in (refuse_unwritable, lambda path: write_text(path, "x")):
        with another_user(), pytest.raises(UserError) as told:
            look(shared / "a.txt")
        assert f"{shared}/.a.part.txt: another user's, and cannot be removed" in str(told.value)


@pytest.mark.skipif(bool(os.geteuid()), reason="has no other user")
def test_another_users_file_in_a_folder_as_tmp_is_told_before_the_work(shared):
    (shared / "a.txt").write_text("theirs")
    with another_user():
        refuse_unwritable(shared / "a.txt")  # which can be replaced
    shared.chmod(0o1777)
    refuse_unwritable(shared / "a.txt")  # by root
    with another_user():
        (shared / "b.txt").write_text("ours")
        refuse_unwritable(shared / "b.txt")
        with pytest.raises(UserError, match="a.txt: another user's, which nobody else can repl"):
            refuse_unwritable(shared / "a.txt")


def test_what_opens_afterwards_is_an_ordinary_file(tmp_path):
    _write_hdf5(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["rows"].shape == (1000, 1000)


def test_whoever_may_read_other_files_may_read_weights(tmp_path):
    (tmp_path / "plain.txt").touch()
    with atomic_file(tmp_path / "a.safetensors") as temporary:
        save_file({"weight": torch.ones(2)}, temporary)
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["a.safetensors"] == modes["plain.txt"]


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_are_written_to_the_file_that_is_locked(name, tmp_path, monkeypatch):
    """And to no other one beside it, which a kill would leave there for good."""

    def is_locked(path):
        if path != tmp_path:
            assert [*tmp_path.glob(".*")] == [path]
            with pytest.raises(UserError, match="another process is writing it"):
                lock(path, 0.3)

    monkeypatch.setattr(files, "sync_to_disk", is_locked)
    WEIGHTS[name](tmp_path)


def test_what_is_written_again_is_no_more_open_to_others_than_before(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    (tmp_path / "a.txt").chmod(0o400)
    (tmp_path / "images").mkdir(0o700)
    write_text(tmp_path / "a.txt", "new")
    with atomic_folder(tmp_path / "images") as temporary:
        (temporary / "1.jpg").touch()
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    assert modes == {"a.txt": "0o600", "images": "0o700"}


def refused_by_the_system(*_, **__):
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("name", WRITERS)
def test_what_lets_nobody_change_permissions_is_written_all_the_same(name, tmp_path, monkeypatch):
    """As a Windows disk under WSL, a share, or a stick."""
    for call in ("chmod", "chown", "symlink"):
        monkeypatch.setattr(os, call, refused_by_the_system)
    path = tmp_path / name
    path.mkdir() if name == "images" else path.touch()
    WRITERS[name](path)
    WRITERS[name](tmp_path / "new")
    assert path.stat().st_size and sorted(os.listdir(tmp_path)) == sorted([name, "new"])


@pytest.mark.skipif(bool(os.geteuid()), reason="may hand files to no other group")
def test_what_is_written_again_stays_its_groups(tmp_path, monkeypatch):
    """Where it cannot, nobody may read it who might not before, of either group."""
    (tmp_path / "images").mkdir()
    for kept in (True, False):
        for mode, without_group in ((0o640, 0o600), (0o664, 0o644), (0o604, 0o600)):
            if not kept:
                monkeypatch.setattr(os, "chown", refused_by_the_system)
            write_text(tmp_path / "a.txt", "old")
            for path in (tmp_path / "a.txt", tmp_path / "images"):
                posix.chown(path, -1, 3000)
                path.chmod(mode)
            write_text(tmp_path / "a.txt", "new")
            with atomic_folder(tmp_path / "images"):
                pass
            for path in (tmp_path / "a.txt", tmp_path / "images"):
                found = path.stat()
                assert found.st_gid == (3000 if kept else os.getegid())
                assert found.st_mode & 0o777 == (mode if kept else without_group)


NOBODY, NO_ID = 65534, 0xFFFFFFFF


def access(user, group, mask):
    """Return the access control list by which nobody, the group and both at most may do this."""
    entries = (1, 6, NO_ID), (2, user, NOBODY), (4, group, NO_ID), (16, mask, NO_ID), (32, 0, NO_ID)
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def give_list(path, kind, entries):
    try:
        os.setxattr(path, f"system.posix_acl_{kind}", entries)
    except (OSError, AttributeError):
        pytest.skip("no access control lists here")


def test_what_is_written_again_keeps_its_access_control_list(tmp_path, monkeypatch):
    path, entries = tmp_path / "a.txt", access(user=6, group=0, mask=6)
    path.touch(0o600)
    give_list(path, "access", entries)
    write_text(path, "new")
    assert os.getxattr(path, "system.posix_acl_access") == entries
    monkeypatch.setattr(os, "setxattr", refused_by_the_system)
    write_text(path, "newer")  # its group, whose bits were the mask's, might not read it
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_file_is_open_to_whom_its_folder_says(tmp_path, monkeypatch):
    give_list(tmp_path, "default", access(user=6, group=6, mask=6))
    monkeypatch.setattr(permissions, "_MODE", 0o600)  # as by a umask that counts for nothing there
    (tmp_path / "plain.txt").touch()
    write_text(tmp_path / "a.txt", "x")
    plain, ours = ((tmp_path / name).stat().st_mode for name in ("plain.txt", "a.txt"))
    assert oct(ours) == oct(plain)


def test_what_is_written_again_does_not_open_to_whom_its_folder_has_come_to_name(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    (tmp_path / "a.txt").chmod(0o660)
    give_list(tmp_path, "default", access(user=6, group=6, mask=6))
    write_text(tmp_path / "a.txt", "new")
    assert "system.posix_acl_access" not in os.listxattr(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o660

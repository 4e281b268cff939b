"""Paths that files are read from and written to, and what is refused of them before the work."""

import os
import stat
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.disk_errors import is_barred, remedy_of_barred
from iscqk.formats.locks import make_way
from iscqk.formats.mounts import is_mount_point
from iscqk.formats.printable_names import printable

_LONGEST_NAME = 255 - len("..part")  # bytes; 255 is what file systems take


def temporary_of(path: Path, is_folder: bool = False) -> Path:
    """Return where a file or folder is until it takes its name; a kill may leave it there."""
    return path.with_name(f".{path.name}.part" if is_folder else f".{path.stem}.part{path.suffix}")


def linked(path: str | Path) -> Path:
    """Return the path that a link leads to, beside which all else of the file lies; else itself."""
    return Path(os.path.realpath(path) if os.path.islink(path) else path)


def refuse_unwritable(path: str | Path, is_folder: bool = False) -> None:
    """Raise UserError where a file of this path, or one in it, cannot be written.

    For a look before the work. What another user's run has left of it goes.
    """
    folder = refuse_name(Path(path), is_folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{printable(path)}: cannot be written; make its folder writable")
    if not is_folder:
        _refuse_anothers(path)
        make_way(temporary_of(linked(path)))


def _refuse_anothers(path: str | Path) -> None:
    """Refuse another user's file in a folder as /tmp, where each replaces only their own."""
    file = linked(path)
    user = os.geteuid()
    if not user or not file.exists() or not file.parent.stat().st_mode & stat.S_ISVTX:
        return
    if user not in (file.stat().st_uid, file.parent.stat().st_uid):
        what = "another user's, which nobody else can replace in this folder; name another"
        raise UserError(f"{printable(path)}: {what}")


def refuse_missing(path: str | Path) -> None:
    """Raise UserError where there is no such file, or it may not be read."""
    if is_barred(path):
        what = f"cannot be read (Permission denied); {remedy_of_barred(path)}"
        raise UserError(f"{printable(path)}: {what}")
    if not os.path.isfile(path):
        os.path.abspath(path)  # FileNotFoundError where the folder that this runs in is gone
        is_other = os.path.exists(path)
        what = f"{_kind_of(path)}; name a file" if is_other else "no such file; check the path"
        raise UserError(f"{printable(path)}: {what}")


def _kind_of(path: str | Path) -> str:
    """Return what is there that is no file."""
    return "a folder" if os.path.isdir(path) else "a device or a pipe, no file"


def refuse_name(path: Path, is_folder: bool = False) -> Path:
    """Refuse a name that no file can be written under; return the first folder there is above it.

    Of a folder that may be itself.

    Raises:
        UserError: something else than a file lies there, which would be replaced or cannot be; one
            of the folders above it is a file, or a link to nothing; it is too long, with what is
            put before it meanwhile, or has characters that no file's name has.
    """
    _refuse_characters(path)
    is_fit = os.path.isfile(path) or (is_folder and os.path.isdir(path))  # a file is told below
    # A name in /dev is refused whatever it stands for: /dev/stdout may be a link to a file.
    is_device = os.path.realpath(path if is_folder else path.parent) == "/dev"
    if is_device or (os.path.exists(path) and not is_fit):
        wanted = "folder" if is_folder else "file"
        raise UserError(f"{printable(path)}: {_kind_of(path)}; name a {wanted} to write")
    if not is_folder:  # files can be written to a folder that is one
        refuse_mounted(path, "mount its folder, or name another file")
    if len(os.fsencode(linked(path).name)) > _LONGEST_NAME:
        what = f"a name of over {_LONGEST_NAME} bytes; name a shorter one"
        raise UserError(f"{printable(path)}: {what}")
    return _folder_above(path, is_folder)


def _refuse_characters(path: Path) -> None:
    try:
        is_fit = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_fit = False
    if not is_fit:
        what = "has characters that no file's name can have; name another"
        raise UserError(f"{printable(path)}: {what}")


def refuse_mounted(path: str | Path, remedy: str) -> None:
    """Refuse a file or folder that is a mount point, which nothing can replace."""
    if os.path.exists(path) and is_mount_point(path):
        raise UserError(f"{printable(path)}: a mount point, which cannot be replaced; {remedy}")


def _folder_above(path: Path, is_folder: bool) -> Path:
    """Return the first folder there is above a path, or of a folder itself."""
    above = path.absolute() if is_folder else linked(path).absolute().parent
    there = next(place for place in [above, *above.parents] if os.path.lexists(place))
    for link, place in ((path, above), (there, there)):
        if os.path.islink(link) and not os.path.exists(place):
            raise _leads_nowhere(link)
    if not os.path.isdir(there):
        raise UserError(f"{printable(there)}: a file; name a folder to write to, or remove it")
    return there


def _leads_nowhere(link: Path) -> UserError:
    where = printable(os.path.realpath(link))
    return UserError(f"{printable(link)}: a link to {where}; make its folder, or remove the link")

"""Files of `torch.save`: nothing in them is run, and none takes memory that its size does not tell.

Tensors alone need neither packed members, which inflate a thousandfold, nor a `bytearray`, which is
filled to any length that a file names.
"""

import mmap
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from iscqk.errors import UserError

_ZIP = b"PK\x03\x04"  # by which torch tells its archives from the pickles of old versions
_FILLED = b"bytearray"  # the one class that torch takes and that needs a length only
_MOST_ENTRIES = 1_000_000  # of dictionaries in one another, an optimizer's state among them
_DEEPEST = 100


def read_torch_file(path: str | Path) -> Any:
    """Return what `torch.save` wrote, if that is tensors in plain containers.

    Raises:
        UserError: it is something else, a program, or made to take memory or time without end.
    """
    try:
        _refuse_inflating(path)
        # Warnings are of old pickles, which the error tells of; by a name torch goes, not a file's.
        with warnings.catch_warnings(action="ignore"), open(path, "rb") as file:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except (pickle.UnpicklingError, IndexError):  # the second of text that begins as a pickle may
        what = "holds more than weights, of which nothing is run, or is no file of torch"
        raise UserError(f"{path}: {what}; save its state_dict alone if you trust it") from None
    except Exception as error:  # of many types, as anything may be in the file
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(f"{path}: cannot read these weights ({reason}); name others") from None
    _refuse_endless(path, found)
    return found


def _refuse_inflating(path: str | Path) -> None:
    """Refuse a file that is a program, or of which more would be read than there is."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        is_archive = file.read(len(_ZIP)) == _ZIP
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            is_filled = content.find(_FILLED) >= 0
    members: list[zipfile.ZipInfo] = []
    if is_archive:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    if any(re.match(r"[^/]+/code/", member.filename) for member in members):
        raise UserError(
            f"{path}: a TorchScript file, which is a program and not only weights; name the file "
            "of its weights (of SSCD *.torchvision.pt), or save its state_dict if you trust it"
        )
    is_packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if is_packed or is_filled or sum(member.file_size for member in members) > size:
        raise UserError(
            f"{path}: would take more memory than its {size} bytes, unlike what torch.save makes "
            "of weights; save its state_dict alone if you trust it"
        )


def _refuse_endless(path: str | Path, found: Any) -> None:
    """Refuse dictionaries that hold themselves, or one another over and over."""
    waiting, entries = [(found, 0)], 0
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, Mapping):
            entries += len(one)
            if entries > _MOST_ENTRIES or depth > _DEEPEST:
                what = "holds dictionaries within one another without end"
                raise UserError(f"{path}: {what}; save its state_dict alone")
            waiting += [(below, depth + 1) for below in one.values()]

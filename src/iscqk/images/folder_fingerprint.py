"""What tells that images in a folder have changed, without opening any."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from iscqk.images.suffixes import NOT_OPENED, SUFFIXES

_PICTURES = SUFFIXES | NOT_OPENED  # of which some are images by their content
_NEXT_PLACE = b"\0\0"  # no image is written so


@cache
def fingerprint_of_images(*places: str) -> str:
    """Return a text that changes when an image below one of the folders, or a shard, does.

    A folder's own date tells that names came or went, not that a file was written over. So it is
    made of every image's name, size and time, which `cp -a` and `rsync -a` keep: some seconds for
    a million images on a disk, once in a process that asks. Where one place ends counts, too: of a
    series numbered through several, an image may move to the place before its own. Two images of
    one size and time that swap names are not noticed here, but when they are opened
    (`iscqk.images.verified`). What is not here, as it lies in a storage, counts as nothing.
    """
    digest, count = hashlib.sha256(), 0
    for number, place in enumerate(places):
        digest.update(_NEXT_PLACE if number else b"")
        for path, status in _files(place, set()):
            if path == place or os.path.splitext(path)[1].lower() in _PICTURES:
                name = os.fsencode(path[len(place) :])
                digest.update(b"%s\0%d %d\0" % (name, status.st_size, status.st_mtime_ns))
                count += 1
    return f"{count} images, {digest.hexdigest()[:16]}"


def _files(folder: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files below a folder with what the system knows of them, each folder once; a file.

    What cannot be looked at is left out: whoever lists the images tells of it.
    """
    with suppress(OSError):
        own = os.stat(folder)
        if not stat.S_ISDIR(own.st_mode):
            yield folder, own
        elif (own.st_dev, own.st_ino) not in seen:
            seen.add((own.st_dev, own.st_ino))
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                with suppress(OSError):
                    if entry.is_dir():
                        yield from _files(entry.path, seen)
                    else:
                        yield entry.path, entry.stat()

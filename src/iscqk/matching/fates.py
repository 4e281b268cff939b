"""What has become of images since they were described, by which they are kept and told of."""

from enum import IntEnum

from iscqk.errors import UserError
from iscqk.formats.described_images import File
from iscqk.formats.disk_errors import is_barred
from iscqk.formats.image_shards import is_there
from iscqk.images.finding import is_away


class Fate(IntEnum):
    """What has become of an image, as far as who asks tells these apart."""

    THERE = 0
    CHANGED = 1  # another of its name is there
    MOVED = 2  # its content is there, by another name
    AWAY = 3  # with all its folder, so that it may come back
    BARRED = 4  # it may not be read, so that nobody knows
    GONE = 5


def fate_of_asked(file: File, sha256: str) -> Fate:
    """Return what has become of an image that is asked for, of that content before.

    It is THERE only if it is as it was; one that is AWAY or MOVED is GONE from where it was.
    """
    if is_there(file.path) and file.is_unchanged(sha256):
        return Fate.THERE
    if is_barred(file.path):
        return Fate.BARRED
    return Fate.CHANGED if is_there(file.path) else Fate.GONE


def fate_of_other(path: str, is_content_asked: bool) -> Fate:
    """Return what has become of an image that is not asked for; nobody reads it to see if CHANGED.

    `is_content_asked`: whether its content is asked for by another name.
    """
    try:
        if is_there(path):
            return Fate.THERE
    except (OSError, UserError):  # in a shard that cannot be read now
        return Fate.AWAY
    if is_barred(path):
        return Fate.BARRED
    if is_content_asked:
        return Fate.MOVED
    return Fate.AWAY if is_away(path) else Fate.GONE

"""Images of a manifest: opened, and compared with what was listed."""

import errno
import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from iscqk.formats.image_shards import bytes_of, digest_of, place_of
from iscqk.formats.listed import Listed
from iscqk.formats.printable_names import printable
from iscqk.images.opening import BadImage, ImageInput, open_at_sizes

# What file systems without links answer: FAT and sticks, shares, and some in user space.
_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def open_verified(source: ImageInput, enough: int | None = None) -> Image.Image:
    """Return `open_image`, of a manifest's path only if the very content that it lists lies there.

    Raises:
        BadImage: as `open_image`, or the file has changed since it was listed.
    """
    return open_verified_at_sizes(source, [enough])[0]


def open_verified_at_sizes(source: ImageInput, sizes: Sequence[int | None]) -> list[Image.Image]:
    """Return what `open_verified` does for each of several `enough`.

    The file is in memory by then, so that reading it once more takes a fraction of decoding it.
    """
    images = open_at_sizes(source, sizes)
    if isinstance(source, Listed) and digest_of(source) != source.sha256:
        raise _changed(source)
    return images


def verified_bytes_of(path: Listed) -> bytes:
    """Return the bytes of an image of a manifest.

    Raises:
        BadImage: it is gone, or has changed since it was listed.
    """
    try:
        content = bytes_of(path)
    except OSError as error:
        raise BadImage.of(path, error.strerror or str(error)) from None
    if hashlib.sha256(content).hexdigest() != path.sha256:
        raise _changed(path)
    return content


def put_verified(path: Listed, temporary: Path) -> None:
    """Make a link to an image of a manifest, or a file of one that lies in a shard.

    On a share or a stick, which has no links, it is a file, too.

    Where it is made is to take its name as a whole, as a folder of `atomic_folder`.

    Raises:
        BadImage: as `verified_bytes_of`.
    """
    content = verified_bytes_of(path)
    if place_of(path):
        temporary.write_bytes(content)
        return
    try:
        temporary.symlink_to(Path(path).absolute())
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        temporary.write_bytes(content)


def _changed(path: Listed) -> BadImage:
    what = "not what lay there when it was listed"
    remedy = "put the old file back, or list the images again (--forcerun prepare)"
    return BadImage(f"{printable(path)}: {what}; {remedy}", what)

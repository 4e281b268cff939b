"""Images of a manifest: opened, and compared with what was listed."""

from collections.abc import Sequence

from PIL import Image

from iscqk.formats.files import printable
from iscqk.formats.image_shards import digest_of
from iscqk.formats.listed import Listed
from iscqk.images.opening import BadImage, ImageInput, open_at_sizes


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
        what = "not what lay there when it was listed"
        remedy = "put the old file back, or list the images again (--forcerun prepare)"
        raise BadImage(f"{printable(source)}: {what}; {remedy}", what)
    return images

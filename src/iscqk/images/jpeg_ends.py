"""JPEG files that lack only the mark of their end, as after a transfer that lost the last bytes.

Pillow's decoder waits for it. What stands in its place tells whether anything else is missing: of a
whole picture no pixel depends on what follows it, of one that was cut the rest is made of that.
"""

import hashlib
import io
import math
import random
import re
from collections.abc import Iterator
from itertools import product

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

_END = b"\xff\xd9"
_MARK = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")  # but those of restarts, which are data
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SCAN = b"\xda"
_LONGEST = 2_000  # bytes of blocks that are laid together, of which some may lie beyond the edges
_FIRST = (0xD5, 0xAA, 0x92, 0xE7, 0x5B)  # in any file's code some of these say more than zeros
_MOST_PIXELS = 100_000_000  # of larger ones nothing is found out, which takes several decodings

# By digest, as a file may be opened many times: whether it is whole, of the last so many.
_verdicts: dict[bytes, bool] = {}
_VERDICTS = 10_000


def mend_end(image: Image.Image) -> bool:
    """Decode an open JPEG that lacks its end; return whether it is one that can be decoded at all.

    Raises:
        ValueError: more than the mark of its end is missing, or may be.
    """
    if image.format != "JPEG" or not isinstance(image, JpegImageFile) or not image.fp:
        return False
    image.fp.seek(0)
    content = image.fp.read().rstrip(_END[:1])
    scale = image.decoderconfig[0] if image.decoderconfig else 1
    try:
        again = _decoded(content + _END, scale, image.mode)
    except Exception:  # Pillow's decoders raise anything
        return False
    digest = hashlib.sha256(content).digest()
    if digest not in _verdicts:
        if len(_verdicts) >= _VERDICTS:
            _verdicts.clear()
        _verdicts[digest] = _is_whole(content, image)
    if not _verdicts[digest]:
        raise ValueError("its end is missing")
    image.im, image.tile = again.im, []
    return True


def _is_whole(content: bytes, image: JpegImageFile) -> bool:
    """Return whether a file has all scans, and all pixels of the last one."""
    if not _has_all_scans(content, {layer[0] for layer in image.layer}):
        return False
    found = _pixels(content + _END)
    continued = (_pixels(content + _continuation(content, first)) for first in _FIRST)
    return found is not None and all(pixels == found for pixels in continued)


def _continuation(content: bytes, first: int) -> bytes:
    """Return what may follow a file that was cut: pixels of any kind, and more after a restart.

    A decoder fills up with zeros what lies before a mark of a restart that it does not expect: so
    the mark is the next one. `first` is the first byte, which alone may end what there was.
    """
    scan = content[content.rfind(b"\xff" + _SCAN) :]
    mark = bytes([0xFF, 0xD0 + len(_RESTART.findall(scan)) % 8])
    noise = random.Random(first).randbytes(_LONGEST)
    pixels = bytes([first]) + noise.replace(b"\xff", b"\0")
    return pixels + mark + pixels + _END


def _pixels(content: bytes) -> bytes | None:
    """Return the digest of all pixels of a file; None where it has none."""
    try:
        return hashlib.sha256(_decoded(content).tobytes()).digest()
    except Exception:  # Pillow's decoders raise anything
        return None


def _decoded(content: bytes, scale: int = 1, mode: str = "") -> JpegImageFile:
    """Return a file decoded at a fraction of its sides."""
    image = JpegImageFile(io.BytesIO(content))
    if scale == 1 and math.prod(image.size) > _MOST_PIXELS:
        raise ValueError("too many pixels")
    width, height = (max(1, side // scale) for side in image.size)
    image.draft(mode or image.mode, (width, height))
    image.load()
    return image


def _has_all_scans(content: bytes, components: set[int]) -> bool:
    """Return whether every coefficient of every component is there to its last bit."""
    there = {pair for ids, band in _last_scans(content) for pair in product(ids, band)}
    return there >= set(product(components, range(64)))


def _last_scans(content: bytes) -> Iterator[tuple[bytes, range]]:
    """Yield components and coefficients of each scan after which no more bits of them come."""
    at = 2
    while found := _MARK.search(content, at):
        at = found.end()
        length = int.from_bytes(content[at : at + 2])
        if found[1] == _SCAN:
            count = content[at + 2]
            ids = content[at + 3 : at + 3 + 2 * count : 2]
            first, last, bits = content[at + 3 + 2 * count : at + 6 + 2 * count]
            if not bits & 15:
                yield ids, range(first, last + 1)
        at += length

"""Checksums of pixels in image files, which Pillow's decoders pass over.

They stop at the last pixel, and its sum comes after it: of a download of which the rest is zeros,
as where its space was reserved, they make a picture. PNG has a sum of each chunk, and TIFF one of
each strip or tile that is deflated. Other formats, and what TIFF packs otherwise, have none.
"""

import math
import zlib
from collections.abc import Iterator
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

_PIECE = 2**20  # bytes that are read, or inflated, at once
_DATA, _LATER_DATA = b"IDAT", b"fdAT"  # chunks of the first frame and of others
_HEADER, _NUMBER = 8, 4  # bytes before a chunk's content, and of a later frame's before its pixels
_DEFLATED = ("tiff_adobe_deflate", "tiff_deflate")
_PLACES = ((273, 279), (324, 325))  # tags: where strips, or tiles, lie and how long they are
_ORDER_OF_BITS, _REVERSED = 266, 2  # tag; of such zlib reads none, and people write none
# Bytes that are looked through of a TIFF, for each pixel and in all; a bomb may name more.
_MOST_OF_A_PIXEL, _MOST_BEYOND = 32, 2**24


def refuse_wrong_sums(image: Image.Image) -> None:
    """Refuse an open file of which the pixels, not read yet, are not those that were written.

    A PNG may lack what follows its pixels. Of a TIFF the decoder tells what is missing.

    Raises:
        ValueError: a sum is not that of what it stands for.
    """
    if not (isinstance(image, ImageFile) and image.tile and image.fp):
        return
    at = image.fp.tell()
    if not _are_right(image, image.fp):
        raise ValueError("damaged or cut short: its pixels are not those of its checksum")
    image.fp.seek(at)


def _are_right(image: ImageFile, file: IO[bytes]) -> bool:
    if isinstance(image, PngImageFile):
        return _are_chunks_right(image, file)
    return not isinstance(image, TiffImageFile) or _are_strips_right(image, file)


def _are_chunks_right(image: PngImageFile, file: IO[bytes]) -> bool:
    """Return whether the chunks of the frame that a file is at are whole."""
    pixels = image.tile[0].offset
    file.seek(pixels - len(_DATA))
    is_first = file.read(len(_DATA)) == _DATA
    file.seek(pixels - _HEADER - (0 if is_first else _NUMBER))
    while len(header := file.read(_HEADER)) == _HEADER and header[4:] in (_DATA, _LATER_DATA):
        found, left = zlib.crc32(header[4:]), int.from_bytes(header[:4])
        while left and (piece := file.read(min(left, _PIECE))):
            found, left = zlib.crc32(piece, found), left - len(piece)
        if file.read(4) != found.to_bytes(4):
            return False
    return True


def _are_strips_right(image: TiffImageFile, file: IO[bytes]) -> bool:
    """Return whether the strips or tiles of the page that a file is at are whole."""
    is_reversed = image.tag_v2.get(_ORDER_OF_BITS) == _REVERSED
    if image.info.get("compression") not in _DEFLATED or is_reversed:
        return True
    left = _MOST_OF_A_PIXEL * math.prod(image.size) + _MOST_BEYOND
    try:
        for places, lengths in _PLACES:
            ranges = (image.tag_v2.get(tag, ()) for tag in (places, lengths))
            for place, length in zip(*ranges, strict=False):
                file.seek(place)
                for count in _inflated(file, length):
                    left -= count
                    if left < 0:
                        return True
    except zlib.error:
        return False
    return True


def _inflated(file: IO[bytes], length: int) -> Iterator[int]:
    """Inflate what follows in a file, its sum too; yield how many bytes were read and made."""
    stream = zlib.decompressobj()
    while length > 0 and not stream.eof and (piece := file.read(min(length, _PIECE))):
        length -= len(piece)
        yield len(piece)
        while piece and not stream.eof:
            yield len(stream.decompress(piece, _PIECE))
            piece = stream.unconsumed_tail

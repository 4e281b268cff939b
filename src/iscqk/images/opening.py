"""Opening any image file as upright 8-bit RGB.

Colour profiles are not applied, as in the challenge's own baselines: what they change, edits of
colours change more, and a profile from elsewhere never reaches a colour engine.
"""

import contextlib
import errno
import io
import math
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import PREFIXES as TIFF_MARKS

from iscqk.errors import UserError
from iscqk.formats.disk_errors import remedy_of_barred
from iscqk.formats.image_shards import beginning_of, content_of
from iscqk.formats.listed import Listed
from iscqk.formats.printable_names import printable
from iscqk.images.bit_depth import Depth
from iscqk.images.decoding import as_rgb, decode
from iscqk.images.frames import has_several, may_have_several, shown_frame, shown_size
from iscqk.images.png_metadata import open_file
from iscqk.runtime.quiet import without_warnings

# By content, whatever the name says. Pillow's other decoders are kept away from unknown files: that
# of EPS, for one, starts Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "AVIF")
_BEGINNING = 16  # bytes, by which Pillow tells them apart

# Of a file that begins as one of them, and that Pillow takes for no image.
_WHY_UNKNOWN = {
    tuple(TIFF_MARKS): "a TIFF that is damaged, or of samples or a layout that are not opened; "
    "save it as whole numbers of 8 or 16 bits",
    (b"\xff\xd8\xff",): "a JPEG that is damaged, or of a kind that is not opened (12 bits, "
    "JPEG-LS); save it as a usual one of 8 bits",
    (b"\x89PNG\r\n",): "a PNG that is damaged",
    (b"GIF87a", b"GIF89a"): "a GIF that is damaged",
}

# What is decoded at once: Pillow's own limit, 89 megapixels. A JPEG can be decoded at 1/2 to 1/8 of
# its sides; its decoder then needs 6 bytes for a pixel of the whole at most, if it is progressive.
MOST_PIXELS = 2**30 // 4 // 3
_NO_JPEG = f"exceeds limit of {MOST_PIXELS} pixels. Only a JPEG may have more"
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF, and where sides are swapped
NOT_UTF8 = "name that is not UTF-8"  # a reason that is none of the content
MOST_OF_A_JPEG = 250_000_000  # telephones make 200 million


class BadImage(UserError):
    """An image that cannot be read.

    `reason` says why, in one line that does not name it; `index` which it is of several, from 0.
    """

    def __init__(self, message: str, reason: str = "", index: int | None = None) -> None:
        """Take the whole message first, so that the exception passes between processes."""
        super().__init__(message)
        self.reason, self.index = reason, index

    @classmethod
    def of(cls, source: "ImageInput", reason: str) -> "BadImage":
        """Return the complaint about an image."""
        name = printable(source) if isinstance(source, str | Path) else "image in memory"
        what = f"cannot read this image ({reason}); {_remedy(source, reason)}"
        return cls(f"{name}: {what}", reason)


ImageInput = str | Path | bytes | Image.Image


def _remedy(source: ImageInput, reason: str) -> str:
    """Return what to do about an image that cannot be read."""
    if isinstance(source, str | Path) and reason == os.strerror(errno.EACCES):
        return remedy_of_barred(source)
    return "rename it" if NOT_UTF8 in reason else "replace or remove it"


def open_image(source: ImageInput, enough: int | None = None) -> Image.Image:
    """Return the image at a path, in bytes, or of Pillow, upright (EXIF applied), as mode RGB.

    With `enough`, a JPEG may be decoded at a fraction of its size, sides still >= `enough`
    pixels: several times faster for large photographs. One of over 89 megapixels always is.

    Transparent parts are laid on white, or on black where only that shows the picture. Animations
    and files of several pages give one (`shown_frame`), images of Pillow the one that they are at.
    Deep grey is scaled to 8 bits as the file declares it. Any other image of over 89 megapixels, or
    a JPEG of over 250, is taken for a bomb. Broken EXIF counts as none.

    Raises:
        BadImage: the file is missing, unreadable, no image, truncated, absurdly large, of pixels
            that its checksum is not of, or of samples whose range it does not declare.
    """
    return _opened(source, enough).rgb


def open_at_sizes(source: ImageInput, sizes: Sequence[int | None]) -> list[Image.Image]:
    """Return `open_image` for each of several `enough`, decoded once unless that is slower.

    Only a JPEG is decoded for each: its decoder gives small images in a fraction of the time.

    Raises:
        BadImage: as `open_image`.
    """
    first = _opened(source, sizes[0])
    rest = (first if first.is_alike_at_any_size else _opened(source, size) for size in sizes[1:])
    return [first.rgb, *(opened.rgb for opened in rest)]


def fault_of(source: ImageInput) -> BadImage:
    """Return what is wrong with an image that could not be read, even if by now it can be."""
    try:
        open_image(source)
    except BadImage as error:
        return error
    return BadImage.of(source, "its content is damaged, or changed while it was read")


def formats_begun(path: str | Path) -> set[str]:
    """Return the `FORMATS` that a file may be of by its first bytes; it is read no further."""
    Image.init()
    try:
        start = beginning_of(path, _BEGINNING).ljust(_BEGINNING, b"\0")
    except (OSError, UserError):
        return set()
    accepts = {kind: Image.OPEN[kind][1] for kind in FORMATS}
    return {kind for kind, accept in accepts.items() if accept and accept(start) is True}


def is_image(path: str | Path) -> bool:
    """Return whether a file begins as an image that is opened, whatever comes after."""
    try:
        with without_warnings(), open_file(_openable(path), FORMATS):
            return True
    except Exception:  # Pillow's decoders raise anything
        return False


def is_one_of_several(path: str | Path) -> bool:
    """Return whether a file has other frames or pages than the one that is looked at."""
    if not formats_begun(path) - {"JPEG"}:
        return False
    try:
        with without_warnings(), _at_first_frame(path) as image:
            return has_several(image, MOST_PIXELS)
    except Exception:  # Pillow's decoders raise anything
        return False


def declared_size(path: str | Path) -> tuple[int, int]:
    """Return the width and height in pixels that a file declares, once it is turned as it declares.

    Raises:
        BadImage: it is no image, or gone.
    """
    try:
        with without_warnings(), _at_first_frame(path) as image:
            width, height = shown_size(image, MOST_PIXELS)
            is_turned = _swaps_sides(image)
    except Exception as error:
        raise BadImage.of(path, _reason(error)) from None
    return (height, width) if is_turned else (width, height)


def _swaps_sides(image: Image.Image) -> bool:
    """Return whether the sides of an open file are swapped when it is turned as it declares."""
    with contextlib.suppress(Exception):  # broken EXIF counts as none
        # Of a TIFF Pillow has swapped them already.
        return image.format != "TIFF" and image.getexif().get(_ORIENTATION) in _SIDEWAYS
    return False


def measure_image(source: ImageInput) -> tuple[int, int]:
    """Return width and height in pixels of an image, upright, having decoded all of it.

    Raises:
        BadImage: as `open_image`.
    """
    return _opened(source, None).size


class _Opened(NamedTuple):
    """An image as RGB, and its size upright, which is larger where a part is decoded."""

    rgb: Image.Image
    size: tuple[int, int]
    is_alike_at_any_size: bool  # that is enough


def _opened(source: ImageInput, enough: int | None) -> _Opened:
    try:
        if isinstance(source, Image.Image):
            if not all(source.size):  # of files Pillow refuses such
                raise ValueError("has no pixels")
            depth = decode(source)
            rgb = as_rgb(_upright_copy(source), depth, source.format)
            return _Opened(rgb, rgb.size, True)
        # Of metadata, which change no pixel, and of sizes, which are judged here.
        with without_warnings(), _at_first_frame(source) as image:
            if may_have_several(image):
                return _loaded_of_several(source, image)
            return _loaded(image, enough)
    except FileNotFoundError:
        what = "no such image (gone, or a link to nothing); "
        is_listed = isinstance(source, Listed)
        what += f"restore it or {'prepare the data again' if is_listed else 'correct its path'}"
        raise BadImage(f"{printable(str(source))}: {what}", "no such file") from None
    except Exception as error:  # Pillow's decoders raise anything from SyntaxError to struct.error
        raise BadImage.of(source, _reason(error)) from None


def _loaded_of_several(source: str | Path | bytes, image: Image.Image) -> _Opened:
    """Return what `_opened` does, of the frame that is looked at; decoded once if it can be."""
    shown = shown_frame(image, MOST_PIXELS)
    if shown.depth is not None:
        return _finished(image, shown.depth, image.size)
    with _at_first_frame(source) as again:  # as of that file frames were decoded
        again.seek(shown.frame)
        return _loaded(again, None)


def _at_first_frame(source: str | Path | bytes) -> Image.Image:
    """Return an image whose pixels are not yet read; only a JPEG may be very large."""
    try:
        image: Image.Image = open_file(_openable(source), FORMATS)
    except Image.UnidentifiedImageError:
        raise ValueError(_why_unknown(_openable(source))) from None
    except Image.DecompressionBombError as error:
        try:
            image = JpegImageFile(_openable(source))
        except SyntaxError:
            count = str(error).partition(" exceeds")[0]  # Pillow's own limit is twice ours
            raise ValueError(f"{count} {_NO_JPEG}") from None
    if math.prod(image.size) > MOST_OF_A_JPEG:  # which Pillow lets pass where it was told to
        image.close()
        is_jpeg = isinstance(image, JpegImageFile)
        limit = f"exceeds limit of {MOST_OF_A_JPEG} pixels" if is_jpeg else _NO_JPEG
        raise ValueError(f"{image.size[0]} x {image.size[1]} {limit}")
    return image


def _loaded(image: Image.Image, enough: int | None) -> _Opened:
    """Return what `_opened` does of an open file."""
    whole = image.size
    if enough or math.prod(whole) > MOST_PIXELS:
        image.draft("RGB", _decoded_size(whole, enough))
    if math.prod(image.size) > MOST_PIXELS:
        raise ValueError(f"{whole[0]} x {whole[1]} {_NO_JPEG}")
    return _finished(image, decode(image), whole)


def _finished(image: Image.Image, depth: Depth, whole: tuple[int, int]) -> _Opened:
    """Return what `_opened` does of a decoded file of these sides."""
    decoded = image.size
    rgb = as_rgb(_upright(image), depth, image.format)
    upright = whole if rgb.size == decoded else whole[::-1]
    return _Opened(rgb, upright, not isinstance(image, JpegImageFile))


def _decoded_size(whole: tuple[int, int], enough: int | None) -> tuple[int, int]:
    """Return the sides to ask the decoder for, which gives at least these if it can."""
    fraction = next(n for n in (1, 2, 4, 8) if math.prod(whole) <= MOST_PIXELS * n * n)
    width, height = (min(side // fraction, enough or side) for side in whole)
    return max(width, 1), max(height, 1)


def _openable(source: str | Path | bytes) -> str | Path | io.BytesIO:
    """Return what Pillow can open without waiting for ever, as it would for a pipe."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if (content := content_of(source)) is not None:
        size = len(content)
    else:
        status = os.stat(source)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("no regular file")
        size = status.st_size
    if not size:
        raise ValueError("an empty file")
    return source if content is None else io.BytesIO(content)


def _why_unknown(file: str | Path | io.BytesIO) -> str:
    """Return why Pillow takes a file for no image."""
    with open(file, "rb") if isinstance(file, str | Path) else file as opened:
        start = opened.read(_BEGINNING)
    for marks, why in _WHY_UNKNOWN.items():
        if start.startswith(marks):
            return why
    return f"none of the formats {', '.join(FORMATS)}"


def _reason(error: Exception) -> str:
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return " ".join(text.split()) or type(error).__name__


def _upright_copy(image: Image.Image) -> Image.Image:
    """Return what `_upright` does of somebody's image, which stays as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # as EXIF that is broken cannot be written anew
        return _upright(image.copy())


def _upright(image: Image.Image) -> Image.Image:
    # Pixels are turned before the EXIF is written anew, which may fail, and which nobody reads.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
    return image

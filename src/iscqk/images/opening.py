"""Opening any image file as upright 8-bit RGB.

Colour profiles are not applied, as in the challenge's own baselines: what they change, edits of
colours change more, and a profile from elsewhere never reaches a colour engine.
"""

import contextlib
import io
import os
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from iscqk.errors import UserError
from iscqk.formats.files import shown

# By content, whatever the name says. Pillow's other decoders are kept away from unknown files: that
# of EPS, for one, starts Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")


class BadImage(UserError):
    """An image that cannot be read; `reason` says why, in one line that does not name it."""

    def __init__(self, message: str, reason: str = "") -> None:
        """Take the whole message first, so that the exception passes between processes."""
        super().__init__(message)
        self.reason = reason

    @classmethod
    def of(cls, path: str | Path, reason: str) -> "BadImage":
        """Return the complaint about an image."""
        what = f"cannot read this image ({reason}); replace or remove it"
        return cls(f"{shown(path)}: {what}", reason)


Source = str | Path | bytes | Image.Image


def open_image(source: Source, enough: int | None = None) -> Image.Image:
    """Return the image at a path, in bytes, or of Pillow, upright (EXIF applied), as mode RGB.

    With `enough`, a JPEG may be decoded at a fraction of its size, sides still >= `enough`
    pixels: several times faster for large photographs.

    Transparent parts are laid on white, animations and pages give their first, 16-bit and floating
    point grey is scaled to 8 bits. An image of over 89 megapixels (Pillow's limit) is taken for a
    bomb. Broken EXIF counts as none.

    Raises:
        BadImage: the file is missing, unreadable, no image, truncated or absurdly large.
    """
    try:
        if isinstance(source, Image.Image):
            return _as_rgb(ImageOps.exif_transpose(source))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata, which change no pixel
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(_openable(source), formats=FORMATS) as image:
                if enough:
                    image.draft("RGB", (enough, enough))
                image.load()
                return _as_rgb(_upright(image))
    except FileNotFoundError:
        what = "no such image; restore it or prepare the data again"
        raise BadImage(f"{shown(str(source))}: {what}", "no such file") from None
    except Exception as error:  # Pillow's decoders raise anything from SyntaxError to struct.error
        name = source if isinstance(source, str | Path) else "image in memory"
        raise BadImage.of(name, _reason(error)) from None


def _openable(source: str | Path | bytes) -> str | Path | io.BytesIO:
    """Return what Pillow can open without waiting for ever, as it would for a pipe."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    status = os.stat(source)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("no regular file")
    if not status.st_size:
        raise ValueError("an empty file")
    return source


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return f"none of the formats {', '.join(FORMATS)}"
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return " ".join(text.split()) or type(error).__name__


def _upright(image: Image.Image) -> Image.Image:
    # Pixels are turned before the EXIF is written anew, which may fail, and which nobody reads.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _deep_grey(image)
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _deep_grey(image: Image.Image) -> Image.Image:
    """Map grey of 16 bits, or of floats up to 1, to 8 bits; Pillow's own conversion clips it."""
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    largest = float(grey.max(initial=0.0))
    scale = 255.0 if image.mode == "F" and largest <= 1 else 1 / 257 if largest > 255 else 1.0
    return Image.fromarray(np.rint(grey * scale).clip(0, 255).astype(np.uint8)).convert("RGB")

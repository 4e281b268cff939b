"""Opening any image file as upright 8-bit RGB."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from iscqk.errors import UserError

# A photograph of 179 megapixels is Pillow's own limit; beyond it a file is taken for a bomb.
MAX_PIXELS = Image.MAX_IMAGE_PIXELS or 178_956_970


def open_image(source: str | Path | bytes, enough: int | None = None) -> Image.Image:
    """Return the image at a path, or in bytes, upright (EXIF applied), as mode RGB.

    With `enough`, a JPEG may be decoded at a fraction of its size, sides still >= `enough`
    pixels: several times faster for large photographs.

    Transparent parts are laid on white, animations give their first frame, 16-bit grey is
    scaled to 8 bits.

    Raises:
        UserError: the file is missing, unreadable, no image, truncated or absurdly large.
    """
    name = "image in memory" if isinstance(source, bytes) else str(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                if enough:
                    image.draft("RGB", (enough, enough))
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                return _as_rgb(image)
    except FileNotFoundError:
        raise UserError(f"{name}: no such image; restore it or prepare the data again") from None
    except Exception as error:  # Pillow's decoders raise anything from SyntaxError to struct.error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{name}: cannot read this image ({reason}); replace or remove it"
        ) from None


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        return _grey16(image)
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _grey16(image: Image.Image) -> Image.Image:
    """Map 16-bit grey to 8 bits; Pillow's own conversion clips at 255."""
    grey = np.asarray(image, dtype=np.float32)
    scale = 257.0 if grey.max(initial=0.0) > 255 else 1.0
    return Image.fromarray((grey / scale).clip(0, 255).astype(np.uint8)).convert("RGB")

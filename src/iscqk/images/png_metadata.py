"""PNG files without their metadata, which changes no pixel and of which Pillow refuses much.

Workflows of image generators and histories of editors take megabytes, and so may a bomb. None is
unpacked but what says how the image is turned, each of that once and to a megabyte at most.
"""

from contextlib import suppress
from pathlib import Path
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile, PngStream

_MARK = b"\x89PNG\r\n\x1a\n"
_METADATA = (b"iCCP", b"tEXt", b"zTXt", b"iTXt")
# Texts by which some programs turn: ImageMagick, those that write XMP, and Pillow's own.
_OF_ORIENTATION = (b"exif", b"Raw profile type exif", b"XML:com.adobe.xmp")
_LONGEST_NAME = 79  # bytes of a text's, by the standard


def open_file(file: str | Path | IO[bytes], formats: tuple[str, ...]) -> ImageFile:
    """Return what Pillow does of a file of one of its formats, a PNG without its metadata.

    Raises:
        PIL.UnidentifiedImageError: it is damaged, or of none of these.
        PIL.Image.DecompressionBombError: it is too large; or whatever else Pillow raises.
    """
    if not _is_png(file):
        return Image.open(file, formats=formats)
    try:
        image = _Png(file)
    except SyntaxError as error:
        raise Image.UnidentifiedImageError(str(error)) from None
    try:
        Image._decompression_bomb_check(image.size)  # as `Image.open` does
    except Image.DecompressionBombError:
        image.close()
        raise
    return image


def _is_png(file: str | Path | IO[bytes]) -> bool:
    if isinstance(file, str | Path):
        with open(file, "rb", buffering=0) as opened:
            return opened.read(len(_MARK)) == _MARK
    file.seek(0)
    start = file.read(len(_MARK))
    file.seek(0)
    return start == _MARK


class _Stream(PngStream):
    """Pillow's chunks of a file, of which it passes over those of metadata."""

    _wanted = frozenset(_OF_ORIENTATION)

    def call(self, cid: bytes, pos: int, length: int) -> bytes:
        """Read a chunk; nothing of it where it is passed over."""
        if cid not in _METADATA:
            return super().call(cid, pos, length)
        if self._says_how_turned(cid, pos, length):
            with suppress(SyntaxError, ValueError):  # not packed as the standard says, or too long
                return super().call(cid, pos, length)
        self._at(pos + length)
        return b""

    def crc(self, cid: bytes, data: bytes) -> None:
        """Compare a chunk with its sum, but what need not be right."""
        if cid in _METADATA:
            self.crc_skip(cid, data)
        else:
            super().crc(cid, data)

    def _says_how_turned(self, cid: bytes, pos: int, length: int) -> bool:
        """Return whether a chunk is the first text that is called so."""
        if cid == b"iCCP":
            return False
        assert self.fp is not None
        name = self.fp.read(min(length, _LONGEST_NAME + 1)).split(b"\0")[0]
        self._at(pos)
        is_wanted = name in self._wanted
        self._wanted -= {name}
        return is_wanted

    def _at(self, place: int) -> None:
        assert self.fp is not None
        self.fp.seek(place)


class _Png(PngImageFile):
    """A PNG as Pillow opens it, without texts and colour profiles."""

    _stream: PngStream | None = None

    @property  # which Pillow sets while it opens a file
    def png(self) -> PngStream | None:
        """The chunks of the file."""
        return self._stream

    @png.setter
    def png(self, stream: PngStream | None) -> None:
        self._stream = _Stream(stream.fp) if stream and stream.fp else None

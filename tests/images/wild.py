"""Odd and broken image files, made on the spot; each says what must become of it."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

# Smooth, so that lossy formats keep it; of no symmetry, so that no two orientations are alike.
ROWS, COLUMNS = np.mgrid[0:12, 0:20]
PIXELS = np.stack([ROWS * 20, COLUMNS * 12, ROWS + COLUMNS], axis=2).astype(np.uint8)
PLAIN = Image.fromarray(PIXELS)
GREY = PIXELS[..., 0]
UPRIGHT = PLAIN.size


class Good(NamedTuple):
    """A file that opens: its size, and its pixels where they are known, with a tolerance."""

    content: Callable[[], bytes]
    size: tuple[int, int] = UPRIGHT
    pixels: np.ndarray | None = PIXELS
    within: int = 0


class Bad(NamedTuple):
    """A file that does not, and a part of the reason."""

    content: Callable[[], bytes]
    reason: str = "."


def write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def manifests(folder: Path) -> list[str]:
    """Return the options that have `iscqk prepare` write its manifests into a folder."""
    names = ("training", "references", "others", "quarantined")
    return ["--output", *(str(folder / f"{name}.csv") for name in names)]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, colour: int, samples: np.ndarray, *extra: bytes, size=UPRIGHT) -> bytes:
    """Return a PNG written by hand: Pillow writes no 16-bit colour."""
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    parts = [
        chunk(b"IHDR", header),
        *extra,
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def packed(samples: np.ndarray, bits: int) -> np.ndarray:
    """Return rows of samples of fewer than 8 bits, as many as fill bytes."""
    single = np.unpackbits(samples.astype(np.uint8)[..., None], axis=2)[..., -bits:]
    return np.packbits(single.reshape(len(samples), -1), axis=1)


def sixteen_bits(samples: np.ndarray) -> np.ndarray:
    return (samples.astype(np.uint16) * 257).astype(">u2")


def palette() -> Image.Image:
    return Image.fromarray(GREY).convert("P")


def drawing(value: int) -> Image.Image:
    """Return a disc of one grey on clear ground."""
    return Image.fromarray(np.dstack([np.full((*SHAPE.shape, 3), value), SHAPE * 255]).astype("u1"))


def with_exif(
    kind: str, orientation: int, upright: Image.Image = PLAIN, **options: object
) -> bytes:
    """Return a file that is stored turned, and says how to turn it back."""
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, kind, exif=exif, **options)


def with_broken_exif(change: Callable[[bytes], bytes]) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 1, "maker"
    return encoded(PLAIN, "JPEG", quality=100, subsampling=0, exif=change(exif.tobytes()))


def turned_with_a_broken_date() -> bytes:
    """Return a turned JPEG whose EXIF can be read and, as its date is a fraction, not written."""
    turned, date = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0), struct.pack(">HHII", 0x0132, 5, 1, 38)
    tags = struct.pack(">H", 2) + turned + date + bytes(4) + struct.pack(">II", 1, 2)
    stored = PLAIN.transpose(Image.Transpose.ROTATE_90)
    return encoded(stored, "JPEG", exif=b"Exif\0\0MM\0*" + struct.pack(">I", 8) + tags, **JPEG)


def cmyk(*, ycck: bool) -> bytes:
    """Return Adobe's inverted CMYK, or the same taken for YCCK."""
    raw = encoded(PLAIN.convert("CMYK"), "JPEG", quality=100, subsampling=0)
    at = raw.index(b"Adobe") + 11
    return raw[:at] + (b"\2" if ycck else raw[at : at + 1]) + raw[at + 1 :]


def frames(kind: str, **options: object) -> bytes:
    others = [Image.new("RGB", UPRIGHT, "red"), Image.new("RGB", (9, 30), "blue")]
    others = [image.resize(UPRIGHT) for image in others] if kind != "TIFF" else others
    return encoded(PLAIN, kind, save_all=True, append_images=others, **options)


def cut(raw: bytes, share: float = 0.5) -> bytes:
    return raw[: int(len(raw) * share)]


def smooth(kind: str, **options: object) -> bytes:
    """Return a photograph's like, of which a decoder makes something of zeros, too."""
    return encoded(PLAIN.resize((144, 108)), kind, **options)


def in_chunks(raw: bytes) -> bytes:
    """Return a PNG with its pixels in chunks of 7 bytes, and one of none."""
    at = raw.index(b"IDAT") - 4
    size = int.from_bytes(raw[at : at + 4])
    pixels, rest = raw[at + 8 : at + 8 + size], raw[at + 12 + size :]
    pieces = [b"", *(pixels[n : n + 7] for n in range(0, size, 7))]
    return raw[:at] + b"".join(chunk(b"IDAT", piece) for piece in pieces) + rest


def zeros_inside(raw: bytes) -> bytes:
    """Return a file with zeros over a tenth of it, before its middle."""
    return raw[: 4 * len(raw) // 10] + bytes(len(raw) // 10) + raw[len(raw) // 2 :]


def large(kind: str, **options: object) -> bytes:
    """Return noise, whose file is long enough to be cut in its pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return encoded(Image.fromarray(noise), kind, **options)


def with_byte_of_frame(at: int, byte: int) -> bytes:
    """Return a JPEG of another kind by its header alone, which says so at a place of its frame."""
    raw = bytearray(encoded(PLAIN, "JPEG", **JPEG))
    raw[raw.index(b"\xff\xc0") + at] = byte
    return bytes(raw)


def huge_gif() -> bytes:
    raw = bytearray(encoded(palette(), "GIF"))
    raw[6:10] = b"\xff\xff\xff\xff"
    return bytes(raw)


def profile(content: bytes) -> bytes:
    return encoded(PLAIN, "JPEG", quality=100, subsampling=0, icc_profile=content)


def srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


ORIENTATION_OF_TEXT = b"Exif\0\0II*\0\10\0\0\0" + struct.pack(
    "<HHHI4sI", 1, 0x0112, 2, 4, b"six", 0
)
JPEG = {"quality": 100, "subsampling": 0}
PLANES = PIXELS.transpose(2, 0, 1)
CLEAR = np.dstack([PIXELS, np.where(COLUMNS < 10, 255, 0)]).astype(np.uint8)
ON_WHITE = np.where((COLUMNS < 10)[..., None], PIXELS, 255).astype(np.uint8)
SHAPE = ((COLUMNS - 8) ** 2 + (ROWS - 6) ** 2 < 20).astype(np.uint8)
FLOATS = (GREY / 255).astype(np.float32)
TEXT = b"Comment\0\0" + zlib.compress(b"x" * 80_000_000, 9)
COLOURS = b"profile\0\0" + zlib.compress(bytes(80_000_000), 9)
MANY = (9_500, 9_500)
LEVELS = ROWS + COLUMNS // 5  # of 4 bits
DEEP, SHALLOW = PIXELS.astype(int) * 20, PIXELS.astype(int)  # of 16 bits
COLOUR_MAP = np.stack([np.arange(256), 255 - np.arange(256), np.arange(256) // 2])

CASES: dict[str, Good | Bad] = {
    "plain.jpg": Good(lambda: encoded(PLAIN, "JPEG", **JPEG), within=4),
    "progressive.jpg": Good(lambda: encoded(PLAIN, "JPEG", progressive=True, **JPEG), within=4),
    "grey.jpg": Good(
        lambda: encoded(Image.fromarray(GREY), "JPEG", **JPEG), pixels=grey(GREY), within=4
    ),
    "cmyk.jpg": Good(lambda: cmyk(ycck=False), within=8),
    "ycck.jpg": Good(lambda: cmyk(ycck=True), pixels=None),
    "with a thumbnail.jpg": Good(lambda: frames("MPO", **JPEG), within=4),
    "plain.jfif": Good(lambda: encoded(PLAIN, "JPEG", **JPEG), within=4),
    "JPEG in capitals.JPEG": Good(lambda: encoded(PLAIN, "JPEG", **JPEG), within=4),
    "bytes after the end.jpg": Good(lambda: encoded(PLAIN, "JPEG", **JPEG) + b"x" * 99, within=4),
    **{
        f"{name} without its end.jpg": Good(
            lambda lost=lost, options=options: encoded(PLAIN, "JPEG", **options)[:-lost], within=4
        )
        for name, lost, options in [
            ("plain,", 2, JPEG),
            ("plain, half", 1, JPEG),
            ("progressive,", 2, JPEG | {"progressive": True}),
        ]
    },
    "plain.png": Good(lambda: encoded(PLAIN, "PNG")),
    "palette.png": Good(lambda: encoded(palette(), "PNG"), pixels=grey(GREY)),
    "one bit.png": Good(
        lambda: encoded(Image.fromarray(GREY > 99), "PNG"), pixels=grey((GREY > 99) * 255)
    ),
    "grey and alpha.png": Good(
        lambda: encoded(Image.merge("LA", [Image.fromarray(GREY), Image.new("L", UPRIGHT)]), "PNG"),
        pixels=np.full_like(PIXELS, 255),
    ),
    "red, green, blue and alpha.png": Good(
        lambda: encoded(Image.fromarray(CLEAR), "PNG"), pixels=ON_WHITE
    ),
    "a transparent colour.png": Good(
        lambda: png(8, 2, PIXELS, chunk(b"tRNS", struct.pack(">HHH", 0, 0, 0))),
        pixels=np.where((PIXELS == 0).all(axis=2, keepdims=True), 255, PIXELS),
    ),
    **{
        f"a transparent grey of {bits} bits, {key}.png": Good(
            lambda bits=bits, key=key, levels=levels: png(
                bits, 0, packed(levels, bits), chunk(b"tRNS", struct.pack(">H", key))
            ),
            pixels=grey(np.where(levels == key, 255, levels * 255 // (2**bits - 1))),
        )
        for bits, key, levels in [(2, 0, LEVELS // 4), (2, 1, LEVELS // 4), (4, 1, LEVELS)]
    },
    **{
        f"a transparent colour of 16 bits, {name}.png": Good(
            lambda deep=deep, key=key: png(
                16, 2, deep.astype(">u2"), chunk(b"tRNS", struct.pack(">HHH", *key))
            ),
            pixels=np.where((deep == key).all(axis=2, keepdims=True), 255, deep >> shift),
        )
        for name, deep, key, shift in [
            ("black beside what is dark", DEEP, (0, 0, 0), 8),
            ("of two bytes", DEEP, DEEP[7, 15], 8),
            ("of 8-bit numbers", SHALLOW, SHALLOW[7, 15], 0),
            ("that is not there", SHALLOW, SHALLOW[7, 15] + 0x1200, 0),
        ]
    },
    "a transparent palette.png": Good(
        lambda: encoded(palette(), "PNG", transparency=0), pixels=None
    ),
    "16-bit grey.png": Good(lambda: png(16, 0, sixteen_bits(GREY)), pixels=grey(GREY)),
    "16-bit colour.png": Good(lambda: png(16, 2, sixteen_bits(PIXELS))),
    "16-bit grey and alpha.png": Good(
        lambda: png(16, 4, sixteen_bits(np.dstack([GREY, np.full_like(GREY, 255)]))),
        pixels=grey(GREY),
    ),
    "16-bit colour and alpha.png": Good(
        lambda: png(16, 6, sixteen_bits(np.dstack([PIXELS, np.full_like(GREY, 255)])))
    ),
    "animated.png": Good(lambda: frames("PNG")),
    "plain.webp": Good(lambda: encoded(PLAIN, "WEBP", lossless=True)),
    "lossy.webp": Good(lambda: encoded(PLAIN, "WEBP", quality=100), within=24),
    "animated.webp": Good(lambda: frames("WEBP", lossless=True)),
    "transparent.webp": Good(
        lambda: encoded(Image.fromarray(CLEAR), "WEBP", lossless=True), pixels=ON_WHITE
    ),
    "plain.gif": Good(lambda: encoded(palette(), "GIF"), pixels=grey(GREY)),
    "animated.gif": Good(lambda: frames("GIF"), within=40),
    "transparent.gif": Good(lambda: encoded(palette(), "GIF", transparency=0), pixels=None),
    "plain.bmp": Good(lambda: encoded(PLAIN, "BMP")),
    "one bit.bmp": Good(
        lambda: encoded(Image.fromarray(GREY > 99), "BMP"), pixels=grey((GREY > 99) * 255)
    ),
    "plain.avif": Good(lambda: encoded(PLAIN, "AVIF", quality=100), within=16),
    "plain.tif": Good(lambda: encoded(PLAIN, "TIFF")),
    "lzw.tiff": Good(lambda: encoded(PLAIN, "TIFF", compression="tiff_lzw")),
    "deflate.tiff": Good(lambda: encoded(PLAIN, "TIFF", compression="tiff_adobe_deflate")),
    "jpeg inside.tiff": Good(
        lambda: encoded(PLAIN, "TIFF", compression="jpeg", quality=100), within=24
    ),
    "fax.tiff": Good(
        lambda: encoded(Image.fromarray(GREY > 99), "TIFF", compression="group4"),
        pixels=grey((GREY > 99) * 255),
    ),
    "tiled.tiff": Good(lambda: tiled_tiff()),
    "tiled, deflated.tiff": Good(lambda: tiled_tiff(zlib.compress)),
    "without the end of the file.png": Good(lambda: encoded(PLAIN, "PNG")[:-12]),
    "pixels in many chunks.png": Good(lambda: in_chunks(encoded(PLAIN, "PNG"))),
    "pages.tiff": Good(lambda: frames("TIFF")),
    "cmyk.tiff": Good(lambda: encoded(PLAIN.convert("CMYK"), "TIFF"), within=2),
    "16-bit.tiff": Good(
        lambda: encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "TIFF"), pixels=grey(GREY)
    ),
    "floats to 1.tiff": Good(
        lambda: encoded(Image.fromarray(FLOATS), "TIFF"), pixels=grey(GREY), within=1
    ),
    "floats to 255.tiff": Good(
        lambda: encoded(Image.fromarray(FLOATS * 255), "TIFF"), pixels=grey(GREY), within=1
    ),
    "floats that are no numbers.tiff": Good(
        lambda: encoded(Image.fromarray(np.full((12, 20), np.nan, np.float32)), "TIFF"),
        pixels=np.zeros_like(PIXELS),
    ),
    "32-bit.tiff": Good(
        lambda: encoded(Image.fromarray(GREY.astype(np.int32) * 257), "TIFF"), pixels=grey(GREY)
    ),
    "16-bit, white is 0.tiff": Good(
        lambda: tiff(65535 - GREY.astype("<u2") * 257, 16, photometric=0), pixels=grey(GREY)
    ),
    "floats to 1, white is 0.tiff": Good(
        lambda: tiff(1 - FLOATS, 32, photometric=0, kind=3), pixels=grey(GREY), within=1
    ),
    "a palette of 8-bit numbers.tiff": Good(
        lambda: tiff(GREY, 8, photometric=3, colours=COLOUR_MAP),
        pixels=COLOUR_MAP[:, GREY].transpose(1, 2, 0),
    ),
    "a palette of 16-bit numbers.tiff": Good(
        lambda: tiff(GREY, 8, photometric=3, colours=COLOUR_MAP * 257),
        pixels=COLOUR_MAP[:, GREY].transpose(1, 2, 0),
    ),
    "grey times its alpha.tiff": Good(
        lambda: encoded(
            Image.fromarray(np.dstack([GREY * (COLUMNS < 10), CLEAR[..., 3]]).astype("u1"), "LA"),
            "TIFF",
        ).replace(struct.pack("<HHIH", 338, 3, 1, 2), struct.pack("<HHIH", 338, 3, 1, 1)),
        pixels=np.where((COLUMNS < 10)[..., None], grey(GREY), 255),
    ),
    "black, of a palette.tiff": Good(
        lambda: tiff(GREY, 8, photometric=3, colours=np.zeros((3, 256), int)), pixels=PIXELS * 0
    ),
    "12-bit.tiff": Good(lambda: tiff(GREY.astype("<u2") * 16, 12), pixels=grey(GREY), within=1),
    "12 bits in 16, declared.tiff": Good(
        lambda: tiff(GREY.astype("<u2") * 16, 16, largest=4095), pixels=grey(GREY), within=1
    ),
    "floats to 1020, declared.tiff": Good(
        lambda: tiff(FLOATS * 1020, 32, kind=3, largest=1020), pixels=grey(GREY), within=1
    ),
    "floats to 65535.tiff": Good(
        lambda: tiff(FLOATS * 65535, 32, kind=3), pixels=grey(GREY), within=1
    ),
    "floats a little over 1.tiff": Good(
        lambda: tiff(FLOATS * np.float32(1.2), 32, kind=3),
        pixels=grey((GREY * 1.2).clip(0, 255)),
        within=1,
    ),
    "8 bits in 16.tiff": Good(lambda: tiff(GREY.astype("<u2"), 16), pixels=grey(GREY)),
    "8 bits in 16, signed.tiff": Good(
        lambda: tiff(GREY.astype("<i2"), 16, kind=2), pixels=grey(GREY)
    ),
    "16 bits, signed.tiff": Good(
        lambda: tiff(GREY.astype("<i2") * 128, 16, kind=2), pixels=grey(GREY), within=1
    ),
    "8 bits, signed.tiff": Good(
        lambda: tiff((GREY // 2).astype("i1"), 8, kind=2), pixels=grey(GREY), within=2
    ),
    **{
        f"8 bits in 16, colour, a plane for each, {order}.tiff": Good(
            lambda order=order: tiff(
                PLANES.astype("u2"), 16, photometric=2, planes_tag=2, order=order
            )
        )
        for order in ("little endian", "big endian")
    },
    "8 bits in 16, colour.png": Good(lambda: png(16, 2, PIXELS.astype(">u2"))),
    "8 bits in 16, dark colour.png": Good(
        lambda: png(16, 2, (PIXELS // 32).astype(">u2")), pixels=PIXELS // 32
    ),
    "8 bits in 16, colour and alpha.png": Good(
        lambda: png(16, 6, CLEAR.astype(">u2")), pixels=ON_WHITE
    ),
    "8 bits in 16, colour, and alpha of 16.png": Good(
        lambda: png(16, 6, np.dstack([PIXELS, (COLUMNS < 10) * 65535]).astype(">u2")),
        pixels=ON_WHITE,
    ),
    "8 bits in 16, grey and alpha.png": Good(
        lambda: png(16, 4, CLEAR[..., [0, 3]].astype(">u2")),
        pixels=np.where((COLUMNS < 10)[..., None], grey(GREY), 255),
    ),
    "black, 16-bit colour.png": Good(
        lambda: png(16, 2, PIXELS.astype(">u2") * 0), pixels=PIXELS * 0
    ),
    "black, 16-bit grey, and alpha.png": Good(
        lambda: png(16, 4, sixteen_bits(np.dstack([GREY * 0, SHAPE * 255]))),
        pixels=grey(255 - SHAPE * 255),
    ),
    "a transparent grey of 16 bits.png": Good(
        lambda: png(16, 0, sixteen_bits(GREY), chunk(b"tRNS", struct.pack(">H", 0))),
        pixels=grey(np.where(GREY == 0, 255, GREY)),
    ),
    "alpha of nothing.bmp": Good(lambda: bmp_with_alpha(0)),
    "alpha of everything.bmp": Good(lambda: bmp_with_alpha(255)),
    "no file header.dib": Good(lambda: encoded(PLAIN, "DIB")),
    "white on clear.png": Good(lambda: encoded(drawing(255), "PNG"), pixels=grey(SHAPE * 255)),
    "nearly white on clear.webp": Good(
        lambda: encoded(drawing(250), "WEBP", lossless=True), pixels=grey(SHAPE * 250)
    ),
    "black on clear.png": Good(lambda: encoded(drawing(0), "PNG"), pixels=grey(255 - SHAPE * 255)),
    "white on clear, of a palette.gif": Good(
        lambda: encoded(drawing(255), "GIF"), pixels=grey(SHAPE * 255)
    ),
    "png named.jpg": Good(lambda: encoded(PLAIN, "PNG")),
    "jpeg named.png": Good(lambda: encoded(PLAIN, "JPEG", **JPEG), within=4),
    "webp named.gif": Good(lambda: encoded(PLAIN, "WEBP", lossless=True)),
    "one pixel.png": Good(
        lambda: encoded(Image.new("RGB", (1, 1), "red"), "PNG"),
        (1, 1),
        np.array([[[255, 0, 0]]]),
    ),
    "one pixel.jpg": Good(lambda: encoded(Image.new("L", (1, 1)), "JPEG"), (1, 1), None),
    "wide.png": Good(lambda: encoded(Image.new("RGB", (20_000, 3)), "PNG"), (20_000, 3), None),
    "high.jpg": Good(lambda: encoded(Image.new("RGB", (3, 20_000)), "JPEG"), (3, 20_000), None),
    **{
        f"orientation {value}.{kind.lower()}": Good(
            lambda kind=kind, value=value, options=options: with_exif(kind, value, **options),
            within=within,
        )
        for kind, options, within in [
            ("JPEG", JPEG, 4),
            ("PNG", {}, 0),
            ("TIFF", {}, 0),
            ("WEBP", {"lossless": True}, 0),
        ]
        for value in range(1, 9)
    },
    **{
        f"orientation {value}, {mode.replace(';', '')}, in one strip.tiff": Good(
            lambda value=value, image=image: with_exif("TIFF", value, image),
            pixels=pixels,
            within=within,
        )
        for mode, image, pixels, within in [
            ("L", Image.fromarray(GREY), grey(GREY), 0),
            ("P", palette(), grey(GREY), 0),
            ("RGBA", PLAIN.convert("RGBA"), PIXELS, 0),
            ("CMYK", PLAIN.convert("CMYK"), PIXELS, 2),
            ("I;16", Image.fromarray(GREY.astype(np.uint16) * 257), grey(GREY), 0),
        ]
        for value in range(5, 9)
    },
    **{
        f"{name}, a plane for each, {order}.tiff": Good(
            lambda samples=samples, order=order, options=options: tiff(
                samples, order=order, planes_tag=2, **options
            ),
            pixels=pixels,
        )
        for name, samples, options, pixels in [
            ("8 bits", PLANES, {"bits": 8, "photometric": 2}, PIXELS),
            ("16 bits", PLANES * np.uint16(257), {"bits": 16, "photometric": 2}, PIXELS),
            ("grey of 16 bits", GREY * np.uint16(257), {"bits": 16}, grey(GREY)),
            ("white is 0", 255 - GREY, {"bits": 8, "photometric": 0}, grey(GREY)),
            (
                "16 bits, and a fourth of anything",
                np.stack([*PLANES, GREY]) * np.uint16(257),
                {"bits": 16, "photometric": 2, "extra": 0},
                PIXELS,
            ),
        ]
        for order in ("little endian", "big endian")
    },
    "EXIF of words.jpg": Good(
        lambda: encoded(PLAIN, "JPEG", exif=ORIENTATION_OF_TEXT, **JPEG), within=4
    ),
    "EXIF whole.jpg": Good(lambda: with_broken_exif(lambda raw: raw), within=4),
    "EXIF cut.jpg": Good(lambda: with_broken_exif(lambda raw: cut(raw)), within=4),
    "EXIF of no kind.jpg": Good(
        lambda: with_broken_exif(lambda raw: b"Exif\0\0garbage!"), within=4
    ),
    "EXIF with an offset out of the file.jpg": Good(
        lambda: with_broken_exif(lambda raw: raw[:10] + b"\xff" * 4 + raw[14:]), within=4
    ),
    "EXIF of empty tags.jpg": Good(
        lambda: with_broken_exif(lambda raw: raw[:16] + bytes(len(raw) - 16)), within=4
    ),
    "EXIF of a date that is a fraction.jpg": Good(turned_with_a_broken_date, within=4),
    "EXIF with a million tags.jpg": Good(
        lambda: with_broken_exif(lambda raw: raw[:14] + b"\xff\xff" + raw[16:]), within=4
    ),
    "sRGB.jpg": Good(lambda: profile(srgb()), within=4),
    "a profile of garbage.jpg": Good(lambda: profile(b"garbage" * 50), within=4),
    "a profile cut.jpg": Good(lambda: profile(cut(srgb())), within=4),
    "a profile of garbage.png": Good(lambda: encoded(PLAIN, "PNG", icc_profile=b"garbage" * 50)),
    "bomb of text.png": Good(lambda: png(8, 2, PIXELS, chunk(b"zTXt", TEXT))),
    "bomb of colours.png": Good(lambda: png(8, 2, PIXELS, chunk(b"iCCP", COLOURS))),
    "bomb of XMP.png": Good(
        lambda: png(8, 2, PIXELS, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + TEXT[9:]))
    ),
    "8 bits in 16, colour, and a bomb of text.png": Good(
        lambda: png(16, 2, PIXELS.astype(">u2"), chunk(b"zTXt", TEXT))
    ),
    "70 long texts.png": Good(
        lambda: png(8, 2, PIXELS, *(chunk(b"tEXt", b"%d\0" % n + bytes(2**20)) for n in range(70)))
    ),
    # --- and those that cannot be read
    **{
        f"empty.{kind}": Bad(lambda: b"", "an empty file")
        for kind in ("jpg", "png", "webp", "gif", "bmp", "tif")
    },
    **{
        f"{name}.{kind.lower()}": Bad(lambda kind=kind, share=share: cut(large(kind), share))
        for name, share in {"header only": 0.004, "cut": 0.5, "nearly whole": 0.95}.items()
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
    },
    "cut near its end.jpg": Bad(lambda: large("JPEG")[:-100], "its end is missing"),
    "cut, lzw.tiff": Bad(lambda: cut(large("TIFF", compression="tiff_lzw"))),
    "cut, progressive.jpg": Bad(lambda: cut(large("JPEG", progressive=True))),
    **{
        f"{name}.jpg": Bad(
            lambda at=at, byte=byte: with_byte_of_frame(at, byte), "a JPEG that is damaged, or of"
        )
        for name, at, byte in [("12 bits", 4, 12), ("JPEG-LS", 1, 0xF7)]
    },
    "header of zeros.png": Bad(
        lambda: encoded(PLAIN, "PNG")[:8] + bytes(99), "a PNG that is damaged"
    ),
    "header cut.gif": Bad(lambda: encoded(palette(), "GIF")[:9], "a GIF that is damaged"),
    "text.jpg": Bad(lambda: b"no image at all", "none of the formats"),
    "web page.png": Bad(lambda: b"<html><body>404</body></html>", "none of the formats"),
    "zeros.jpg": Bad(lambda: bytes(4096), "none of the formats"),
    "zeros inside.png": Bad(lambda: zeroed(large("PNG"))),
    "checksum.png": Bad(lambda: zeroed(large("PNG"), 1)),
    **{
        f"zeros from {share} on.png": Bad(
            lambda share=share: cut(smooth("PNG"), share).ljust(len(smooth("PNG")), b"\0"),
            "not those of its checksum",
        )
        for share in (0.3, 0.5, 0.7, 0.9)
    },
    "zeros from the middle on, and cut.png": Bad(
        lambda: cut(smooth("PNG")) + bytes(len(smooth("PNG")) // 3), "not those of its checksum"
    ),
    "zeros in the frame that is shown.png": Bad(
        lambda: zeros_inside(smooth("PNG", save_all=True, append_images=[PLAIN])),
        "not those of its checksum",
    ),
    "zeros inside, deflated.tiff": Bad(
        lambda: zeros_inside(large("TIFF", compression="tiff_deflate")),
        "not those of its checksum",
    ),
    "a deflated tile with another sum.tiff": Bad(
        lambda: tiled_tiff(lambda tile: zlib.compress(tile)[:-1] + b"\0"),
        "not those of its checksum",
    ),
    "git lfs pointer.jpg": Bad(
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "none of the formats",
    ),
    "postscript.jpg": Bad(
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "none of the formats",
    ),
    "icon.png": Bad(lambda: encoded(PLAIN, "ICO"), "none of the formats"),
    "vectors.jpg": Bad(lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "none of the formats"),
    "no pixels.png": Bad(lambda: png(8, 2, PIXELS, size=(0, 0))),
    "no pixels.gif": Bad(lambda: huge_gif()[:6] + bytes(4) + huge_gif()[10:20]),
    "no tiles.tif": Bad(lambda: b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
    "a loop of directories.tif": Bad(lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0"),
    "12 bits in 16.tiff": Bad(
        lambda: tiff(GREY.astype("<u2") * 16, 16), "grey up to 3520, and no word of what is white"
    ),
    "12 bits in 16.png": Bad(
        lambda: png(16, 0, (GREY.astype(np.uint16) * 16).astype(">u2")), "grey up to 3520"
    ),
    "12 bits in 16, colour.png": Bad(
        lambda: png(16, 2, (PIXELS.astype(np.uint16) * 16).astype(">u2")),
        "16-bit colour with no sample over 4095",
    ),
    "floats to 1020.tiff": Bad(lambda: tiff(FLOATS * 1020, 32, kind=3), "grey up to 880"),
    "floats to 5.tiff": Bad(lambda: tiff(FLOATS * 5, 32, kind=3), "grey up to 4.31373"),
    "floats to 1020, declared to infinity.tiff": Bad(
        lambda: tiff(FLOATS * 1020, 32, kind=3, largest=np.inf), "grey up to 880"
    ),
    "floats below 0.tiff": Bad(lambda: tiff(FLOATS - 0.5, 32, kind=3), "what is black"),
    "32 bits of which most are used.tiff": Bad(
        lambda: tiff(GREY.astype("<u4") * 2**22, 32), "what is white"
    ),
    **{
        f"grey {name} alpha, a plane for each.tiff": Bad(
            lambda extra=extra: tiff(np.stack([GREY, GREY]), 8, planes_tag=2, extra=extra),
            "grey and alpha",
        )
        for name, extra in [("and", 2), ("times its", 1)]
    },
    "colours times their alpha, a plane for each.tiff": Bad(
        lambda: tiff(np.stack([*PLANES, GREY]), 8, photometric=2, planes_tag=2, extra=1),
        "colours times their alpha, in a plane each",
    ),
    "8 bits in 16, colour, a compressed plane for each.tiff": Bad(
        lambda: tiff(PLANES.astype("u2"), 16, photometric=2, planes_tag=2, compressed=True),
        "no sample over 255, a plane each",
    ),
    "8 bits, below 0.tiff": Bad(
        lambda: tiff((GREY // 2).astype("i1") - 50, 8, kind=2), "what is black"
    ),
    "floats of colour.tiff": Bad(
        lambda: tiff(np.stack([FLOATS] * 3), 32, photometric=2, kind=3), "a TIFF that is damaged, "
    ),
    "floats of 64 bits.tiff": Bad(
        lambda: tiff(FLOATS.astype("f8"), 64, kind=3), "samples or a layout that are not opened"
    ),
    "large and big endian.tiff": Bad(lambda: b"MM\0+\0\x08\0\0" + bytes(99), "a TIFF that is"),
    "bomb.png": Bad(lambda: encoded(Image.new("1", MANY), "PNG"), "exceeds limit"),
    "bomb.tiff": Bad(
        lambda: encoded(Image.new("1", MANY), "TIFF", compression="group4"), "exceeds limit"
    ),
    "bomb, header only.png": Bad(
        lambda: png(8, 2, PIXELS, size=(2**31 - 1, 2**31 - 1)), "exceeds limit"
    ),
    "bomb.gif": Bad(huge_gif, "exceeds limit"),
}


def tiff(
    samples: np.ndarray,
    bits: int,
    photometric: int = 1,
    kind: int = 1,
    largest: int | None = None,
    order: str = "little endian",
    planes_tag: int = 1,
    extra: int | None = None,
    compressed: bool = False,
    colours: np.ndarray | None = None,
) -> bytes:
    """Return a TIFF of grey, a palette or planes, by hand: Pillow writes none of those wanted."""
    mark, end = {"little endian": (b"II*\0", "<"), "big endian": (b"MM\0*", ">")}[order]
    planes = samples.reshape(-1, *samples.shape[-2:])
    strips = [
        twelve_bits(plane) if bits == 12 else plane.astype(plane.dtype.newbyteorder(end)).tobytes()
        for plane in planes
    ]
    strips = [zlib.compress(strip, 0) for strip in strips] if compressed else strips
    (count, height, width), size = planes.shape, len(strips[0])
    white = [largest] if kind == 1 else [int(np.float32(largest or 0).view("u4"))]
    tags = {
        **{
            256: [width],
            257: [height],
            258: [bits] * count,
            259: [8 if compressed else 1],
            262: [photometric],
        },
        **{273: [8 + size * n for n in range(count)], 277: [count], 278: [height]},
        **{279: [size] * count, 284: [planes_tag], 339: [kind] * count},
        **({} if colours is None else {320: colours.ravel().tolist()}),
        **({} if extra is None else {338: [extra]}),
        **({281 if kind == 1 else 341: white} if largest else {}),
    }
    at, lists, entries = 8 + size * count, b"", b""
    for tag, values in sorted(tags.items()):
        letter, number = {273: ("I", 4), 279: ("I", 4), 341: ("I", 11)}.get(tag, ("H", 3))
        packed = struct.pack(f"{end}{len(values)}{letter}", *values)
        if len(packed) > 4:
            packed, lists = struct.pack(end + "I", at + len(lists)), lists + packed
        entries += struct.pack(end + "HHI", tag, number, len(values)) + packed.ljust(4, b"\0")
    directory = struct.pack(end + "H", len(tags)) + entries + bytes(4)
    return mark + struct.pack(end + "I", at + len(lists)) + b"".join(strips) + lists + directory


def twelve_bits(samples: np.ndarray) -> bytes:
    """Return rows of an even number of samples, two in three bytes."""
    first, second = samples[:, ::2].astype(int), samples[:, 1::2].astype(int)
    parts = [first >> 4, (first & 15) << 4 | second >> 8, second & 255]
    return np.stack(parts, axis=2).astype(np.uint8).tobytes()


def bmp_with_alpha(alpha: int) -> bytes:
    """Return a BMP of 32 bits whose header names the fourth byte as alpha."""
    rows = np.dstack([PIXELS[::-1, :, ::-1], np.full_like(GREY, alpha)]).tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    sizes = struct.pack("<IiiHHIIiiII", 108, *UPRIGHT, 1, 32, 3, len(rows), 2835, 2835, 0, 0)
    start = 14 + len(sizes) + len(masks)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + sizes + masks + rows


def zeroed(raw: bytes, count: int = 600) -> bytes:
    half = len(raw) // 2
    return (
        raw[:half] + bytes(byte ^ 0x55 for byte in raw[half : half + count]) + raw[half + count :]
    )


def tiled_tiff(deflate: Callable[[bytes], bytes] | None = None) -> bytes:
    """Return a TIFF of one tile of 32 x 16 pixels, which the image fills in part."""
    pixels = np.zeros((16, 32, 3), dtype=np.uint8)
    pixels[:12, :20] = PIXELS
    tile = deflate(pixels.tobytes()) if deflate else pixels.tobytes()
    tags = [
        *((256, 3, 1, 20), (257, 3, 1, 12), (258, 3, 3, 158), (262, 3, 1, 2)),
        (259, 3, 1, 8 if deflate else 1),
        *((277, 3, 1, 3), (322, 3, 1, 32), (323, 3, 1, 16), (324, 4, 1, 164)),
        *((325, 4, 1, len(tile)), (284, 3, 1, 1), (339, 3, 1, 1)),
    ]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    head = b"II*\0" + struct.pack("<I", 8) + directory
    assert len(head) == 158, len(head)
    return head + struct.pack("<HHH", 8, 8, 8) + tile


def write_folders(root):
    """Write folders of a few small images of each split; return where they lie."""
    for number in range(5):
        write_image(root / f"training/sub {number % 2}/picture {number}.png", number)
        write_image(root / f"references/ré{number}.jpg", 100 + number)
        write_image(root / f"others/-o{number}.jpg", 200 + number)
    return root

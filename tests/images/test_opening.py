"""Any image file becomes upright RGB, or a one-line error."""

import io
import itertools
import multiprocessing
import os
import re
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo
from PIL.PngImagePlugin import iTXt as PngText
from wild import CASES, chunk

from iscqk.errors import UserError
from iscqk.images import frames, jpeg_ends, opening, transparency
from iscqk.images.opening import (
    BadImage,
    _loaded,
    declared_size,
    is_image,
    is_one_of_several,
    measure_image,
    open_at_sizes,
    open_image,
)
from iscqk.runtime.quiet import without_warnings

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA"])
def test_modes_become_rgb(mode):
    opened = open_image(encoded(Image.fromarray(PIXELS).convert(mode), "PNG"))
    assert opened.mode == "RGB" and opened.size == (20, 12)


def test_grey_of_pillow_that_is_times_its_alpha_is_laid_on_white():
    clear = Image.fromarray(np.array([[[100, 255], [100, 0]]], np.uint8), "LA")
    given = np.asarray(open_image(clear.convert("La")))
    np.testing.assert_array_equal(given, [[[100] * 3, [255] * 3]])


def test_cmyk_becomes_rgb():
    assert open_image(encoded(Image.fromarray(PIXELS).convert("CMYK"), "JPEG")).mode == "RGB"


def test_sixteen_bits_are_scaled_and_not_clipped():
    deep = Image.fromarray((np.arange(256, dtype=np.uint16) * 257).reshape(16, 16))
    opened = np.asarray(open_image(encoded(deep, "PNG")))[..., 0]
    assert (opened.ravel() == np.arange(256)).all()


def test_transparent_parts_are_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert np.asarray(open_image(encoded(clear, "PNG"))).min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = Image.fromarray(np.repeat(np.repeat(PIXELS[:3, :5], 8, 0), 8, 1))
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    opened = open_image(encoded(stored, "PNG", exif=exif_of(orientation)))
    assert np.array_equal(np.asarray(opened), np.asarray(upright))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", [0, 9, 99, 65535])
def test_an_orientation_that_is_none_swaps_no_sides(orientation, kind, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(encoded(Image.fromarray(PIXELS), kind, exif=exif_of(orientation)))
    assert declared_size(path) == open_image(path).size


TURNED = {
    "XML:com.adobe.xmp": '<x tiff:Orientation="6"/>',
    "Raw profile type exif": "\nexif\n\n" + exif_of(6).tobytes().hex(),
}


@pytest.mark.parametrize("name", TURNED)
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("is_late", [False, True])
def test_of_the_texts_of_a_png_those_are_read_that_say_how_it_is_turned(name, is_packed, is_late):
    texts, content = PngInfo(), encoded(Image.fromarray(PIXELS), "PNG")
    texts.add_itxt("workflow", "x" * 1_200_000, zip=True)
    texts.add_text(name, PngText(TURNED[name]) if "XML" in name else TURNED[name], zip=is_packed)
    texts.add_text("transparency", "x" * 1_200_000, zip=True)
    place = -12 if is_late else 33  # the end's chunk, and the header with its mark
    added = b"".join(chunk(kind, text) for kind, text, _ in texts.chunks)
    content = content[:place] + added + content[place:]
    np.testing.assert_array_equal(open_image(content), np.rot90(PIXELS, -1))


def test_a_large_jpeg_is_decoded_small_when_that_is_enough():
    large = Image.fromarray(PIXELS).resize((800, 480))
    small = open_image(encoded(large, "JPEG"), enough=64)
    assert 64 <= min(small.size) < 480 and abs(small.width / small.height - 800 / 480) < 0.05


JPEGS = [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100, "optimize": True}]


@pytest.mark.parametrize("options", JPEGS, ids=str)
def test_a_jpeg_without_its_end_is_what_the_whole_one_is_and_one_that_was_cut_is_none(options):
    whole = encoded(Image.fromarray(PIXELS).resize((400, 240)), "JPEG", **options)
    sizes = [None, 200, 100, 16]
    assert open_at_sizes(whole[:-2], sizes) == open_at_sizes(whole, sizes)
    marks = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7\xda]", whole)][1:][-3:]
    for end in (*marks, *(len(whole) - count for count in (6, 20, 100, len(whole) // 2))):
        for enough in (None, 16):
            with pytest.raises(UserError, match=r"cannot read this image \(its end is missing\)"):
                open_image(whole[:end], enough)


def test_whether_a_jpeg_lacks_only_its_end_is_found_out_once(monkeypatch):
    whole, decoded = encoded(Image.fromarray(PIXELS).resize((403, 243)), "JPEG"), []
    once = jpeg_ends._decoded
    monkeypatch.setattr(jpeg_ends, "_decoded", lambda *given: decoded.append(1) or once(*given))
    for _ in range(3):
        open_image(whole[:-2])
        with pytest.raises(UserError, match="its end is missing"):
            open_image(whole[:-100])
    assert len(decoded) <= 9 + 9  # 7 to find it out, and 2 more


def test_of_a_jpeg_that_was_cut_beyond_its_edge_pixels_are_missing():
    """Of the last row of blocks only some lines are shown: what is cut may be none of these."""
    noise = np.random.default_rng(2).integers(0, 255, (131, 203, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), "JPEG", quality=100, optimize=True)
    for end in range(800, 3000, 20):
        with pytest.raises(UserError, match="its end is missing"):
            open_image(whole[:-end])


@pytest.mark.parametrize(("kind", "times"), [("PNG", 1), ("WEBP", 1), ("TIFF", 1), ("JPEG", 3)])
def test_only_a_jpeg_is_decoded_for_each_of_several_sizes(kind, times, monkeypatch):
    content = encoded(Image.fromarray(PIXELS).resize((800, 480)), kind)
    sizes = [None, 100, 32]
    alone = [open_image(content, size) for size in sizes]
    decoded = []
    monkeypatch.setattr(opening, "_loaded", lambda *given: decoded.append(1) or _loaded(*given))
    assert open_at_sizes(content, sizes) == alone and len(decoded) == times


@pytest.mark.parametrize("of_pillow", [Image.MAX_IMAGE_PIXELS, None])
def test_a_bomb_is_refused(tmp_path, monkeypatch, of_pillow):
    """Also where another library has taken Pillow's limit away; of either ours is named."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", of_pillow)
    bomb = encoded(Image.new("1", (20_000, 20_000)), "PNG")
    what = r"cannot read this image .*exceeds limit of 89478485 pixels. Only a JPEG may have more"
    with pytest.raises(UserError, match=what):
        open_image(bomb)
    monkeypatch.undo()
    (tmp_path / "bomb").write_bytes(bomb)
    assert not is_image(tmp_path / "bomb")


def test_threads_that_open_images_leave_warnings_as_they_were(monkeypatch):
    """The first to begin is the first to end."""
    content, before = encoded(Image.fromarray(PIXELS), "PNG"), [*warnings.filters]
    begun, both, ended = (threading.Event() for _ in range(3))

    def loaded(*given):
        if begun.is_set():
            both.set()
            ended.wait(60)
        begun.set()
        both.wait(60)
        return _loaded(*given)

    monkeypatch.setattr(opening, "_loaded", loaded)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(open_image, content)
        begun.wait(60)
        second = pool.submit(open_image, content)
        first.result(60)
        ended.set()
        assert second.result(60).size == (20, 12)
    assert warnings.filters == before


def test_a_process_that_is_forked_while_an_image_is_opened_warns():
    before = [*warnings.filters]
    with without_warnings():
        assert warnings.filters != before
        process = multiprocessing.get_context("fork").Process(
            target=lambda: os._exit(warnings.filters != before)
        )
        process.start()
        process.join(60)
    assert process.exitcode == 0 and warnings.filters == before


@pytest.fixture(scope="module")
def phone_photograph(tmp_path_factory):
    """Return a JPEG of 100 megapixels, stored turned."""
    path = tmp_path_factory.mktemp("large") / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS[:3, :5]).resize((12_500, 8_000), 0).save(path, exif=exif, quality=75)
    return path


def test_a_photograph_of_a_telephone_is_opened_at_a_fraction(phone_photograph):
    for enough in (None, 224):
        opened = open_image(phone_photograph, enough)
        assert opened.width * opened.height < 89_478_485 and opened.height > opened.width
        assert min(opened.size) >= (enough or 4_000)
        seen = np.asarray(opened.resize((3, 5), 0)).astype(int)
        assert np.abs(seen - np.rot90(PIXELS[:3, :5], -1)).max() < 60
    assert open_image(phone_photograph.read_bytes(), 224).mode == "RGB"
    assert measure_image(phone_photograph) == (8_000, 12_500)


def test_a_jpeg_beyond_every_camera_is_refused(phone_photograph, monkeypatch):
    monkeypatch.setattr("iscqk.images.opening.MOST_OF_A_JPEG", 99_000_000)
    with pytest.raises(UserError, match=r"photo.jpg: cannot read .* exceeds limit of 99000000"):
        open_image(phone_photograph)


def test_an_image_that_was_opened_elsewhere_is_read_as_its_file(tmp_path):
    for name in ("16-bit, white is 0.tiff", "alpha of nothing.bmp"):
        (tmp_path / name).write_bytes(CASES[name].content())
        with Image.open(tmp_path / name) as image:
            given = np.asarray(open_image(image))
        assert np.array_equal(given, np.asarray(open_image(tmp_path / name)))


def test_an_image_whose_file_was_closed_is_told(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pass
    with pytest.raises(UserError, match=r"image in memory: .* its file was closed before"):
        open_image(image)


@pytest.mark.parametrize("size", [(0, 7), (7, 0), (0, 0)])
def test_an_image_without_pixels_is_told(size):
    for image in (Image.new("RGB", size), Image.new("RGB", (9, 9)).crop((3, 3, 3, 9))):
        with pytest.raises(UserError, match=r"image in memory: cannot read .* \(has no pixels\)"):
            open_image(image)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.jpg: no such image"):
        open_image(tmp_path / "none.jpg")


def test_an_image_that_may_not_be_read_is_to_be_made_readable(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path)

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(opening, "open_file", refuse)
    told = r"a.png: cannot read this image \(Permission denied\); make it readable"
    with pytest.raises(BadImage, match=told):
        open_image(path)


def picture(side=32, turns=0):
    """Return an image of many colours, of one shape at any size."""
    return Image.fromarray(np.rot90(PIXELS[:8, :8], turns)).resize((side, side))


def film(kind, *frames, **options):
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)


BLANK = Image.new("RGB", (32, 32))
WHITE = Image.new("RGB", (80, 80), "white")
FILMS = {"GIF": {}, "WEBP": {"lossless": True}, "PNG": {}, "TIFF": {}, "AVIF": {"quality": 100}}


@pytest.mark.parametrize(("kind", "options"), FILMS.items())
def test_of_frames_the_first_is_taken_that_shows_something(kind, options, tmp_path):
    faint = Image.blend(BLANK, picture(), 0.05)
    content = film(kind, BLANK, faint, picture(), picture(turns=1), **options)
    seen = np.asarray(open_image(content)).astype(int)
    assert np.abs(seen - np.asarray(picture())).mean() < 20  # and not that after it
    blank = np.asarray(open_image(film(kind, BLANK, faint, **options)))
    assert blank.max() < 3  # where none does, the first
    (tmp_path / "film").write_bytes(content)
    assert is_one_of_several(tmp_path / "film")
    (tmp_path / "film").write_bytes(encoded(picture(), kind))
    assert not is_one_of_several(tmp_path / "film")


def test_of_one_frame_nothing_more_is_decoded(monkeypatch):
    monkeypatch.setattr(frames, "decode", lambda *_: pytest.fail("decoded once more"))
    for kind in (*FILMS, "JPEG", "MPO"):
        others = {"save_all": True, "append_images": [picture(9)]} if kind == "MPO" else {}
        assert open_image(encoded(picture(), kind, **others)).size == (32, 32)


@pytest.mark.parametrize(("kind", "options"), FILMS.items())
def test_the_frame_that_is_taken_is_decoded_once_and_none_for_its_sides(
    kind, options, tmp_path, monkeypatch
):
    path = tmp_path / "film"
    path.write_bytes(film(kind, BLANK, picture(), picture(turns=1), **options))
    monkeypatch.setattr(opening, "decode", lambda *_: pytest.fail("decoded once more"))
    assert np.abs(np.asarray(open_image(path)).astype(int) - picture()).mean() < 20
    monkeypatch.setattr(frames, "decode", lambda *_: pytest.fail("decoded for its sides"))
    assert declared_size(path) == (32, 32)


def pages(*images):
    """Return a TIFF of images, each with the tags beside it."""
    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer, True) as tiff:
        for image, tags in images:
            image.save(tiff, "TIFF", tiffinfo=tags)
            tiff.newFrame()
    return buffer.getvalue()


REDUCED, MASK, OLD_REDUCED = {254: 1}, {254: 4}, {255: 2}


@pytest.mark.parametrize(
    ("shown", "pictures", "listed"),
    [
        (0, 2, [(picture(), {}), (picture(80, turns=1), {})]),
        (1, 1, [(picture(8, turns=1), REDUCED), (picture(), {})]),
        (2, 1, [(picture(8, turns=1), OLD_REDUCED), (picture(turns=2), MASK), (picture(), {})]),
        (0, 0, [(picture(8, turns=1), REDUCED), (picture(), REDUCED)]),
        (1, 1, [(picture(40), {}), (picture(160), {}), (picture(80), {})]),  # not marked
        (0, 1, [(picture(160), {}), (picture(40), {})]),
        (0, 2, [(picture(160), {}), (picture(40), {}), (picture(40, turns=1), {})]),
        (0, 2, [(picture(160), {}), (picture(160), {})]),
        (1, 3, [(WHITE, {}), (picture(), {}), (picture(turns=1), {})]),
    ],
)
def test_of_pages_one_is_taken_that_is_no_thumbnail(shown, pictures, listed, tmp_path):
    path = tmp_path / "pages.tif"
    path.write_bytes(pages(*listed))
    seen = open_image(path)
    np.testing.assert_array_equal(seen, listed[shown][0])
    assert seen.size == declared_size(path) == measure_image(path)
    assert is_one_of_several(path) is (pictures > 1)


def test_pages_that_are_damaged_or_too_large_do_no_harm(monkeypatch):
    whole = film("TIFF", BLANK, picture(16), picture(64))
    monkeypatch.setattr(opening, "MOST_PIXELS", 2000)
    np.testing.assert_array_equal(open_image(whole), picture(16))
    for kind in ("TIFF", "GIF"):
        cut = film(kind, BLANK, picture())[:-200]
        assert np.asarray(open_image(cut)).max() == 0


def icon(glyph, frame):
    """A white glyph on clear ground, in a frame or not."""
    image = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    if frame:
        draw.rectangle((0, 0, 127, 127), outline=frame, width=6)
    if glyph == "star":
        draw.polygon([(64, 10), (80, 110), (10, 50), (118, 50), (48, 110)], fill="white")
    if glyph == "circle":
        draw.ellipse((30, 30, 98, 98), fill="white")
    return image


@pytest.mark.parametrize("mode", ["RGBA", "P"])
@pytest.mark.parametrize("frame", [None, "black", "red", (90, 90, 90), "white"])
def test_what_is_white_on_clear_ground_is_seen_whatever_is_around_it(frame, mode):
    """Buttons and badges: on white, those of one frame were one picture."""
    shown = [
        np.asarray(open_image(encoded(icon(glyph, frame).convert(mode), "PNG"))).astype(int)
        for glyph in ("star", "circle", "")
    ]
    for one, other in itertools.combinations(shown if frame else shown[:2], 2):
        assert (np.abs(one - other).max(2) >= 64).mean() > 0.05
    if frame:  # which is seen, too
        assert np.ptp(shown[2].reshape(-1, 3), axis=0).max() >= 64


def test_what_is_bright_and_hangs_together_with_the_rest_is_laid_on_white():
    """As others lay it: a drawing with a highlight at its rim, a photograph with clear corners."""
    drawing = icon("", "black")
    ImageDraw.Draw(drawing).ellipse((20, 20, 110, 110), fill=(20, 60, 200))
    ImageDraw.Draw(drawing).ellipse((60, 18, 66, 24), fill="white")
    photograph = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    photograph.paste((100, 100, 100, 255), (10, 10, 290, 190))
    photograph.paste((250, 250, 250, 255), (10, 10, 290, 70))  # its sky
    for image in (drawing, photograph):
        assert open_image(encoded(image, "PNG")).getpixel((9, 64)) == (255, 255, 255)


def test_pieces_hang_together_round_any_corner():
    """Against a search from place to place."""
    random = np.random.default_rng(0)
    drawn = random.random((40, 30)) < 0.6
    some = drawn & (random.random((40, 30)) < 0.02)
    reached, pending = set(), [*zip(*np.nonzero(some), strict=True)]
    while pending:
        if (at := pending.pop()) in reached:
            continue
        reached.add(at)
        y, x = at
        for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if min(near) >= 0 and near[0] < 40 and near[1] < 30 and drawn[near]:
                pending.append(near)
    found = transparency._hanging_together(some, drawn)
    assert {*zip(*np.nonzero(found), strict=True)} == reached
    assert some.sum() < len(reached) < drawn.sum()

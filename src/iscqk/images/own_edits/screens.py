"""Screenshots: the image in a chat, a browser, a gallery, a feed, a player, a search."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from iscqk.images.edit_interface import Edit, Objects, no_objects
from iscqk.images.own_edits.pasting import whole_photo
from iscqk.images.own_edits.screen_page import Box, Page, Window
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

_TALLEST = 170.0  # a telephone's picture, in hundredths of the screen's width
_PHONE = 200.0


def chat(image: Image.Image, reach: float, dark: bool, seed: int) -> Image.Image:
    """A picture sent, among messages."""
    rng = np.random.default_rng(seed)
    sent = rng.random() < 0.5
    width = rng.uniform(60, 78)
    height = min(width * image.height / image.width, 110)
    top = rng.uniform(30, 60)
    picture = Box(96 - width if sent else 4, top, width, height)
    page = _page(image, picture, top + height + rng.uniform(40, 70), reach, dark, rng)
    bottom = page.window.screen[1]
    for y in (*np.arange(18, top - 10, 14), *np.arange(top + height + 4, bottom - 22, 14)):
        _message(page, float(y))
    page.bar(Box(0, 0, 100, 16), page.tone(0.08))
    page.dot(12, 8, 5, page.colour())
    page.line(20, 8, 2, 5)
    page.bar(Box(4, bottom - 14, 80, 10), page.tone(0.1), 5)
    page.dot(92, bottom - 9, 5, (0, 132, 255))
    return page.image


def _message(page: Page, y: float) -> None:
    sent, count = page.rng.random() < 0.5, int(page.rng.integers(2, 6))
    width = 11.0 * count + 6
    left = 96 - width if sent else 4
    page.bar(Box(left, y, width, 11), (0, 120, 220) if sent else page.tone(0.12), 5)
    page.line(left + 4, y + 5.5, count, 4)


def browser(image: Image.Image, reach: float, dark: bool, seed: int) -> Image.Image:
    """A page of news on a computer: tabs, an address, a headline, text and a column beside."""
    rng = np.random.default_rng(seed)
    width, top = rng.uniform(40, 62), rng.uniform(20, 26)
    height = min(width * image.height / image.width, 60)
    picture = Box(8, top, width, height)
    page = _page(image, picture, top + height + rng.uniform(8, 22), reach, dark, rng)
    bottom = page.window.screen[1]
    page.bar(Box(0, 0, 100, 4), page.tone(0.2))
    page.bar(Box(2, 0.8, 18, 3.2), page.tone(0.02), 0.8)
    page.line(4, 2.4, 3, 1.6)
    page.bar(Box(0, 4, 100, 4), page.tone(0.04))
    page.bar(Box(12, 4.7, 70, 2.6), page.tone(0.12), 1.3)
    page.row_of_dots(Box(1, 4, 9, 4), 3, 0.7, page.tone(0.6))
    page.bar(Box(0, 8, 100, 4), page.colour())
    page.line(8, (top + 11) / 2, 7, 3)
    page.lines(8, top + height + 1, bottom, 12, 1.7)
    aside = 12 + width
    for y in np.arange(top, bottom, 16).tolist():
        page.bar(Box(aside, y, 92 - aside, 9), page.colour())
        page.lines(aside, y + 9, y + 14, 5, 1.5)
    return page.image


def gallery(image: Image.Image, reach: float, dark: bool, seed: int) -> Image.Image:
    """A telephone's photo app: the picture alone, buttons, and a strip of small ones."""
    rng = np.random.default_rng(seed)
    height = min(100 * image.height / image.width, _TALLEST)
    top = max(14.0, (_PHONE - height) / 2 - 5)
    page = _page(image, Box(0, top, 100, height), max(_PHONE, top + height + 30), reach, dark, rng)
    bottom = page.window.screen[1]
    page.line(4, 3, 1, 3)
    page.row_of_dots(Box(84, 1, 14, 4), 3, 1.2, page.tone(0.9))
    page.line(35, 10, 3, 4)
    for x in range(0, 100, 9):
        page.bar(Box(x, bottom - 26, 8, 8), page.colour())
    page.row_of_dots(Box(0, bottom - 16, 100, 12), 4, 2.5, (40, 130, 240))
    return page.image


def feed(image: Image.Image, reach: float, dark: bool, seed: int) -> Image.Image:
    """A post in a social network, with its author, its hearts and the next post."""
    rng = np.random.default_rng(seed)
    height = min(100 * image.height / image.width, 125)
    top = rng.uniform(28, 40)
    page = _page(image, Box(0, top, 100, height), top + height + 50, reach, dark, rng)
    below = top + height
    page.bar(Box(0, 0, 100, 12), page.tone(0.05))
    page.line(5, 6, 1, 7)
    page.row_of_dots(Box(70, 0, 28, 12), 2, 2.5, page.tone(0.8))
    page.dot(9, top - 8, 5, page.colour())
    page.line(17, top - 10, 2, 4)
    page.line(17, top - 5, 3, 3, 0.6)
    page.row_of_dots(Box(2, below + 2, 36, 10), 3, 3, page.tone(0.85))
    page.dot(8, below + 7, 3, (235, 60, 80))
    page.line(4, below + 16, 3, 4)
    page.lines(4, below + 18, below + 32, 9, 3.4)
    page.dot(9, below + 42, 5, page.colour())
    page.line(17, below + 42, 2, 4)
    return page.image


def player(image: Image.Image, reach: float, dark: bool, seed: int) -> Image.Image:
    """A video that is paused, its title and comments below."""
    rng = np.random.default_rng(seed)
    height = min(100 * image.height / image.width, 120)
    top = 8.0
    page = _page(image, Box(0, top, 100, height), top + height + 70, reach, dark, rng)
    below, middle = top + height, top + height / 2
    page.bar(Box(0, 0, 100, top), (10, 10, 10))
    page.dot(50, middle, 9, (30, 30, 30))
    x, y, _, _ = page.pixels(Box(50, middle, 1, 1))
    side = 5 * page.scale
    page.draw.polygon([(x - side / 2, y - side), (x - side / 2, y + side), (x + side, y)], "white")
    page.bar(Box(4, below - 6, 92, 1.5), (190, 190, 190))
    page.bar(Box(4, below - 6, rng.uniform(5, 85), 1.5), (230, 30, 30))
    page.line(4, below + 7, 6, 5.5)
    page.line(4, below + 14, 4, 3.5, 0.6)
    page.row_of_dots(Box(0, below + 18, 100, 12), 5, 2.6, page.tone(0.7))
    for at in (36, 50, 64):
        page.dot(8, below + at, 4, page.colour())
        page.lines(15, below + at - 5, below + at + 5, 8, 3.2)
    return page.image


def story(image: Image.Image, reach: float, dark: bool, seed: int) -> Image.Image:
    """Upright over the whole telephone, with what the app writes over the picture."""
    rng = np.random.default_rng(seed)
    height = min(100 * image.height / image.width, 178)
    top = (178 - height) / 2
    page = _page(image, Box(0, top, 100, height), 178, reach, dark, rng)
    count = int(rng.integers(2, 6))
    for number in range(count):
        page.bar(Box(2 + 96 * number / count, top * reach + 3, 92 / count, 1.2), (235, 235, 235))
    page.dot(8, 12, 5, page.colour())
    page.line(16, 12, 2, 4.5)
    page.bar(Box(4, 164, 76, 10), page.tone(0.25), 5)
    page.row_of_dots(Box(82, 164, 16, 10), 2, 3, page.tone(0.8))
    text = rng.uniform(0.2, 0.8) * height + top
    page.bar(Box(18, text - 6, 64, 12), page.colour(), 3)
    page.line(22, text, 4, 6)
    return page.image


def desktop(image: Image.Image, reach: float, dark: bool, seed: int) -> Image.Image:
    """A window that shows the picture, on a computer's desktop."""
    rng = np.random.default_rng(seed)
    width = rng.uniform(45, 62)
    height = min(width * image.height / image.width, 70)
    left, top = rng.uniform(16, 96 - width), rng.uniform(10, 18)
    page = _page(image, Box(left, top, width, height), top + height + 14, reach, dark, rng)
    bottom, wall = page.window.screen[1], page.colour()
    page.image.paste(wall, (0, 0, *page.image.size))
    page.bar(Box(left - 1, top - 8, width + 2, height + 11), page.tone(0.1))
    page.show(image, page.window.picture)
    page.line(left + 1, top - 6, 3, 2)
    page.row_of_dots(Box(left + width - 8, top - 8, 8, 4), 3, 0.9, (230, 90, 80))
    page.row_of_dots(Box(left, top - 4, width, 3), 12, 0.8, page.tone(0.6))
    for y in np.arange(8, bottom - 10, 12).tolist():
        page.bar(Box(4, y, 6, 6), page.colour(), 1)
        page.line(3, y + 8, 1, 1.8)
    page.bar(Box(0, bottom - 5, 100, 5), page.tone(0.15))
    page.row_of_dots(Box(30, bottom - 5, 40, 5), 8, 1.5, page.colour())
    return page.image


def search_results(
    image: Image.Image, photo: Image.Image, reach: float, dark: bool, seed: int
) -> Image.Image:
    """Found by a search for pictures, among others."""
    rng = np.random.default_rng(seed)
    width = 46.0
    height = min(width * image.height / image.width, 70)
    left = float(rng.choice([2, 52]))
    page = _page(image, Box(left, 30, width, height), 30 + height + 60, reach, dark, rng)
    page.bar(Box(4, 4, 92, 10), page.tone(0.1), 5)
    page.line(10, 9, 3, 4.5)
    page.row_of_dots(Box(0, 15, 100, 10), 5, 3, page.tone(0.4))
    page.line(left, 30 + height + 5, 4, 3)
    quarter = photo.crop((0, 0, photo.width // 2 + 1, photo.height // 2 + 1))
    beside, below = 54 - left, 30 + height + 12
    page.show(ImageOps.fit(photo, (80, 60)), Box(beside, 30, width, height * 0.8))
    page.line(beside, 30 + height * 0.8 + 5, 4, 3)
    page.show(ImageOps.mirror(photo), Box(left, below, width, 40))
    page.show(quarter, Box(beside, below - 0.1 * height, width, 44))
    return page.image


def _page(
    image: Image.Image,
    picture: Box,
    height: float,
    reach: float,
    dark: bool,
    rng: np.random.Generator,
) -> Page:
    """Return the page of a screen that is 100 wide and at least so high."""
    window = Window((100.0, max(height, picture.top + picture.height)), picture, reach)
    return Page(window, image, dark, rng)


def _screenshot(app: Callable[..., Image.Image], objects: Objects = no_objects) -> Edit:
    def parameters(draw: ParameterSampler) -> Parameters:
        return {
            "reach": draw.at_strength(0.03, 1.0),
            "dark": draw.either(),
            "seed": draw.seed(),
        }

    return Edit(app, parameters, objects)


EDITS = {
    "screenshot_browser": _screenshot(browser),
    "screenshot_chat": _screenshot(chat),
    "screenshot_desktop": _screenshot(desktop),
    "screenshot_feed": _screenshot(feed),
    "screenshot_gallery": _screenshot(gallery),
    "screenshot_player": _screenshot(player),
    "screenshot_search": _screenshot(search_results, whole_photo),
    "screenshot_story": _screenshot(story),
}

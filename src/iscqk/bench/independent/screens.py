"""Edits by a screen: a picture in some app, and a photograph of a screen."""

import cv2
import numpy as np
from PIL import Image, ImageDraw

from iscqk.bench.independent.draws import Draws, Picture, clipped, covering, filling, font, resized
from iscqk.bench.independent.views import seen_from_aside


def screenshot(picture: Picture, draws: Draws) -> Picture:
    """Show the picture in an app: a feed, a chat, or a page in a browser."""
    return draws.one_of([_feed, _chat, _browser])(picture, draws)


def _feed(picture: Picture, draws: Draws) -> Picture:
    """Draw a telephone's feed: a name above, hearts and words below."""
    dark = draws.chance(0.4)
    image, pen, ink = _screen(180, 320, dark)
    shown = resized(picture, *_within(picture, 180, 200))
    top = draws.whole(40, 64)
    image.paste(Image.fromarray(shown), ((180 - shown.shape[1]) // 2, top))
    _status_bar(pen, 180, ink, draws)
    pen.ellipse((6, 18, 26, 38), draws.colour())
    pen.text((32, 20), f"user_{draws.whole(10, 999)}", ink, font(11))
    below = top + shown.shape[0] + 6
    for number in range(4):
        pen.ellipse((8 + 22 * number, below, 22 + 22 * number, below + 14), outline=ink, width=2)
    for line in range(3):
        pen.text((8, below + 20 + 14 * line), f"{draws.words()}", ink, font(10))
    return np.array(image)


def _chat(picture: Picture, draws: Draws) -> Picture:
    """Draw a chat, the picture in one of its bubbles."""
    dark = draws.chance(0.4)
    image, pen, ink = _screen(200, 320, dark)
    _status_bar(pen, 200, ink, draws)
    bubble = draws.one_of([(220, 248, 198), (90, 130, 240), (120, 120, 130)])
    y = 22
    shown = resized(picture, *_within(picture, 140, 170))
    for number in range(3):
        left = draws.one_of([6, 44])
        if number == 1:
            wide, tall = shown.shape[1], shown.shape[0]
            pen.rounded_rectangle((left, y, left + wide + 8, y + tall + 8), 8, bubble)
            image.paste(Image.fromarray(shown), (left + 4, y + 4))
            y += tall + 16
        else:
            pen.rounded_rectangle((left, y, left + 150, y + 24), 8, bubble)
            pen.text((left + 6, y + 5), draws.words(), (0, 0, 0), font(11))
            y += 32
    return np.array(image)


def _browser(picture: Picture, draws: Draws) -> Picture:
    """Draw a page in a browser's window, with words beside the picture."""
    image, pen, ink = _screen(340, 240, draws.chance(0.3))
    pen.rectangle((0, 0, 340, 22), (205, 205, 210))
    for number, light in enumerate([(255, 95, 86), (255, 189, 46), (39, 201, 63)]):
        pen.ellipse((6 + 14 * number, 7, 15 + 14 * number, 16), light)
    pen.rounded_rectangle((60, 4, 300, 18), 6, (240, 240, 240))
    pen.text((12, 28), draws.words(), ink, font(16))
    shown = resized(picture, *_within(picture, 200, 180))
    left = draws.one_of([10, 130])
    image.paste(Image.fromarray(shown), (left, 52))
    beside = 10 if left == 130 else min(left + shown.shape[1] + 8, 240)
    for line in range(9):
        pen.text((beside, 54 + 18 * line), draws.words()[:17], ink, font(10))
    return np.array(image)


def _screen(
    width: int, height: int, dark: bool
) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int, int]]:
    """Return an empty screen, the pen for it, and the colour of its words."""
    image = Image.new("RGB", (width, height), (18, 18, 20) if dark else (250, 250, 250))
    return image, ImageDraw.Draw(image), (235, 235, 235) if dark else (20, 20, 20)


def _status_bar(
    pen: ImageDraw.ImageDraw, width: int, ink: tuple[int, int, int], draws: Draws
) -> None:
    pen.text((6, 2), f"{draws.whole(0, 23)}:{draws.whole(10, 59)}", ink, font(9))
    pen.rectangle((width - 24, 4, width - 8, 11), outline=ink)


def _within(picture: Picture, width: int, height: int) -> tuple[int, int]:
    return covering(1.0, width, height, picture)


def rephotographed(picture: Picture, draws: Draws) -> Picture:
    """Take a photograph of the picture on a screen: askew, with moire, glare and a cast."""
    shown = _moire(resized(picture, *covering(1.0, 256, 256, picture)), draws)
    height, width = shown.shape[:2]
    around = filling(draws.other(), width, height) // 3
    seen = seen_from_aside(shown, around, draws, draws.between(0.06, 0.16))
    soft = cv2.GaussianBlur(seen, (0, 0), draws.between(0.6, 1.3)).astype(np.float32)
    cast = draws.rng.uniform(0.75, 1.1, 3)
    return clipped(_glare(soft * cast, draws) + draws.noise(shown) * draws.between(3, 9))


def _moire(picture: Picture, draws: Draws) -> Picture:
    """Lay the beats of two rasters over the picture."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float64)
    waves = np.zeros(picture.shape)
    for channel in range(3):
        angle, length = draws.between(0, np.pi), draws.between(4, 14)
        bent = draws.between(-0.004, 0.004) * (x - y.mean()) ** 2 / 10
        along = x * np.cos(angle) + y * np.sin(angle) + bent
        waves[..., channel] = np.sin(2 * np.pi * along / length)
    return clipped(picture * (1 + draws.between(0.12, 0.3) * waves))


def _glare(values: np.ndarray, draws: Draws) -> np.ndarray:
    """Add the light of a lamp, round and bright."""
    height, width = values.shape[:2]
    y, x = np.ogrid[:height, :width]
    far = (x - draws.between(0, width)) ** 2 + (y - draws.between(0, height)) ** 2
    light = np.exp(-far / (draws.between(0.1, 0.3) * max(height, width)) ** 2)
    return values + draws.between(40, 150) * light[..., None]

"""Edits that put something on a picture."""

import cmath
import math

import cv2
import numpy as np
from PIL import Image, ImageDraw

from iscqk.bench.independent.draws import Draws, Picture, clipped, covering, filling, font, resized


def text(picture: Picture, draws: Draws) -> Picture:
    """Write one to three lines on the picture."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for _ in range(draws.whole(1, 3)):
        words = draws.words()
        size = draws.between(0.07, 0.16) * image.height
        place = draws.between(0, 0.5) * image.width, draws.between(0, 0.88) * image.height
        fill = draws.one_of([(255, 255, 255), (0, 0, 0), draws.colour()])
        edge = (0, 0, 0) if sum(fill) > 380 else (255, 255, 255)
        pen.text(place, words, fill, font(size), stroke_width=draws.whole(0, 2), stroke_fill=edge)
    return np.array(image)


def captions(picture: Picture, draws: Draws) -> Picture:
    """Make a meme of it: bars with words above, below, or both."""
    width = picture.shape[1]
    shade = draws.one_of([0, 255])
    above, below = draws.one_of([(True, False), (False, True), (True, True)])
    height = round(draws.between(0.2, 0.4) * picture.shape[0])

    def bar() -> Picture:
        image = Image.new("RGB", (width, height), (shade,) * 3)
        words, place = f"{draws.words()}\n{draws.words()}", (0.05 * width, 0.12 * height)
        ImageDraw.Draw(image).multiline_text(place, words, (255 - shade,) * 3, font(height / 3.2))
        return np.array(image)

    return np.vstack([*([bar()] if above else []), picture, *([bar()] if below else [])])


def overlay(picture: Picture, draws: Draws) -> Picture:
    """Put a logo, a small photograph or a half-clear patch on the picture."""
    canvas = picture.copy()
    height, width = canvas.shape[:2]
    laid = draws.other() if draws.chance(0.5) else _logo(draws, 96)
    laid = resized(laid, *covering(draws.between(0.04, 0.15), width, height, laid))
    tall, wide = laid.shape[:2]
    left, top = draws.whole(0, width - wide), draws.whole(0, height - tall)
    share, under = draws.one_of([1.0, 1.0, 0.6]), canvas[top : top + tall, left : left + wide]
    canvas[top : top + tall, left : left + wide] = clipped(share * laid + (1 - share) * under)
    return canvas


def _logo(draws: Draws, side: int) -> Picture:
    image = Image.new("RGB", (side, side), draws.colour())
    pen = ImageDraw.Draw(image)
    pen.ellipse((0.1 * side, 0.1 * side, 0.9 * side, 0.9 * side), draws.colour())
    pen.text((0.2 * side, 0.3 * side), draws.words()[:3].upper(), draws.colour(), font(side / 3))
    return np.array(image)


def watermark(picture: Picture, draws: Draws) -> Picture:
    """Repeat half-clear words all over the picture, as agencies do."""
    image = Image.fromarray(picture).convert("RGBA")
    words, size = draws.words(), max(draws.between(0.06, 0.11) * image.height, 2)
    layer = Image.new("RGBA", (2 * max(image.size),) * 2)
    pen, face = ImageDraw.Draw(layer), font(size)
    fill = (*draws.one_of([(255, 255, 255), (0, 0, 0)]), draws.whole(70, 150))
    angle = draws.between(15, 45)
    reach = math.hypot(*face.getbbox(words)[2:]) + 2
    for y in range(0, layer.height, round(3 * size)):
        for x in range(0, layer.width, round(0.7 * size * len(words)) + 20):
            # Of a strip most words would lie beside it, at the cost of a square.
            if _meets(image, x - layer.width / 2, y - layer.height / 2, angle, reach):
                pen.text((x, y), words, fill, face)
    turned = layer.rotate(angle)
    left, top = (turned.width - image.width) // 2, (turned.height - image.height) // 2
    image.alpha_composite(turned, (0, 0), (left, top, left + image.width, top + image.height))
    return np.array(image.convert("RGB"))


def _meets(image: Image.Image, x: float, y: float, angle: float, reach: float) -> bool:
    """Return whether a picture may show what reaches as far as this from a place.

    The place is relative to its middle, before it is turned about that, by an angle in degrees.
    """
    turned = complex(x, y) * cmath.exp(-1j * math.radians(angle))
    right, below = image.width / 2 + reach, image.height / 2 + reach
    return abs(turned.real) <= right and abs(turned.imag) <= below


def stickers(picture: Picture, draws: Draws) -> Picture:
    """Cover much of the picture with faces, stars and blocks."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for _ in range(draws.whole(4, 9)):
        radius = draws.between(0.08, 0.2) * min(image.size)
        x, y = draws.between(0, image.width), draws.between(0, image.height)
        draws.one_of([_face, _star, _block])(pen, x, y, radius, draws)
    return np.array(image)


def _face(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, draws: Draws) -> None:
    pen.ellipse((x - r, y - r, x + r, y + r), (255, 210, 60), (60, 40, 0))
    for side in (-0.4, 0.4):
        pen.ellipse((x + side * r - r / 8, y - r / 2, x + side * r + r / 8, y - r / 6), (60, 40, 0))
    pen.arc((x - r / 2, y - r / 4, x + r / 2, y + r / 2), 10, 170, (60, 40, 0), 2)


def _star(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, draws: Draws) -> None:
    turns = np.arange(10) * np.pi / 5 + draws.between(0, 1)
    far = np.where(np.arange(10) % 2, 0.45 * r, 1.2 * r)
    corners = np.stack([x + far * np.cos(turns), y + far * np.sin(turns)], axis=1)
    pen.polygon([*map(tuple, corners.tolist())], draws.colour())


def _block(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, draws: Draws) -> None:
    pen.rounded_rectangle((x - r, y - 0.7 * r, x + r, y + 0.7 * r), r / 3, draws.colour())
    pen.text((x - 0.8 * r, y - r / 3), draws.words()[:6], draws.colour(), font(r / 2))


def blend(picture: Picture, draws: Draws) -> Picture:
    """Let another photograph shine through, evenly or more to one side."""
    height, width = picture.shape[:2]
    other = filling(draws.other(), width, height)
    share = np.full((height, width, 1), draws.between(0.4, 0.6))
    if draws.chance(0.4):
        slope = np.linspace(0.15, 0.85, width)[None, :, None]
        share = np.broadcast_to(slope if draws.chance(0.5) else slope[:, ::-1], (height, width, 1))
    return clipped(share * picture + (1 - share) * other)


def scribbles(picture: Picture, draws: Draws) -> Picture:
    """Draw over the picture with a broad pen."""
    canvas = picture.copy()
    height, width = canvas.shape[:2]
    for _ in range(draws.whole(4, 10)):
        steps = draws.rng.normal(0, 0.2, (6, 2)) * (width, height)
        path = draws.rng.uniform(0, 1, 2) * (width, height) + np.cumsum(steps, axis=0)
        broad = draws.whole(max(width // 50, 2), max(width // 18, 3))
        cv2.polylines(
            canvas, [np.rint(path).astype(np.int32)], False, draws.colour(), broad, cv2.LINE_AA
        )
    return canvas

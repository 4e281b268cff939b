"""Drawn pictures of kinds that are all much alike: pages, tables, screens, charts, maps, icons.

Photographs do not tell how like each other two pages of text are that copy nothing. Who looks up a
page among photographs and one or two other pages has nothing to compare it with; these pictures are
there for that. None is anybody's: words, places and colours are random.
"""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from iscqk.images.parameter_sampler import Colour

_SYLLABLES = "ba co de fi ga hu in jo ka le mi no or pa qu re sa ti ur ve wo xi ya zo".split()
_WHITE = 255, 255, 255


@cache  # Pillow reads it anew each time
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


class _Canvas:
    """An empty picture, its colours, and what is drawn in them at random."""

    def __init__(self, rng: np.random.Generator, width: int, height: int, ground: Colour) -> None:
        self.rng, self.width, self.height, self.ground = rng, width, height, ground
        self.image = Image.new("RGB", (width, height), ground)
        self.draw = ImageDraw.Draw(self.image)
        self.ink = self.shade(rng.uniform(0.75, 1))

    def shade(self, share: float) -> Colour:
        """Return a grey between the ground, at 0, and what is farthest from it, at 1."""
        ground = sum(self.ground) / 3
        grey = round(ground + share * ((0 if ground > 127 else 255) - ground))
        return grey, grey, grey

    def colour(self) -> Colour:
        red, green, blue = self.rng.integers(0, 256, 3).tolist()
        return red, green, blue

    def words(self, count: int) -> str:
        lengths = self.rng.integers(1, 5, count).tolist()
        syllables = iter(self.rng.choice(_SYLLABLES, sum(lengths)).tolist())
        return " ".join("".join(islice(syllables, length)) for length in lengths)

    def text(
        self, x: float, y: float, size: float, width: float, ink: Colour | None = None
    ) -> None:
        """Write a line of words of this size that takes up to this width."""
        letters = max(1, int(width / (0.52 * size)))
        line = self.words(1 + letters // 3)[:letters]
        self.draw.text((x, y), line, font=_font(max(6, round(size))), fill=ink or self.ink)

    def box(self, x: float, y: float, width: float, height: float, fill: Colour) -> None:
        self.draw.rectangle((x, y, x + width, y + height), fill=fill)


def _page(rng: np.random.Generator) -> Image.Image:
    """Paragraphs in one column or two, most under a heading."""
    grey = int(rng.integers(235, 256))
    paper = grey, grey, grey
    canvas = _Canvas(rng, int(rng.integers(450, 650)), int(rng.integers(600, 900)), paper)
    size, margin = rng.uniform(7, 18), rng.uniform(0.06, 0.2) * canvas.width
    top, end = rng.uniform(0.04, 0.15) * canvas.height, rng.uniform(0.6, 0.96) * canvas.height
    if rng.random() < 0.6:
        canvas.text(margin + rng.uniform(0, 100), top, 2 * size, 0.4 * canvas.width)
        top += 4 * size
    columns, gap = int(rng.choice([1, 1, 2])), 2 * size
    width = (canvas.width - 2 * margin - (columns - 1) * gap) / columns
    for column in range(columns):
        _paragraphs(canvas, margin + column * (width + gap), top, width, end, size)
    return canvas.image


def _paragraphs(
    canvas: _Canvas, x: float, top: float, width: float, end: float, size: float
) -> None:
    y = top
    while y < end:
        for _ in range(int(canvas.rng.integers(2, 11))):
            canvas.text(x, y, size, width)
            y += 1.4 * size
        canvas.text(x, y, size, width * canvas.rng.uniform(0.1, 0.9))
        y += canvas.rng.uniform(1.6, 4) * size


def _table(rng: np.random.Generator) -> Image.Image:
    """Rows and columns of words: a spreadsheet, a form, a bill."""
    canvas = _Canvas(rng, int(rng.integers(450, 800)), int(rng.integers(400, 800)), _WHITE)
    size, left, columns = rng.uniform(8, 15), rng.uniform(10, 60), int(rng.integers(2, 9))
    top, step = rng.uniform(20, 150), size * rng.uniform(1.4, 2.6)
    width, is_ruled = (canvas.width - 2 * left) / columns, rng.random() < 0.7
    canvas.text(left, top / 3, 1.5 * size, 0.5 * canvas.width)
    canvas.box(left, top, columns * width, step, canvas.shade(rng.uniform(0, 0.4)))
    bottom = top + step * int(rng.uniform(0.4, 0.95) * (canvas.height - top) / step)
    for y in np.arange(top, bottom, step).tolist():
        for column in range(columns):
            filled = width * rng.uniform(0.2, 0.9) * (rng.random() < 0.85)
            canvas.text(left + column * width + 3, y + 0.2 * size, size, filled)
        if is_ruled:
            canvas.draw.line((left, y, left + columns * width, y), fill=canvas.shade(0.3))
    for column in range(columns + 1) if is_ruled else ():
        x = left + column * width
        canvas.draw.line((x, top, x, bottom), fill=canvas.shade(0.3))
    return canvas.image


def _screen(rng: np.random.Generator) -> Image.Image:
    """A program's window or a telephone's screen: a bar, perhaps a menu, and rows of something."""
    is_phone, is_dark = rng.random() < 0.4, rng.random() < 0.25
    sides = (400, int(rng.integers(650, 880))) if is_phone else (900, int(rng.integers(500, 700)))
    ground = int(rng.integers(10, 50) if is_dark else rng.integers(235, 256))
    canvas = _Canvas(rng, *sides, (ground, ground, ground))
    unit = canvas.width / (30 if is_phone else 70)
    bar, left = rng.uniform(2, 4) * unit, 0.0
    canvas.box(
        0, 0, canvas.width, bar, canvas.colour() if rng.random() < 0.5 else canvas.shade(0.1)
    )
    canvas.text(2 * unit, bar / 4, bar / 2, 12 * unit)
    if not is_phone and rng.random() < 0.7:
        left = rng.uniform(0.12, 0.3) * canvas.width
        canvas.box(0, bar, left, canvas.height, canvas.shade(rng.uniform(0.03, 0.15)))
        for row in range(int(rng.integers(3, 16))):
            canvas.text(2 * unit, bar + (2 + 3 * row) * unit, 1.3 * unit, left - 4 * unit)
    rows = [_lines_of, _entries, _tiles][int(rng.integers(0, 3))]
    y = bar + 2 * unit
    while y < canvas.height - 2 * unit:
        empty = rng.uniform(2, 12) * (rng.random() < 0.12)
        y += unit * (empty or rows(canvas, left + 2 * unit, y, unit))
    return canvas.image


def _lines_of(canvas: _Canvas, x: float, y: float, unit: float) -> float:
    """Draw a line of text; the height that it takes in units, as of the two below."""
    canvas.text(x, y, 1.3 * unit, canvas.rng.uniform(0.15, 0.9) * (canvas.width - x))
    return 2


def _entries(canvas: _Canvas, x: float, y: float, unit: float) -> float:
    """Draw an entry of a list: a disc, a name and a line."""
    canvas.draw.ellipse((x, y, x + 3 * unit, y + 3 * unit), fill=canvas.colour())
    canvas.text(x + 4 * unit, y, 1.3 * unit, 8 * unit)
    width = canvas.rng.uniform(0.2, 0.8) * (canvas.width - x)
    canvas.text(x + 4 * unit, y + 1.7 * unit, 1.1 * unit, width, canvas.shade(0.5))
    return 5


def _tiles(canvas: _Canvas, x: float, y: float, unit: float) -> float:
    """Draw a row of tiles."""
    for left in np.arange(x, canvas.width - 9 * unit, 10 * unit).tolist():
        fill = canvas.colour() if canvas.rng.random() < 0.6 else canvas.shade(0.1)
        canvas.box(left, y, 8 * unit, 6 * unit, fill)
    return 8


def _chart(rng: np.random.Generator) -> Image.Image:
    """Bars, lines or points over two axes, or slices of a pie."""
    canvas = _Canvas(rng, int(rng.integers(400, 700)), int(rng.integers(300, 500)), _WHITE)
    if rng.random() < 0.6:
        canvas.text(canvas.width / 4, 4, 15, canvas.width / 2)
    plot = [_bars, _curves, _points, _pie][int(rng.integers(0, 4))]
    if plot is not _pie:
        left, bottom = 0.1 * canvas.width, 0.9 * canvas.height
        for y in np.linspace(bottom, 30, 6).tolist() if rng.random() < 0.6 else ():
            canvas.draw.line((left, y, canvas.width - 20, y), fill=canvas.shade(0.2))
            canvas.text(4, y - 6, 10, 0.7 * left)
        canvas.draw.line(
            (left, 30, left, bottom, canvas.width - 20, bottom), fill=canvas.ink, width=2
        )
    plot(canvas)
    return canvas.image


def _bars(canvas: _Canvas) -> None:
    heights, fill = canvas.rng.uniform(0.05, 0.95, int(canvas.rng.integers(3, 15))), canvas.colour()
    step = 0.85 * canvas.width / len(heights)
    for place, height in enumerate((0.8 * canvas.height * heights).tolist()):
        x = 0.1 * canvas.width + step * (place + 0.2)
        canvas.box(x, 0.9 * canvas.height - height, 0.6 * step, height, fill)


def _curves(canvas: _Canvas) -> None:
    for _ in range(int(canvas.rng.integers(1, 4))):
        walk = np.cumsum(canvas.rng.normal(0, 0.08, 60)) + canvas.rng.uniform(0.2, 0.8)
        x = np.linspace(0.1, 0.95, 60) * canvas.width
        y = (0.9 - 0.8 * np.clip(walk, 0, 1)) * canvas.height
        canvas.draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), canvas.colour(), 3)


def _points(canvas: _Canvas) -> None:
    fills = [canvas.colour() for _ in range(3)]
    for _ in range(int(canvas.rng.integers(30, 150))):
        x, y = canvas.rng.uniform((0.12, 0.1), (0.95, 0.88)) * (canvas.width, canvas.height)
        canvas.draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=fills[canvas.rng.integers(0, 3)])


def _pie(canvas: _Canvas) -> None:
    middle, reach, angle = (canvas.width / 2, 0.53 * canvas.height), 0.38 * canvas.height, 0.0
    box = [middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach]
    while angle < 360:
        end = min(360.0, angle + canvas.rng.uniform(20, 120))
        canvas.draw.pieslice(box, angle, end, fill=canvas.colour())
        angle = end


def _map(rng: np.random.Generator) -> Image.Image:
    """Roads, water, blocks and names."""
    canvas = _Canvas(rng, int(rng.integers(400, 800)), int(rng.integers(400, 700)), (240, 238, 230))
    size = np.array([canvas.width, canvas.height])
    for fill in [(200, 225, 180), (170, 210, 235)] * int(rng.integers(1, 4)):
        middle, angles = rng.random(2) * size, np.sort(rng.uniform(0, 2 * np.pi, 9))
        reach = rng.uniform(40, 200, 9)
        edge = middle + np.stack([reach * np.cos(angles), reach * np.sin(angles)], 1)
        canvas.draw.polygon([tuple(point) for point in edge.tolist()], fill=fill)
    for _ in range(int(rng.integers(8, 40))):
        steps = rng.normal(0, 1, 2) * 60 + rng.normal(0, 15, (12, 2))
        road = rng.random(2) * size + np.cumsum(steps, 0)
        fill = (250, 215, 120) if rng.random() < 0.3 else _WHITE
        canvas.draw.line([tuple(point) for point in road.tolist()], fill, int(rng.integers(3, 9)))
    for _ in range(int(rng.integers(5, 25))):
        x, y = rng.random(2) * size
        canvas.text(x, y, rng.uniform(8, 16), rng.uniform(30, 120))
    return canvas.image


def _icon(rng: np.random.Generator) -> Image.Image:
    """A few shapes in a few colours, as icons and logos have."""
    side, grounds = int(rng.integers(64, 257)), [_WHITE, _WHITE, (0, 0, 0)]
    ground = grounds[int(rng.integers(0, 3))]
    canvas = _Canvas(rng, side, side, ground)
    fills = [canvas.colour(), canvas.colour()]
    for _ in range(int(rng.integers(1, 7))):
        x, y = (rng.uniform(0, 0.65, 2) * side).tolist()
        width, height = (rng.uniform(0.1, 0.6, 2) * side).tolist()
        box, fill = (x, y, x + width, y + height), fills[int(rng.random() < 0.3)]
        shape = int(rng.integers(0, 4))
        if shape == 0:
            canvas.draw.ellipse(box, fill=fill)
        elif shape == 1:
            canvas.box(x, y, width, height, fill)
        elif shape == 2:
            corners = [(x, y + height), (x + width / 2, y), (x + width, y + height)]
            canvas.draw.polygon(corners, fill=fill)
        else:
            canvas.draw.arc(box, 0, rng.uniform(120, 330), fill=fill, width=max(2, side // 12))
    return canvas.image


KINDS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "page": _page,
    "table": _table,
    "screen": _screen,
    "chart": _chart,
    "map": _map,
    "icon": _icon,
}


def drawn_kinds(of_each: int) -> Iterator[Image.Image]:
    """Yield so many pictures of each of `KINDS`, the same ones each time; fewer are the first."""
    for number, draw in enumerate(KINDS.values()):
        for place in range(of_each):
            yield draw(np.random.default_rng([number, place]))

"""A canvas with the few tools that the demo's scenes are painted with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Field = NDArray[np.float32]  # (height, width), mean 0, standard deviation 1
Colour = NDArray[np.float32]  # (3,), 0 to 255

# Muted, as in photographs, and few, so that colours alone do not tell images apart.
PALETTES = np.array(
    [
        [[34, 42, 58], [86, 108, 128], [164, 176, 178], [214, 206, 190], [120, 92, 70]],
        [[28, 44, 30], [74, 98, 56], [136, 146, 92], [196, 190, 150], [92, 74, 54]],
        [[52, 34, 28], [120, 78, 56], [182, 132, 92], [224, 196, 160], [70, 82, 84]],
        [[40, 40, 42], [96, 94, 92], [150, 148, 144], [206, 204, 200], [150, 60, 46]],
        [[24, 48, 70], [60, 116, 152], [150, 188, 204], [228, 224, 208], [206, 150, 82]],
        [[60, 30, 40], [138, 66, 74], [196, 128, 116], [232, 206, 186], [66, 86, 74]],
        [[20, 24, 30], [58, 62, 74], [104, 110, 120], [168, 160, 148], [210, 176, 96]],
        [[70, 64, 48], [128, 116, 84], [180, 170, 134], [222, 216, 190], [96, 120, 140]],
    ],
    dtype=np.float32,
)


class Canvas:
    """An RGB image under work, with its own random generator and palette."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        """Start black, with one of the palettes, slightly changed."""
        self.rng, self.width, self.height = rng, width, height
        self.image = Image.new("RGB", (width, height))
        palette = PALETTES[rng.integers(len(PALETTES))]
        self.palette = np.clip(palette + rng.normal(0, 9, palette.shape), 0, 255).astype(np.float32)

    def colour(self) -> Colour:
        """Return one colour of the palette, lighter or darker by chance."""
        colour = self.palette[self.rng.integers(len(self.palette))] * self.rng.uniform(0.7, 1.25)
        return np.clip(colour, 0, 255)

    def fill(self) -> tuple[int, int, int]:
        """Return a colour as Pillow wants it."""
        red, green, blue = (int(c) for c in self.colour())
        return red, green, blue

    def point(self, low: float, high: float) -> tuple[float, float]:
        """Return a random place, as pixels, between two fractions of width and height."""
        x, y = self.rng.uniform(low, high, 2)
        return float(x * self.width), float(y * self.height)

    def length(self, low: float, high: float) -> float:
        """Return a random length in pixels between two fractions of the width."""
        return float(self.width * self.rng.uniform(low, high))

    def field(self, slope: float, stretch: tuple[float, float] = (1.0, 1.0)) -> Field:
        """Return noise whose amplitude falls as frequency to the power -slope."""
        y = np.fft.fftfreq(self.height)[:, None] * self.height * stretch[1]
        x = np.fft.rfftfreq(self.width)[None] * self.width * stretch[0]
        amplitude = (1 + np.hypot(x, y)) ** -slope
        noise = self.rng.standard_normal((2, *amplitude.shape))
        field = np.fft.irfft2(amplitude * (noise[0] + 1j * noise[1]), (self.height, self.width))
        field -= field.mean()
        return (field / (field.std() + 1e-9)).astype(np.float32)

    def ramp(self, angle: float) -> Field:
        """Return a linear ramp from about -1 to 1 across the canvas."""
        y, x = np.mgrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j]
        return (np.cos(angle) * x + np.sin(angle) * y).astype(np.float32)

    def material(self, field: Field, contrast: float = 0.5) -> Image.Image:
        """Return an image that blends two or three palette colours along a field."""
        stops = np.stack([self.colour() for _ in range(3)])
        position = np.clip(1 + contrast * field, 0, 1.999)
        low = position.astype(np.int64)
        blend = (position - low)[..., None]
        return _to_image(stops[low] * (1 - blend) + stops[low + 1] * blend)

    def paste(self, material: Image.Image, mask: Image.Image) -> None:
        """Lay a material over the canvas where the mask (mode L) is white."""
        self.image.paste(material, (0, 0), mask)

    def mask(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        """Return an empty mask and something to draw on it with."""
        mask = Image.new("L", self.image.size)
        return mask, ImageDraw.Draw(mask)

    def shape(self, centre: Sequence[float], radius: float) -> Image.Image:
        """Return the mask of a random ellipse, polygon or blob."""
        mask, draw = self.mask()
        kind, count = self.rng.integers(3), int(self.rng.integers(3, 8))
        angles = np.sort(self.rng.uniform(0, 2 * np.pi, count if kind else 40))
        radii = radius * (self.rng.uniform(0.6, 1.1, len(angles)) if kind else np.ones(len(angles)))
        if kind == 2:
            angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
            waves = self.rng.uniform(-0.25, 0.25, 3)
            radii = radius * (1 + sum(w * np.sin((i + 1) * angles) for i, w in enumerate(waves)))
        squeeze = self.rng.uniform(0.5, 1.3)
        x, y = centre[0] + radii * np.cos(angles), centre[1] + squeeze * radii * np.sin(angles)
        draw.polygon([(float(a), float(b)) for a, b in zip(x, y, strict=True)], fill=255)
        return mask

    def solid(self, centre: Sequence[float], radius: float) -> None:
        """Paint a shaded object with a soft shadow."""
        mask = self.shape(centre, radius)
        shadow = mask.filter(ImageFilter.BoxBlur(radius / 8 + 1)).point(_half)
        offset = Image.new("L", mask.size)
        offset.paste(shadow, (int(radius / 6), int(radius / 5)))
        self.image.paste((12, 12, 16), (0, 0), offset)
        light = self.ramp(self.rng.uniform(0, 2 * np.pi))
        self.paste(self.material(light + 0.3 * self.field(1.4), self.rng.uniform(0.3, 0.9)), mask)

    def strokes(self, count: int, length: float, width: int, direction: float) -> None:
        """Draw many thin lines, such as grass or twigs."""
        draw = ImageDraw.Draw(self.image)
        starts = self.rng.uniform(0, 1, (count, 2)) * (self.width, self.height)
        angles = self.rng.normal(direction, 0.4, count)
        reach = length * self.rng.uniform(0.4, 1.0, count)
        ends = starts + np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            draw.line([*start, *end], fill=self.fill(), width=width)

    def letter(self, words: str, size: int) -> None:
        """Write words somewhere."""
        draw = ImageDraw.Draw(self.image)
        draw.text(self.point(0.02, 0.6), words, self.fill(), ImageFont.load_default(size))

    def finish(self) -> Image.Image:
        """Light the scene, darken its corners, blur a little, add the sensor's noise."""
        pixels = np.asarray(self.image, dtype=np.float32)
        light = 1 + 0.12 * self.field(2.2) - self.rng.uniform(0, 0.3) * self._corners()
        pixels = self._exposed(pixels * light[..., None])
        pixels += self.rng.normal(0, self.rng.uniform(1, 5), (self.height, self.width, 1))
        blur = ImageFilter.GaussianBlur(self.rng.uniform(0.2, 0.9))
        return _to_image(pixels).filter(blur)

    def _exposed(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring brightness and contrast to where photographs have theirs."""
        contrast = self.rng.normal(55, 14) / (pixels.std() + 1)
        return (pixels - pixels.mean()) * np.clip(contrast, 0.7, 3) + self.rng.normal(124, 32)

    def _corners(self) -> Field:
        y, x = np.mgrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j]
        return ((x * x + y * y) / 2).astype(np.float32)


def _half(value: int) -> int:
    return value // 2


def _to_image(pixels: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

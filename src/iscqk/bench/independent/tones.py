"""Edits of colours and light."""

import cv2
import numpy as np
from skimage import exposure, util

from iscqk.bench.independent.draws import Draws, Picture, clipped

_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def light(picture: Picture, draws: Draws) -> Picture:
    """Change brightness and contrast."""
    mean = picture.mean()
    return clipped((picture - mean) * draws.between(0.6, 1.6) + mean + draws.between(-50, 50))


def colour(picture: Picture, draws: Draws) -> Picture:
    """Change hue and saturation."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + draws.between(-30, 30)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * draws.between(0.4, 1.9), 0, 255)
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB))


def grey(picture: Picture, draws: Draws) -> Picture:
    """Take the colours away."""
    return as_grey(picture, draws.between(0.9, 1.3))


def as_grey(picture: Picture, contrast: float = 1.0) -> Picture:
    """Return the picture without its colours."""
    shades = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.repeat(clipped((shades - 128) * contrast + 128)[..., None], 3, axis=2)


def filtered(picture: Picture, draws: Draws) -> Picture:
    """Lay one of the usual filters over the picture."""
    ways = [_sepia, _warmth, _vignette, _faded, _crossed, _equalized]
    return draws.one_of(ways)(picture, draws)


def _sepia(picture: Picture, draws: Draws) -> Picture:
    return clipped(picture @ _SEPIA.T)


def _warmth(picture: Picture, draws: Draws) -> Picture:
    shift = draws.between(20, 45) * draws.one_of([-1, 1])
    return clipped(picture + np.array([shift, 0.2 * shift, -shift]))


def _vignette(picture: Picture, draws: Draws) -> Picture:
    height, width = picture.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return clipped(picture * np.exp(-draws.between(0.5, 1.1) * (x**2 + y**2))[..., None])


def _faded(picture: Picture, draws: Draws) -> Picture:
    return clipped(picture * draws.between(0.5, 0.7) + draws.between(50, 85))


def _crossed(picture: Picture, draws: Draws) -> Picture:
    gammas = draws.rng.uniform(0.6, 1.6, 3)
    return clipped(255 * (picture / 255) ** gammas)


def _equalized(picture: Picture, draws: Draws) -> Picture:
    return clipped(255 * exposure.equalize_adapthist(picture, clip_limit=draws.between(0.02, 0.05)))


def false_colours(picture: Picture, draws: Draws) -> Picture:
    """Give the picture colours that are not its own."""
    return draws.one_of([_inverted, _mapped, _two_tone, _solarized, _posterized])(picture, draws)


def _inverted(picture: Picture, draws: Draws) -> Picture:
    return np.asarray(util.invert(picture))


def _mapped(picture: Picture, draws: Draws) -> Picture:
    scale = draws.one_of([cv2.COLORMAP_JET, cv2.COLORMAP_HSV, cv2.COLORMAP_OCEAN, cv2.COLORMAP_HOT])
    mapped = cv2.applyColorMap(as_grey(picture), scale)
    return np.ascontiguousarray(mapped[..., ::-1])


def _two_tone(picture: Picture, draws: Draws) -> Picture:
    ends = np.array([draws.colour(), draws.colour()], np.float32)
    ends[0] *= 0.4
    ends[1] = 255 - 0.4 * ends[1]
    share = as_grey(picture, 1.3)[..., :1] / 255
    return clipped(ends[0] * (1 - share) + ends[1] * share)


def _solarized(picture: Picture, draws: Draws) -> Picture:
    return np.where(picture > draws.whole(90, 150), 255 - picture, picture).astype(np.uint8)


def _posterized(picture: Picture, draws: Draws) -> Picture:
    step = 255 / draws.whole(1, 3)
    order = draws.rng.permutation(3)
    return clipped(np.rint(picture[..., order] / step) * step)

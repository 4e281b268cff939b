"""GIST: the challenge's baseline descriptor, which learns nothing but a PCA.

Oliva and Torralba, "Modeling the shape of the scene", IJCV 2001, in the colour variant of 960
dimensions that the challenge used: 20 Gabor filters (8, 8 and 4 orientations at three scales), the
magnitude of each averaged over a grid of 4 x 4, for each of three channels. Prefilter and filters
are the authors' formulas (LMgist.m and createGabor.m in `features` of CSAILVision/LabelMeToolbox).
What surrounds them is not theirs, so that the numbers are not those that LMgist.m gives:

- images are squeezed to a square, as for every other method here; it crops the longer side
- three channels stay three; it takes their mean first, though its functions take colour, too
- intensities stay as they are; it stretches each image from its own minimum and maximum to 0..255
- mirrored before the prefilter, images leave the outermost pixels out (`reflect`); it doubles these
- Gabor filters meet the image as it is, so that opposite edges touch; it first mirrors 32 pixels at
  each edge, makes its filters for that larger image, and cuts the border off what they answer
- of a side that 4 does not divide cells overlap, of an odd one frequencies are whole; its do not,
  and are not
- cells follow each other row by row; its go column by column
- rows have length 1; it leaves them as long as they are

The ready model's projection was fitted to descriptors as they are here.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

ORIENTATIONS = (8, 8, 4)  # at each scale, finest first
GRID = 4
PADDING = 5  # pixels mirrored at the border before the prefilter
CUTOFF = 4.0  # cycles per image of the prefilter's Gaussian
_CPU_IMAGES = 8  # whose 60 responses fit a CPU's caches; of 64 an image takes twice as long


class Gist(nn.Module):
    """RGB images, scaled to 0..255, to GIST (B, 960) unit rows; the interface of a timm backbone.

    The encoder's mean must be 0 and its std 1 / 255.
    """

    def __init__(self, side: int) -> None:
        """Make the filters for square images of `side` pixels."""
        super().__init__()
        self.filters: Tensor
        self.low_pass: Tensor
        filters = gabor_filters(side).to(torch.complex64)  # real ones are converted every time
        self.register_buffer("filters", filters, persistent=False)
        padded = side + 2 * PADDING
        self.register_buffer("low_pass", gaussian(padded + padded % 2), persistent=False)

    def forward_features(self, images: Tensor) -> Tensor:
        """Return GIST (B, 960) of images (B, 3, S, S)."""
        at_once = _CPU_IMAGES if images.device.type == "cpu" else max(1, len(images))
        with torch.autocast(images.device.type, enabled=False):
            cells = torch.cat([self._cells(part.float()) for part in images.split(at_once)])
            return functional.normalize(cells.flatten(1), dim=1)

    def _cells(self, images: Tensor) -> Tensor:
        """Return the mean magnitude (B, 60, 4, 4) of every filter in every cell."""
        spectra = torch.fft.fft2(self._prefiltered(images))
        responses = torch.fft.ifft2(spectra[:, :, None] * self.filters).flatten(1, 2)
        magnitudes = responses.real.square().addcmul_(responses.imag, responses.imag).sqrt_()
        return functional.adaptive_avg_pool2d(magnitudes, GRID)

    def _prefiltered(self, images: Tensor) -> Tensor:
        """Whiten and normalise local contrast (prefilt.m)."""
        side = images.shape[-1]
        extra = len(self.low_pass) - side - PADDING
        widths = (PADDING, extra, PADDING, extra)
        logs = functional.pad((images.clamp(min=0) + 1).log(), widths, mode="reflect")
        whitened = logs - self._smoothed(logs)
        contrast = self._smoothed(whitened.mean(1, keepdim=True) ** 2).abs().sqrt()
        inside = slice(PADDING, PADDING + side)
        return (whitened / (0.2 + contrast))[:, :, inside, inside]

    def _smoothed(self, images: Tensor) -> Tensor:
        return torch.fft.ifft2(torch.fft.fft2(images) * self.low_pass).real


def _frequencies(side: int) -> tuple[Tensor, Tensor]:
    """Return the frequency of each coefficient of an FFT, in cycles per image: x and y."""
    axis = torch.fft.fftfreq(side, 1 / side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


def gaussian(side: int) -> Tensor:
    """Return the prefilter's low-pass (side, side) in the frequency domain."""
    x, y = _frequencies(side)
    return torch.exp(-(x**2 + y**2) * math.log(2) / CUTOFF**2)


def gabor_filters(side: int) -> Tensor:
    """Return the Gabor filters (20, side, side) in the frequency domain (createGabor.m)."""
    x, y = _frequencies(side)
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    filters = []
    for scale, orientations in enumerate(ORIENTATIONS):
        centre = 0.3 / 1.85**scale
        width = 16 * orientations**2 / 32**2
        for orientation in range(orientations):
            turned = angle + math.pi * orientation / orientations
            turned = torch.remainder(turned + math.pi, 2 * math.pi) - math.pi
            radial = -10 * 0.35 * (radius / side / centre - 1) ** 2
            filters.append(torch.exp(radial - 2 * width * math.pi * turned**2))
    return torch.stack(filters)

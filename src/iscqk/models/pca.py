"""Principal components with partial whitening: of an encoder's head, and of joined descriptors.

Component i is divided by its standard deviation to the power `whitening`: 0 is plain PCA, 1 full
whitening.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

logger = logging.getLogger(__name__)

_NEGLIGIBLE = 1e-6  # a deviation beside the largest, below which a component is noise of rounding


@dataclass(frozen=True)
class PrincipalComponents:
    """Components of rows (n, C), the widest first, in float64.

    Attributes:
        centre: (C,), the mean row.
        deviations: (K,), the standard deviation along each component.
        directions: (K, C), unit rows.
    """

    centre: Tensor
    deviations: Tensor
    directions: Tensor

    @classmethod
    def of_rows(cls, rows: Tensor) -> "PrincipalComponents":
        """Return those of rows (n, C) in memory, by their singular values: the most exact way."""
        centre = rows.double().mean(0)
        _, deviations, directions = torch.linalg.svd(rows.double() - centre, full_matrices=False)
        return cls(centre, deviations / len(rows) ** 0.5, directions)

    @classmethod
    def of_blocks(cls, blocks: Iterable[NDArray[np.float32]]) -> "PrincipalComponents":
        """Return those of blocks (n, C), one in memory at a time, by their covariance (C, C).

        Raises:
            ValueError: there is no row.
        """
        centre, covariance = _moments(blocks)
        variances, directions = np.linalg.eigh(covariance)
        deviations = np.sqrt(variances.clip(min=0))[::-1]
        found = (centre, deviations, directions.T[::-1])
        return cls(*(torch.from_numpy(np.ascontiguousarray(part)) for part in found))

    def first(self, size: int) -> "PrincipalComponents":
        """Return the first `size` components, all C where there are fewer.

        Rows that are fewer than that say nothing of what lies across them, by which other images
        differ all the same. So coordinates across them follow, that vary as the last component
        found: left out, all but a few images would look alike. That they are there is told.
        """
        size = min(size, self.directions.shape[1])
        deviations = self.deviations[:size]
        found = int((deviations > _NEGLIGIBLE * deviations[0]).sum())
        if found == size:
            return PrincipalComponents(self.centre, deviations, self.directions[:size])
        logger.warning(
            "the PCA finds %d dimensions where %d are asked for, and the others are as they come: "
            "give it more images", found, size,
        )  # fmt: skip
        own = self.directions[:found]
        orthonormal = torch.linalg.qr(torch.cat([own.T, torch.eye(own.shape[1])], 1).double()).Q
        last = deviations[found - 1] if found else torch.ones(())
        return PrincipalComponents(
            self.centre,
            torch.cat([deviations[:found], last.expand(size - found)]),
            torch.cat([own, orthonormal.T[found:size]]),
        )

    def weight(self, whitening: float) -> Tensor:
        """Return (K, C) that takes centred rows to the components, partly whitened."""
        return self.directions / self.deviations[:, None] ** whitening


def _moments(
    blocks: Iterable[NDArray[np.float32]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean (C,) of rows and their covariance (C, C).

    Both are of what rows have beyond the first: of rows that are nearly alike the squares of what
    they have in common would leave noise alone.
    """
    count, first, total, products = 0, np.zeros(1), np.zeros(1), np.zeros((1, 1))
    for block in filter(len, blocks):
        first = first if count else block[0].astype(np.float64)
        rows = block - first
        count, total, products = count + len(rows), total + rows.sum(0), products + rows.T @ rows
    if not count:
        raise ValueError("there is no row to learn a PCA from")
    beyond = total / count
    return first + beyond, products / count - np.outer(beyond, beyond)

"""What one side learns against by turns: the other one, frozen meanwhile."""

from dataclasses import dataclass

from torch import Tensor

from iscqk.models.encoder import Encoder


@dataclass(frozen=True)
class FrozenSide:
    """The bank of the frozen side, or this process's part of it, and what is said of its images.

    Attributes:
        rows: (n, D) descriptors in float32 or bfloat16, or (n, C) features for a live head.
        first: the bank's row that `rows` begin with.
        views_per_row: items, one after the other, whose positive is the same row.
        encoder: the one whose head is live: it keeps learning, its backbone does not.
        near_duplicates: (M, 2) int64 pairs of bank rows that are no negatives of each other,
            sorted, each in both orders.
        teacher: (n, T) unit rows, what another model makes of the images of `rows`.
    """

    rows: Tensor
    first: int = 0
    views_per_row: int = 1
    encoder: Encoder | None = None
    near_duplicates: Tensor | None = None
    teacher: Tensor | None = None

"""What a way to rank the pairs of different queries is; `iscqk.retrieval.rankings` has them.

The grader ranks all pairs by the distance of their descriptors. A ranking is therefore what becomes
of descriptors before they are submitted, each on its own, as the challenge's rules demand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranking:
    """A ranking, whose functions are imported when they are needed.

    A bank is blocks of (n, D) unit rows, descriptors of training images by the model of the
    references; its softmax has the temperature `describe.temperature`. A ranking that needs none
    looks at neither.

    Attributes:
        needs_bank: whether it needs one.
        dimensions: that it adds to descriptors.
        offset: half the score of a pair (the negative squared distance of what is submitted) and
            this make its similarity less `level`.
        functions: module that has `of_queries`, `of_references` and `level`.
    """

    needs_bank: bool
    dimensions: int
    offset: float
    functions: str

    def of_queries(
        self,
        queries: "NDArray[np.float32]",
        bank: Iterable["NDArray[np.float32]"],
        temperature: float,
    ) -> "NDArray[np.float32]":
        """Return what is submitted of queries (n, D) unit rows, (n, D + dimensions) float32."""
        found: NDArray[np.float32] = self._functions.of_queries(queries, bank, temperature)
        return found

    def of_references(self, references: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return what is submitted of references (n, D) unit rows, (n, D + dimensions) float32."""
        found: NDArray[np.float32] = self._functions.of_references(references)
        return found

    def level(
        self,
        queries: "NDArray[np.float32]",
        bank: Iterable["NDArray[np.float32]"],
        temperature: float,
    ) -> "NDArray[np.float64]":
        """Return (n,) how similar queries (n, D) are to images that they do not copy.

        A similarity less this level ranks pairs as the submitted descriptors do.
        """
        found: NDArray[np.float64] = self._functions.level(queries, bank, temperature)
        return found

    def comparable(self, scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return similarities less `level` of pairs (n,), what `iscqk match` shows as their score.

        Args:
            scores: (n,) negative squared distances of what is submitted, which rank them alike.
        """
        return scores / 2 + self.offset

    @property
    def _functions(self) -> Any:
        return import_module(self.functions)

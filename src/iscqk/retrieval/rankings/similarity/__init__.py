"""Ranking by the similarity of descriptors as they are, whatever the query."""

from iscqk.retrieval.ranking_interface import Ranking

RANKING = Ranking(
    needs_bank=False,
    dimensions=0,
    offset=1,  # |q - r|^2 = 2 - 2 q.r
    functions=f"{__name__}.functions",
)

"""Ranking by the bank's own log-probability; `functions` has the mathematics."""

from iscqk.retrieval.ranking_interface import Ranking

RANKING = Ranking(
    needs_bank=True,
    dimensions=1,
    offset=2,  # -|q' - r'|^2 / 2 = q.r - 1 - e^2 / 2 = q.r - t (log Z - log N) - 2
    functions=f"{__name__}.functions",
)

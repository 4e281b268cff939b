"""From which score on 90 % of a phase's pairs are copies, on the scale that people see."""

import pandas as pd

from iscqk.retrieval.metrics import PRECISION_FLOOR
from iscqk.retrieval.rankings import RANKINGS


def lowest_precise_score(curve: pd.DataFrame, ranking: str) -> float | None:
    """Return the lowest score down to which 90 % of a phase's pairs are copies; None if none.

    Args:
        curve: `iscqk.retrieval.metrics.precision_recall_curve` of what is submitted.
        ranking: of the descriptors.

    Returns:
        It, as `Ranking.comparable` makes it.
    """
    sure = curve["score"][curve["precision"] >= PRECISION_FLOOR].to_numpy()
    return float(RANKINGS[ranking].comparable(sure).min()) if len(sure) else None

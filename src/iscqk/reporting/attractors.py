"""Hubs, references that are near to many queries, each the nearest of many that do not copy it.

In spaces of many dimensions a few points are near to many others (Radovanovic et al. 2010, "Hubs in
space"); here each of these is a false pair, high in the list where the reference is near.
"""

import pandas as pd

LEAST = 5  # queries
TIMES = 10  # as many as if all references were alike


def attractors(pairs: pd.DataFrame, references: int) -> pd.DataFrame:
    """Return the hubs, those of most queries first.

    Args:
        pairs: `iscqk.reporting.pairs.ranked_pairs`.
        references: how many there are.

    Returns:
        The columns `reference`, `queries`, how many it is the nearest of without being what they
        copy, `share`, of all queries whose nearest is wrong, and `rank` of the surest such pair.
    """
    wrong = pairs[pairs["first"] & ~pairs["correct"]]
    found = wrong.groupby("retrieved", sort=False).agg(
        queries=("query", "size"), rank=("rank", "min")
    )
    found["share"] = found["queries"] / max(len(wrong), 1)
    many = found["queries"] >= max(LEAST, TIMES * len(wrong) / max(references, 1))
    ordered = found[many].sort_values(["queries", "rank"], ascending=[False, True])
    return ordered.rename_axis("reference").reset_index()[["reference", "queries", "share", "rank"]]


def attracted(pairs: pd.DataFrame, reference: str, count: int) -> pd.DataFrame:
    """Return the surest pairs of queries that a reference attracts, as rows of `pairs`."""
    wrong = pairs["first"] & ~pairs["correct"]
    return pairs[wrong & (pairs["retrieved"] == reference)].head(count)

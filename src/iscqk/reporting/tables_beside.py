"""The tables of the study, the ablations and the benchmarks, and what has to be known of each."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from iscqk.comparison.run_tables import seeds_in_words
from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_whole_table
from iscqk.formats.results import Comparison, Results
from iscqk.reporting import reading
from iscqk.reporting.parts import Table, data_of, table_of
from iscqk.reporting.reading import Scored

_DIGITS = 9  # in which a score is the same, read from a table or from its own file


def tables_beside(results: Results, models: Sequence[Scored]) -> list[Table]:
    """Return the tables that are there, whole, with a warning on those of scores of before.

    Args:
        results: where they lie.
        models: the scores that are there now, as `iscqk.reporting.reading.held_against` has them.
    """
    shown = []
    for name, table in reading.other_tables(results).items():
        path = Path(results.root, name)
        one = table_of(_caption(name, table), table, data_of(path, name))
        shown.append(one._replace(warning=_warning(results, path, models)))
    return shown


def _caption(name: str, table: pd.DataFrame) -> str:
    """Return a table's name, and over how many seeds it is where the table says that."""
    is_told = "seeds" in table and len(table)
    return f"{name}, {seeds_in_words(table['seeds'].tolist())}" if is_told else name


def _warning(results: Results, path: Path, models: Sequence[Scored]) -> str:
    """Return that a comparison has a score which no model has now, or which does not compare."""
    comparison = Comparison(str(path.parent))
    study = Path(results.study().folder)
    if study not in path.parents or not Path(comparison.runs).is_file():
        return ""
    there = {(one.phase, round(one.micro_ap, _DIGITS)) for one in models if not one.unlike}
    with suppress(UserError):  # of a damaged table nothing can be said, as of one that is old
        runs = read_whole_table(comparison.runs, ["phase", "micro_ap"], numbers=["micro_ap"])
        if there.issuperset(zip(runs["phase"], runs["micro_ap"].round(_DIGITS), strict=True)):
            return ""
    target = "study" if path.parent == study else f"ablation_{path.parent.name}"
    return (
        "Made of scores that are no longer there, or do not compare with the submission: "
        f"snakemake {target} makes it anew."
    )

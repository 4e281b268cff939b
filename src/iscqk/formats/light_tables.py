"""What is told of tables at once: by Python's own reader, as to import pandas would take longer."""

import csv
from contextlib import suppress
from pathlib import Path
from statistics import fmean


def mean_of_usage(path: str | Path, column: str) -> float:
    """Return a column of a job's usage (Snakemake's benchmark), the mean of several tries.

    It is 0 where the file does not tell it; `run_tables.read_usage` refuses such a file.
    """
    with suppress(OSError, ValueError, KeyError, csv.Error), open(path, encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", restval="")
        return fmean(float(row[column]) for row in rows)
    return 0.0


def rows_below_header(path: str | Path) -> int:
    """Return how many rows of a CSV follow its header; a quoted line break ends none.

    Raises:
        OSError: there is no such file, it cannot be read, or it is no table.
    """
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        try:
            return max(sum(1 for _ in csv.reader(file)) - 1, 0)
        except csv.Error as error:
            raise OSError(f"{path}: no table ({error})") from None

"""Compare kinds of indexes over descriptors: time to make, size, time to search, what is found.

Queries are made of some of the images, each between an image and another, of a given similarity to
the first. Writes a CSV: kind (`ours` is that of `--index`, whose finds are measured again),
looked_at, making_seconds, bytes (a vector), ms_a_query, originals (the share of those found that an
exact search finds) and of_the_32 (the share of the exact 32 nearest). Times are the processor's.
"""

import argparse
import logging
from pathlib import Path

import pandas as pd

from iscqk.bench.index_speed import compare, plant
from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.described_shards import listed_shards
from iscqk.formats.printable_names import printable
from iscqk.formats.stored_rows import JoinedRows, StoredRows
from iscqk.matching.neighbourhoods import LISTED
from iscqk.runtime.cores import cores
from iscqk.runtime.options import at_once, count, output_file

logger = logging.getLogger(__name__)

EXAMPLE = "iscqk benchmark-index million.h5 --output index.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("file", type=Path, help="by `iscqk describe` or `iscqk synthesize-images`")
    parser.add_argument("--rows", type=count, help="of the first images only")
    parser.add_argument("--queries", type=count, default=1000)
    parser.add_argument("--similarity", type=float, default=0.7, help="of a query to its original")
    parser.add_argument("--ours-only", action="store_true", help="make no other kinds")
    parser.add_argument("--threads", type=at_once, default=cores())
    parser.add_argument("--output", type=output_file, required=True, metavar="CSV")


def run(arguments: argparse.Namespace) -> None:
    """Write the table, and print it."""
    vectors = JoinedRows([StoredRows(shard) for shard in listed_shards(arguments.file)])
    if arguments.rows:
        vectors = JoinedRows([vectors[: arguments.rows]])
    _check(arguments, len(vectors))
    planted = plant(vectors, arguments.queries, arguments.similarity)
    rows = []
    for row in compare(vectors, planted, arguments.threads, not arguments.ours_only):
        logger.info("%s", row)
        rows.append(row)
    table = pd.DataFrame(rows)
    write_table(arguments.output, table)
    print(table.to_string(index=False))


def _check(arguments: argparse.Namespace, there: int) -> None:
    """Refuse a similarity that no query has, and more queries than so many images make."""
    if not 0 < arguments.similarity < 1:
        what = "no similarity of a changed copy; name one between 0 and 1"
        raise UserError(f"--similarity {arguments.similarity}: {what}")
    least = 2 * max(arguments.queries, LISTED)
    if there < least:
        what = f"{there} images, and {arguments.queries} queries need {least}"
        raise UserError(f"{printable(arguments.file)}: {what}; take more, or fewer --queries")

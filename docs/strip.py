"""Draw what was found, as a strip: queries above, below each the reference that was found first.

Shown are right pairs of a phase, from the surest on the left to the least sure, no edits twice:

    python docs/strip.py --phase phase2 --output docs/images/found.jpg
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from iscqk.errors import UserError
from iscqk.formats.files import atomic_file
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.manifest import listed_paths, read_manifest
from iscqk.formats.predictions import read_predictions
from iscqk.formats.query_edits import read_edit_records
from iscqk.formats.results import Results
from iscqk.images.verified import open_verified
from iscqk.reporting.pairs import ranked_pairs
from iscqk.runtime.shutdown import exit_status_of

SIDE, GAP, QUALITY = 132, 8, 70  # pixels, pixels, of the JPEG
GROUND = "#f4f4f4"  # around images that are not square


def main() -> None:
    """Draw the strip that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default="results", help="folder of the run")
    parser.add_argument("--phase", default="phase2")
    parser.add_argument(
        "--count", type=int, default=6, choices=range(1, 13), metavar="N", help="pairs, at most 12"
    )
    parser.add_argument("--output", type=Path, required=True)
    asked = parser.parse_args()
    results = Results(asked.results)
    pairs = found_pairs(results, asked.phase, asked.count)
    rows = [
        _images(results.manifest(asked.phase), pairs["query"]),
        _images(results.manifest("references"), pairs["retrieved"]),
    ]
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(asked.output) as path:
        strip(rows).save(path, "JPEG", quality=QUALITY, optimize=True)


def found_pairs(results: Results, phase: str, count: int) -> pd.DataFrame:
    """Return `count` right pairs that are the first of their query, evenly over their ranks.

    Raises:
        UserError: there is no submission of the phase, or it finds nothing.
    """
    files, made = results.submission(phase), results.phase(phase)
    truth = read_ground_truth(made.ground_truth)
    pairs = ranked_pairs(read_predictions(files.predictions), truth)
    right = pairs[pairs["correct"] & pairs["first"]]
    if not len(right):
        raise UserError(f"{files.predictions}: no copy is found first; there is nothing to show")
    edits = _edits(read_edit_records(made.edit_records))
    return right.loc[list(_unlike(right, edits, count))]


def strip(rows: list[list[Image.Image]]) -> Image.Image:
    """Return rows of images as one, each in a square of its own."""
    step = SIDE + GAP
    size = (len(rows[0]) * step - GAP, len(rows) * step - GAP)
    whole = Image.new("RGB", size, "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            whole.paste(ImageOps.pad(image, (SIDE, SIDE), color=GROUND), (x * step, y * step))
    return whole


def _unlike(right: pd.DataFrame, edits: dict[str, str], count: int) -> Iterator[Any]:
    """Yield a row's label of each of `count` parts, of edits that no row before it has."""
    names = right["query"].map(lambda query: edits.get(query, query))
    shown: set[str] = set()
    for part in np.array_split(np.arange(len(names)), count):
        new = names.iloc[part][~names.iloc[part].isin(shown)]
        if len(new):
            shown.add(new.iloc[0])
            yield new.index[0]


def _edits(records: list[dict[str, Any]]) -> dict[str, str]:
    """Return the names of each query's edits."""
    return {
        record["query_id"]: ";".join(sorted(edit["name"] for edit in record["edits"]))
        for record in records
    }


def _images(manifest: str, ids: pd.Series) -> list[Image.Image]:
    rows = read_manifest(manifest)
    paths = dict(zip(rows["id"], listed_paths(rows), strict=True))
    return [open_verified(paths[name], enough=SIDE) for name in ids]


if __name__ == "__main__":
    sys.exit(exit_status_of(main))

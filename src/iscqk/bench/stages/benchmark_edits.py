"""Which edits hide a copy from a model: every edit alone, at one strength.

Of each edit, copies of some of a folder's images are looked up among all of these. Writes a CSV,
the worst edit first: edit, copies, found (share whose original is nearest, and nearer than any
reference is to 99 % of other images), recall_at_1, similarity (mean, of copy and original).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from iscqk.formats.arrays import DoubleArray, FloatArray
from iscqk.formats.csv_tables import write_table
from iscqk.formats.image_shards import digest_of
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool
from iscqk.images.edits import EDIT_NAMES
from iscqk.images.finding import find_images
from iscqk.images.ingestion import copied_others
from iscqk.images.quarantine import refuse_all
from iscqk.matching.model import Model
from iscqk.models.device import set_threads
from iscqk.runtime.cores import cores
from iscqk.runtime.logs import progress
from iscqk.runtime.options import at_once, count, output_file

EXAMPLE = r"""iscqk benchmark-edits ../shared/photos-large/references \
    --others ../shared/photos/others --strength 0.9 --output edits.csv"""

_OTHERS = 1500  # whose nearest references say what is near
_PASSED = 0.99  # share of them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("images", nargs="+", type=Path, metavar="FOLDER", help="of references")
    parser.add_argument("--others", nargs="+", type=Path, required=True, help="folders of images")
    parser.add_argument("--model", type=Path, help="its folder; the ready model where none is")
    parser.add_argument("--strength", type=float, default=0.9, help="of each edit, 0 to 1")
    parser.add_argument("--count", type=count, default=2000, help="of references, at most")
    parser.add_argument("--copies", type=count, default=40, help="of each edit")
    parser.add_argument("--side", type=count, default=144, help="longest, of a copy, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=at_once, default=cores())
    parser.add_argument("--output", type=output_file, required=True, metavar="CSV")


def run(arguments: argparse.Namespace) -> None:
    """Write the table, and print it."""
    pools = [EditPool((name,), (arguments.strength,) * 2, (1, 1)) for name in EDIT_NAMES]
    rng = np.random.default_rng(arguments.seed)
    references = _some(arguments.images, arguments.count, rng)
    others = _some(arguments.others, _OTHERS, rng)
    refuse_all(copied_others(_contents(references), _contents(others)))
    set_threads(arguments.threads)
    model = Model.load(arguments.model)
    bank = model.describe(references, "references", arguments.threads)
    without = model.describe(others, "queries", arguments.threads)
    near = float(np.quantile(_scores(model, without, bank).max(axis=1), _PASSED))
    backgrounds, rows = tuple(map(str, others)), []
    for pool in progress(pools, len(pools), "edits"):
        copier = Copier(pool, backgrounds, arguments.side, 90)
        copies = _edited(copier, references[: arguments.copies], arguments.seed)
        queries = model.describe(copies, "queries", arguments.threads)
        rows.append({"edit": pool.names[0]} | _found(model, queries, bank, near))
    table = pd.DataFrame(rows).sort_values(["found", "similarity"], kind="stable")
    write_table(arguments.output, table)
    print(table.round(3).to_string(index=False))


def _some(folders: Sequence[Path], most: int, rng: np.random.Generator) -> list[Path]:
    """Return so many images of folders, drawn at random."""
    paths = find_images(folders)
    return [paths[n] for n in rng.permutation(len(paths))[:most]]


def _scores(model: Model, queries: FloatArray, bank: FloatArray) -> DoubleArray:
    """Return (n, references): how alike they are, made comparable between queries."""
    return queries @ bank.T - model.levels(queries)[:, None]


def _contents(paths: Sequence[Path]) -> pd.DataFrame:
    return pd.DataFrame({"path": paths, "sha256": list(map(digest_of, paths))})


def _edited(copier: Copier, sources: Sequence[Path], seed: int) -> list[Image.Image]:
    """Return a copy of each image, the same wherever it lies and however it is named."""
    tasks = (Task((seed, "edits", digest_of(source)), str(source)) for source in sources)
    return [copier.edited(task)[0] for task in tasks]


def _found(model: Model, queries: FloatArray, bank: FloatArray, near: float) -> dict[str, Any]:
    """Return what is told of the copies of the first references."""
    scores = _scores(model, queries, bank)
    own = scores.diagonal()
    first = own == scores.max(axis=1)
    return {
        "copies": len(queries),
        "found": (first & (own > near)).mean(),
        "recall_at_1": first.mean(),
        "similarity": (queries * bank[: len(queries)]).sum(axis=1).mean(),
    }

"""Make query sets of both phases by edits of our own, of which no training knows.

Copies of references and distractors, by Pillow, OpenCV and scikit-image instead of AugLy. Writes a
folder: phase1/ and phase2/, ground_truth_phase1.csv and ground_truth_phase2.csv, edits.csv (the
classes of edit of each query), references/ (links named by id), and references.txt and others.txt
(the paths of the references, in the order of their ids, and of the distractors' sources).
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.files import write_text
from iscqk.formats.ground_truth import GroundTruth, write_ground_truth
from iscqk.formats.ids import PHASES, REFERENCE
from iscqk.formats.manifest import Listed, listed_paths, read_manifest, unreadable
from iscqk.formats.query_edits import write_query_edits
from iscqk.settings.validation import Validation

EXAMPLE = r"""iscqk validation-queries --references data/references.csv --others data/others.csv \
    --config '{"references": 1000, "copies": 100, "distractors": 100}' --seed 1 \
    --besides results/validation --output monitor"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    for split in ("references", "others"):
        parser.add_argument(f"--{split}", metavar="MANIFEST", required=True)
    parser.add_argument(
        "--config", type=Validation.parse, required=True, help="the `validation` section"
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--besides", type=Path, nargs="*", default=[], metavar="SET",
        help="other such folders, whose references and distractors are left out",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, metavar="SET", help="folder")
    parser.add_argument("--workers", type=int, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Choose the images, make the queries, and write what is known of them."""
    try:
        from iscqk.bench.independent.query_sets import Maker, QuerySet, choose
    except ModuleNotFoundError as error:
        raise UserError(f"{error}; run `pip install iscqk[validation]`") from None
    config, output = arguments.config, arguments.output
    references, others = (
        _left(getattr(arguments, name), [place / f"{name}.txt" for place in arguments.besides])
        for name in ("references", "others")
    )
    found = choose(references, others, config, arguments.seed)
    maker = Maker(arguments.seed, tuple(found.backgrounds), config.side, config.quality)
    for phase in PHASES:
        (output / phase).mkdir(parents=True, exist_ok=True)
    for query, jpeg in zip(found.queries, maker.make_all(found.queries, arguments.workers)):
        (output / query.phase / f"{query.id}.jpg").write_bytes(jpeg)
    (output / "references").mkdir(exist_ok=True)
    for number, path in enumerate(found.references):
        link = output / "references" / f"{REFERENCE.make(number)}{Path(path).suffix}"
        link.symlink_to(os.path.abspath(path))
    for phase in PHASES:
        rows = np.array([[q.id, q.reference] for q in found.queries if q.phase == phase])
        copy = rows[:, 1] != ""
        write_ground_truth(
            output / f"ground_truth_{phase}.csv",
            GroundTruth(rows[copy, 0], rows[copy, 1], rows[~copy, 0]),
        )
    write_query_edits(output / "edits.csv", {q.id: q.chain for q in found.queries})
    sources = [q.source for q in found.queries if not q.reference]
    write_text(output / "references.txt", "".join(f"{p}\n" for p in found.references))
    write_text(output / "others.txt", "".join(f"{p}\n" for p in sources))


def _left(manifest: str, taken: Sequence[Path]) -> list[Listed]:
    """Return the images of a manifest that are in none of some lists."""
    rows = read_manifest(manifest)
    used = {line for path in taken for line in path.read_text(encoding="utf-8").split("\n")}
    return [path for path in listed_paths(rows[~unreadable(rows)]) if path not in used]

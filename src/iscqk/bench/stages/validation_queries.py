"""Make query sets of both phases by other edits than the training's.

Copies of references and distractors, edited by code that shares nothing with that of training
copies. Writes a folder: phase1/ and phase2/, ground_truth_phase1.csv and ground_truth_phase2.csv,
edits.csv (the classes of edit of each query), references/ (links, named by id), and the paths and
contents of these, in the order of the ids, and of what distractors are made of:
paths_of_references.csv and paths_of_others.csv. What all these files hold is in files.csv, by which
`iscqk validation-scores` refuses a set that has lost or changed one.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from iscqk.bench.independent.set_folder import OTHERS, REFERENCES, read_sources, write_set
from iscqk.errors import UserError
from iscqk.formats.listed import Listed
from iscqk.formats.manifest import listed_paths, read_manifest, unreadable
from iscqk.images.ingestion import copied_others
from iscqk.images.quarantine import refuse_all
from iscqk.runtime.options import at_once, output_folder
from iscqk.settings.validation import Validation

EXAMPLE = r"""iscqk validation-queries --references data/references.csv --others data/others.csv \
    --config '{"references": 400, "copies": 100, "distractors": 100}' --seed 1 \
    --besides monitor --output judge"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    for split in (REFERENCES, OTHERS):
        parser.add_argument(f"--{split}", metavar="MANIFEST", required=True)
    parser.add_argument(
        "--config", type=Validation.parse, required=True, help="the `validation` section"
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--besides", type=Path, nargs="*", default=[], metavar="SET",
        help="other such folders, whose references and sources of distractors are left out",
    )  # fmt: skip
    parser.add_argument("--output", type=output_folder, required=True, metavar="SET", help="folder")
    parser.add_argument("--workers", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Choose the images, edit them, and write what is known of them."""
    try:
        from iscqk.bench.independent.query_sets import Maker, choose
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error}; the edits are made with it: pip install opencv-python-headless scikit-image"
        ) from None
    config = arguments.config
    readable = {name: _readable(getattr(arguments, name)) for name in (REFERENCES, OTHERS)}
    refuse_all(copied_others(readable[REFERENCES], readable[OTHERS]))
    left = {name: _left(arguments.besides, name, rows) for name, rows in readable.items()}
    left_out = {name: len(rows) - len(left[name]) for name, rows in readable.items()}
    workers = arguments.workers
    found = choose(left[REFERENCES], left[OTHERS], config, arguments.seed, left_out, workers)
    maker = Maker(arguments.seed, tuple(found.backgrounds), config.side, config.quality)
    images = maker.make_all(found.queries, workers)
    write_set(arguments.output, found.queries, images, found.references)


def _readable(manifest: str) -> pd.DataFrame:
    rows = read_manifest(manifest)
    return rows[~unreadable(rows)]


def _left(besides: Iterable[Path], name: str, rows: pd.DataFrame) -> list[Listed]:
    """Return the images of a split whose content no other set has taken."""
    taken = {path.sha256 for folder in besides for path in read_sources(folder, name)}
    return [path for path in listed_paths(rows) if path.sha256 not in taken]

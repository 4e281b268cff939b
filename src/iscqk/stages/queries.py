"""Make the queries of a phase: AugLy copies of references, and distractors that copy none.

Writes the images, their manifest, the ground truth, and which edits made each query: their names
in edits.csv, with all parameters in edits.jsonl. The two phases copy different references and
different other images, with different edits. No query is made of what is there twice among the
references, or of one colour.
"""

import argparse
import hashlib
import io
import json
import os
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from iscqk.errors import UserError
from iscqk.formats.files import write_text
from iscqk.formats.ground_truth import GroundTruth, write_ground_truth
from iscqk.formats.ids import query_id
from iscqk.formats.image_shards import writing_images
from iscqk.formats.manifest import (
    COLUMNS,
    listed_paths,
    read_manifest,
    write_manifest,
)
from iscqk.formats.phases import PHASES
from iscqk.formats.printable_names import utf8
from iscqk.formats.query_edits import write_query_edits
from iscqk.formats.results import SPLITS
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool
from iscqk.images.ingestion import copied_others, overlaps
from iscqk.images.quarantine import refuse_all
from iscqk.images.sources import first_pictures, of_own_content
from iscqk.runtime.options import at_once, output_place
from iscqk.settings.edits import Pool
from iscqk.settings.queries import ADD_UNLIKE, Queries, refuse_impossible, share_of

EXAMPLE = r"""iscqk queries --phase phase2 --training data/training.csv \
    --references data/references.csv --others data/others.csv \
    --config '{"count": 100, "copies": 0.5, "side": 512, "quality": 90}' \
    --edits '{"names": ["crop", "blur"], "strength": [0.2, 0.6], "length": [1, 2]}' \
    --seed 0 --output images.tar queries.csv ground_truth.csv edits.csv edits.jsonl"""


class Made(NamedTuple):
    """The files to write.

    Attributes:
        images: a folder, or a shard.
        manifest: of the images.
        ground_truth: which references they copy.
        edits: their names, for each query.
        records: of the edits, with all parameters.
    """

    images: str
    manifest: str
    ground_truth: str
    edits: str
    records: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--phase", choices=PHASES, required=True)
    for split in SPLITS:
        parser.add_argument(f"--{split}", metavar="MANIFEST", required=True)
    parser.add_argument("--config", type=Queries.parse, required=True, help="the `queries` section")
    parser.add_argument("--edits", type=Pool.parse, required=True, help="the phase's edits")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--output", type=output_place, nargs=5, required=True,
        metavar=tuple(map(str.upper, Made._fields)),
        help="a new folder or .tar file, CSV files, and JSON lines",
    )  # fmt: skip
    parser.add_argument("--workers", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Make the images, and say what they are before they take their names, as a folder does once.

    So the same command goes on after a stop.
    """
    made = Made(*arguments.output)
    sources = _choose_sources(arguments)
    copier = _copier(arguments)
    phase, seed = arguments.phase, arguments.seed
    queries = list(zip(sources["id"], sources["source"], listed_paths(sources), strict=True))
    tasks = [Task((seed, phase, query), path) for query, _, path in queries]
    copies = copier.copies(tasks, len(tasks), arguments.workers)
    rows, records = [], []
    with writing_images(made.images) as put:
        for (query, source, _), (jpeg, edits) in zip(queries, copies, strict=True):
            put(name := f"{query}.jpg", jpeg)
            rows.append((query, utf8(os.path.join(made.images, name)), *_known_of(jpeg)))
            records.append({"query_id": query, "source_id": source, "edits": edits})
        manifest = pd.DataFrame(rows, columns=COLUMNS)
        refuse_all(overlaps(read_manifest(arguments.training), manifest, phase))
        _write_tables(made, sources, records)
    write_manifest(made.manifest, manifest)  # looks for the shard that the images lie in


def _choose_sources(arguments: argparse.Namespace) -> pd.DataFrame:
    """Return id, source (an image's id), path and reference_id (or "") of each query to make."""
    phase, seed, count = arguments.phase, arguments.seed, arguments.config.count
    splits = [read_manifest(getattr(arguments, name)) for name in ("references", "others")]
    sources = of_own_content(*splits)
    refuse_all(copied_others(splits[0], sources["others"]))
    there = {split: len(images) for split, images in sources.items()}
    refuse_impossible(arguments.config, there, [phase], ADD_UNLIKE)
    rng = np.random.default_rng((seed, PHASES.index(phase)))
    chosen = pd.concat([_pictures(arguments, split, images) for split, images in sources.items()])
    chosen = chosen.iloc[rng.permutation(count)].rename(columns={"id": "source"})
    chosen["id"] = [query_id(number, phase) for number in range(count)]
    chosen["reference_id"] = chosen["source"].where(chosen["source"].str.startswith("R"), "")
    return chosen


def _pictures(arguments: argparse.Namespace, split: str, images: pd.DataFrame) -> pd.DataFrame:
    """Return as many of a split's images as a phase takes, its first of more than one colour.

    Raises:
        UserError: there are too few.
    """
    config, phase = arguments.config, arguments.phase
    wanted = config.sources(config.count)[split]
    share = _share(images, phase, arguments.seed)
    found = first_pictures(listed_paths(share), wanted, config.side, arguments.workers)
    if len(found) < wanted:
        raise UserError(
            f"config: queries.count: {config.count} take {wanted} {split} in {phase}, whose half "
            f"has {len(found)} of more than one colour; lower it, or add images to dataset.{split}"
        )
    return share.iloc[found]


def _share(rows: pd.DataFrame, phase: str, seed: int) -> pd.DataFrame:
    """Return a phase's share of the images of a split, in random order."""
    return rows.iloc[np.random.default_rng(seed).permutation(len(rows))[share_of(phase)]]


def _copier(arguments: argparse.Namespace) -> Copier:
    others = listed_paths(read_manifest(arguments.others))
    return Copier(
        EditPool(**arguments.edits.values()),
        tuple(others[share_of(arguments.phase)]),
        arguments.config.side,
        arguments.config.quality,
    )


def _known_of(jpeg: bytes) -> tuple[str, int, int]:
    """Return the SHA-256 of an image that was made here, its width and its height."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return hashlib.sha256(jpeg).hexdigest(), *image.size


def _write_tables(made: Made, sources: pd.DataFrame, records: list[dict[str, Any]]) -> None:
    """Write the ground truth and the edits."""
    copies = sources[sources["reference_id"] != ""]
    write_ground_truth(
        made.ground_truth,
        GroundTruth(
            copies["id"].to_numpy(dtype=np.str_),
            copies["reference_id"].to_numpy(dtype=np.str_),
            sources.loc[sources["reference_id"] == "", "id"].to_numpy(dtype=np.str_),
        ),
    )
    chains = {record["query_id"]: [e["name"] for e in record["edits"]] for record in records}
    write_query_edits(made.edits, chains)
    lines = "".join(json.dumps(record, sort_keys=True) + "\n" for record in records)
    write_text(made.records, lines)

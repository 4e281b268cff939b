"""What `iscqk match` calls likely copies, beside what it promises of them, on folders of images.

Half of a folder's images are references. Queries are edited copies of some of these, and images of
the other half, which copy nothing, edited or as they are, in several proportions. With --pages the
same is tried on drawn pages of text. Writes a CSV: collection, edits, others, queries, copies,
likely, right, promised, observed.
"""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from iscqk.bench.text_pages import draw_pages
from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.image_shards import digest_of
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool
from iscqk.images.finding import find_images
from iscqk.matching.cache import Caches
from iscqk.matching.chance import PROMISED
from iscqk.matching.inputs import find_both_inputs
from iscqk.matching.looking_up import How
from iscqk.matching.matches import find_matches
from iscqk.matching.model import Model
from iscqk.matching.views import POOL
from iscqk.models.device import set_threads
from iscqk.runtime.cores import cores
from iscqk.runtime.options import at_once, count, output_file

EXAMPLE = r"""iscqk benchmark-likely ../shared/photos/references ../shared/photos-large/references \
    ../shared/unbalanced/evaluation --model results/submission_phase2 --output likely.csv"""

# Those of the two phases of config.yaml.
_UNSEEN = (
    *("contrast", "masked_composite", "meme_format", "opacity", "overlay_onto_screenshot"),
    *("overlay_stripes", "perspective_transform", "shuffle_pixels"),
)
_EDITS = {
    "phase1": EditPool(POOL.names, (0.2, 0.6), (2, 4)),
    "phase2": EditPool(POOL.names, (0.6, 0.8), (1, 3), required=_UNSEEN),
}
_COPIES = (0.5, 0.05, 0.0)  # of the queries
_SIDE, _QUALITY = 256, 90  # of a query: pixels, of the JPEG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("images", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--count", type=count, default=2000, help="of a folder's images, at most")
    parser.add_argument("--pages", type=count, help="of text, drawn, as one more collection")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=at_once, default=cores())
    parser.add_argument("--output", type=output_file, required=True, metavar="CSV")


def run(arguments: argparse.Namespace) -> None:
    """Write the table, and print it."""
    set_threads(arguments.threads)
    model = Model.load(arguments.model)
    tried = partial(_tried, model=model, seed=arguments.seed, threads=arguments.threads)
    rows = [row for folder in arguments.images for row in tried(folder, count=arguments.count)]
    if arguments.pages:
        with TemporaryDirectory() as place:
            pages = Path(place, "pages of text")
            draw_pages(pages, arguments.pages, arguments.seed)
            every = tried(pages, count=arguments.pages)
            rows += [{**row, "collection": pages.name} for row in every]
    table = pd.DataFrame(rows)
    write_table(arguments.output, table)
    print(table.to_string(index=False))


def _tried(
    folder: Path, model: Model, count: int, seed: int, threads: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind of edits and each share of copies among the queries."""
    references, others = _halves(folder, count, seed)
    queries = len(others) // 2
    with TemporaryDirectory() as place:
        for edits, pool in _EDITS.items():
            copier = Copier(pool, tuple(map(str, others[queries:])), _SIDE, _QUALITY)
            made = partial(_made, copier, seed=seed, threads=threads)
            copies = made(references[:queries], folder=Path(place, edits, "copies"))
            rest = {
                "edited": made(others[:queries], folder=Path(place, edits, "others")),
                "as they are": [str(path) for path in others[:queries]],
            }
            for (kind, negatives), share in product(rest.items(), _COPIES):
                some = round(share * queries)
                asked = [*copies[:some], *negatives[: queries - some]]
                inputs, how = find_both_inputs(asked, references), How(Caches.of(place), threads)
                found = find_matches(*inputs, model, how).table
                likely = found[found["likely"]]
                sources = dict(zip(copies[:some], references, strict=False))
                right = likely["query"].map(lambda query, of=sources: str(of.get(query)))
                yield {
                    "collection": str(folder),
                    "edits": edits,
                    "others": kind,
                    "queries": queries,
                    "copies": some,
                    "likely": len(likely),
                    "right": int((right == likely["reference"]).sum()),
                    "promised": PROMISED,
                    "observed": (right == likely["reference"]).mean(),
                }


def _halves(folder: Path, count: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Return references and others, of files with the same content one, so that no half has both.

    Raises:
        UserError: there are too few.
    """
    paths = find_images([folder])
    drawn = np.random.default_rng(seed).permutation(len(paths))[:count]
    images = list({digest_of(paths[n]): paths[n] for n in drawn}.values())
    if len(images) < 4:
        raise UserError(f"{folder}: too few images to make references and others of")
    return images[::2], images[1::2]


def _made(
    copier: Copier, sources: Sequence[Path], folder: Path, seed: int, threads: int
) -> list[str]:
    """Write an edited copy of each image, the same wherever it lies; return their paths."""
    folder.mkdir(parents=True)
    tasks = [Task((seed, "likely", digest_of(source)), str(source)) for source in sources]
    paths = []
    for number, (jpeg, _) in enumerate(copier.copies(tasks, len(tasks), threads)):
        temporary = folder / f"{number}.jpg"  # in a folder that is one
        temporary.write_bytes(jpeg)
        paths.append(str(temporary))
    return paths

"""Measure how fast copies are made and images described, beside a plain loop and the bare model.

On the images of a manifest, and on images of the challenge's size that are drawn for it.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from iscqk.bench.copy_speed import compare_copies
from iscqk.bench.description_speed import compare_extraction
from iscqk.formats.csv_tables import write_table
from iscqk.formats.image_shards import content_of
from iscqk.formats.manifest import read_manifest
from iscqk.formats.path_checks import refuse_missing
from iscqk.images.copier import Copier, Task
from iscqk.images.demo_scenes import draw_split
from iscqk.images.edit_chains import EditPool
from iscqk.images.finding import find_images
from iscqk.models.device import choose_device
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import load_encoder
from iscqk.runtime.options import at_once, count, output_folder
from iscqk.settings.benchmarks import Benchmarks, Images
from iscqk.settings.copies import Copies
from iscqk.settings.edits import Pool
from iscqk.settings.model import Model

EXAMPLE = r"""iscqk benchmark-images --training data/training.csv --weights q.safetensors \
    --copies "$(cat copies.json)" --config "$(cat images.json)" \
    --edits '{"names": ["crop", "blur"], "strength": [0.0, 0.6], "length": [1, 2]}' \
    --seed 0 --output timed"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of the encoder in use")
    parser.add_argument("--copies", type=Copies.parse, required=True, help="the `copies` section")
    parser.add_argument("--edits", type=Pool.parse, required=True, help="the training edits")
    parser.add_argument("--config", type=Images.parse, required=True, help="`benchmarks.images`")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--repeats", type=count, default=Benchmarks.repeats)
    parser.add_argument("--output", type=output_folder, required=True, help="folder")
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write copies.csv and extraction.csv."""
    config = arguments.config
    paths = _spread(read_manifest(arguments.training)["path"], config.count)
    refuse_missing(arguments.weights)  # they are read after the first comparison
    with TemporaryDirectory() as folder:
        large = Path(folder, "training")
        draw_split(large, "training", config.drawn, arguments.seed, config.side, 1)
        sets = {
            "of the config": [_as_file(path, Path(folder)) for path in paths],
            f"drawn, {config.side} px": [str(path) for path in find_images([large])],
        }
        # Copies first: their workers are forks, which torch's threads do not follow.
        copies = {name: _copies(arguments, paths) for name, paths in sets.items()}
        write_table(arguments.output / "copies.csv", _joined(copies))
        extraction = {name: _extraction(arguments, paths) for name, paths in sets.items()}
    write_table(arguments.output / "extraction.csv", _joined(extraction))


def _spread(paths: pd.Series, count: int) -> list[str]:
    """Return at most `count` paths from all over a manifest."""
    return paths.iloc[:: max(1, len(paths) // count)].tolist()[:count]


def _as_file(path: str, temporary: Path) -> str:
    """Return the path of an image as the baselines open it: out of a shard, a file in a folder."""
    if (content := content_of(path)) is None:
        return path
    (temporary / Path(path).name).write_bytes(content)
    return str(temporary / Path(path).name)


def _copies(arguments: argparse.Namespace, paths: list[str]) -> pd.DataFrame:
    pool, copies = EditPool(**arguments.edits.values()), arguments.copies
    copier = Copier(pool, tuple(paths), copies.side, copies.quality)
    tasks = [
        Task((arguments.seed, "benchmark", view), paths[view % len(paths)])
        for view in range(arguments.config.count)
    ]
    return compare_copies(copier, tasks, arguments.threads, arguments.repeats)


def _extraction(arguments: argparse.Namespace, paths: list[str]) -> pd.DataFrame:
    """Compare with the encoder in use and with the one of the challenge's size."""
    config = arguments.config
    as_many = (paths * -(-config.count // len(paths)))[: config.count]
    large = EncoderConfig(config.backbone, config.image_size, Model.pooling, Model.descriptor_size)
    device = choose_device()
    encoders = [load_encoder(arguments.weights).to(device), Encoder(large).eval().to(device)]
    for encoder in encoders:
        encoder.precision = "auto"
    rows = (compare_extraction(e, as_many, arguments.threads, arguments.repeats) for e in encoders)
    return pd.concat(rows)


def _joined(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(table.assign(images=name) for name, table in tables.items())

"""What the commands for anybody's own images take alike, declared once."""

import argparse
from pathlib import Path

from iscqk.matching.inputs import ORIENTATIONS
from iscqk.runtime.cores import cores
from iscqk.runtime.options import at_once


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare whose descriptors: `--model`."""
    parser.add_argument(
        "--model", type=Path, metavar="DIR",
        help="results/submission_..., or a run's folder (default: the ready model)",
    )  # fmt: skip


def add_exclude(parser: argparse.ArgumentParser) -> None:
    """Declare what of folders is not looked at: `--exclude`."""
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="NAME",  # one: images may follow it
        help="files and folders to pass over below those named, by name or pattern ('*.gif'); give "
        "it once for each",
    )  # fmt: skip


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Declare `--threads`."""
    parser.add_argument("--threads", type=at_once, default=cores(), help="(default: all)")


def add_orientations(parser: argparse.ArgumentParser) -> None:
    """Declare `--orientations`."""
    parser.add_argument(
        "--orientations", type=int, choices=ORIENTATIONS, default=1,
        help="8: copies may be turned by quarters and mirrored, which takes longer (default: 1)",
    )  # fmt: skip


def add_index(parser: argparse.ArgumentParser) -> None:
    """Declare `--index`."""
    parser.add_argument(
        "--index", action="store_true",
        help="look through an index, for a million references and more; it misses some, which is "
        "told (default: exact)",
    )  # fmt: skip

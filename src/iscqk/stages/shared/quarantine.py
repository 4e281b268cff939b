"""The options of stages that look at every image of a split, for those that are amiss."""

import argparse
from typing import get_args

from iscqk.runtime.options import at_once
from iscqk.settings.dataset import BadImages, Dataset


def add_quarantine_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        "--official", action="store_true", help="refuse images that no id of the challenge names"
    )
    parser.add_argument("--bad-images", choices=get_args(BadImages), default=Dataset.bad_images)
    parser.add_argument("--workers", type=at_once, default=1)

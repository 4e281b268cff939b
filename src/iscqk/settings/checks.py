"""Checking config.yaml with errors that say which key is wrong, and reading from it."""

from collections.abc import Mapping
from typing import Any

from iscqk.datasets import SOURCES
from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.formats.submission import MAX_DIMENSION
from iscqk.methods import METHODS
from iscqk.retrieval.rankings import RANKINGS
from iscqk.schema.section import validator
from iscqk.schema.validator import refuse_invalid
from iscqk.settings.config import Config
from iscqk.settings.copies import Copies
from iscqk.settings.describe import Describe
from iscqk.settings.model import Model
from iscqk.settings.queries import DRAW_MORE, Queries, refuse_too_many
from iscqk.settings.train import Train

_IF_TEXT = (
    "write it in a file for --configfile, without quotes (within a section all is text to --config)"
)


def check_config(config: Mapping[str, Any]) -> None:
    """Check a configuration against the settings and against itself.

    Raises:
        UserError: the first thing wrong, with the key and the remedy.
    """
    refuse_invalid(config, validator(Config), _IF_TEXT)
    size = config.get("model", {}).get("descriptor_size", Model.descriptor_size)
    describe = config.get("describe", {}).get("ranking", Describe.ranking)
    rankings = config.get("score", {}).get("rankings", [describe])
    for name in dict.fromkeys([describe, *rankings]):
        if size + (needed := RANKINGS[name].dimensions) > MAX_DIMENSION:
            raise UserError(
                f"config: model.descriptor_size: {size} leaves no dimension for ranking by {name}; "
                f"lower it to {MAX_DIMENSION - needed}, or take {name} out of "
                "describe.ranking and score.rankings"
            )
    if describe not in rankings:
        raise UserError(f"config: score.rankings: add {describe}, which describe.ranking submits")
    _refuse_all_gist(config, size)
    _refuse_few_copies(config)
    _refuse_few_images(config["dataset"], Queries.parse(config.get("queries", {})))


def _refuse_few_images(dataset: Mapping[str, Any], queries: Queries) -> None:
    """Refuse more queries than are made of the images that will be there, where that is known."""
    source = SOURCES[dataset["kind"]]
    if source.drawn:
        refuse_too_many(queries, source.known(dataset), PHASES, DRAW_MORE)


def _refuse_all_gist(config: Mapping[str, Any], size: int) -> None:
    """Refuse dimensions of GIST's that leave the network none."""
    describe = Describe.parse(config.get("describe", {}))
    if describe.gist and describe.gist_size >= size:
        raise UserError(
            f"config: describe.gist_size: {describe.gist_size} of model.descriptor_size, {size}, "
            "leaves the network no dimension; lower it"
        )


def _refuse_few_copies(config: Mapping[str, Any]) -> None:
    """Refuse a method that takes more copies of an image than are made."""
    train, made = config.get("train", {}), config.get("copies", {})
    method = train.get("method", Train.method)
    if not (settings := METHODS[method].settings):
        return
    own = settings.parse(train.get(method, {})).values()
    pairs = 2 if own.get("partner") == "copy" else 1
    for key, needed in {"bank_views": own.get("bank_views", 1), "partner": pairs}.items():
        if needed > made.get("per_image", Copies.per_image):
            raise UserError(
                f"config: train.{method}.{key}: {own[key]} takes {needed} copies of an image; "
                f"raise copies.per_image to {needed}"
            )

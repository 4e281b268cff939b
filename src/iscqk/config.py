"""Checking config.yaml with errors that say which key is wrong, and reading from it."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from iscqk.errors import UserError
from iscqk.formats.submission import MAX_DIMENSION
from iscqk.keys import validator
from iscqk.retrieval.rankings import RANKINGS
from iscqk.settings.config import Config
from iscqk.validity import refuse_invalid


def check_config(config: Mapping[str, Any], schema: str | Path | None = None) -> None:
    """Check a configuration against its schema, or that of a file, and against itself.

    Raises:
        UserError: the first thing wrong, with the key and the remedy.
    """
    refuse_invalid(config, _read(schema) if schema else validator(Config))
    size = config.get("model", {}).get("descriptor_size", MAX_DIMENSION - 1)
    describe = config.get("describe", {}).get("ranking", "log_partition")
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


@cache
def _read(schema: str | Path) -> Draft202012Validator:
    """Return what checks against a schema's file."""
    return Draft202012Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))

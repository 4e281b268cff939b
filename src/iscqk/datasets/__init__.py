"""The sources of images, each a module of this folder under the name that `dataset.kind` uses.

A module declares SOURCE. It imports no more than paths need, as the Snakefile reads all of them at
the start of every job.
"""

from collections.abc import Mapping
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.images.dataset_interface import Source, Sources
from iscqk.schema.registry import Registry

SOURCES: Registry[Source] = Registry("source of images", __name__, __path__, "SOURCE")


def find_sources(dataset: Mapping[str, Any]) -> Sources:
    """Return the folders of the `dataset` section, all of them there.

    Raises:
        UserError: a folder or file is missing or not named, or a list is of images that are not.
    """
    found = SOURCES[dataset["kind"]].find(dataset)
    _refuse_lists_of_nothing(found)
    return found


def _refuse_lists_of_nothing(found: Sources) -> None:
    """Refuse a list that would say nothing: of queries that are made, of others that are none."""
    for name in found.lists:
        if name in PHASES and name not in found.phases:
            what = f"says nothing of queries that are made; name dataset.{name}, or remove it"
            raise UserError(f"config: dataset.lists.{name}: {what}")
        if name == "others" and not found.others:
            what = "says nothing, as no others are named or needed; remove it"
            raise UserError(f"config: dataset.lists.{name}: {what}")

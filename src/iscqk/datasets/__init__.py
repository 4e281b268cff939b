"""The sources of images, each a module of this folder under the name that `dataset.kind` uses.

A module declares SOURCE. It imports no more than paths need, as the Snakefile reads all of them at
the start of every job.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from iscqk.images.dataset_interface import Source, Sources

SOURCES: dict[str, Source] = {
    found.name: import_module(f"{__name__}.{found.name}").SOURCE for found in iter_modules(__path__)
}


def find_sources(dataset: Mapping[str, Any]) -> Sources:
    """Return the folders of the `dataset` section, all of them there.

    Raises:
        UserError: a folder or file is missing or not named.
    """
    return SOURCES[dataset["kind"]].find(dataset)

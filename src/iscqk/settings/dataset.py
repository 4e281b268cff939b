"""`dataset`: where images come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from iscqk.datasets import SOURCES
from iscqk.datasets.demo import Demo
from iscqk.formats.phases import PHASES
from iscqk.formats.results import SPLITS
from iscqk.schema.kinds import FilePath, Limits, Places
from iscqk.schema.section import Section, key, needed, optional

BadImages = Literal["error", "quarantine"]


@dataclass(frozen=True, kw_only=True)
class Phase(Section):
    """A phase whose queries there are."""

    queries: Places = needed("their images")
    ground_truth: FilePath = needed("CSV query_id,reference_id, by which they are scored")


_Phase = Annotated[Phase, Limits("phase")]
_Lists = Annotated[
    Mapping[str, FilePath],
    Limits(propertyNames={"enum": [*SPLITS, *PHASES]}),
]


@dataclass(frozen=True, kw_only=True)
class Dataset(Section):
    """Where images come from."""

    kind: Annotated[str, Limits(enum=list(SOURCES))] = needed(
        "; ".join(f"{name}: {source.comment}" for name, source in SOURCES.items()) + "."
    )
    demo: Demo = key(Demo())
    bad_images: BadImages = key(
        "error",
        "Images that cannot be read, and training images that are references or queries, too. "
        "error: all are told before anything else is done; quarantine: they are listed, training "
        "does without them, and queries and references that cannot be read match nothing. "
        "Queries in shards are looked at only when they are taken, and a training image that is "
        "one is told.",
    )
    root: FilePath | None = optional("where disc21 is")
    training: Places | None = optional()
    references: Places | None = optional()
    others: Places | None = optional()
    phase1: _Phase | None = optional()
    phase2: _Phase | None = optional()
    lists: _Lists = optional(
        "files with the name of an image in each line, the only ones that count", absent={}
    )

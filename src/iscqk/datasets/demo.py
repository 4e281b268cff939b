"""Images that the project draws itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from iscqk.formats.results import SPLITS, Results
from iscqk.images.dataset_interface import Source, Sources
from iscqk.schema.kinds import Limits, Side
from iscqk.schema.section import Section, key

_Drawn = Annotated[int, Limits("drawn", minimum=1, maximum=1_000_000)]  # as many as ids


@dataclass(frozen=True, kw_only=True)
class Demo(Section):
    """Images that the project draws itself."""

    training: _Drawn = key(5000, "drawn images to learn from")
    references: _Drawn = key(1000, "drawn images to find copies of")
    others: _Drawn = key(800, "drawn images to make distractors of")
    side: Side = key(144, "longest side in pixels")


def _find(dataset: Mapping[str, Any]) -> Sources:
    training, references, others = ([Results().drawn(split)] for split in SPLITS)
    return Sources(training, references, others, {}, {})


def _known(dataset: Mapping[str, Any]) -> Mapping[str, int]:
    counts = Demo.parse(dataset.get("demo", {})).values()
    return {split: counts[split] for split in SPLITS}


SOURCE = Source("images that the project draws itself", _find, _known, takes=("demo",), drawn=True)

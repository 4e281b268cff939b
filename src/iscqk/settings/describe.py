"""`describe`: how images are described, and how pairs of them rank."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from iscqk.retrieval.rankings import RANKINGS
from iscqk.schema.kinds import PRECISION, Count, Limits, Precision, Side, within
from iscqk.schema.section import Section, key

ModelSide = Annotated[Literal["q", "k"], Limits("model_side")]
RankingName = Annotated[str, Limits("ranking", enum=list(RANKINGS))]
# log Z is float32: times a higher one its rounding would rank the pairs.
_Temperature = Annotated[float, within(1e-6, 10)]
_Sizes = Annotated[tuple[Side, ...], Limits(uniqueItems=True)]


@dataclass(frozen=True, kw_only=True)
class Describe(Section):
    """How images are described, and how pairs of them rank."""

    queries: ModelSide = key("q", "the side that describes queries")
    references: ModelSide = key("k", "the side that describes references")
    sizes: _Sizes = key(
        (), "sides in pixels at which every image is described and averaged; none: image_size"
    )
    orientations: Literal[1, 2, 4, 8] = key(
        1, "that count in that average, too: 2 as it is and mirrored, 4 quarter turns, 8 both"
    )
    trimmed: bool = key(False, "whether an image with plain margins counts in it without them, too")
    gist: Annotated[float, within(0)] = key(
        0,
        "weight of GIST's descriptor joined to the network's, whose own is 1; 0 leaves it out",
    )
    gist_size: Annotated[int, within(0)] = key(
        0,
        "dimensions of descriptor_size that a PCA of its own gives to GIST; 0: both share one",
    )
    gist_whitening: Annotated[float, within(0, 1)] = key(1, "of GIST's own PCA")
    whitening: Annotated[float, within(0, 1)] = key(
        0, "of a PCA of what is joined, or of the network's own, on training images: 0 none, 1 full"
    )
    subtract: Annotated[float, within(0, 1)] = key(
        0, "share of the mean of the nearest training descriptors taken from every descriptor"
    )
    subtract_nearest: Count = key(10, "how many these are")
    ranking: RankingName = key("log_partition", "or similarity")
    temperature: _Temperature = key(0.05, "of the log-partition, whatever the training's was")
    precision: Precision = key("auto", PRECISION)


def projects(describe: Mapping[str, Any]) -> bool:
    """Return whether a PCA is made of descriptors: of what is joined, or to whiten."""
    return bool(describe["gist"] or describe["whitening"])


def refines(describe: Mapping[str, Any]) -> bool:
    """Return whether more is done with descriptors than the network gives."""
    return projects(describe) or bool(describe["subtract"])

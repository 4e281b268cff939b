"""`benchmarks`: what is timed beside baselines."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import Count, Counts, Name, within
from iscqk.schema.section import Section, key


@dataclass(frozen=True, kw_only=True)
class Images(Section):
    """Copies and descriptions that are timed."""

    count: Annotated[int, within(128)] = key(512, "that are copied or described in a turn")
    drawn: Count = key(32, "different ones")
    side: Annotated[int, within(16)] = key(1024, "of these, in pixels")
    backbone: Name = key("resnet50", "described with it, too, beside the encoder in use")
    image_size: Count = key(224, "in pixels, of that backbone")


@dataclass(frozen=True, kw_only=True)
class Benchmarks(Section):
    """What `snakemake benchmarks` times."""

    batch_sizes: Counts = key((64, 256, 1024), "queries in a step")
    rows: Counts = key(
        (16384, 65536, 262144, 1048576),
        "of the bank; naive cross entropy of 1024 takes 13 GB",
    )
    repeats: Count = key(5, "of which the median counts")
    synthetic_rows: Count = key(
        1000000, "random negatives beside the bank, in a half-round of side q"
    )
    images: Images = key(
        Images(),
        "copies and descriptions of training images, and of drawn ones as large as the challenge's",
    )

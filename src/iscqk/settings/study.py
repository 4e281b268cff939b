"""`study`: what is compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from iscqk.schema.kinds import Limits, Seeds, within
from iscqk.schema.section import Section, key
from iscqk.settings.train import MethodName

_Ablations = Annotated[
    Mapping[str, Any],
    Limits(
        propertyNames={"pattern": r"^[a-z][a-z0-9_]*(?!\n)$"},
        additionalProperties={
            "type": "object",
            "minProperties": 1,
            "anyOf": [
                {
                    "description": "keys, each with a list of values",
                    "additionalProperties": {"type": "array", "minItems": 1},
                },
                {
                    "description": "labels, each with keys that it changes",
                    "propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9_+.-]*$"},
                    # Both at once, as a file laid over may have it, is told where runs are made.
                    "additionalProperties": {"type": ["array", "object"], "minItems": 1},
                },
            ],
        },
    ),
]


@dataclass(frozen=True, kw_only=True)
class Study(Section):
    """What `snakemake study` and `snakemake ablations` compare."""

    methods: Annotated[tuple[MethodName, ...], Limits(minItems=1, uniqueItems=True)] = key(
        ("gist", "simclr", "moco", "isd", "qk"), "to compare"
    )
    seeds: Seeds = key((0,), "of training; images, queries and copies are those of `seed`")
    points: Annotated[int, within(1, 1000)] = key(
        4,
        "parts of a training of one encoder, after each of which its models are kept; the curve "
        "over images seen is the first seed's; another number trains anew, the submission too",
    )
    ablations: _Ablations = key(
        {}, "of Q/K, each a table and a plot: keys and values of each, or labels and changed keys"
    )

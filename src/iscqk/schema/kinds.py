"""The kinds of values that keys have: what an annotation allows, named where many keys share it."""

from typing import Annotated, Any, Literal


class Limits:
    """What an annotated type allows, in the words of JSON schema; named where many keys have it."""

    def __init__(self, name: str = "", **rule: Any) -> None:
        self.name, self.rule = name, rule


def within(lowest: float, highest: float | None = None) -> Limits:
    """Return the limits of a number."""
    return Limits(minimum=lowest) if highest is None else Limits(minimum=lowest, maximum=highest)


Count = Annotated[int, Limits("count", minimum=1)]
Fraction = Annotated[float, Limits("fraction", minimum=0, maximum=1)]
Positive = Annotated[float, Limits("positive", exclusiveMinimum=0)]
# Similarities are divided by it in float32, which has few digits near 0, and none below 1e-45.
Temperature = Annotated[float, Limits("temperature", minimum=1e-6)]
Side = Annotated[int, Limits("side", minimum=16, maximum=8192)]
Quality = Annotated[int, Limits("quality", minimum=1, maximum=100)]
Counts = Annotated[tuple[Count, ...], Limits("counts", minItems=1)]
Seeds = Annotated[
    tuple[Annotated[int, within(0)], ...],
    Limits("seeds", minItems=1, maxItems=100, uniqueItems=True),
]
Precision = Literal["auto", "bf16", "fp32"]
PRECISION = "bf16 where the hardware has it; or bf16, fp32"
Name = Annotated[
    str,
    Limits(
        "name",
        description="a name of letters, digits and _ . -",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(?!\n)$",
    ),
]
FilePath = Annotated[
    str,
    Limits(
        "path",
        description="a path without line breaks and braces, which are wildcards to Snakemake",
        pattern=r"^[^{}\n\r]+(?!\n)$",
    ),
]
Place = Annotated[
    str,
    Limits(
        "place",
        description="a path without line breaks and braces, which are wildcards to Snakemake (but "
        "for one range of .tar files, {000..019})",
        pattern=r"^(?!$)[^{}\n\r]*(\{\d{1,6}\.\.\d{1,6}\})?[^{}\n\r]*(?!\n)$",
    ),
]
Places = Annotated[
    Place | Annotated[tuple[Place, ...], Limits(minItems=1)],
    Limits(
        "places",
        description="a folder or several, searched recursively, or .tar files; relative to where "
        "the command is run",
    ),
]

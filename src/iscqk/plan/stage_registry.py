"""Which module a stage of the `iscqk` program is: one of the product, or of the evidence for it."""

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
# Rooms of modules with `add_arguments(parser)`, `run(arguments)` and an EXAMPLE.
ROOMS = ("stages", "bench/stages")


def module_name(stage: str) -> str:
    """Return the full name of a stage's module.

    Args:
        stage: its command (`benchmark-images`) or its module's own name.

    Raises:
        ValueError: there is no such stage.
    """
    name = stage.replace("-", "_")
    for room in ROOMS:
        if (_PACKAGE / room / f"{name}.py").is_file():
            return ".".join(["iscqk", *room.split("/"), name])
    raise ValueError(f"no stage {stage!r}")

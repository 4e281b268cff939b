"""How many images there are: in a run that was measured, in one that is planned."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from iscqk.datasets import SOURCES
from iscqk.errors import UserError
from iscqk.formats.light_tables import rows_below_header
from iscqk.formats.phases import PHASES
from iscqk.formats.results import Results


class Counts(NamedTuple):
    """How many images a split has, `queries` in a phase."""

    training: int
    references: int
    queries: int


def measured_counts(results: Results) -> Counts:
    """Return the images of a run by the lists that it made."""
    queries = max(rows_of(results.manifest(phase)) for phase in PHASES)
    return Counts(
        rows_of(results.manifest("training")), rows_of(results.manifest("references")), queries
    )


def planned_counts(config: Mapping[str, Any], given: Mapping[str, int | None]) -> Counts:
    """Return the images of a planned run: those given, else what the config's source has.

    Raises:
        UserError: neither tells.
    """
    dataset = config["dataset"]
    known = SOURCES[dataset["kind"]].known(dataset)
    found: dict[str, Any] = {"queries": config["queries"]["count"], **known}
    found.update({name: count for name, count in given.items() if count is not None})
    for name in Counts._fields:
        if name not in found:
            raise UserError(f"how many {name} there are, the config does not tell; give --{name}")
    return Counts(*(found[name] for name in Counts._fields))


def rows_of(path: str) -> int:
    """Return how many rows follow a table's header; 0 where there is none, or no table."""
    with suppress(OSError):
        return rows_below_header(path)
    return 0

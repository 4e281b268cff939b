"""`search`: the global search."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import within
from iscqk.schema.section import Section, key


@dataclass(frozen=True, kw_only=True)
class Search(Section):
    """The global search."""

    max_results: Annotated[int, within(1, 500_000)] = key(500_000, "pairs, the challenge's budget")

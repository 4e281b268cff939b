"""`shards`: into how many jobs work is split."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import Limits
from iscqk.schema.section import Section, key

_Jobs = Annotated[int, Limits("jobs", minimum=1, maximum=100_000)]


@dataclass(frozen=True, kw_only=True)
class Shards(Section):
    """Into how many jobs work is split."""

    training: _Jobs = key(1, "jobs that copies and banks are split into")
    references: _Jobs = key(1, "jobs that their description is split into")
    search: _Jobs = key(1, "jobs that search is split into, by references")
    queries: _Jobs = key(1, "jobs that their description is split into")

"""`shards`: into how many jobs work is split."""

from dataclasses import dataclass

from iscqk.schema.section import Count, Section, key


@dataclass(frozen=True, kw_only=True)
class Shards(Section):
    """Into how many jobs work is split."""

    training: Count = key(1, "jobs that copies and banks are split into")
    references: Count = key(1, "jobs that their description is split into")
    search: Count = key(1, "jobs that search is split into, by references")
    queries: Count = key(1, "jobs that their description is split into")

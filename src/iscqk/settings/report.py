"""`report`: what the page of all results shows beside them."""

from dataclasses import dataclass

from iscqk.schema.kinds import FilePath
from iscqk.schema.section import Section, key


@dataclass(frozen=True, kw_only=True)
class Report(Section):
    """What the report shows beside the results."""

    compare: None | FilePath = key(
        None, "another folder of results: how its scores and its config differ"
    )

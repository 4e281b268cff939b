"""`ready`: the submitted model made small, to travel with the program."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import Count, FilePath, Limits
from iscqk.schema.section import Section, key


@dataclass(frozen=True, kw_only=True)
class Ready(Section):
    """The submitted model made small, to travel with the program."""

    bank_rows: Count = key(8000, "descriptors of training images that it keeps, at most")
    megabytes: Annotated[float, Limits(exclusiveMinimum=0)] = key(20, "that its files may take")
    notice: None | FilePath = key(
        None,
        "Markdown for its card: what it learned from, under which terms, what it started from",
    )

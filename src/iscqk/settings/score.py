"""`score`: what is scored, and how."""

from dataclasses import dataclass
from typing import Annotated, Literal

from iscqk.schema.kinds import Limits
from iscqk.schema.section import Section, key
from iscqk.settings.describe import RankingName


@dataclass(frozen=True, kw_only=True)
class Score(Section):
    """What is scored, and how."""

    convention: Literal["fb", "drivendata"] = key("fb", "or drivendata")
    rankings: Annotated[tuple[RankingName, ...], Limits(minItems=1, uniqueItems=True)] = key(
        ("similarity", "log_partition"), "what score.json compares"
    )

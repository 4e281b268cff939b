"""The page: what was read and drawn, laid into the template."""

from typing import Any, NamedTuple

from markupsafe import Markup

from iscqk.reporting.difference import Difference
from iscqk.reporting.gallery import Strip
from iscqk.reporting.parts import Data, Figure, Table
from iscqk.reporting.rendering import render_template
from iscqk.reporting.training_curves import Training


class PhaseResults(NamedTuple):
    """What is told of one phase.

    Attributes:
        split: its name and the images it is of.
        score: score.json.
        yardsticks: scores to compare it with, by name.
        validation: validation.json.
        problems: that it names.
        curve: precision over recall.
        scores: of nearest pairs, right and wrong.
        by_edit: scores by edit, where edits are known.
        edits: the same as a table.
        strips: of the gallery.
    """

    split: str
    score: dict[str, Any]
    yardsticks: dict[str, dict[str, Any]]
    validation: dict[str, Any]
    problems: list[str]
    curve: Figure
    scores: Figure
    by_edit: Figure | None
    edits: Table | None
    strips: list[Strip]


class Report(NamedTuple):
    """All that the page tells, in its order.

    Attributes:
        method: that made the submitted weights, "" where none did.
        set_aside: images that cannot be read or must not be learned from; None where none is.
        commit: of the program that made the submission, in words.
    """

    title: str
    method: str
    phases: list[PhaseResults]
    runs: Table
    difference: Difference | None
    groups: list[Figure]
    gallery: Data
    training: Training | None
    usage: Table
    usage_total: str
    rules: Markup | None
    others: list[Table]
    provenance: dict[str, Any]
    set_aside: Table | None
    commit: str
    config: str


def render(report: Report) -> str:
    """Return the page as HTML."""
    return render_template("report.html.j2", **report._asdict())

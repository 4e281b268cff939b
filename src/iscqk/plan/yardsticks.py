"""What a submission's score is held against: the start of its training and GIST, where scored."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from iscqk.formats.results import Model, Ranked
from iscqk.plan.runs import Config

START, GIST = "at the start", "GIST"


def yardsticks(
    models: Mapping[str, tuple[Model, str]], config: Config, phase: str
) -> Iterator[tuple[str, Ranked]]:
    """Yield names and scores of those models that have one of a phase.

    Each is given by where its scores lie, and the file of its weights, which may be another run's.
    It is that of the submission's ranking, or else another one's, and of the weights that are
    there now.
    """
    rankings = (config["describe"]["ranking"], *config["score"]["rankings"])
    for name, (model, weights) in models.items():
        scores = [model.ranked(phase, ranking) for ranking in rankings]
        if there := [one for one in scores if is_newer(one.score, weights)]:
            yield name, there[0]


def is_newer(score: str, source: str) -> bool:
    """Return whether a score is there, and of the weights or queries that are there."""
    with suppress(OSError):
        return Path(score).stat().st_mtime >= Path(source).stat().st_mtime
    return False

"""What a submission's score is held against: the start of its training and GIST, where scored."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from iscqk.formats.named_files import read_object
from iscqk.formats.results import RunModel
from iscqk.plan.runs import Config

START, BASELINE = "at the start", "GIST"


def yardsticks(
    models: Mapping[str, tuple[RunModel, str]],
    config: Config,
    phase: str,
    queries: str,
    convention: str | None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield names and scores (score.json) of those models that have one to compare with.

    It is that of the submission's ranking, or else another one's; of the weights and queries that
    are there now, and counted by the same convention.

    Args:
        models: where a model's scores lie, and the file of its weights, which may be another run's.
        config: of the submission.
        phase: of which they are.
        queries: the manifest of its queries.
        convention: by which its pairs are counted.

    Raises:
        UserError: a score cannot be read.
    """
    rankings = (config["describe"]["ranking"], *config["score"]["rankings"])
    for name, (model, weights) in models.items():
        scores = [model.ranked(phase, ranking).score for ranking in rankings]
        there = [one for one in scores if is_newer(one, weights)]
        alike = (one for one in there if not unlike(one, weights, queries, convention))
        for path in islice(alike, 1):
            yield name, read_object(path)


def unlike(score: str, weights: str, queries: str, convention: str | None) -> str:
    """Return why a score does not compare with a submission's, in words; "" where it does.

    Args:
        score: a score.json.
        weights: of its model; they may lie elsewhere, which is not known of every model.
        queries: the manifest of the submission's queries.
        convention: by which the submission's pairs are counted.

    Raises:
        UserError: the score cannot be read.
    """
    sources = {"of other queries": queries, "of other weights": weights}
    for told, source in sources.items():
        if Path(source).is_file() and not is_newer(score, source):
            return told
    return "" if read_object(score).get("convention") == convention else "by another convention"


def is_newer(score: str, source: str) -> bool:
    """Return whether a score is there, and of the weights or queries that are there."""
    with suppress(OSError):
        return Path(score).stat().st_mtime >= Path(source).stat().st_mtime
    return False

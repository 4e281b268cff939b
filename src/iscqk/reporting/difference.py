"""How results differ from those of another folder: in scores, keys, given files and images."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from iscqk.comparison.yardsticks import is_newer
from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.results import Results
from iscqk.plan.runs import Config
from iscqk.reporting import reading
from iscqk.reporting.parts import Number, Table, share
from iscqk.reporting.reading import Submitted
from iscqk.submission.environment import told_commit

NOT_SET = "–"
_SCORES = {"micro_ap": "micro-AP", "recall_at_p90": "recall at 90 % precision"}
_LONG = 60  # characters of a list, of which only what the other has not is shown

Cell = str | Number


class Difference(NamedTuple):
    """What is told of another folder.

    Attributes:
        folder: it, as it was named.
        scores: of the phases that both have.
        changed: keys, commit and content of given files; None where they are the same.
        warnings: why the scores do not compare.
    """

    folder: str
    scores: Table
    changed: Table | None
    warnings: list[str]


def difference(here: list[Submitted], folder: str) -> Difference:
    """Return how submissions differ from those of the same phases in another folder.

    Raises:
        UserError: it has none of them.
    """
    there = {one.phase: one for one in reading.submissions(Results(folder))}
    both = [(one, there[one.phase]) for one in here if one.phase in there]
    if not both:
        phases = " and ".join(one.phase for one in here)
        raise UserError(f"{folder}: no submission of {phases} to compare with")
    scores = [row for pair in both for row in _scores(*pair)]
    changes = dict.fromkeys(row for pair in both for row in _changes(*pair))
    head = ["what", "here", "there"]
    return Difference(
        folder,
        Table("Scores here and there", [*head, "difference"], scores),
        Table("What was changed", head, [list(row) for row in changes]) if changes else None,
        [text for pair in both for text in _warnings(*pair)],
    )


def _scores(one: Submitted, other: Submitted) -> Iterator[list[Cell]]:
    """Yield rows of the table of scores."""
    for key, name in _SCORES.items():
        here, there = (float(submission.score[key]) for submission in (one, other))
        gain = Number(here - there, f"{here - there:+.4f}")
        yield [f"{one.phase}, {name}", share(here), share(there), gain]


def _changes(one: Submitted, other: Submitted) -> Iterator[tuple[str, str, str]]:
    """Yield commit, keys of the config and given files that differ, with both values as text."""
    here, there = (told_commit(each.provenance, 10) for each in (one, other))
    # Changes to one commit may be other ones here than there.
    if here != there or one.provenance.get("modified"):
        yield "commit", here, there
    yield from _changed(one.provenance["config"], other.provenance["config"])
    ours, theirs = (_given(each) for each in (one, other))
    for path in ours:
        if theirs.get(path, ours[path]) != ours[path]:
            yield f"content of {path}", f"SHA-256 {ours[path][:10]}", f"SHA-256 {theirs[path][:10]}"


def _given(one: Submitted) -> dict[str, str]:
    """Return the digests of what was given by path: ground truth, weights, lists."""
    return {file["path"]: file["sha256"] for file in one.provenance.get("given", [])}


def _changed(here: Config, there: Config, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield keys of all sections, as `train.qk.temperature`; one for a section that one lacks."""
    for key in dict.fromkeys([*here, *there]):
        values = here.get(key, NOT_SET), there.get(key, NOT_SET)
        if all(isinstance(value, dict) for value in values):
            yield from _changed(*values, f"{name}{key}.")
        elif values[0] != values[1]:
            yield f"{name}{key}", _text(*values), _text(*reversed(values))


def _text(value: Any, other: Any) -> str:
    """Return a value as it would stand in the config; of a long list what the other has not."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return f"{len(value)} keys"
    text = json.dumps(value, ensure_ascii=False)
    if not (isinstance(value, list) and isinstance(other, list) and len(text) > _LONG):
        return text
    own = [part for part in value if part not in other]
    shared = len(value) - len(own)
    return ", ".join([*map(str, own), f"{shared} that both have"])


def _warnings(one: Submitted, other: Submitted) -> Iterator[str]:
    """Yield which images are not the same, or how they are scored: of what does not compare."""
    images = [submission.provenance["images"] for submission in (one, other)]
    for split in ("queries", "references"):
        if images[0][split]["sha256"] != images[1][split]["sha256"]:
            yield f"{one.phase}: the {split} there are other images, so its scores do not compare."
    truths = [_ground_truth(each) for each in (one, other)]
    if None not in truths and truths[0] != truths[1]:
        yield f"{one.phase}: the ground truth there is another, so its scores do not compare."
    here, there = (each.score["convention"] for each in (one, other))
    if here != there:
        what = f"pairs are counted by the convention {there} there, and {here} here"
        yield f"{one.phase}: {what}, so its scores do not compare."


def _ground_truth(one: Submitted) -> str | None:
    """Return the digest of what a phase was scored by; None where that is no longer there."""
    path = one.results.phase(one.phase).ground_truth
    return sha256_of(path) if is_newer(one.files.score, path) else None

"""`queries`: how queries are made, and of how many images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.runtime.wording import counted
from iscqk.schema.kinds import Fraction, Quality, Side, within
from iscqk.schema.section import Section, key

DRAW_MORE = "raise dataset.demo.{split} to {needed}"
ADD_UNLIKE = "add {missing} unlike all others to dataset.{split}"
_ADD_SOME = "add {missing} to dataset.{split}"


@dataclass(frozen=True, kw_only=True)
class Queries(Section):
    """How queries are made, for a phase that has none of its own."""

    count: Annotated[int, within(1, 50_000)] = key(800, "a phase")
    copies: Fraction = key(0.5, "fraction that copies a reference; the rest are distractors")
    side: Side = key(512, "longest side in pixels")
    quality: Quality = key(90, "of the JPEG")

    def sources(self, count: int) -> dict[str, int]:
        """Return of how many images of each split `count` queries of a phase are made."""
        copied = round(count * self.copies)
        return {"references": copied, "others": count - copied}


def share_of(phase: str) -> slice:
    """Return which images of a split a phase has: every other one, as phases share none."""
    return slice(PHASES.index(phase), None, len(PHASES))


def refuse_impossible(
    queries: Queries, images: Mapping[str, int], phases: Iterable[str], remedy: str = _ADD_SOME
) -> None:
    """Refuse more queries than there are images to make them of, each of another one, or no copy.

    Args:
        queries: the section.
        images: how many there are, by split.
        phases: whose queries are made.
        remedy: how to have more images, by `split`, how many are `needed` in all and the `missing`.

    Raises:
        UserError: no query would copy a reference, or there are too few images; it says to which
            number the queries can be lowered.
    """
    last = max(phases, key=PHASES.index, default=None)  # no phase before it has fewer images
    if last is not None and not queries.sources(queries.count)["references"]:
        what = f"{queries.copies:g} of {queries.count} queries makes no copy, and no score"
        raise UserError(f"config: queries.copies: {what}; raise it")
    if last is None or (short := _short(queries, queries.count, images, last)) is None:
        return
    split, wanted = short
    needed = len(PHASES) * (wanted - 1) + PHASES.index(last) + 1
    missing = counted(needed - images[split], "image")
    more = remedy.format(split=split, needed=needed, missing=missing)
    fitting = (
        n
        for n in range(queries.count, 0, -1)
        if queries.sources(n)["references"] and not _short(queries, n, images, last)
    )
    most = next(fitting, None)
    raise UserError(
        f"config: queries.count: {queries.count} take {wanted} {split} in {last}, which has "
        f"{_share(images[split], last)}, half of the {images[split]} there are; "
        + (f"lower it to {most}, or {more}" if most else more)
    )


def _short(
    queries: Queries, count: int, images: Mapping[str, int], phase: str
) -> tuple[str, int] | None:
    """Return the first split of which there are too few for `count` queries, and how many it is.

    One of the others there must be, for edits that lay a picture on another.
    """
    wanting = queries.sources(count)
    for split, wanted in (wanting | {"others": max(1, wanting["others"])}).items():
        if wanted > _share(images[split], phase):
            return split, wanted
    return None


def _share(count: int, phase: str) -> int:
    return len(range(count)[share_of(phase)])

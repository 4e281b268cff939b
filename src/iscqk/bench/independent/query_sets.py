"""Which images a set takes, and its queries, each a pure function of the seed and its id."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from iscqk.bench.independent.catalogue import PHASES, draw_chain, edit
from iscqk.bench.independent.draws import Draws, open_picture
from iscqk.bench.independent.set_folder import OTHERS, REFERENCES, Query
from iscqk.errors import UserError
from iscqk.formats.ids import REFERENCE, query_id
from iscqk.formats.listed import Listed
from iscqk.images.sources import first_pictures
from iscqk.runtime.logs import progress
from iscqk.runtime.workers import parallel_map
from iscqk.settings.validation import Validation

_SOURCES = " of more than one colour and a content of their own"


class QuerySet(NamedTuple):
    """What a set is made of: paths of images, and what becomes of them.

    Attributes:
        references: to search; number i has the id R and i.
        backgrounds: that edits paste in or paste onto.
        queries: of both phases.
    """

    references: list[Listed]
    backgrounds: list[Listed]
    queries: list[Query]


def choose(
    references: Sequence[Listed],
    others: Sequence[Listed],
    config: Validation,
    seed: int,
    left_out: Mapping[str, int],
    workers: int,
) -> QuerySet:
    """Return a set of these images: no image is the source of two queries.

    None is that is of one colour, or a reference that is there twice, which has no copy of its own.

    Args:
        references: to search.
        others: to make distractors of, and backgrounds.
        config: how many of them.
        seed: decides which.
        left_out: how many `references` and `others` are not among these, as other sets have them.
        workers: processes that look at the sources.

    Raises:
        UserError: there are fewer than the config asks for.
    """
    count = min(config.references, len(references))
    copies, distractors = 2 * config.copies, 2 * config.distractors
    _check(count, copies, REFERENCES, left_out)
    _check(len(others), distractors + 1, OTHERS, left_out)
    rng = np.random.default_rng(seed)
    taken = [references[i] for i in np.sort(rng.permutation(len(references))[:count])]
    mixed = [others[i] for i in rng.permutation(len(others))]
    is_twice = _contents(taken).duplicated(keep=False)
    order = [int(i) for i in rng.permutation(count) if not is_twice[i]]
    copied = _pictures(taken, order, copies, config.side, workers)
    order = [i for i, is_again in enumerate(_contents(mixed).duplicated()) if not is_again]
    spent = _pictures(mixed, order, distractors, config.side, workers)
    _check(len(copied), copies, REFERENCES, left_out, _SOURCES)
    _check(len(spent), distractors, OTHERS, left_out, _SOURCES)
    queries: list[Query] = []
    for number, phase in enumerate(PHASES):
        sources = [(taken[i], REFERENCE.make(i)) for i in copied[number::2]]
        sources += [(mixed[i], "") for i in spent[number::2]]
        queries += _queries(phase, sources, rng)
    backgrounds = np.setdiff1d(range(len(mixed)), spent)
    return QuerySet(taken, [mixed[i] for i in backgrounds], queries)


def _contents(images: Sequence[Listed]) -> pd.Series:
    return pd.Series([path.sha256 for path in images], dtype=str)


def _pictures(
    images: Sequence[Listed], order: Sequence[int], wanted: int, side: int, workers: int
) -> list[int]:
    """Return the first in an order that are of more than one colour, no more than are wanted."""
    found = first_pictures([images[i] for i in order], wanted, side, workers)
    return [order[n] for n in found]


def _queries(
    phase: str, sources: list[tuple[Listed, str]], rng: np.random.Generator
) -> Iterator[Query]:
    """Yield a query of each source; the classes that lead a chain take turns."""
    names = list(PHASES[phase].classes)
    numbers = rng.permutation(len(sources))
    for turn, ((path, reference), number) in enumerate(zip(sources, numbers, strict=True)):
        chain = draw_chain(phase, names[turn % len(names)], rng)
        yield Query(query_id(int(number), phase), phase, path, reference, chain)


def _check(there: int, needed: int, name: str, left_out: Mapping[str, int], kind: str = "") -> None:
    if there >= needed:
        return
    what = f"validation: {needed} {name}{kind} are needed, and there are {there}"
    if left_out[name]:
        key = {REFERENCES: "references", OTHERS: "distractors"}[name]
        raise UserError(
            f"{what} beside the {left_out[name]} in the sets of --besides; make these anew with a "
            f"lower validation.{key}, add images, or lower the numbers in --config"
        )
    raise UserError(
        f"{what}; add images, or lower the numbers in the config's section `validation`"
    )


@dataclass(frozen=True)
class Maker:
    """How queries are made.

    Attributes:
        seed: of all that is random.
        backgrounds: paths of other images that edits take.
        side: longest side in pixels, of what is edited and of the query.
        quality: of the JPEG.
    """

    seed: int
    backgrounds: tuple[str, ...]
    side: int
    quality: int

    def make(self, query: Query) -> bytes:
        """Return a query as JPEG."""
        key = hashlib.sha256(f"{self.seed} {query.id}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(key, "big"))
        draws = Draws(rng, self.backgrounds, self.side)
        image = Image.fromarray(edit(open_picture(query.source, self.side), query.chain, draws))
        image.thumbnail((self.side, self.side), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=self.quality)
        return file.getvalue()

    def make_all(self, queries: Sequence[Query], workers: int) -> Iterator[bytes]:
        """Yield all queries in their order, made by worker processes."""
        made = parallel_map(self.make, queries, workers, 8)
        yield from progress(made, len(queries), "queries")

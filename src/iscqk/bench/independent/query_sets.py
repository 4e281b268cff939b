"""Which images a set takes, and its queries, each a pure function of the seed and its id."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from iscqk.bench.independent.catalogue import PHASES, draw_chain, edit
from iscqk.bench.independent.draws import Draws, open_picture
from iscqk.bench.independent.set_folder import OTHERS, REFERENCES, Query
from iscqk.errors import UserError
from iscqk.formats.ids import REFERENCE, query_id
from iscqk.formats.listed import Listed
from iscqk.runtime.logs import progress
from iscqk.runtime.workers import parallel_map
from iscqk.settings.validation import Validation


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
) -> QuerySet:
    """Return a set of these images: no image is the source of two queries.

    Args:
        references: to search.
        others: to make distractors of, and backgrounds.
        config: how many of them.
        seed: decides which.
        left_out: how many `references` and `others` are not among these, as other sets have them.

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
    copied = rng.permutation(count)[:copies]
    queries: list[Query] = []
    for number, phase in enumerate(PHASES):
        sources = [(taken[i], REFERENCE.make(int(i))) for i in copied[number::2]]
        sources += [(path, "") for path in mixed[number:distractors:2]]
        queries += _queries(phase, sources, rng)
    return QuerySet(taken, mixed[distractors:], queries)


def _queries(
    phase: str, sources: list[tuple[Listed, str]], rng: np.random.Generator
) -> Iterator[Query]:
    """Yield a query of each source; the classes that lead a chain take turns."""
    names = list(PHASES[phase].classes)
    numbers = rng.permutation(len(sources))
    for turn, ((path, reference), number) in enumerate(zip(sources, numbers, strict=True)):
        chain = draw_chain(phase, names[turn % len(names)], rng)
        yield Query(query_id(int(number), phase), phase, path, reference, chain)


def _check(there: int, needed: int, name: str, left_out: Mapping[str, int]) -> None:
    if there >= needed:
        return
    what = f"validation: {needed} {name} are needed, and there are {there}"
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

"""Images with their descriptors, of any number: what is looked up, and what among.

Of each image some bytes are in memory; names and descriptors are read from their files when they
are asked for, unless they are few.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iscqk.formats.arrays import BoolArray, FloatArray, IntArray
from iscqk.formats.described_images import DescribedImages, read_contents, read_paths
from iscqk.formats.image_shards import Version
from iscqk.formats.named_files import anchored
from iscqk.formats.stored_rows import JoinedRows, StoredRows
from iscqk.matching.bisection import Bisection
from iscqk.matching.inputs import identity
from iscqk.matching.left_out import LeftOut

NOTHING = -1  # in place of an image that is not there
_IDENTITY = 16  # bytes


@dataclass(frozen=True)
class Part:
    """Images whose descriptors lie together.

    Attributes:
        vectors: (n, d), in memory or on the disk.
        flat: (n,) of one colour.
        identities: (n,) bytes, equal for two names of one file.
        places: (n,) bytes, equal for one name: of a file that has changed meanwhile, too.
        gone: (n,) whether there is no such file any more.
        barred: (n,) whether it may not be read, or not be seen.
        listed: the images' names; None: the file of the vectors has them.
        before: what their names in that file begin with, and here do not.
        sha256: of the images' contents; None: the file of the vectors has them.
    """

    vectors: FloatArray | StoredRows
    flat: BoolArray
    identities: NDArray[np.bytes_]
    places: NDArray[np.bytes_]
    gone: BoolArray
    barred: BoolArray
    listed: list[str] | None
    before: str = ""
    sha256: list[str] | None = None

    @classmethod
    def of(
        cls,
        described: DescribedImages,
        gone: BoolArray | None = None,
        barred: BoolArray | None = None,
    ) -> "Part":
        """Return images, all there if not said. Where the vectors are stored, so are names."""
        names = [file.path for file in described.files]
        all_there = np.zeros(len(names), np.bool_)
        lost = (all_there if gone is None else gone), (all_there if barred is None else barred)
        whole = [*map(anchored, names)]
        identities, places = _digests(map(identity, names)), _digests(whole)
        facts = described.vectors, described.flat, identities, places, *lost
        # Files have absolute names; here they are as people wrote them.
        for before in ("", os.getcwd() + os.sep):
            if isinstance(described.vectors, StoredRows) and all(
                before + name == path for name, path in zip(names, whole, strict=True)
            ):
                return cls(*facts, None, before)
        is_stored = isinstance(described.vectors, StoredRows)
        return cls(*facts, names, sha256=None if is_stored else described.sha256)

    def names(self) -> list[str]:
        """Return the images' paths."""
        if self.listed is not None:
            return self.listed
        assert isinstance(self.vectors, StoredRows)
        return [path.removeprefix(self.before) for path in read_paths(self.vectors)]

    def contents(self) -> list[str]:
        """Return the SHA-256 of the images' contents, "" where one changed while it was read."""
        if self.sha256 is not None:
            return self.sha256
        assert isinstance(self.vectors, StoredRows)
        return read_contents(self.vectors)


def _digests(facts: Iterable[object]) -> NDArray[np.bytes_]:
    keys = [repr(fact).encode("utf-8", "surrogateescape") for fact in facts]
    digests = [hashlib.blake2b(key, digest_size=_IDENTITY).digest() for key in keys]
    return np.frombuffer(b"".join(digests), f"S{_IDENTITY}")


@dataclass(frozen=True)
class Source:
    """Parts that were described together: what one file stands for.

    Attributes:
        parts: see `Part`.
        path: of the file, if there is one.
        version: of it when its parts were read.
        left_out: what could not be read.
    """

    parts: list[Part]
    path: Path | None = None
    version: Version | None = None
    left_out: Sequence[LeftOut] = ()


class Collection:
    """Images of one side, each file once, in the order of their sources.

    Attributes:
        sources: where they come from.
        vectors: (n, d) descriptors; of several orientations one after the other.
        flat: (n,) whether an image is of one colour, of which no descriptor says anything.
        kept: rows of all parts, one after the other, that are rows here; None: every one.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._parts = [part for source in sources for part in source.parts]
        self._starts = np.cumsum([0, *(len(part.flat) for part in self._parts)])
        self.kept = self._first_of_each()
        self.vectors = JoinedRows([part.vectors for part in self._parts], self.kept)
        self.flat: BoolArray = self._column("flat")

    def _first_of_each(self) -> IntArray | None:
        """Return which rows are a file that none before is; None for all."""
        every = np.concatenate([part.identities for part in self._parts])
        first = np.sort(np.unique(every, return_index=True)[1])
        return None if len(first) == len(every) else first

    def _column(self, name: str) -> NDArray[Any]:
        every = np.concatenate([getattr(part, name) for part in self._parts])
        return every if self.kept is None else every[self.kept]

    def __len__(self) -> int:
        return len(self.flat)

    def kept_of_sources(self) -> list[IntArray | None]:
        """Return which rows of each source, from 0, are rows here; None for all."""
        if self.kept is None:
            return [None] * len(self.sources)
        counts = [sum(len(part.flat) for part in source.parts) for source in self.sources]
        starts = np.cumsum([0, *counts])
        bounds = np.searchsorted(self.kept, starts)
        return [
            self.kept[low:high] - start
            for low, high, start in zip(bounds[:-1], bounds[1:], starts[:-1], strict=True)
        ]

    @cached_property
    def there(self) -> BoolArray:
        """(n,) whether an image was there to be read when its descriptor was made or read."""
        return ~(self._column("gone") | self.barred)

    @cached_property
    def barred(self) -> BoolArray:
        """(n,) whether an image may not be read, or not be seen."""
        return self._column("barred")

    @property
    def left_out(self) -> list[LeftOut]:
        """What could not be read and is none of the images."""
        return [one for source in self.sources for one in source.left_out]

    def paths(self, rows: IntArray) -> list[str]:
        """Return the paths of images by their rows."""
        return self._told(rows, Part.names)

    def contents(self, rows: IntArray) -> list[str]:
        """Return the SHA-256 of images' contents by their rows, see `Part.contents`."""
        return self._told(rows, Part.contents)

    def _told(self, rows: IntArray, of_part: Callable[[Part], list[str]]) -> list[str]:
        rows = np.asarray(rows, np.int64)
        places = rows if self.kept is None else self.kept[rows]
        owners = np.searchsorted(self._starts, places, side="right") - 1
        found = [""] * len(rows)
        for owner in np.unique(owners).tolist():
            told, start = of_part(self._parts[owner]), int(self._starts[owner])
            for number in np.flatnonzero(owners == owner).tolist():
                found[number] = told[int(places[number]) - start]
        return found

    def rows_of(self, others: "Collection") -> IntArray:
        """Return (n,) for each of n other images the row of the same file, `NOTHING` for none.

        One that was written to between the descriptions of both is the same by its name.
        """
        named, same = (
            Bisection(self._column(key)).find(others._column(key))
            for key in ("places", "identities")
        )
        return np.where(same == NOTHING, named, same)

"""Which images are described already, of any number: found by file or by content, in few bytes."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from pathlib import Path

import numpy as np

from iscqk.formats.arrays import BoolArray, IntArray
from iscqk.formats.described_images import DescribedImages, File, Row, read_described
from iscqk.formats.image_shards import is_there
from iscqk.formats.named_files import anchored
from iscqk.matching.bisection import Bisection
from iscqk.matching.inputs import identity


class KnownImages:
    """What some files of descriptors tell; 40 bytes an image of it are in memory, and the sizes."""

    def __init__(self, places: Sequence[Path]) -> None:
        """Look through files of one side and encoder."""
        self._places = places
        keys, contents, paths, counts = [_none()], [_none()], [_none()], [0]
        sizes: set[int] = set()
        for place in places:
            described = read_described(place, stored=True)
            keys.append(_hashes(described.files))
            contents.append(_hashes(described.sha256))
            paths.append(_hashes(file.path for file in described.files))
            sizes.update(file.size for file in described.files)
            counts.append(len(described.files))
        self.sizes = sizes
        self._starts = np.cumsum(counts)
        self._by_file = Bisection(np.concatenate(keys))
        self._by_content = Bisection(np.concatenate(contents))
        self._paths = np.concatenate(paths)

    def places_of(self, images: Iterable[Path]) -> IntArray:
        """Return (n,) for each path the number of the file that tells of it, -1 for none."""
        rows = Bisection(self._paths).find(_hashes(map(anchored, images)))
        places: IntArray = np.searchsorted(self._starts, rows, side="right") - 1
        return places

    def of_files(self, files: Sequence[File]) -> dict[File, Row]:
        """Return what is known of files that are as they were, by path, size, times and inode."""
        anchored = [file.anchored() for file in files]
        rows = self._by_file.find(_hashes(anchored))
        return self._read(files, rows, anchored, [""] * len(files))

    def of_contents(self, files: Sequence[File], sha256: Sequence[str]) -> dict[File, Row]:
        """Return what is known of files by their contents, "" of those that cannot be read."""
        rows = np.where([*map(bool, sha256)], self._by_content.find(_hashes(sha256)), -1)
        return self._read(files, rows, files, sha256)

    def others_than(self, asked: "Asked") -> Iterator[tuple[Path, int, IntArray]]:
        """Yield the files that tell of other images, of how many in all, and the rows of others.

        Of several rows of one path the first counts.
        """
        first = np.sort(np.unique(self._paths, return_index=True)[1])
        rows = first[~asked.has_paths(self._paths[first])]
        bounds = np.searchsorted(rows, self._starts)
        for number, place in enumerate(self._places):
            start, end = self._starts[number : number + 2].tolist()
            if len(some := rows[bounds[number] : bounds[number + 1]]):
                yield place, end - start, some - start

    def _read(
        self, files: Sequence[File], rows: IntArray, asked: Sequence[File], sha256: Sequence[str]
    ) -> dict[File, Row]:
        """Return what lies in rows of all places, -1 for none, where it is what was asked for."""
        found = {}
        places = np.searchsorted(self._starts, rows, side="right") - 1
        for place in np.unique(places[rows >= 0]).tolist():
            described = read_described(self._places[place], stored=True)
            here = np.flatnonzero((places == place) & (rows >= 0)).tolist()
            within = rows[here] - self._starts[place]
            for number, row, known in zip(here, within.tolist(), described.at(within), strict=True):
                same = described.files[row] == asked[number]
                if same or (sha256[number] and known.sha256 == sha256[number]):
                    found[files[number]] = known
        return found


class Asked:
    """Of which images a call is, by path and by content: 16 bytes an image."""

    def __init__(self) -> None:
        self._paths, self._contents = [_none()], [_none()]

    def add(self, described: DescribedImages) -> None:
        """Count images in."""
        self._paths.append(_hashes(anchored(file.path) for file in described.files))
        self._contents.append(_hashes(described.sha256))

    def has_paths(self, hashes: IntArray) -> BoolArray:
        """Return (n,) which hashes of absolute paths are those of some of the images."""
        return np.isin(hashes, np.concatenate(self._paths))

    def has_contents(self, sha256: Sequence[str]) -> BoolArray:
        """Return (n,) which contents are those of some of the images."""
        return np.isin(_hashes(sha256), np.concatenate(self._contents))


def others_described(places: Sequence[Path], images: Sequence[Path]) -> tuple[int, bool]:
    """Return how many other images, which are still there, some files describe beside these.

    And whether they describe any of these.
    """
    named, others, is_any_named = _hashes(map(anchored, images)), [_none()], False
    for place in places:
        paths = [file.path for file in read_described(place, stored=True).files]
        is_named = np.isin(_hashes(paths), named)
        is_any_named |= bool(is_named.any())
        left = filter(is_there, compress(paths, ~is_named))
        others.append(_hashes(map(identity, left)))
    found = np.unique(np.concatenate(others))
    if len(found):  # some may have been named by links
        ours = np.isin(found, _hashes(map(identity, images)))
        found, is_any_named = found[~ours], is_any_named or bool(ours.any())
    return len(found), is_any_named


def _hashes(values: Iterable[object]) -> IntArray:
    """Return 64 bits of each value, equal for equal ones; what they find has to be looked at."""
    return np.fromiter(map(hash, values), np.int64)


def _none() -> IntArray:
    return np.empty(0, np.int64)

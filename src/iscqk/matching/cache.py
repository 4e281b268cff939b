"""Descriptors that are kept from one call to the next, and where a call is stopped.

They are kept in a file; while the work is under way, in another beside it, so that a stop loses
next to nothing and the file's name never stands for a part.
"""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from iscqk.formats.files import printable
from iscqk.formats.image_index import File, ImageIndex, Row, read_image_index, write_image_index
from iscqk.formats.image_shards import digest_of

logger = logging.getLogger(__name__)

_SECONDS = 60.0  # between two times at which what is described so far is kept


class DescriptorCache:
    """What a file, and one beside it of an earlier call that was stopped, know of images."""

    def __init__(self, path: str | Path | None, side: str, encoder: str) -> None:
        self.encoder, self._side = encoder, side
        self._path = Path(path) if path else None
        self._rows: dict[File, Row] = {}
        if self._path:
            self._unfinished = self._path.with_name(f".{self._path.stem}.unfinished.h5")
            for place in (self._unfinished, self._path):
                if place.exists():
                    self._rows |= self._read(place)
        self._since = time.monotonic()
        self._written = 0

    def _read(self, path: Path) -> dict[File, Row]:
        old = read_image_index(path)
        if (old.side, old.encoder) == (self._side, self.encoder):
            return old.rows()
        logger.info("%s: of another model, made anew", printable(path))
        return {}

    def find(self, files: Sequence[File]) -> dict[File, Row]:
        """Return what is known of files: of the same file, or else of the same content."""
        sizes = {file.size for file in self._rows}
        contents = {row.sha256: row for row in self._rows.values() if row.sha256}
        found = {}
        for file in files:
            row = self._rows.get(file.anchored())
            if row is None and file.size in sizes:
                row = contents.get(content_of(file))
            if row is not None:
                found[file] = row
        self._written = len(found)
        return found

    @contextlib.contextmanager
    def keeping(self, known: dict[File, Row]) -> Iterator[None]:
        """Keep what is known when a signal or an error ends the block."""
        try:
            yield
        except BaseException:
            self._keep(known)
            raise

    def keep_at_times(self, known: dict[File, Row]) -> None:
        """Keep what is known now and then, for an end that leaves no time to do so."""
        start = time.monotonic()
        if start > self._since + _SECONDS:
            self._keep(known)
            # Writing shall never take more than a twentieth of the time.
            self._since = time.monotonic() + 20 * (time.monotonic() - start)

    def _keep(self, known: dict[File, Row]) -> None:
        if self._path and len(known) > self._written:
            write_image_index(self._unfinished, ImageIndex.of(known, self._side, self.encoder))
            self._written = len(known)

    def finish(self, result: ImageIndex) -> None:
        """Write the file itself."""
        if self._path:
            write_image_index(self._path, result)
            self._unfinished.unlink(missing_ok=True)


def content_of(file: File) -> str:
    """Return the SHA-256 of a file that has not changed since it was described, else ""."""
    try:
        digest = digest_of(file.path)
        return digest if File.now(file.path) == file else ""
    except OSError:
        return ""

"""Descriptors that are kept from one call to the next, and where a call is stopped.

They are kept in a file, or a list of shards (`iscqk.formats.described_shards`), which are described
one after the other. While a shard is under way, what there is of it is kept in another file beside,
so that a stop loses next to nothing and the file's name never stands for a part.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from iscqk.errors import UserError, refuse_no_path
from iscqk.formats.arrays import IntArray
from iscqk.formats.described_images import (
    DescribedImages,
    File,
    Row,
    holds_described,
    write_described,
)
from iscqk.formats.described_shards import (
    beside,
    encoder_of,
    listed_shards,
    remove_others,
    shard_folder,
    shards_there,
    told_maker,
    write_list,
    write_shard,
)
from iscqk.formats.image_shards import digest_of
from iscqk.formats.locks import remove_unlocked
from iscqk.formats.path_checks import refuse_unwritable, temporary_of
from iscqk.formats.printable_names import printable
from iscqk.formats.stored_rows import StoredRows
from iscqk.matching.aside import MADE_OF_OTHERS, Others, keep_others, put_aside
from iscqk.matching.collection import Part
from iscqk.matching.inputs import Inputs
from iscqk.matching.known import Asked, KnownImages, others_described
from iscqk.runtime.keeping import Keeping, note_kept
from iscqk.runtime.wording import counted

logger = logging.getLogger(__name__)


class DescriptorCache:
    """What a file, and those beside it of earlier calls, know of images.

    The file is of what was asked for last. Beside it is kept what other calls asked for, and what
    other encoders have described.
    """

    def __init__(
        self,
        path: str | Path | None,
        side: str,
        encoder: str,
        others: Others = MADE_OF_OTHERS,
        maker: str = "",
    ) -> None:
        """Look at what there is.

        Args:
            path: of the file; None: nothing is kept.
            side: of what is described.
            encoder: its digest.
            others: what to keep of other images.
            maker: the model, in words.
        """
        self.encoder, self.maker, self._side = encoder, maker, side
        self.path = Path(path) if path else None
        self._others = others
        if self.path:
            self._unfinished = _unfinished(self.path)
            self._set_aside(self.path)
        self._before = self._listed()
        self._known, self._asked = KnownImages(self._places()), Asked()
        self._shards: list[Path] = []
        self._keeping = Keeping()
        self._written = 0

    def _listed(self) -> list[Path]:
        """Return what the file stands for, where it is of this side and encoder."""
        is_own = self.path and self.path.exists() and self._is_own(self.path)
        return listed_shards(self.path) if self.path and is_own else []

    def _places(self) -> list[Path]:
        """Return the files whose descriptors are of this side and encoder."""
        # Those set aside, or of a list that was never finished; of each path the newest counts.
        there = shards_there(self.path) if self.path else []
        others = sorted(there, key=lambda place: -place.stat().st_mtime_ns)
        return [*dict.fromkeys([*self._before, *filter(self._is_own, others)])]

    def _set_aside(self, path: Path) -> None:
        """Keep in shards what a stopped call left and what another encoder made."""
        if self._unfinished.exists():
            put_aside(path, self._unfinished)
            self._unfinished.unlink()
        if path.exists() and not self._is_own(path):
            what = f"of another model{told_maker(path)} or other orientations, made anew"
            kept = ", ".join(map(printable, put_aside(path, path)))
            remedy = "that stays; to forget it, remove"
            logger.info("%s: %s; %s %s", printable(path), what, remedy, kept)

    @property
    def _made_by(self) -> tuple[str, str]:
        return self._side, self.encoder

    def _is_own(self, place: Path) -> bool:
        return encoder_of(place) == self._made_by

    def shards_of(self, images: Sequence[Path]) -> IntArray:
        """Return (n,) for each path the number of the file that knows it, -1 for none."""
        return self._known.places_of(images)

    def find(self, files: Sequence[File]) -> dict[File, Row]:
        """Return what is known of files: of the same file, or else of the same content."""
        found = self._known.of_files(files)
        others = [f for f in files if f not in found and f.size in self._known.sizes]
        found |= self._known.of_contents(others, [digest_if_unchanged(file) for file in others])
        self._written = len(found)
        if found:
            note_kept()
        return found

    def find_contents(self, files: Sequence[File], sha256: Sequence[str]) -> dict[File, Row]:
        """Return what is known of files that are gone, by the contents that they had."""
        return self._known.of_contents(files, sha256)

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
        if self._keeping.is_due():
            with self._keeping.timed():
                self._keep(known)

    def _keep(self, known: dict[File, Row]) -> None:
        if self.path and len(known) > self._written:
            described = DescribedImages.of(known, self._side, self.encoder, self.maker)
            write_described(self._unfinished, described)
            self._written = len(known)
            note_kept()

    def add_shard(self, described: DescribedImages, first: int, total: int) -> Part:
        """Keep a shard; return it as it is read from there, or as it is if nothing is kept."""
        if self.path is None:
            return Part.of(described)
        self._asked.add(described)
        shard = write_shard(self.path, len(self._shards), described, first, total)
        self._shards.append(shard)
        note_kept()
        return Part.of(described._replace(vectors=StoredRows(shard)))

    def finish(self, result: DescribedImages | None = None) -> None:
        """Write the file itself: the result, or the list of its shards."""
        if self.path is None:
            return
        if result is not None:
            self._asked.add(result)
        known, asked = self._known, self._asked
        others = keep_others(self.path, self._before, known, asked, self._others)
        others += [shard for shard in shards_there(self.path) if not self._is_own(shard)]
        if result is None:
            write_list(self.path, self._shards, *self._made_by, self.maker)
        else:
            write_described(self.path, result)
        note_kept()
        remove_others(self.path, [*self._shards, *others])
        self._unfinished.unlink(missing_ok=True)
        remove_unlocked(temporary_of(self._unfinished))


class Caches(NamedTuple):
    """Files that keep descriptors for the next call, where they are to be kept.

    Attributes:
        queries: of what may be copies.
        references: of what may have been copied.
        copies: of edited copies of some references.
    """

    queries: Path | None = None
    references: Path | None = None
    copies: Path | None = None

    @classmethod
    def of(cls, folder: str | Path | None) -> "Caches":
        """Return the files in a folder; none without one."""
        if not folder:
            return cls()
        refuse_no_path("folder", folder)
        return cls(*(Path(folder) / f"{name}.h5" for name in cls._fields))

    def check(self) -> None:
        """Raise UserError, before any work, where one cannot be written, or is other data."""
        for path in filter(None, self):
            check_place(path)
        if self.copies:
            check_place(further_of(self.copies))
            check_place(originals_of(self.copies))

    def new_images(self, queries: Inputs, references: Inputs) -> list[Path]:
        """Return the images of sides of which nothing is kept: all of them will be read."""
        sides = ((self.queries, queries), (self.references, references))
        return [image for kept, side in sides if is_new(kept) for image in side.images]

    def refuse_over(self, queries: Inputs, references: Inputs) -> None:
        """Refuse to write over descriptions that are named to be read.

        Raises:
            UserError: one of these files is named, and other images of its kind are, too.
        """
        kinds = zip(self, (queries.images, references.images, True), strict=True)
        written = {os.path.realpath(path) for path, images in kinds if path and images}
        for path in (*queries.described, *references.described):
            if os.path.realpath(path) in written:
                what = "would be written over by descriptions of other images; keep these elsewhere"
                raise UserError(f"{printable(path)}: {what} (--output)")


NO_CACHES = Caches()


def further_of(copies: str | Path) -> Path:
    """Return the file of copies made in a second round, as the first were too few."""
    return beside(copies, "further.h5")


def originals_of(copies: str | Path) -> Path:
    """Return the file of the copies' originals, described as queries."""
    return beside(copies, "originals.h5")


def is_new(path: Path | None) -> bool:
    """Return whether nothing is kept in a file, nor beside it."""
    if path is None:
        return True
    return not (files_there(path) or shards_there(path))


def check_place(path: str | Path) -> None:
    """Raise UserError, before any work, where descriptors cannot be kept, or other data is."""
    refuse_unwritable(path)
    refuse_unwritable(shard_folder(path), is_folder=True)
    if Path(path).exists():
        if not holds_described(path):
            what = "there already, and no descriptions of images; name another file to write"
            raise UserError(f"{printable(path)}: {what}")
        encoder_of(path)


def refuse_others_only(path: str | Path, images: Sequence[Path]) -> None:
    """Refuse to write over descriptions that are all of other images; tell how many are lost.

    Raises:
        UserError: there are some at `path`, or beside it of a call that was stopped, of images that
            are still there, and none of `images` is among them.
    """
    listed = [shard for place in files_there(path) for shard in listed_shards(place)]
    shards = [*dict.fromkeys([*listed, *shards_there(path)])]
    others, is_any_named = others_described(shards, images)
    if others and not is_any_named:
        what = f"describes {counted(others, 'other image')}, which would be lost"
        raise UserError(f"{printable(path)}: {what}; name another --output, or remove it")
    if others:
        what = counted(others, "image that it describes is", "images that it describes are")
        logger.warning("%s: %s not named, left out", printable(path), what)


def files_there(path: str | Path) -> list[Path]:
    """Return which exist of a file and what a stopped call has kept of it."""
    return [place for place in (Path(path), _unfinished(path)) if place.exists()]


def _unfinished(path: str | Path) -> Path:
    """Return where the beginning of a file, or of a shard, is kept until all of it is done."""
    place = beside(path, "unfinished.h5")
    return place.with_name(f".{place.name}")


def digest_if_unchanged(file: File) -> str:
    """Return the SHA-256 of a file that has not changed since it was described, else ""."""
    try:
        digest = digest_of(file.path)
        return digest if File.now(file.path) == file else ""
    except OSError:
        return ""

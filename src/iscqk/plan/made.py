"""What has been made already, which a plan takes as it is."""

import csv
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from glob import escape, glob
from pathlib import PurePath

from iscqk.formats.results import Results
from iscqk.images.dataset_interface import Sources
from iscqk.plan.names import SIDES, ModelName, files_of_shards


class Made:
    """What lies under results, where a plan might as well have it made under another name.

    Where files go through a storage nothing is looked for: what is on this disk then was left by
    another run, and a job on another machine, which plans as well, would not see it.
    """

    def __init__(self, results: Results, images: Sources, is_on_disk: bool) -> None:
        """Look where results are.

        Args:
            results: where that is.
            images: that are asked for.
            is_on_disk: whether files lie on a disk, and in no storage.
        """
        self._results, self._images, self._is_on_disk = results, images, is_on_disk
        self._counts: dict[str, int] = {}  # of shards, by pattern

    def matching(self, pattern: str) -> list[str]:
        """Return the files that there are of a pattern with `*`."""
        return glob(pattern) if self._is_on_disk else []

    def home(self, runs: Sequence[str], name: ModelName) -> str:
        """Return under which of the runs that share a model it lies: the first that has it.

        Where none has it, that is the first. Else a model would move to whichever run is first
        now, and all that was learned from it would be learned again.
        """
        return next((run for run in runs if self._has(run, name)), runs[0])

    def _has(self, run: str, name: ModelName) -> bool:
        model = self._results.model(run, name)
        return self._is_on_disk and all(os.path.exists(model.weights(side)) for side in SIDES)

    def shards(self, pattern: str, count: int) -> list[str]:
        """Return the files of a pattern with `{shard}`, `count` of them, or as many as were made.

        What has been made in another number of shards is taken as it is, where it is of these
        images.
        """
        if pattern not in self._counts:
            there = self.matching(escape(pattern).format(shard="0-of-*"))
            first = there if self._is_of_these_images else []
            counts = [int(PurePath(path).stem.rpartition("-")[2]) for path in first]
            whole = [n for n in counts if all(map(os.path.exists, files_of_shards(pattern, n)))]
            self._counts[pattern] = count if count in whole else min(whole, default=count)
        return files_of_shards(pattern, self._counts[pattern])

    @cached_property
    def _is_of_these_images(self) -> bool:
        """Whether what is there was made of the images asked for; True where nothing is."""
        manifest = self._results.manifest("training")
        with suppress(OSError, UnicodeDecodeError), open(manifest, encoding="utf-8") as file:
            if row := next(csv.DictReader(file), None):
                path = os.path.abspath(PurePath(manifest).parent / (row.get("path") or ""))
                places = [os.path.join(os.path.abspath(one), "") for one in self._images.training]
                return path.startswith(tuple(places))
        return True

"""A training's history as scalars for TensorBoard, while it grows."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from iscqk.learning import distributed
from iscqk.runtime.storage import StoredFile

_EVENTS = "events.out.tfevents."


class Scalars(NamedTuple):
    """Where a training's scalars go: a folder, or its address in a storage of Snakemake's."""

    folder: str = ""
    storage: str = ""


class TensorBoard:
    """The event file of a training; without a folder, or in a second process, it does nothing.

    A training that is resumed brings its history along: the file is written anew from it, so that
    no step is there twice and nothing stays of another configuration. To a storage it is sent where
    the resume state is, always under one name.
    """

    def __init__(self, scalars: Scalars, history: Iterable[Mapping[str, float]]) -> None:
        """Start with what has been logged so far; rows as in `Training.history`.

        Raises:
            UserError: as `StoredFile`.
        """
        self._writer: Any = None
        self._stored: StoredFile | None = None
        if scalars.folder and distributed.rank() == 0:
            self._open(scalars)
        for row in history:
            self.add(row)

    def _open(self, scalars: Scalars) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes seconds, and few want it

        self._folder = Path(scalars.folder)
        if scalars.storage:
            self._stored = StoredFile(scalars.storage, f"{scalars.folder}/{_EVENTS}training")
            self._folder = self._stored.folder
        for old in self._folder.glob(f"{_EVENTS}*"):
            old.unlink()
        self._writer = SummaryWriter(str(self._folder))

    def add(self, row: Mapping[str, float]) -> None:
        """Show one more row."""
        if self._writer:
            for name in row.keys() - {"step"}:
                self._writer.add_scalar(name, row[name], int(row["step"]))
            self._writer.flush()

    def send(self) -> None:
        """Have what there is in the storage, if there is one."""
        if self._stored:
            (events,) = self._folder.glob(f"{_EVENTS}*")
            self._stored.send(events)

    def close(self) -> None:
        """Finish the file."""
        if self._writer:
            self._writer.close()
        self.send()

"""A training's history as scalars for TensorBoard, while it grows."""

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from iscqk.formats.printable_names import printable
from iscqk.learning import distributed
from iscqk.runtime.storage import StoredFile

logger = logging.getLogger(__name__)

_EVENTS = "events.out.tfevents."


class Scalars(NamedTuple):
    """Where a training's scalars go: a folder, or its address in a storage of Snakemake's."""

    folder: str = ""
    storage: str = ""


class TensorBoard:
    """The event file of a training; without a folder, or in a second process, it does nothing.

    A training that is resumed brings its history along: the file is written anew from it, so that
    no step is there twice and nothing stays of another configuration. To a storage it is sent where
    the resume state is, always under one name. Where the file cannot be written, as on a full disk,
    that is told once, and there are no scalars: the training does not need them.
    """

    def __init__(self, scalars: Scalars, history: Iterable[Mapping[str, float]]) -> None:
        """Start with what has been logged so far; rows as in `Training.history`.

        Raises:
            UserError: as `StoredFile`.
        """
        self._file: BinaryIO | None = None
        self._stored: StoredFile | None = None
        if scalars.folder and distributed.rank() == 0:
            self._open(scalars)
        for row in history:
            self.add(row)

    def _open(self, scalars: Scalars) -> None:
        self._folder = Path(scalars.folder)
        if scalars.storage:
            self._stored = StoredFile(scalars.storage, f"{scalars.folder}/{_EVENTS}training")
            self._folder = self._stored.folder
        with self._going_without():
            self._folder.mkdir(parents=True, exist_ok=True)
            for old in self._folder.glob(f"{_EVENTS}*"):
                old.unlink()
            # Another name each time: who looks on reads a file on from where it was.
            self._file = open(self._folder / f"{_EVENTS}{time.time():.0f}.{os.getpid()}", "wb")
        self._write(file_version="brain.Event:2")

    def add(self, row: Mapping[str, float]) -> None:
        """Show one more row."""
        values = [{"tag": name, "simple_value": row[name]} for name in row if name != "step"]
        self._write(step=int(row["step"]), summary={"value": values})

    def _write(self, **event: Any) -> None:
        """Write an event by the names of its fields."""
        if not self._file:
            return
        # Here, as few want them. TensorBoard's own writer does so in a thread, which would print
        # what is wrong as a traceback.
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._going_without():
            RecordWriter(self._file).write(
                Event(wall_time=time.time(), **event).SerializeToString()
            )
            self._file.flush()

    @contextmanager
    def _going_without(self) -> Iterator[None]:
        """Write no more once the system has refused it."""
        try:
            yield
        except OSError as error:
            what = "no scalars for TensorBoard are written from here on"
            logger.warning("%s: %s (%s)", printable(self._folder), what, error.strerror)
            self._close()

    def _close(self) -> None:
        if self._file:
            with suppress(OSError):  # it tries to write the rest once more
                self._file.close()
            self._file = None

    def send(self) -> None:
        """Have what there is in the storage, if there is one."""
        if self._stored and self._file:
            self._stored.send(Path(self._file.name))

    def close(self) -> None:
        """Finish the file."""
        self.send()
        self._close()

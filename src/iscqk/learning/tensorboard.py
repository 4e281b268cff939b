"""A training's history as scalars for TensorBoard, while it grows."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from iscqk.learning import distributed

_EVENTS = "events.out.tfevents.*"


class TensorBoard:
    """The event file of a training; without a folder, or in a second process, it does nothing.

    A training that is resumed brings its history along: the file is written anew from it, so that
    no step is there twice and nothing stays of another configuration.
    """

    def __init__(self, folder: str | Path, history: Iterable[Mapping[str, float]]) -> None:
        """Start with what has been logged so far; rows as in `Training.history`."""
        self._writer: Any = None
        if folder and distributed.rank() == 0:
            from torch.utils.tensorboard import SummaryWriter  # takes seconds, and few want it

            for old in Path(folder).glob(_EVENTS):
                old.unlink()
            self._writer = SummaryWriter(str(folder))
        for row in history:
            self.add(row)

    def add(self, row: Mapping[str, float]) -> None:
        """Show one more row."""
        if self._writer:
            for name in row.keys() - {"step"}:
                self._writer.add_scalar(name, row[name], int(row["step"]))
            self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        if self._writer:
            self._writer.close()

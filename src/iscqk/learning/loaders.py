"""Batches of images, read ahead by other processes."""

import os
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.queues import Queue
from typing import Any, Generic, NoReturn, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from iscqk.errors import UserError
from iscqk.learning.data_loading import Batches
from iscqk.learning.handing_over import collate, tensors
from iscqk.runtime.following import become_worker
from iscqk.runtime.last_read import LastRead, slice_seconds
from iscqk.runtime.shutdown import LOST_WORKER, cause_of
from iscqk.runtime.workers import are_forked, lost_worker, may_have_workers

Item = TypeVar("Item")


class Loader(Generic[Item]):
    """Batches of images, read ahead by processes.

    Attributes:
        workers: how many processes there are; without any this one reads.
    """

    def __init__(
        self, images: Dataset[Item], batches: Batches | Sequence[list[int]], workers: int
    ) -> None:
        """Have batches read by at most `workers` processes.

        A process reads whole batches, so that there are no more of them than batches, and none for
        one, of which nothing can be read ahead, or where there may be none.
        """
        reads_ahead = workers and len(batches) > 1 and _may_read_ahead()
        self.workers = min(workers, len(batches)) if reads_ahead else 0
        self._last = LastRead() if self.workers else None
        self._batches: DataLoader[Item] = DataLoader(
            _Noted(images, self._last) if self._last else images,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=self.workers,
            timeout=slice_seconds() if self.workers else 0,
            worker_init_fn=_become_reader,
            # With one of its own it draws nothing from the generator that a resumed run restores.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches.

        Raises:
            UserError: a worker is lost, where it is not forked.
            RuntimeError: a worker is lost, or none has read an image for a long time. While any
                reads some, a batch may take as long as it takes: a disk can be slow.
        """
        batches = iter(self._batches)
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except RuntimeError as error:
                is_late = "DataLoader timed out" in str(error)
                if is_late and self._last and not self._last.hangs():
                    continue
                if not are_forked() and cause_of(error) == LOST_WORKER:
                    raise UserError(lost_worker()) from error
                raise
            yield tensors(batch)


class _Noted(Dataset[Item]):
    """Images, of which each is noted as it is read."""

    def __init__(self, images: Dataset[Item], last: LastRead) -> None:
        self._images, self._last = images, last

    def __getitem__(self, index: int) -> Item:
        image = self._images[index]
        self._last.note()
        return image


def _become_reader(_: int) -> None:
    """Be a loader's worker, and end where one of its own threads fails.

    They hand over what it reads, and whoever takes that would wait for them for ever.
    """
    become_worker()
    sys.excepthook = lambda kind, error, trace: _end(error)
    Queue._on_queue_feeder_error = staticmethod(lambda error, _: _end(error))  # type: ignore[attr-defined]


def _end(error: BaseException) -> NoReturn:
    if line := cause_of(error):
        print(f"error: {line}", file=sys.stderr, flush=True)
    else:
        traceback.print_exception(error)
    os._exit(1)


def _may_read_ahead() -> bool:
    """Return whether a loader may have workers here.

    Of another thread it has none: torch raises the loss of any in the main thread, whatever that
    does then, and a process that several threads fork at once may be lost as it begins.
    """
    return may_have_workers() and threading.current_thread() is threading.main_thread()

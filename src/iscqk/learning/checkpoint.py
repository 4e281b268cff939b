"""Resume state of a training: kept outside declared outputs, which Snakemake deletes.

In a storage, where machines share no disk, so that another one can go on from it.
"""

import hashlib
import io
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from iscqk.errors import UserError
from iscqk.formats.path_checks import linked, temporary_of
from iscqk.formats.sealed import read_sealed, write_sealed
from iscqk.learning import distributed
from iscqk.runtime.keeping import Keeping, note_kept
from iscqk.runtime.shutdown import FULL_MEMORY, cause_of
from iscqk.runtime.storage import StoredFile

logger = logging.getLogger(__name__)


def fingerprint(**facts: Any) -> str:
    """Return a digest of all that a training's outcome depends on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def random_states(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the states of the generators that a training on a device draws from."""
    gpu = {"gpu_rng": torch.cuda.get_rng_state()} if device.type == "cuda" else {}
    return {"rng": torch.get_rng_state(), **gpu}


def restore_random_states(state: Mapping[str, Any], device: torch.device) -> None:
    """Take up what `random_states` gave; of a GPU only what was drawn on one."""
    torch.set_rng_state(state["rng"])
    if device.type == "cuda" and "gpu_rng" in state:
        torch.cuda.set_rng_state(state["gpu_rng"])


class Checkpoint:
    """One file that holds the newest state; it is used only by the run that it belongs to.

    The state stands behind its own digest: what a disk gave back wrong is not learned on from.

    Attributes:
        place: path or address of the file.
    """

    def __init__(self, place: str | Path, run: str, storage: str = "") -> None:
        """Name the file and the `fingerprint` of the run; UserError as `StoredFile`.

        With a `storage`, a plugin of Snakemake's, the file is at this address in it.
        """
        self.place, self._run = str(place), run
        self._stored = StoredFile(storage, self.place) if storage else None
        self._keeping = Keeping()
        self._path = self._stored.folder / "state.pt" if self._stored else Path(place)

    def load(self) -> dict[str, Any] | None:
        """Return the saved state; None if there is none, or a damaged or another run's.

        Raises:
            UserError: the file or the storage cannot be read, or processes that train together find
                different states.
            MemoryError: or torch's RuntimeError; the state does not fit the memory.
        """
        state = self._found()
        step = state["step"] if state else 0
        if not distributed.is_same(step):
            what = "the processes of this training find different states there"
            remedy = "have all of them read the same file, or remove it to start anew"
            raise UserError(f"{self.place}: {what} (here of step {step}); {remedy}")
        if state:
            note_kept()
        return state

    def _found(self) -> dict[str, Any] | None:
        """Return what `load` does, whatever other processes find."""
        if self._stored and not self._stored.fetch(self._path):
            return None
        try:
            state = _read(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:  # what cannot be read may be whole, and would be written over
            what = f"cannot be read ({error.strerror})"
            remedy = "see to it and run the same command again, or remove it to start anew"
            raise UserError(f"{self.place}: {what}; {remedy}") from None
        except Exception as error:  # of many types, as anything may be in the file
            if cause_of(error) == FULL_MEMORY:
                raise
            reason = " ".join(str(error).split())[:200]
            logger.warning("%s: cannot be used (%s), starting anew", self.place, reason)
            return None
        if state.pop("run", None) != self._run:
            logger.info("%s: of another configuration or version, starting anew", self.place)
            return None
        return state

    def is_due(self) -> bool:
        """Return whether the last one is old enough for another; all processes ask together."""
        return distributed.of_first(self._keeping.is_due())

    def save(self, state: dict[str, Any]) -> bool:
        """Replace the saved state; return whether it is kept: a storage may not take it."""
        with self._keeping.timed():
            content = io.BytesIO()
            torch.save({**state, "run": self._run}, content)
            write_sealed(self._path, content.getbuffer())
            return self._stored.send(self._path) if self._stored else True

    def remove(self) -> None:
        """Forget the state; a finished training that is forced to run again starts afresh."""
        for path in (self._path, temporary_of(linked(self._path))):
            path.unlink(missing_ok=True)
        if self._stored:
            self._stored.remove()


def _read(path: Path) -> dict[str, Any]:
    """Return the state in a file; ValueError, or what torch raises, if it is not whole."""
    content = io.BytesIO(read_sealed(path))
    return dict(torch.load(content, map_location="cpu", weights_only=True))

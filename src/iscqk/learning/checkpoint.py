"""Resume state of a half-round: kept outside declared outputs, which Snakemake deletes."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import torch

from iscqk.formats.files import replacing

logger = logging.getLogger(__name__)


def fingerprint(**facts: Any) -> str:
    """Return a digest of all that a half-round's outcome depends on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Checkpoint:
    """One file that holds the newest state; it is used only by the run that it belongs to."""

    def __init__(self, path: str | Path, run: str) -> None:
        """Name the file and the `fingerprint` of the run."""
        self.path, self._run = Path(path), run

    def load(self) -> dict[str, Any] | None:
        """Return the saved state, or None where there is none or it is another run's."""
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            logger.warning("%s: cannot be read (%s), starting anew", self.path, error)
            return None
        if state.pop("run", None) != self._run:
            logger.info("%s: of another configuration, starting anew", self.path)
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state."""
        with replacing(self.path) as temporary:
            torch.save({**state, "run": self._run}, temporary)

    def remove(self) -> None:
        """Forget the state; a finished half-round that is forced to run again starts afresh."""
        self.path.unlink(missing_ok=True)

"""Looking at a training while it runs: a score every so many steps, the best weights, the end."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from iscqk.models.encoder import Encoder
from iscqk.models.modes import in_use

logger = logging.getLogger(__name__)


@dataclass
class Validation:
    """What has been seen so far.

    Attributes:
        measure: returns the score of an encoder, the more the better.
        every: steps.
        patience: looks without a better score after which the training ends; 0: it never does.
        best: the best score.
        weights: the last ones that had it, those of the shipped encoder.
        waited: looks since the first ones had it.
    """

    measure: Callable[[Encoder], float]
    every: int
    patience: int = 0
    best: float = -math.inf
    weights: dict[str, Tensor] = field(default_factory=dict)
    waited: int = 0

    def due(self, step: int) -> bool:
        """Return whether to look after a step, counted from 1."""
        return step % self.every == 0

    @property
    def exhausted(self) -> bool:
        """Whether to train on is no use."""
        return 0 < self.patience <= self.waited

    def look(self, encoder: Encoder, step: int) -> float:
        """Return the score of an encoder; keep its weights if none was better.

        Of equal ones the later are kept: they have learned more, whatever a score can tell.
        """
        with in_use(encoder):
            score = self.measure(encoder)
        self.waited += 1
        if score > self.best:
            self.best, self.waited = score, 0
            if score == 1:
                logger.warning(
                    "step %d: every copy was found, so that the validation cannot tell what is "
                    "better from now on; raise train.*.validation_images", step,
                )  # fmt: skip
        if score == self.best:
            self.weights = {name: t.cpu().clone() for name, t in encoder.state_dict().items()}
        logger.info("step %d: validation %.4f, the best %.4f", step, score, self.best)
        return score

    def state(self) -> dict[str, Any]:
        """Return what a resumed training needs to know."""
        return {"best": self.best, "weights": self.weights, "waited": self.waited}

    def resume(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self.best, self.weights, self.waited = state["best"], state["weights"], state["waited"]

"""SGD on one encoder towards the objective of any method."""

import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from iscqk.learning import distributed
from iscqk.learning.checkpoint import Checkpoint, random_states, restore_random_states
from iscqk.learning.data_loading import Batches, Images, Indexed
from iscqk.learning.health import (
    NotFinite,
    gradient_norm,
    refuse_not_finite,
    stop_error,
    warn_of_collapse,
)
from iscqk.learning.loaders import Loader
from iscqk.learning.objectives import Objective, Outcome, mean_outcome
from iscqk.learning.optimizer import learning_rate_factor, make_optimizer
from iscqk.learning.tensorboard import Scalars, TensorBoard
from iscqk.learning.throughput import Throughput
from iscqk.learning.training_rules import refuse_few_steps, refuse_uneven_batch, steps_of
from iscqk.learning.validation import Validation
from iscqk.models.collapse import effective_rank
from iscqk.models.encoder import Encoder
from iscqk.models.fast_convolutions import fast_convolutions
from iscqk.runtime.keeping import note_kept
from iscqk.runtime.logs import progress

logger = logging.getLogger(__name__)

_NONE = Scalars()


@dataclass(frozen=True)
class TrainConfig:
    """How to train; config.yaml explains the keys of `train` and of the method, which most are.

    `images` is the budget: images that the gradient goes through, with repetition.
    """

    images: int
    batch_size: int
    optimizer: str
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup: float
    schedule: str
    batch_norm: str
    log_every: int
    checkpoint_every: int
    compile: bool
    seed: int
    accumulate: int = 1  # which only methods on a bank have a key for
    views: int = 1  # this and the next, as the method says of itself
    smallest_batch: int = 1


class Training:
    """Training of one encoder towards an objective, resumable at any step.

    Attributes:
        history: what was logged, a row an entry; its loss is the mean since the row before.
        snapshots: step to weights of the shipped encoder, after each of some equal parts.
    """

    def __init__(
        self,
        encoder: Encoder,
        objective: Objective,
        config: TrainConfig,
        parts: int = 1,
        validation: Validation | None = None,
    ) -> None:
        """Prepare the optimiser; encoder and objective are on one device.

        With a validation the weights of the last part are the best that it saw, and so are those of
        all parts after its end.

        Raises:
            UserError: there are more parts than steps, or a batch cannot be split as configured.
        """
        self.encoder, self.objective, self.config = encoder, objective, config
        self.validation = validation
        self.images_per_step = config.batch_size * config.views
        self.steps = steps_of(config.images, self.images_per_step)
        refuse_few_steps(config.images, self.steps, str(self.images_per_step), parts)
        self._check_split()
        rates = (config.learning_rate, config.head_learning_rate)
        self.optimizer = make_optimizer(
            encoder, objective, config.optimizer, rates, config.weight_decay
        )
        self.base_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.history: list[dict[str, float]] = []
        self.snapshots: dict[int, dict[str, Tensor]] = {}
        self._losses: list[float] = []  # of the steps since the last row of the history
        self._saved: int | None = None  # the newest step of the resume state
        self._begun = 0.0
        self._tensorboard = TensorBoard(Scalars(), [])
        self._ends = {self.steps * part // parts for part in range(1, parts + 1)}

    def _check_split(self) -> None:
        """Refuse a batch that cannot be shared out evenly, and parts that are too small."""
        config = self.config
        refuse_uneven_batch(config.batch_size, distributed.world_size(), config.accumulate)
        split = (config.batch_size, config.accumulate, config.batch_norm, config.smallest_batch)
        self.objective.refuse_split(self.encoder, *split)

    def run(
        self, images: Images, workers: int, checkpoint: Checkpoint, scalars: Scalars = _NONE
    ) -> None:
        """Train to the end.

        Args:
            images: to learn from.
            workers: processes that read them ahead; 0 reads them here.
            checkpoint: the resume state.
            scalars: where those for TensorBoard go.

        Raises:
            UserError: loss, gradients or weights are no longer finite; the resume state before is
                kept. Or a storage cannot be read.
        """
        config, first = self.config, self._resume(checkpoint)
        before = self.history[-1].get("seconds", 0) if self.history else 0
        self._begun = time.monotonic() - before  # as if it had not been stopped
        self._tensorboard = TensorBoard(scalars, self.history)
        batches = Batches(len(images), config.batch_size, self.steps, config.seed, first)
        self.objective.let_learn(self.encoder, config.batch_norm)
        throughput = Throughput(Loader(Indexed(images), batches, workers))
        shared = distributed.SharedBatchNorm() if distributed.world_size() > 1 else nullcontext()
        encoder, frozen = self.encoder, config.batch_norm == "frozen"
        with shared, fast_convolutions(encoder.backbone, frozen, encoder.dry_run):
            if config.compile:  # what is fast by now
                encoder.compile_backbone()
            steps = progress(throughput, self.steps, "train, steps", every_seconds=60, first=first)
            for step, (indices, pixels) in enumerate(steps, first):
                # asked before a step: what is gone on from may be the state of the very end
                if self.validation and self.validation.exhausted:
                    logger.info("step %d: no better for long, so the training ends", step)
                    break
                try:
                    self._advance(step, pixels, indices, throughput, checkpoint)
                except NotFinite as error:
                    saved = self._saved
                    raise stop_error(error, step, images, indices, checkpoint, saved) from None
        if self.validation:
            rest = sorted(self._ends - set(self.snapshots))
            self.snapshots |= dict.fromkeys([*rest, self.steps], self.validation.weights)
        self.encoder.eval()
        self.objective.eval()
        self._tensorboard.close()

    def _advance(
        self,
        step: int,
        pixels: Tensor,
        indices: Tensor,
        throughput: Throughput,
        checkpoint: Checkpoint,
    ) -> None:
        """Take a step, and keep what is to be kept after it."""
        config, done = self.config, step + 1
        ended = done in self._ends
        looked = self.validation is not None and (self.validation.due(done) or done == self.steps)
        logged = ended or looked or done % config.log_every == 0
        saved = (done % config.checkpoint_every == 0 or checkpoint.is_due()) and done < self.steps
        outcome = self._step(step, pixels, indices, logged)
        self._losses.append(outcome.loss.item())
        if ended or saved:
            refuse_not_finite(self.encoder, self.objective)
        if logged:
            self._log(done, outcome, throughput, looked)
        if ended:
            self.snapshots[done] = self._shipped()
        if saved:
            self._save(checkpoint, done)

    def _step(self, step: int, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Take a step on images (B, 3, S, S), or on pairs (B, 2, 3, S, S).

        Raises:
            NotFinite: loss or gradients are not, and the step was not taken.
        """
        config = self.config
        factor = learning_rate_factor(step, self.steps, config.warmup, config.schedule)
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor
        device = next(self.encoder.parameters()).device
        pixels, indices = (tensor.to(device, non_blocking=True) for tensor in (pixels, indices))
        self.optimizer.zero_grad(set_to_none=True)
        outcomes, parts = [], config.accumulate
        for some, numbers in zip(pixels.chunk(parts), indices.chunk(parts), strict=True):
            outcome: Outcome = self.objective(self.encoder, some, numbers, health)
            (outcome.loss / (parts * distributed.world_size())).backward()
            outcomes.append(outcome)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        distributed.all_reduce_gradients(parameters)
        whole = mean_outcome(outcomes)
        if not torch.isfinite(whole.loss + (norm := gradient_norm(parameters))):
            raise NotFinite(
                f"the loss is {whole.loss.item()} and its gradient's norm {norm.item()}"
            )
        self.optimizer.step()
        self.objective.after_step(self.encoder)
        return whole

    def _log(self, step: int, outcome: Outcome, throughput: Throughput, look: bool) -> None:
        """Record the mean loss since the row before, and the health of this one batch.

        Health has a cost, so that no other batch's is known; the validation looks where it is to.
        """
        assert (health := outcome.health)
        steps_per_second, wait = throughput.read()
        rate = steps_per_second * self.images_per_step
        row = {
            "step": step,
            "images": step * self.images_per_step,
            "loss": fmean(self._losses),
            "positive_similarity": health.positive.mean().item(),
            "nearest_negative_similarity": health.negative.mean().item(),
            "accuracy": (health.positive > health.negative).float().mean().item(),
            "effective_rank": effective_rank(health.rows.float().cpu().numpy()),
            "temperature": self.objective.temperature,
            "learning_rate": self.optimizer.param_groups[0]["lr"],  # of the backbone
            "images_per_second": rate,
            "data_wait": wait,
            "seconds": time.monotonic() - self._begun,
        }
        if look and self.validation:
            row["validation"] = self.validation.look(self.objective.shipped(self.encoder), step)
        warn_of_collapse(step, row["effective_rank"], self.history)
        self.history.append(row)
        self._losses.clear()
        self._tensorboard.add(row)
        left = (self.steps - step) * self.images_per_step / rate
        logger.info(
            "step %d of %d: loss %.3f, positive %.3f, nearest negative %.3f, accuracy %.3f, "
            "%.0f images/s, %.1f %% of the time waiting for images, %.0f s left",
            step, self.steps, row["loss"], row["positive_similarity"],
            row["nearest_negative_similarity"], row["accuracy"], rate, 100 * wait, left,
        )  # fmt: skip

    def _save(self, checkpoint: Checkpoint, step: int) -> None:
        kept = distributed.rank() == 0 and checkpoint.save(self._state(step))
        self._tensorboard.send()
        if distributed.of_first(kept):  # by one process for all
            note_kept()
            self._saved = step

    def _shipped(self) -> dict[str, Tensor]:
        weights = self.objective.shipped(self.encoder).state_dict()
        return {name: tensor.cpu().clone() for name, tensor in weights.items()}

    def _state(self, step: int) -> dict[str, Any]:
        return {
            "step": step,
            "encoder": self.encoder.state_dict(),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "losses": self._losses,
            "snapshots": self.snapshots,
            "validation": self.validation.state() if self.validation else {},
            **random_states(next(self.encoder.parameters()).device),
        }

    def _resume(self, checkpoint: Checkpoint) -> int:
        """Take up the saved state, if there is one; return the step to go on from."""
        state = checkpoint.load()
        if state is None:
            torch.manual_seed(self.config.seed)
            return 0
        self.encoder.load_state_dict(state["encoder"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history, self.snapshots = state["history"], state["snapshots"]
        self._losses = state["losses"]
        if self.validation:
            self.validation.resume(state["validation"])
        restore_random_states(state, next(self.encoder.parameters()).device)
        logger.info("resuming at step %d", state["step"])
        self._saved = int(state["step"])
        return self._saved

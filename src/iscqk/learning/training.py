"""Half a round: SGD on one side against the frozen bank of the other."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from iscqk.errors import UserError
from iscqk.learning.bank_loss import bank_loss, live_bank_loss, nearest_negatives
from iscqk.learning.checkpoint import Checkpoint
from iscqk.learning.device import autocast
from iscqk.learning.images import Batches, CopyImages, OriginalImages, training_batches
from iscqk.models.encoder import Encoder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """The `train` section of config.yaml, where each key is explained."""

    images_per_half_round: int
    batch_size: int
    temperature: float
    learn_temperature: bool
    live_head: bool
    optimizer: str
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup: float
    batch_norm: str
    precision: str
    log_every: int
    checkpoint_every: int
    seed: int

    @property
    def steps(self) -> int:
        """SGD steps of a half-round."""
        return max(1, self.images_per_half_round // self.batch_size)


class FrozenBank:
    """The frozen side: descriptors of all N training images, exactly current in every step.

    With a live head it is the frozen backbone's features, and the head keeps learning.
    """

    def __init__(self, rows: Tensor, encoder: Encoder | None) -> None:
        """Use `fixed` or `live` instead."""
        self._rows, self._encoder = rows, encoder

    @classmethod
    def fixed(cls, descriptors: Tensor) -> "FrozenBank":
        """Make a bank of descriptors (N, D) that stay as they are."""
        return cls(descriptors, None)

    @classmethod
    def live(cls, features: Tensor, encoder: Encoder) -> "FrozenBank":
        """Make a bank of features (N, C) under the head of `encoder`, which is trained."""
        return cls(features, encoder)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Return what is trained on the frozen side."""
        return list(self._encoder.head.parameters()) if self._encoder else []

    def loss(self, queries: Tensor, targets: Tensor, temperature: Tensor) -> Tensor:
        """Return the mean loss of queries (B, D) with positives at rows `targets` (B,)."""
        if self._encoder is None:
            return bank_loss(queries, self._rows, targets, temperature)
        return live_bank_loss(queries, self._rows, self._encoder.project, targets, temperature)

    @torch.no_grad()
    def current(self) -> Tensor:
        """Return the descriptors (N, D) as they are now."""
        if self._encoder is None:
            return self._rows
        return torch.cat([self._encoder.project(block) for block in self._rows.split(4096)])


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Return the factor on the learning rate: linear warm-up, then half a cosine to 0.

    Args:
        step: from 0.
        steps: in all.
        warmup: fraction of the steps that warm up.
    """
    warm = max(1, round(warmup * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


class HalfRound:
    """Training of one encoder against a frozen bank, resumable at any step."""

    def __init__(
        self, encoder: Encoder, bank: FrozenBank, config: TrainConfig, log_temperature: float
    ) -> None:
        """Prepare the optimiser; `log_temperature` is where a learned temperature goes on."""
        self.encoder, self.bank, self.config = encoder, bank, config
        device = next(encoder.parameters()).device
        self.log_temperature = nn.Parameter(torch.tensor(log_temperature, device=device))
        self.log_temperature.requires_grad_(config.learn_temperature)
        self.optimizer = _optimizer(encoder, bank, self.log_temperature, config)
        self.base_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.history: list[dict[str, float]] = []

    def run(
        self, images: OriginalImages | CopyImages, workers: int, checkpoint: Checkpoint
    ) -> None:
        """Train to the end; positives of image `i` of `images` stand at bank row `i // views`.

        Raises:
            UserError: the loss is no longer finite.
        """
        config, first = self.config, self._resume(checkpoint)
        batches = Batches(len(images), config.batch_size, config.steps, config.seed, first)
        self.encoder.train(config.batch_norm == "batch")
        start = time.monotonic()
        for step, (indices, pixels) in enumerate(training_batches(images, batches, workers), first):
            targets = indices // images.views
            loss, queries = self._step(step, pixels, targets)
            last = step + 1 == config.steps
            if last or (step + 1) % config.log_every == 0:
                rate = (step + 1 - first) * config.batch_size / (time.monotonic() - start)
                self._log(step + 1, loss, queries, targets, rate)
            if (step + 1) % config.checkpoint_every == 0 and not last:
                checkpoint.save(self._state(step + 1))
        self.encoder.eval()

    def _step(self, step: int, pixels: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        config, device = self.config, self.log_temperature.device
        factor = learning_rate_factor(step, config.steps, config.warmup)
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor
        with autocast(config.precision, device):
            features = self.encoder.features(pixels.to(device, non_blocking=True))
        queries = self.encoder.project(features)
        loss = self.bank.loss(queries, targets.to(device), self.log_temperature.exp())
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss is {loss.item()} at step {step}; lower train.learning_rate "
                "or set train.precision to fp32"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach(), queries.detach()

    def _log(self, step: int, loss: Tensor, queries: Tensor, targets: Tensor, rate: float) -> None:
        """Record the health of this batch against the whole bank."""
        bank, targets = self.bank.current(), targets.to(queries.device)
        positive = (queries * bank[targets].float()).sum(1)
        negative = nearest_negatives(queries, bank, targets)
        row = {
            "step": step,
            "images": step * self.config.batch_size,
            "loss": loss.item(),
            "positive_similarity": positive.mean().item(),
            "nearest_negative_similarity": negative.mean().item(),
            "bank_accuracy": (positive > negative).float().mean().item(),
            "temperature": self.log_temperature.exp().item(),
            "images_per_second": rate,
        }
        self.history.append(row)
        left = (self.config.steps - step) * self.config.batch_size / rate
        logger.info(
            "step %d of %d: loss %.3f, positive %.3f, nearest negative %.3f, accuracy on the bank "
            "%.3f, %.0f images/s, %.0f s left",
            step, self.config.steps, row["loss"], row["positive_similarity"],
            row["nearest_negative_similarity"], row["bank_accuracy"], rate, left,
        )  # fmt: skip

    def _state(self, step: int) -> dict[str, Any]:
        return {
            "step": step,
            "encoder": self.encoder.state_dict(),
            "frozen_head": [parameter.detach() for parameter in self.bank.parameters],
            "log_temperature": self.log_temperature.detach(),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "rng": torch.get_rng_state(),
        }

    def _resume(self, checkpoint: Checkpoint) -> int:
        """Take up the saved state, if there is one; return the step to go on from."""
        state = checkpoint.load()
        if state is None:
            torch.manual_seed(self.config.seed)
            return 0
        self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = state["history"]
        with torch.no_grad():
            self.log_temperature.copy_(state["log_temperature"])
            for parameter, saved in zip(self.bank.parameters, state["frozen_head"], strict=True):
                parameter.copy_(saved)
        torch.set_rng_state(state["rng"])
        logger.info("resuming at step %d", state["step"])
        return int(state["step"])


def _optimizer(
    encoder: Encoder, bank: FrozenBank, log_temperature: nn.Parameter, config: TrainConfig
) -> torch.optim.Optimizer:
    """Return the optimiser over backbone, heads and temperature, each with its learning rate."""
    heads = [*encoder.head.parameters(), *bank.parameters]
    groups = [
        {"params": list(encoder.backbone.parameters()), "lr": config.learning_rate},
        {"params": heads, "lr": config.head_learning_rate},
    ]
    if config.learn_temperature:
        groups.append({"params": [log_temperature], "lr": 1e-2, "weight_decay": 0.0})
    optimizers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adamw": torch.optim.AdamW,
        "sgd": _sgd,
    }
    return optimizers[config.optimizer](groups, weight_decay=config.weight_decay)


def _sgd(groups: list[dict[str, Any]], weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, momentum=0.9, nesterov=True, weight_decay=weight_decay)

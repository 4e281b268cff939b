"""SGD on one encoder: half a round against a frozen bank, or the warm-up before the first."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from iscqk.errors import UserError
from iscqk.formats.files import replacing
from iscqk.learning.checkpoint import Checkpoint
from iscqk.learning.device import autocast
from iscqk.learning.images import Batches, Images, training_batches
from iscqk.learning.objectives import Objective
from iscqk.models.encoder import Encoder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """How to train; config.yaml explains the keys of its `train` section, which most are.

    `images` is the budget: images drawn for SGD, with repetition.
    """

    images: int
    batch_size: int
    temperature: float
    learn_temperature: bool
    live_head: bool
    optimizer: str
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup: float
    schedule: str
    batch_norm: str
    precision: str
    log_every: int
    checkpoint_every: int
    seed: int

    @classmethod
    def from_section(
        cls, section: Mapping[str, Any], images: int, seed: tuple[int, int], **changes: Any
    ) -> "TrainConfig":
        """Return the `train` section as configuration of one training.

        Args:
            section: the section; keys of others than training are passed over.
            images: the budget.
            seed: the experiment's seed and this training's number.
            changes: values to take instead of the section's.
        """
        own = {field.name for field in fields(cls)}
        values = {key: value for key, value in section.items() if key in own}
        number = int(np.random.default_rng(seed).integers(2**31))
        return cls(**{**values, **changes, "images": images, "seed": number})

    @property
    def steps(self) -> int:
        """SGD steps in all."""
        return max(1, self.images // self.batch_size)


def learning_rate_factor(step: int, steps: int, warmup: float, schedule: str) -> float:
    """Return the factor on the learning rate: a linear warm-up, then what the schedule says.

    Args:
        step: from 0.
        steps: in all.
        warmup: fraction of the steps that warm up.
        schedule: `cosine`, half a cosine from 1 to 0, or `constant`, 1 to the end.
    """
    warm = max(1, round(warmup * steps))
    if step < warm:
        return (step + 1) / warm
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


class Training:
    """Training of one encoder towards an objective, resumable at any step."""

    def __init__(
        self, encoder: Encoder, objective: Objective, config: TrainConfig, temperature: float
    ) -> None:
        """Prepare the optimiser; a learned temperature begins at `temperature`."""
        self.encoder, self.objective, self.config = encoder, objective, config
        device = next(encoder.parameters()).device
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature), device=device))
        self.log_temperature.requires_grad_(config.learn_temperature)
        self.optimizer = _optimizer(encoder, objective, self.log_temperature, config)
        self.base_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.history: list[dict[str, float]] = []

    @property
    def temperature(self) -> float:
        """The temperature as it is now."""
        return self.log_temperature.exp().item()

    def run(self, images: Images, workers: int, checkpoint: Checkpoint) -> None:
        """Train to the end.

        Raises:
            UserError: the loss is no longer finite.
        """
        config, first = self.config, self._resume(checkpoint)
        batches = Batches(len(images), config.batch_size, config.steps, config.seed, first)
        self.encoder.train(config.batch_norm == "batch")
        start = time.monotonic()
        for step, (indices, pixels) in enumerate(training_batches(images, batches, workers), first):
            indices = indices.to(self.log_temperature.device)
            loss, descriptors = self._step(step, pixels, indices)
            last = step + 1 == config.steps
            if last or (step + 1) % config.log_every == 0:
                rate = (step + 1 - first) * config.batch_size / (time.monotonic() - start)
                self._log(step + 1, loss, descriptors, indices, rate)
            if (step + 1) % config.checkpoint_every == 0 and not last:
                checkpoint.save(self._state(step + 1))
        self.encoder.eval()

    def _step(self, step: int, pixels: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Take a step on images (B, 3, S, S), or on pairs (B, 2, 3, S, S)."""
        config, device = self.config, indices.device
        factor = learning_rate_factor(step, config.steps, config.warmup, config.schedule)
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor
        with autocast(config.precision, device):
            features = self.encoder.features(pixels.to(device, non_blocking=True).flatten(0, -4))
        descriptors = self.encoder.project(features)
        loss = self.objective.loss(descriptors, indices, self.log_temperature.exp())
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss is {loss.item()} at step {step}; lower train.learning_rate "
                "or set train.precision to fp32"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach(), descriptors.detach()

    def _log(
        self, step: int, loss: Tensor, descriptors: Tensor, indices: Tensor, rate: float
    ) -> None:
        """Record the health of this batch."""
        positive, negative = self.objective.similarities(descriptors, indices)
        row = {
            "step": step,
            "images": step * self.config.batch_size,
            "loss": loss.item(),
            "positive_similarity": positive.mean().item(),
            "nearest_negative_similarity": negative.mean().item(),
            "accuracy": (positive > negative).float().mean().item(),
            "temperature": self.temperature,
            "images_per_second": rate,
        }
        self.history.append(row)
        left = (self.config.steps - step) * self.config.batch_size / rate
        logger.info(
            "step %d of %d: loss %.3f, positive %.3f, nearest negative %.3f, accuracy %.3f, "
            "%.0f images/s, %.0f s left",
            step, self.config.steps, row["loss"], row["positive_similarity"],
            row["nearest_negative_similarity"], row["accuracy"], rate, left,
        )  # fmt: skip

    def _state(self, step: int) -> dict[str, Any]:
        return {
            "step": step,
            "encoder": self.encoder.state_dict(),
            "objective": [parameter.detach() for parameter in self.objective.parameters],
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
            for parameter, saved in zip(self.objective.parameters, state["objective"], strict=True):
                parameter.copy_(saved)
        torch.set_rng_state(state["rng"])
        logger.info("resuming at step %d", state["step"])
        return int(state["step"])


def _optimizer(
    encoder: Encoder, objective: Objective, log_temperature: nn.Parameter, config: TrainConfig
) -> torch.optim.Optimizer:
    """Return the optimiser over backbone, heads and temperature, each with its learning rate."""
    heads = [*encoder.head.parameters(), *objective.parameters]
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


def write_history(path: str | Path, history: list[dict[str, float]]) -> None:
    """Write what a training logged as CSV, one row an entry."""
    with replacing(path) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)

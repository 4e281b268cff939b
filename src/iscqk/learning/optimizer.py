"""The optimiser over backbone, heads and temperature, each with its learning rate."""

import math
from collections.abc import Callable
from typing import Any

import torch

from iscqk.learning.objectives import Objective
from iscqk.models.encoder import Encoder

TEMPERATURE_RATE = 1e-2


def make_optimizer(
    encoder: Encoder, objective: Objective, name: str, rates: tuple[float, float], decay: float
) -> torch.optim.Optimizer:
    """Return the optimiser of an encoder and of what its objective trains beside it.

    Args:
        encoder: to train.
        objective: whose trained parameters learn as the head does; a temperature has its own rate.
        name: `adamw` or `sgd`, with momentum 0.9.
        rates: learning rates of backbone and head.
        decay: of the weights.
    """
    beside = {name: p for name, p in objective.named_parameters() if p.requires_grad}
    temperature = beside.pop("log_temperature", None)
    groups: list[dict[str, Any]] = [
        {"params": list(encoder.backbone.parameters()), "lr": rates[0]},
        {"params": [*encoder.head.parameters(), *beside.values()], "lr": rates[1]},
    ]
    if temperature is not None:
        groups.append({"params": [temperature], "lr": TEMPERATURE_RATE, "weight_decay": 0.0})
    optimizers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adamw": torch.optim.AdamW,
        "sgd": _sgd,
    }
    return optimizers[name](groups, weight_decay=decay)


def _sgd(groups: list[dict[str, Any]], weight_decay: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, momentum=0.9, weight_decay=weight_decay)


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

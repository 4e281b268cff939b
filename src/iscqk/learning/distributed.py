"""Several processes that work on one batch, each on its part of it; torch calls them ranks.

A batch's images, the bank's rows and an image set's blocks are split over the processes; what the
encoder makes of a batch is gathered in every one of them, so that all that comes after it is
written as if there were only one process. In one process every function here is the identity.

Each process minimises its share, 1 / world_size(), of the same loss of the whole batch. The
gradients of `all_gather` and `all_reduce_sum` are sums over the processes, and so are those of the
parameters (`all_reduce_gradients`): they come out as the gradient of that loss, up to rounding.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

# Of one machine's processes a lost one is noticed at once, whatever this is; all may be stopped for
# longer than torch's half hour, as by a batch system or a paused container. A machine that is lost
# among several may say nothing, so that these keep to torch's.
_PATIENCE = timedelta(days=1)


def processes_here() -> int:
    """Return how many processes of this machine do the command together."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Take part in the group that torchrun started, if it did."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    timeout = _PATIENCE if processes == processes_here() else None  # torch's own
    dist.init_process_group(backend, timeout=timeout)
    try:
        yield
    finally:
        dist.destroy_process_group()


def world_size() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0; 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        summed = gradient.contiguous().clone()
        dist.all_reduce(summed)
        return summed.chunk(world_size())[rank()]


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        summed = value.contiguous().clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        result: Tensor = _Total.apply(gradients[0])
        return result


def all_gather(rows: Tensor) -> Tensor:
    """Return the rows (n, ...) of all processes, (processes * n, ...), by rank; differentiable."""
    return rows if world_size() == 1 else _Gather.apply(rows.contiguous())


def all_reduce_sum(value: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes; differentiable."""
    return value if world_size() == 1 else _Total.apply(value)


@torch.no_grad()
def all_reduce_max(value: Tensor) -> Tensor:
    """Return the largest of each element over the processes, without a gradient."""
    if world_size() == 1:
        return value
    largest = value.contiguous().clone()
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return largest


def of_first(value: bool) -> bool:
    """Return what a value is in the first process, for what all have to do together."""
    if world_size() == 1:
        return value
    told = torch.tensor([value])
    dist.broadcast(told, 0)
    return bool(told)


def is_same(number: int) -> bool:
    """Return whether a number is the same in all processes."""
    return bool((all_gather(torch.tensor([number])) == number).all())


def all_log_sum_exp(value: Tensor) -> Tensor:
    """Return log of the sum of a tensor's exponentials over the processes; differentiable."""
    if world_size() == 1:
        return value
    peak = all_reduce_max(value)
    return peak + all_reduce_sum((value - peak).exp()).log()


def all_reduce_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their sums over the processes."""
    if world_size() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


class SharedBatchNorm(torch.overrides.TorchFunctionMode):
    """Within it batch norm takes the statistics of the whole batch, of all processes.

    torch's SyncBatchNorm does so on a GPU only.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Replace batch norm in training; let everything else pass."""
        kwargs = kwargs or {}
        if function is nn.functional.batch_norm and world_size() > 1:
            return _batch_norm(*args, **kwargs)
        return function(*args, **kwargs)


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`torch.nn.functional.batch_norm`, with statistics over all processes in training."""
    if not training:
        return torch.batch_norm(
            x, weight, bias, running_mean, running_var, False, momentum, eps, True
        )
    places = [0, *range(2, x.ndim)]
    variance, mean = torch.var_mean(x.float(), places, correction=0)
    every = all_gather(torch.stack([mean, variance])[None])  # (world_size, 2, C), of equal parts
    mean = every[:, 0].mean(0)
    variance = every[:, 1].mean(0) + (every[:, 0] - mean).square().mean(0)
    if running_mean is not None and running_var is not None:
        n = world_size() * x.numel() / x.shape[1]
        running_mean.lerp_(mean.detach().to(running_mean.dtype), momentum)
        running_var.lerp_((variance.detach() * n / (n - 1)).to(running_var.dtype), momentum)
    scale = (variance + eps).rsqrt()
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = [1, -1, *[1] * (x.ndim - 2)]
    return (x.float() * scale.view(shape) + shift.view(shape)).to(x.dtype)

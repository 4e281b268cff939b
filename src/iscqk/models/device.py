"""Where and how precisely to compute."""

import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch

from iscqk.errors import UserError, refuse_below_one
from iscqk.models import torch_internals
from iscqk.runtime.cores import processor_name
from iscqk.runtime.shutdown import NO_COMPILER

logger = logging.getLogger(__name__)

# What may be let multiply in fewer bits than float32 has: those first that are for others, too.
_MULTIPLIERS: tuple[Any, ...] = (
    torch.backends,
    torch.backends.mkldnn,
    torch.backends.cudnn,
    torch.backends.mkldnn.matmul,  # type: ignore[attr-defined]
    torch.backends.mkldnn.conv,  # type: ignore[attr-defined]
    torch.backends.cuda.matmul,
)


def choose_device() -> torch.device:
    """Return the GPU where there is one, this process's among several, else the CPU.

    Raises:
        UserError: there are fewer GPUs than processes.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    number, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= there:
        asked = os.environ.get("LOCAL_WORLD_SIZE", "more")
        raise UserError(
            f"train.processes: {asked} on this machine, and it has {there} GPUs; lower it to these"
        )
    device = torch.device("cuda", number)
    torch.cuda.set_device(device)
    return device


def refuse_no_compiler(device: torch.device) -> None:
    """Refuse to have torch compile for a device where it would find no compiler.

    Raises:
        UserError: there is none under the names that it looks for.
    """
    if device.type == "cuda":
        names = [os.environ["CC"]] if "CC" in os.environ else ["clang", "gcc"]
    else:
        names = [os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")]
    if not any(map(shutil.which, names)):
        raise UserError(NO_COMPILER)


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which the backbone runs.

    Args:
        precision: `auto` (bfloat16 where the hardware has it), `bf16` or `fp32`.
        device: of the backbone.
    """
    if not _takes_bfloat16(precision, device):
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def _takes_bfloat16(precision: str, device: torch.device) -> bool:
    return precision == "bf16" or (precision == "auto" and has_bfloat16(device))


def told_device(precision: str, device: torch.device) -> dict[str, str]:
    """Return what a device is called, and in what precision a backbone runs on it.

    Args:
        precision: as of `autocast`.
        device: of the backbone.
    """
    is_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if is_gpu else processor_name(),
        "precision": "bf16" if _takes_bfloat16(precision, device) else "fp32",
    }


def has_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch_internals.cpu_has_bfloat16()


_with_threads: int | None = None  # the process in which torch has had several


def set_threads(threads: int) -> int:
    """Let torch use `threads` cores; return their number.

    A process that was forked from one in which it used several has but one: the others do not come
    along, and OpenMP would wait for them for ever.

    Raises:
        UserError: fewer than one, or no whole number.
    """
    global _with_threads
    refuse_below_one("threads", threads)
    if threads > 1 and _with_threads not in (None, os.getpid()):
        logger.warning("forked from a process with threads: 1 computes here, not %d", threads)
        threads = 1
    if threads > 1:
        _with_threads = os.getpid()
    torch.set_num_threads(threads)
    return threads


@contextmanager
def own_settings() -> Iterator[None]:
    """Let torch compute in the block as it does where nobody has set anything.

    That is without autocast, on the device that is said, and in float32.
    """
    with ExitStack() as stack:
        for kind in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(torch.float32)
        for multiply in _MULTIPLIERS:
            if multiply.fp32_precision not in ("none", "ieee"):
                stack.callback(setattr, multiply, "fp32_precision", multiply.fp32_precision)
                multiply.fp32_precision = "none"
        yield


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch use `threads` cores in the block, and compute as it does where nothing is set.

    After it both are as they were before.

    Raises:
        UserError: as `set_threads`.
    """
    before = torch.get_num_threads()
    allowed = set_threads(threads)
    try:
        with own_settings():
            yield
    finally:  # what a forked process may not have it does not get back either
        torch.set_num_threads(before if allowed == threads else allowed)

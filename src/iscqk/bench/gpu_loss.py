"""The loss over the bank on a GPU, beside what else people take for it.

    PYTHONPATH=src python -m iscqk.bench.gpu_loss > loss.csv

Needs torch and nothing else, so that a machine without a package registry will do, given this
folder; `iscqk benchmark-gpu` is the same, for the workflow. Baselines are measured where they are
installed: Cut Cross-Entropy (arXiv:2411.09009), Liger Kernel (arXiv:2410.10989).
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from typing import NamedTuple, TextIO

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.benchmark import Timer

from iscqk.bench.loss_problem import (
    TEMPERATURE,
    LossAndGradient,
    Problem,
    bare_products,
    errors,
)
from iscqk.formats.files import atomic_file
from iscqk.learning.bank_loss import bank_loss
from iscqk.runtime.options import output_file

_BLOCK = 65_536  # rows that the bare products take at a time

Loss = Callable[[Tensor], Tensor]


class Row(NamedTuple):
    """What a way took: seconds, the bare products' time as a share, MiB over the bank, errors."""

    way: str
    seconds: float | None
    of_products: float | None
    extra_mib: float | None
    loss_error: float | None
    gradient_error: float | None
    note: str = ""


def losses(problem: Problem) -> dict[str, Callable[[], Loss]]:
    """Return what makes each way to the loss; ImportError where its library is missing."""
    bank, targets = problem.rounded, problem.targets

    def plain(queries: Tensor) -> Tensor:
        logits = queries.bfloat16() @ bank.T
        return functional.cross_entropy(logits / TEMPERATURE, targets)

    def cut() -> Loss:
        function = import_module("cut_cross_entropy").linear_cross_entropy
        return lambda queries: function((queries / TEMPERATURE).bfloat16(), bank, targets)

    def liger() -> Loss:
        function = import_module("liger_kernel.transformers").LigerFusedLinearCrossEntropyLoss()
        return lambda queries: function(bank, (queries / TEMPERATURE).bfloat16(), targets)

    return {
        "bank_loss": lambda: lambda queries: bank_loss(queries, bank, targets, TEMPERATURE),
        "cross_entropy": lambda: plain,
        "cross_entropy, compiled": lambda: torch.compile(plain),
        "Cut Cross-Entropy": cut,
        "Liger": liger,
    }


def compare(problem: Problem, seconds: float) -> Iterator[Row]:
    """Yield what each way takes for loss and gradient, the bare products first.

    Args:
        problem: what all of them are given.
        seconds: to measure each, at least.
    """
    queries = problem.queries.bfloat16()
    products = _median(lambda: bare_products(queries, problem.rounded, _BLOCK), seconds)
    yield Row("two matrix products", products, 1.0, None, None, None)
    exact = problem.exact("bf16")
    for name, make in losses(problem).items():
        try:
            yield _measured(name, make(), problem, products, exact, seconds)
        except (ImportError, RuntimeError) as error:  # not installed, too large, or not made for it
            note = f"{type(error).__name__}: {error}".splitlines()[0]
            yield Row(name, None, None, None, None, None, note)


def _measured(
    name: str,
    loss: Loss,
    problem: Problem,
    products: float,
    exact: LossAndGradient,
    seconds: float,
) -> Row:
    queries = problem.queries.clone().requires_grad_()

    def step() -> Tensor:
        queries.grad = None
        found = loss(queries)
        found.backward()
        return found.detach()

    step()  # the first one builds its kernels
    on_gpu, extra = problem.rounded.is_cuda, None
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    found, gradient = step(), queries.grad
    if on_gpu:
        extra = (torch.cuda.max_memory_allocated() - before) / 2**20
    assert gradient is not None
    wrong = errors((found, gradient), exact)
    taken = _median(step, seconds)
    return Row(name, taken, products / taken, extra, *wrong)


def _median(step: Callable[[], object], seconds: float) -> float:
    timer = Timer("step()", globals={"step": step}, num_threads=torch.get_num_threads())
    return float(timer.blocked_autorange(min_run_time=seconds).median)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[1024], help="queries (default: 1024)"
    )
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[2**20], help="of the bank (default: 2^20)"
    )
    parser.add_argument("--dimension", type=int, default=256, help="(default: 256)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each way (default: 2)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--output", type=output_file, metavar="CSV", help="a file (default: standard output)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write a table of all batches against all banks: to a file, or line by line to the output."""
    if arguments.output:
        with atomic_file(arguments.output) as temporary, open(temporary, "w") as file:
            _write(arguments, file)
    else:
        _write(arguments, sys.stdout)


def _write(arguments: argparse.Namespace, file: TextIO) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(("device", "batch_size", "rows", *Row._fields))
    for cell in product(arguments.batch, arguments.rows):
        for row in _rows(arguments, *cell):
            table.writerow((_name(arguments.device), *cell, *row))
            file.flush()


def _rows(arguments: argparse.Namespace, batch_size: int, rows: int) -> Iterator[Row]:
    """Yield what `compare` does; where torch finds no GPU, though one is asked for, that."""
    if arguments.device == "cuda" and not torch.cuda.is_available():
        yield Row("none", None, None, None, None, None, "torch finds no GPU")
    else:
        problem = Problem(batch_size, rows, arguments.dimension, arguments.device)
        yield from compare(problem, arguments.seconds)


def _name(device: str) -> str:
    is_there = device.startswith("cuda") and torch.cuda.is_available()
    return torch.cuda.get_device_name(device) if is_there else device


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_arguments(parser)
    run(parser.parse_args())


if __name__ == "__main__":
    main()

"""Measure the loss over the bank on a GPU, beside what else people take for it."""

from iscqk.bench.gpu_loss import add_arguments, run

__all__ = ["EXAMPLE", "add_arguments", "run"]

EXAMPLE = "iscqk benchmark-gpu --batch 64 1024 --rows 1048576 --output gpu_losses.csv"

"""Measure what a step costs: the softmax over the bank beside baselines, and the backbone."""

import argparse
from pathlib import Path

import pandas as pd

from iscqk.bench.convolution_speed import compare_convolutions
from iscqk.bench.loss_plot import growth_plot
from iscqk.bench.loss_speed import compare_losses, compare_step
from iscqk.formats.csv_tables import write_table
from iscqk.models.device import set_threads
from iscqk.models.weights import load_encoder
from iscqk.runtime.options import at_once, count, output_folder
from iscqk.settings.benchmarks import Benchmarks

EXAMPLE = "iscqk benchmark --weights q.safetensors --rows 16384 65536 --output timed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--weights", type=Path, required=True, help="of the encoder in a step")
    parser.add_argument("--batch-sizes", type=count, nargs="+", default=Benchmarks.batch_sizes)
    parser.add_argument("--rows", type=count, nargs="+", required=True, help="of the bank")
    parser.add_argument("--dimension", type=count, default=256)
    parser.add_argument("--step-rows", type=count, default=8000, help="of the bank of a whole step")
    parser.add_argument("--repeats", type=count, default=Benchmarks.repeats)
    parser.add_argument("--output", type=output_folder, required=True, help="folder")
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write losses.csv, step.csv, convolutions.csv and a plot over the bank's size."""
    set_threads(arguments.threads)
    encoder, size = load_encoder(arguments.weights), arguments.batch_sizes[0]
    cells = [(size, rows) for size in arguments.batch_sizes for rows in arguments.rows]
    repeats = arguments.repeats
    losses = pd.concat(
        [compare_losses(size, rows, arguments.dimension, repeats) for size, rows in cells]
    )
    encoder.precision = "auto"
    step = pd.DataFrame(compare_step(encoder, size, arguments.step_rows, 4 * repeats))
    folder = arguments.output
    write_table(folder / "losses.csv", losses)
    write_table(folder / "step.csv", step)
    convolutions = pd.DataFrame(compare_convolutions(4 * repeats))
    write_table(folder / "convolutions.csv", convolutions)
    growth_plot(folder / "losses.svg", losses)

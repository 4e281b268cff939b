"""How the time of a loss over the bank grows."""

from pathlib import Path

import pandas as pd

from iscqk.comparison.run_plots import figure, styles


def growth_plot(path: Path, table: pd.DataFrame) -> None:
    """Plot seconds over the rows of the bank, a panel for each batch size, both axes logarithmic.

    Args:
        path: of the SVG.
        table: `iscqk.bench.loss_speed.compare_losses`.
    """
    sizes = list(table["batch_size"].unique())
    with figure(path, [f"{size} queries" for size in sizes]) as panels:
        for axes, size in zip(panels, sizes, strict=True):
            ways = table[table["batch_size"] == size].groupby(["way", "precision"], sort=False)
            for style, (way, rows) in zip(styles(), ways, strict=False):
                axes.plot(rows["rows"], rows["seconds"], label=" ".join(map(str, way)), **style)
            axes.set(xlabel="bank rows", ylabel="loss and gradient, s", xscale="log", yscale="log")

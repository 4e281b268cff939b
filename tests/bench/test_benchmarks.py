"""`snakemake benchmarks`, by the real Snakemake at a tiny size."""

import pandas as pd
import pytest

from iscqk.bench.copy_speed import CEILING, PLAIN
from iscqk.bench.copy_speed import OURS as COPIES
from iscqk.bench.description_speed import BARE, READING
from iscqk.bench.description_speed import OURS as EMBED

pytestmark = pytest.mark.long

SMALL = """\
train: {qk: {live_head: true}} # of which rows that are made up know nothing
benchmarks:
  batch_sizes: [8, 16]
  rows: [64, 1024]
  repeats: 2
  synthetic_rows: 3000
  images: {count: 128, drawn: 4, side: 256, backbone: test_resnet, image_size: 64}
"""


def test_benchmarks_measure_every_way_beside_its_peers(finished_copy):
    (finished_copy.folder / "small.yaml").write_text(SMALL)
    finished_copy.run("snakemake benchmarks --cores --configfile config.yaml tiny.yaml small.yaml")
    folder = finished_copy.folder / "results/benchmarks"
    losses = pd.read_csv(folder / "losses.csv")
    assert len(losses) == 4 * 7 and (losses["seconds"] > 0).all()
    # Against 64 rows the loss is nearly nothing, and so is its share of anything.
    ours = losses[(losses["way"] == "bank_loss") & (losses["rows"] == 1024)]
    assert (ours["loss_error"] < 1e-3).all() and (ours["gradient_error"] < 1e-2).all()
    assert pd.read_csv(folder / "step.csv")["share"].between(0, 1).all()
    convolutions = pd.read_csv(folder / "convolutions.csv")
    assert convolutions["way"].tolist() == ["torch's", "fast"] * 2
    assert (convolutions["images_per_second"] > 0).all()
    copies = pd.read_csv(folder / "copies.csv")
    assert set(copies["images"]) == {"of the config", "drawn, 256 px"}
    assert set(copies["way"]) == {PLAIN, COPIES, CEILING} and (copies["per_second"] > 0).all()
    extraction = pd.read_csv(folder / "extraction.csv")
    assert set(extraction["side"]) == {32, 64} and (extraction["of_bare"] > 0).all()
    assert set(extraction["way"]) == {READING, BARE, EMBED}
    table = (folder / "table.md").read_text()
    assert all(f"| {way} |" in table for way in ("bank_loss", PLAIN, COPIES, EMBED))
    assert (folder / "losses.svg").stat().st_size
    assert len(pd.read_csv(folder / "million/history.csv")) == 4  # 128 images, against 3064 rows

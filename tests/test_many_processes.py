"""`train.processes: 2` and `snakemake benchmarks`, by the real Snakemake at a tiny size."""

import pandas as pd
import pytest

from iscqk.images.benchmarks import CEILING, PLAIN
from iscqk.images.benchmarks import OURS as COPIES
from iscqk.learning.extraction import BARE, READING
from iscqk.learning.extraction import OURS as EMBED

TWO = "train: {processes: 2}\n"
SMALL = """\
benchmarks:
  batch_sizes: [8, 16]
  rows: [64, 1024]
  repeats: 2
  synthetic_rows: 3000
  images: {count: 128, drawn: 4, side: 256, backbone: test_resnet, image_size: 64}
"""


def test_two_processes_take_the_same_steps(finished, finished_copy):
    """How many share the work reruns nothing by itself; here the whole training is made again."""
    (finished_copy.folder / "two.yaml").write_text(TWO)
    assert finished_copy.jobs("two.yaml") == {"submit"}  # whose provenance holds the whole config
    path, first = (
        project.folder / "results/runs/qk-0/round1-k/history.csv"
        for project in (finished_copy, finished)
    )
    done = finished_copy.run(
        "snakemake results/runs/qk-0/round1-k/history.csv --cores --forcerun warm_up "
        "--configfile config.yaml tiny.yaml two.yaml"
    )
    rules = ("warm_up", "embed", "train_q", "embed_copies", "train_k")
    assert all(f"rule {rule}:" in done.stdout + done.stderr for rule in rules)
    assert pd.read_csv(path)["step"].tolist() == pd.read_csv(first)["step"].tolist()
    # Half a round later bfloat16's last bits have grown; test_processes.py compares in float32.
    warm_up = [pd.read_csv(p.parents[1] / "warm-up/history.csv") for p in (path, first)]
    assert warm_up[0]["loss"][0] == pytest.approx(warm_up[1]["loss"][0], rel=0.02)


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

"""`train.processes: 2`, by the real Snakemake at a tiny size."""

import pandas as pd
import pytest

pytestmark = pytest.mark.long

TWO = "train: {processes: 2}\n"


def test_two_processes_take_the_same_steps(finished, finished_copy):
    """How many share the work reruns nothing by itself; here the whole training is made again."""
    (finished_copy.folder / "two.yaml").write_text(TWO)
    assert finished_copy.jobs("two.yaml") == set()
    path, first = (
        project.folder / "results/runs/qk-0/round1-k/history.csv"
        for project in (finished_copy, finished)
    )
    done = finished_copy.run(
        "snakemake results/runs/qk-0/round1-k/history.csv --cores -p --forcerun warm_up "
        "--configfile config.yaml tiny.yaml two.yaml"
    )
    rules = ("warm_up", "embed", "train_q", "embed_copies", "train_k")
    assert all(f"rule {rule}:" in done.stdout + done.stderr for rule in rules)
    assert pd.read_csv(path)["step"].tolist() == pd.read_csv(first)["step"].tolist()
    # Half a round later bfloat16's last bits have grown; test_distributed.py compares in float32.
    warm_up = [pd.read_csv(p.parents[1] / "warm-up/history.csv") for p in (path, first)]
    assert warm_up[0]["loss"][0] == pytest.approx(warm_up[1]["loss"][0], rel=0.02)

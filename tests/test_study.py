"""The study, an ablation and the unbalanced set, run by the real Snakemake at a tiny size."""

import json
import shutil

import pandas as pd
import pytest

from conftest import unpack

pytestmark = pytest.mark.long


def test_the_study_compares_every_method(finished_copy):
    """gist, simclr, moco and isd beside the Q/K that is there already, and one ablation."""
    (finished_copy.folder / "study.yaml").write_text(STUDY)
    sort_into_classes(finished_copy.folder)
    finished_copy.run(
        "snakemake study ablation_soft_targets unbalanced --cores "
        "--configfile config.yaml tiny.yaml study.yaml"
    )
    study = finished_copy.folder / "results/study"
    table = pd.read_csv(study / "table.csv")
    assert list(table) == TABLE
    methods = ["gist", "simclr", "moco", "isd", "qk"]
    assert table["method"].tolist() == [m for m in methods for _ in range(2)]
    seen = dict(zip(table["method"], table["images_seen"], strict=True))
    assert seen == {"gist": 0, "simclr": 384, "moco": 384, "isd": 384, "qk": 384}
    assert (table["train_seconds"] > 0).all() and (table["peak_mb"] > 0).all()
    for row in table.itertuples():
        models = {"gist": "initial", "qk": "round1-k"}
        folder = f"results/runs/{row.method}-0/{models.get(row.method, 'learned-2')}/{row.phase}"
        score = json.loads((finished_copy.folder / folder / "log_partition/score.json").read_text())
        assert row.micro_ap == score["micro_ap"]
    assert table["difference_low"].le(table["difference_high"]).all()  # none is unknown
    assert "| qk |" in (study / "table.md").read_text()
    names = ["by_edit", "precision_recall", "images_seen"]
    assert all((study / f"{n}.{kind}").stat().st_size for n in names for kind in ("csv", "svg"))
    along = pd.read_csv(study / "images_seen.csv")
    assert along[along["label"] == "qk"]["images_seen"].tolist() == [128, 128, 256, 256, 384, 384]
    assert along[along["label"] == "isd"]["images_seen"].tolist() == [192, 192, 384, 384]
    rankings = pd.read_csv(study / "rankings.csv")
    submitted = rankings[rankings["ranking"] == "log_partition"]
    assert submitted["micro_ap"].tolist() == table["micro_ap"].tolist()
    assert set(rankings["ranking"]) == {"log_partition", "similarity"}
    ablation = pd.read_csv(study / "soft_targets/table.csv")
    assert list(ablation) == ["soft_targets", *TABLE[1:], "settings"]
    assert ablation["settings"].iloc[-1] == "train.qk.soft_targets: 1"
    assert ablation["soft_targets"].tolist() == [0, 0, 1, 1]
    hard = ablation[ablation["soft_targets"] == 0]["micro_ap"].tolist()
    assert hard == table[table["method"] == "qk"]["micro_ap"].tolist()  # one and the same run
    unbalanced = pd.read_csv(finished_copy.folder / "results/unbalanced/table.csv")
    assert unbalanced["method"].tolist() == ["moco", "moco", "isd", "isd"]
    assert unbalanced["classes"].tolist() == ["all", "rare"] * 2
    assert unbalanced["accuracy"].between(0, 1).all()


def sort_into_classes(folder):
    """Lay the demo's images out as classes: 40 and 10 to learn from, 6 of each to evaluate."""
    unpack(folder / "results/demo/training.tar", folder / "drawn")
    images = sorted((folder / "drawn").iterdir())
    parts = {
        "training/common": 40,
        "training/rare": 10,
        "evaluation/common": 6,
        "evaluation/rare": 6,
    }
    for part, count in parts.items():
        (folder / "classes" / part).mkdir(parents=True)
        for image in images[:count]:
            shutil.copy(image, folder / "classes" / part)
        images = images[count:]


TABLE = [
    *("method", "phase", "micro_ap", "micro_ap_std", "recall_at_p90"),
    *("images_seen", "train_seconds", "peak_mb", "seeds", "recall_at_p90_std"),
    *("micro_ap_low", "micro_ap_high"),
    *("best_other", "difference", "difference_low", "difference_high"),
]
STUDY = """\
study: {ablations: {soft_targets: {train.qk.soft_targets: [0, 1]}}}
unbalanced:
  training: classes/training
  evaluation: classes/evaluation
  seeds: [0]
  rare: 12
"""

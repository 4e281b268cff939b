"""A learning method is one file: it is trained, submitted and compared; nothing else changes."""

import json

import pandas as pd
import pytest

from iscqk.models.weights import read_provenance

pytestmark = pytest.mark.long

SPREAD = '''\
"""Spread: pull pairs together, push everything apart."""

from dataclasses import dataclass

from torch import Tensor

from iscqk.schema.kinds import Positive
from iscqk.schema.section import key
from iscqk.learning.method_interface import LearningOnPairs, Method
from iscqk.learning.objectives import Objective, Outcome, ProjectionHead, pair_health
from iscqk.models.encoder import Encoder


@dataclass(frozen=True, kw_only=True)
class Settings(LearningOnPairs):
    """Spread's settings."""

    push: Positive = key(2.0, "of everything apart, beside the pull of pairs")


class Spread(Objective):
    """Squared distances within pairs, and squared similarities of all."""

    temperature = 1.0

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.projection, self.push = ProjectionHead(encoder, settings.head), settings.push

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return the loss of pairs."""
        rows = self.projection(encoder, pixels.flatten(0, 1))
        first, second = rows[0::2], rows[1::2]
        loss = (first - second).square().sum(1).mean() + self.push * (rows @ rows.T).square().mean()
        return Outcome(loss, pair_health(first, second, second) if health else None)


METHOD = Method(
    card="An encoder of images, spread over the sphere.",
    learns_from="pairs",
    settings=Settings,
    comment="nobody has published it",
    objective="iscqk.methods.spread:Spread",
    views=2,
)
'''
TURNS = '''\
"""Turns: Q/K by another name."""

from iscqk.learning.method_interface import LearningOnBank, Method


class Settings(LearningOnBank):
    """Turns' settings."""


METHOD = Method(
    card="Two encoders of images, by turns.",
    learns_from="bank",
    settings=Settings,
    objective="iscqk.methods.qk.objective:FrozenBank",
)
'''
BY_TURNS = """\
train: {method: turns, turns: {live_head: true, warm_up_images: 64, bank_views: 2}}
copies: {per_image: 2}
"""
OWN = """\
train: {method: spread, spread: {batch_size: 16, push: 0.5}}
study: {methods: [spread, qk]}
unbalanced: {methods: [spread]}
"""


def test_a_method_of_ones_own_is_one_file(finished_copy):
    folder = finished_copy.folder
    (folder / "src/iscqk/methods/spread.py").write_text(SPREAD)
    (folder / "own.yaml").write_text(OWN)
    configured = "--configfile config.yaml tiny.yaml own.yaml"
    (folder / "wrong.yaml").write_text("train: {spread: {push: -1}}")
    told = finished_copy.run(f"snakemake all --dry-run {configured} wrong.yaml", check=False)
    assert "error: config: train.spread.push: -1 is less than or equal to" in told.stderr
    done = finished_copy.run(f"snakemake submission_phase1 study --cores -p {configured}")
    assert "rule learn:" in done.stdout + done.stderr
    run = folder / "results/runs/spread-0/learned-2"
    facts = read_provenance(run / "q.safetensors")
    assert facts["method"] == "spread" and facts["train"]["spread"]["push"] == 0.5
    assert (run / "q.safetensors").read_bytes() == (run / "k.safetensors").read_bytes()
    submission = folder / "results/submission_phase1"
    assert json.loads((submission / "score.json").read_text())["queries"] == 20
    assert (
        "An encoder of images, spread over the sphere."
        in (submission / "MODEL_CARD.md").read_text()
    )
    table = pd.read_csv(folder / "results/study/table.csv")
    assert table["method"].tolist() == ["spread", "spread", "qk", "qk"]
    assert table["images_seen"].tolist() == [384] * 4
    finished_copy.run(f"snakemake all --cores {configured}")
    method = "src/iscqk/methods/spread.py"
    finished_copy.replace(method, "Squared distances", "The squared distances")
    assert finished_copy.jobs("own.yaml") == set()
    finished_copy.replace(method, ".square().sum(1)", ".abs().sum(1)")
    assert "learn" in finished_copy.jobs("own.yaml")
    done = finished_copy.run(f"snakemake study --dry-run {configured}")
    told = done.stdout + done.stderr
    assert "rule learn:" in told and "rule train_q:" not in told


def test_a_method_of_ones_own_may_learn_from_a_bank(project):
    (project.folder / "src/iscqk/methods/turns.py").write_text(TURNS)
    (project.folder / "turns.yaml").write_text(BY_TURNS)
    options = "--dry-run --printshellcmds --configfile config.yaml tiny.yaml turns.yaml"
    planned = " ".join(project.run(f"snakemake submission_phase1 {options}").stdout.split())
    for said in ("--method turns --seed", "--method turns --side q", "--method turns --side k"):
        assert said in planned
    assert "--method simclr --images 64 " in planned and "--views 2 --features" in planned


def test_a_mistake_in_a_method_of_ones_own_is_told_in_a_line(project):
    method = TURNS.replace('"""Turns\' settings."""', "push: float = key(2.0)")
    wanted = "from iscqk.schema.section import key\n"
    (project.folder / "src/iscqk/methods/turns.py").write_text(f"{wanted}{method}")
    for command in ("snakemake all -n --configfile config.yaml tiny.yaml", "iscqk train --help"):
        told = project.run(command, check=False).stderr.splitlines()
        complaint = "settings: Settings: put @dataclass(frozen=True, kw_only=True) before it"
        assert [line for line in told if line.startswith("error: ")] == [told[-1]]
        assert complaint in told[-1] and "Traceback" not in "".join(told)

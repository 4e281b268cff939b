"""`iscqk pack`: a submission's model made small, with a card of its own."""

import json

import numpy as np
import pytest

from iscqk.matching.model import Model
from iscqk.models.ready import ready_folder
from iscqk.settings.ready import Ready
from iscqk.submission.model_card import described_by
from submitted_pieces import CONFIG, iscqk, submit

BY_EDIT = """\
edit,queries,positives,found,micro_ap,recall_at_p90,recall_at_1
blur,4,4,4,0.4,0.3,1.0
crop,3,3,1,0.5,0.1,0.5
"""


@pytest.fixture
def submission(pieces):
    assert submit(pieces) == 0
    (pieces / "by_edit.csv").write_text(BY_EDIT)
    (pieces / "notice.md").write_text("Drawn images, free for all.\n")
    return pieces


def pack(folder, **config):
    given = ("--by-edit", f"phase1={folder}/by_edit.csv", "--output", folder / "small")
    scores = f"phase1={folder}/out/score.json"
    text = json.dumps({"notice": str(folder / "notice.md"), **config})
    return iscqk("pack", folder / "out", "--scores", scores, *given, "--config", text)


def test_the_card_says_what_the_model_is_made_of_and_where_it_is_weak(submission, capsys):
    assert pack(submission) == 0
    card = (submission / "small/MODEL_CARD.md").read_text()
    assert card.startswith("---\n") and "Drawn images, free for all." in card
    assert card.index("| crop | 3 | 0.500 |") < card.index("| blur | 4 | 0.400 |")
    recipe = json.loads(card.split("```json\n")[1].split("```")[0])
    assert recipe == CONFIG
    provenance = json.loads((submission / "out/provenance.json").read_text())
    score = json.loads((submission / "out/score.json").read_text())
    counts = score["queries"], provenance["images"]["references"]["count"]
    assert f"| phase1 | {counts[0]} | {counts[1]} | {score['micro_ap']:.4f} |" in card
    assert f"{CONFIG['model']['image_size']} px, pooling" in card
    weights = provenance["weights"]
    assert all(facts["sha256"] in card for facts in weights.values())
    assert "`queries/model.safetensors`, SHA-256" in card
    Model.load(submission / "small")
    told = capsys.readouterr().out
    size = sum(path.stat().st_size for path in (submission / "small").rglob("*.*")) / 1e6
    assert told.endswith(f"small: {size:.2f} MB\n")


def test_scores_may_be_what_score_wrote(submission, capsys):
    path = submission / "out/score.json"
    score = json.loads(path.read_text())
    assert score.pop("split")  # `iscqk score` knows none
    path.write_text(json.dumps(score))
    assert pack(submission) == 0
    assert f"{score['micro_ap']:.4f}" in (submission / "small/MODEL_CARD.md").read_text()


def test_scores_of_something_else_are_told(submission, capsys):
    (submission / "out/score.json").write_text('{"accuracy": 1}')
    assert pack(submission) == 1
    assert "--scores phase1: no score of descriptors (queries is m" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0.8", None, True, float("nan")])
@pytest.mark.parametrize("key", ["micro_ap", "recall_at_p90", "queries"])
def test_scores_that_are_no_numbers_are_told(submission, capsys, key, value):
    path = submission / "out/score.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    assert pack(submission) == 1
    told = capsys.readouterr().err
    assert f"--scores phase1: no score of descriptors ({key} is {value}; give a" in told


@pytest.mark.parametrize("lacking", ["config", "weights", "images", "versions", "references"])
def test_a_provenance_that_lacks_something_is_told(submission, capsys, lacking):
    path = submission / "out/provenance.json"
    provenance = json.loads(path.read_text())
    (provenance if lacking in provenance else provenance["images"]).pop(lacking)
    path.write_text(json.dumps(provenance))
    assert pack(submission) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert "provenance.json: not the provenance of a submission (" in told and lacking in told
    assert told.endswith("; name a folder that `iscqk submit` wrote")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"commit": "c0ffee", "modified": False}, "below, commit c0ffee; python"),
        ({"commit": "c0ffee", "modified": True}, "c0ffee, with changes that are not committed; p"),
        ({"commit": None, "modified": None}, "below, commit unknown; python"),
    ],
)
def test_the_card_says_of_which_commit_it_is(submission, source, told):
    path = submission / "out/provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **source}))
    assert pack(submission) == 0
    assert told in (submission / "small/MODEL_CARD.md").read_text()


def test_the_cards_say_at_which_sizes_images_are_described():
    facts = described_by({**CONFIG, "describe": {**CONFIG["describe"], "sizes": [112, 160]}})
    assert facts["pixels"] == "112 and 160"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"megabytes": 0.1}, "MB, and 0.1 are allowed; lower ready.bank_rows, or describe both"),
        ({"notice": "none.md"}, "error: ready.notice: none.md: cannot be read"),
        ({"bank_rows": 0}, "bank_rows"),
    ],
)
def test_what_cannot_be_packed_so_is_told(submission, capsys, config, message):
    assert pack(submission, **config) == 1
    told = capsys.readouterr().err.splitlines()
    assert message in told[-1]
    assert not list(submission.glob("*small*"))  # in whose way the next try would find it
    assert pack(submission) == 0


def test_what_the_default_trains_may_be_packed():
    """It has two of the ready model's networks, and the bank of as many rows as may be."""
    files = [path for path in ready_folder().rglob("*") if path.is_file()]
    networks = [path for path in files if path.parent.name == "queries"]
    size = sum(path.stat().st_size for path in [*files, *networks])
    bank = Ready().bank_rows * 256 * np.dtype(np.float16).itemsize
    assert (size + bank) / 1e6 < Ready().megabytes

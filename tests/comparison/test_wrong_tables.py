"""What `iscqk compare` is given may be of anybody: what does not fit is named."""

import json

import pytest

from iscqk.cli import main

GOOD = {
    "score.json": '{"micro_ap": 0.5, "recall_at_p90": 0.25}',
    "history.csv": "step,images,seconds\n1,16,0.5\n",
    "usage.tsv": "s\tmax_rss\n1.0\t-\n",
    "by_edit.csv": "edit,queries,positives,micro_ap,recall_at_p90,recall_at_1\nblur,1,1,1,1,1\n",
    "curve.csv": "recall,precision\n0.5,1\n",
    "learned.csv": "model,phase,micro_ap\ninitial,phase1,0.5\n",
}


def compare(folder, files=None, runs=1, curves=1, models=("initial",)):
    for name, text in (GOOD | (files or {})).items():
        (folder / name).write_text(text)
    run = {"label": "qk", "seed": 0, "phase": "phase1", "score": "score.json"}
    run |= {"histories": ["history.csv"], "usage": ["usage.tsv"], "curve": "curve.csv"}
    run |= {"by_edit": "by_edit.csv", "rankings": {"similarity": "score.json"}}
    curve = {"label": "qk", "seed": 0, "learning_curve": "learned.csv"}
    curve["models"] = {name: ["history.csv"] for name in models}
    options = [
        "--runs",
        json.dumps([run] * runs),
        "--learning-curves",
        json.dumps([curve] * curves),
    ]
    return main(["compare", "--title", "method", *options, "--output", "compared"])


def test_what_fits_is_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compare(tmp_path) == 0


def test_scores_that_were_counted_otherwise_are_told_of(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    rows = []
    for label, convention, queries in (("a|b", "fb", 10), ("c", "drivendata", 10), ("d", "fb", 9)):
        facts = {"micro_ap": 0.5, "recall_at_p90": 0.25}
        facts |= {"convention": convention, "queries": queries}
        (tmp_path / f"{label}.json").write_text(json.dumps(facts))
        run = {"label": label, "seed": 0, "phase": "phase1", "score": f"{label}.json"}
        rows.append(run | {"histories": [], "usage": ["usage.tsv"]})
    (tmp_path / "usage.tsv").write_text(GOOD["usage.tsv"])
    command = ["compare", "--title", "of", "--output", "compared", "--runs", json.dumps(rows)]
    assert main(command) == 0
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        "c.json: convention drivendata, and fb in a|b.json; such scores do not compare",
        "d.json: queries 9, and 10 in a|b.json; such scores do not compare",
    ]
    assert r"| a\|b | " in (tmp_path / "compared/table.md").read_text()  # one cell


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"files": {"score.json": '{"micro_ap": NaN}'}}, "score.json: no micro_ap; name what"),
        ({"files": {"history.csv": "images\nmany\n"}}, "history.csv, row 1: images 'many' is no"),
        ({"files": {"history.csv": "images,seconds\n1,\n"}}, "row 1: seconds 'nan' is no finite"),
        ({"files": {"usage.tsv": "s\tmax_rss\n-\t-\n"}}, "usage.tsv, row 1: s '-' is no finite"),
        (
            {"files": {"by_edit.csv": GOOD["curve.csv"]}},
            "by_edit.csv: no column edit; name another",
        ),
        (
            {"files": {"curve.csv": GOOD["by_edit.csv"]}},
            "curve.csv: no column recall; name another",
        ),
        ({"files": {"learned.csv": "model,micro_ap\ninitial,1\n"}}, "learned.csv: no column phase"),
        ({"runs": 2}, "--runs: label qk, seed 0, phase phase1 is there twice; name each run once"),
        ({"curves": 2}, "--learning-curves: label qk, seed 0 is there twice"),
        ({"models": ["learned-1"]}, "learned.csv: model initial has no histories in `models`"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, monkeypatch, capsys, wrong, complaint):
    monkeypatch.chdir(tmp_path)
    assert compare(tmp_path, **wrong) == 1
    assert complaint in capsys.readouterr().err

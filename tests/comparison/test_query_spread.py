"""How far scores vary with the queries, as a comparison's tables tell it."""

import json

import pandas as pd
import pytest

from iscqk.cli import main
from iscqk.formats.compared_columns import COLUMNS

TRUTH = {"Q00000": "R000000", "Q00001": "R000001", "Q00002": "R000002", "Q00003": ""}
# By label and query the reference that is found, best first.
FOUND = {
    "all": {"Q00000": "R000000", "Q00001": "R000001", "Q00002": "R000002", "Q00003": "R000000"},
    "late": {"Q00003": "R000000", "Q00000": "R000000", "Q00001": "R000001", "Q00002": "R000002"},
    "one": {"Q00000": "R000000", "Q00003": "R000000"},
}


@pytest.fixture
def row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ["query_id,reference_id", *(",".join(pair) for pair in TRUTH.items())]
    (tmp_path / "truth.csv").write_text("\n".join(lines))
    (tmp_path / "usage.tsv").write_text("s\tmax_rss\n1.0\t-\n")

    def made(label, convention="fb", seed=0):
        found = enumerate(FOUND[label].items())
        lines = [f"{query},{reference},{-rank}" for rank, (query, reference) in found]
        (tmp_path / f"{label}.csv").write_text("\n".join(lines))
        command = ["score", f"{label}.csv", "truth.csv", "--output", f"{label}.json"]
        assert main([*command, "--convention", convention]) == 0
        return {
            **{"label": label, "seed": seed, "phase": "phase1", "score": f"{label}.json"},
            **{"predictions": f"{label}.csv", "ground_truth": "truth.csv"},
            **{"histories": [], "usage": ["usage.tsv"]},
        }

    return made


def compared(rows, *options):
    command = ["compare", "--title", "m", "--output", "out", "--runs", json.dumps(rows)]
    assert main([*command, *options]) == 0
    with open("out/table.md", encoding="utf-8") as page:
        return pd.read_csv("out/table.csv").set_index("m"), page.read()


@pytest.mark.parametrize("convention", ["fb", "drivendata"])
def test_a_table_tells_how_far_scores_vary_with_the_queries(row, convention):
    table, page = compared([row(label, convention) for label in FOUND], "--draws", "200")
    assert [name for name in COLUMNS if name in table] == [*table]
    low, high = table["micro_ap_low"], table["micro_ap_high"]
    assert (low["all"], high["all"]) == (1, 1)  # all right ones first, whoever is drawn
    assert low["one"] == 0 < table["micro_ap"]["one"] < high["one"] == 1
    assert table["best_other"].tolist() == ["late", "all", "all"]
    assert table["difference"]["all"] == 1 - table["micro_ap"]["late"]
    assert table["difference_low"]["all"] == -table["difference_high"]["late"]
    assert 0 <= table["difference_low"]["all"] < table["difference_high"]["all"]
    again, _ = compared([row(label, convention) for label in FOUND], "--draws", "200")
    assert again.equals(table)
    assert "| all | 1.0000 to 1.0000 | +0" in page and "by 200 draws" in page


def test_the_best_other_is_that_of_the_same_phase(row):
    lists = {"all": "one", "late": "all", "one": "late"}  # by label what it found in phase 2
    second = [row(lists[label]) | {"label": label, "phase": "phase2"} for label in FOUND]
    table, _ = compared([row(label) for label in FOUND] + second, "--draws", "20")
    told = {phase: rows["best_other"].to_dict() for phase, rows in table.groupby("phase")}
    assert told["phase1"] == {"all": "late", "late": "all", "one": "all"}
    assert told["phase2"] == {"all": "late", "late": "one", "one": "late"}


def test_a_label_whose_predictions_are_not_kept_or_of_another_list_is_told(row, tmp_path, caplog):
    rows = [row(label) for label in FOUND]
    (tmp_path / "late.csv").unlink()
    (tmp_path / "one.csv").write_text((tmp_path / "all.csv").read_text())
    table, page = compared(rows)
    assert table["micro_ap_low"].notna().tolist() == [True, False, False]
    assert table["difference"].notna().all() and table["difference_low"].isna().all()
    assert "late.csv: is not there, so the table does not say how far late, phase1" in caplog.text
    assert "one.csv: its micro-AP is 0.6667, and 0.3333 in one.json" in caplog.text
    assert "| one |  |  |" in page


def test_without_predictions_the_columns_are_empty(row):
    rows = [
        {key: value for key, value in row(label).items() if key != "predictions"} for label in FOUND
    ]
    table, page = compared(rows)
    assert table[["micro_ap_low", "micro_ap_high", "difference_low"]].isna().all(axis=None)
    assert page.endswith("is not known: the lists that were scored are not there.\n")


def test_what_is_no_text_is_refused(row, capsys):
    rows = [row("all") | {"settings": {"train.rounds": 1}}]
    command = ["compare", "--title", "m", "--output", "out", "--runs", json.dumps(rows)]
    assert main(command) == 1
    assert "--runs: settings is {'train.rounds': 1}; give text" in capsys.readouterr().err

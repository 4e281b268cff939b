"""Plots and tables with little or nothing in them: they say so, and end no study."""

import json
import re
import warnings

import pandas as pd
import pytest

from iscqk.bench.loss_plot import growth_plot
from iscqk.cli import main
from iscqk.comparison.run_plots import NOTHING, accuracy_plot, edit_plot, line_plot
from iscqk.comparison.run_tables import as_markdown
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import sha256_of
from iscqk.formats.ids import TRAINING
from iscqk.formats.manifest import COLUMNS, write_manifest
from iscqk.reporting import report_plots
from iscqk.retrieval.scores_by_edit import COLUMNS as EDIT_COLUMNS
from written_shards import write_descriptors

CURVE = ["rank", "score", "precision", "recall"]


@pytest.fixture(autouse=True)
def no_warning():
    """A legend of nothing, a mean of nothing: whoever looks into the log should not wonder."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        yield


def run_files(folder, label, edits, pairs):
    """Write what a run left of a phase; return its row."""
    folder.mkdir()
    for name in ("score", "other"):
        (folder / f"{name}.json").write_text(json.dumps({"micro_ap": 0.5, "recall_at_p90": 0.0}))
    (folder / "usage.tsv").write_text("s\tmax_rss\n1.0\t-\n")
    write_table(folder / "by_edit.csv", pd.DataFrame(edits, columns=EDIT_COLUMNS))
    write_table(folder / "curve.csv", pd.DataFrame(pairs, columns=CURVE))
    return {
        **{"label": label, "seed": 0, "score": str(folder / "score.json")},
        **{"histories": [], "usage": [str(folder / "usage.tsv")]},
        **{name: str(folder / f"{name}.csv") for name in ("curve", "by_edit")},
        "rankings": {"similarity": str(folder / "score.json")},
    }


EDIT, PAIR = ("blur", 1, 1, 1, 0.5, 0.5, 1.0), (1, 0.9, 1.0, 0.5)


@pytest.mark.parametrize("labels", [["qk"], ["qk", "a$b$c_", "_hidden"]], ids=["one", "three"])
@pytest.mark.parametrize(
    ("edits", "pairs"),
    [
        ({"phase1": [], "phase2": []}, {"phase1": [PAIR], "phase2": [PAIR]}),
        ({"phase1": [], "phase2": [EDIT]}, {"phase1": [PAIR], "phase2": []}),
        ({"phase1": [], "phase2": []}, {"phase1": [], "phase2": []}),
    ],
    ids=["no edit is known", "one phase has some", "nothing was found"],
)
def test_runs_are_compared_whatever_is_known_of_them(tmp_path, labels, edits, pairs):
    rows = [
        {**run_files(tmp_path / f"{number}{phase}", label, edits[phase], pairs[phase])}
        | {"phase": phase}
        for number, label in enumerate(labels)
        for phase in ("phase1", "phase2")
    ]
    output = tmp_path / "compared"
    assert (
        main(["compare", "--title", "m", "--runs", json.dumps(rows), "--output", str(output)]) == 0
    )
    for name, found in (("by_edit", edits), ("precision_recall", pairs)):
        assert len(pd.read_csv(output / f"{name}.csv")) == len(labels) * sum(
            map(len, found.values())
        )
        empty = not any(found.values())
        assert (NOTHING in (output / f"{name}.svg").read_text()) == empty
    assert "| qk |" in (output / "table.md").read_text()


@pytest.mark.parametrize("title", ["images_seen", "phase"])
def test_a_title_that_is_a_column_is_refused(tmp_path, capsys, title):
    rows = [{**run_files(tmp_path / "a", "qk", [], []), "phase": "phase1"}]
    options = ["--title", title, "--runs", json.dumps(rows), "--output", str(tmp_path / "out")]
    assert main(["compare", *options]) == 1 and not (tmp_path / "out").exists()
    told = f"--title {title}: the table has a column of that name; choose another"
    assert told in capsys.readouterr().err


def test_a_label_that_lacks_a_phase_has_empty_cells_there(tmp_path):
    runs = [("qk", "phase1"), ("qk", "phase2"), ("gist", "phase2")]
    rows = [
        {**run_files(tmp_path / f"{label}{phase}", label, [EDIT], [PAIR]), "phase": phase}
        for label, phase in runs
    ]
    options = ["--title", "m", "--runs", json.dumps(rows), "--output", str(tmp_path / "out")]
    assert main(["compare", *options]) == 0
    assert "| gist |  |  | 0.5000 | 0.0000 | 0 | 1 |" in (tmp_path / "out/table.md").read_text()
    assert "| gist |  | 0.5000 |" in (tmp_path / "out/rankings.md").read_text()
    for name in ("by_edit", "precision_recall"):  # once, though they are in no or in both panels
        names = re.findall(r">(qk|gist)</text>", (tmp_path / "out" / f"{name}.svg").read_text())
        assert names == ["qk", "gist"]


def test_each_label_is_named_whatever_its_seeds(tmp_path):
    rows = [
        {**run_files(tmp_path / f"{label}{seed}", label, [EDIT], [PAIR])}
        | {"seed": seed, "phase": "phase1"}
        for label, seed in [("mine", 0), ("theirs", 1), ("theirs", 2)]
    ]
    options = ["--title", "m", "--runs", json.dumps(rows), "--output", str(tmp_path / "out")]
    assert main(["compare", *options]) == 0
    text = (tmp_path / "out/precision_recall.svg").read_text()
    assert re.findall(r">(mine|theirs)</text>", text) == ["mine", "theirs"]
    assert "over 1 to 2 seeds" in (tmp_path / "out/table.md").read_text()


def test_an_empty_table_makes_a_plot_that_says_so(tmp_path):
    table = pd.DataFrame(columns=["label", "seed", "phase", "edit", "seeds", "micro_ap"])
    accuracy = pd.DataFrame(columns=["classes", "method", "seeds", "accuracy", "accuracy_std"])
    growth = pd.DataFrame(columns=["batch_size", "way", "precision", "rows", "seconds"])
    group = pd.DataFrame(columns=["phase", "group", "positives", "micro_ap"])
    curve = pd.DataFrame(columns=["label", "recall", "precision"])
    edits = pd.DataFrame(columns=EDIT_COLUMNS)
    pairs = pd.DataFrame({"score": [0.5], "query": ["Q"], "correct": [True]}).head(0)
    drawn = {
        "edits": lambda path: edit_plot(path, table),
        "lines": lambda path: line_plot(path, table, ("edit", "e"), ("micro_ap", "m"), True),
        "accuracy": lambda path: accuracy_plot(path, accuracy),
        "growth": lambda path: growth_plot(path, growth),
        "groups": lambda path: report_plots.group_plot(path, group, "edits"),
        "curves": lambda path: report_plots.curve_plot(path, curve),
        "hardest": lambda path: report_plots.edit_plot(path, edits),
        "scores": lambda path: report_plots.score_plot(path, pairs, None),
    }
    for name, draw in drawn.items():
        draw(tmp_path / f"{name}.svg")
        assert NOTHING in (tmp_path / f"{name}.svg").read_text(), name
    assert as_markdown(table).endswith("nothing to show\n")


def test_one_class_is_compared_and_told(tmp_path, caplog):
    rows = pd.DataFrame(
        [(TRAINING.make(n), f"one/{n}.jpg", f"{n}", 8, 8) for n in range(3)], columns=COLUMNS
    )
    manifest = tmp_path / "images.csv"
    write_manifest(manifest, rows)
    made = {"manifest_sha256": sha256_of(manifest), "weights_sha256": "w", "content": "features"}
    features = pd.DataFrame([[1, 0], [0, 1], [1, 1]]).to_numpy(dtype="float32")
    write_descriptors(tmp_path / "f.h5", rows["id"], features, {**made, "shard": 0, "shards": 1})
    runs = json.dumps([{"method": "qk", "seed": 0, "features": [str(tmp_path / "f.h5")]}])
    for rare, expected in ((2, ["all"]), (3, ["all", "rare"])):
        output = tmp_path / f"compared{rare}"
        images = [f"--{role}={manifest}" for role in ("training", "evaluation")]
        options = [*images, f"--rare={rare}", f"--output={output}"]
        assert main(["neighbours", "--runs", runs, *options]) == 0
        assert pd.read_csv(output / "table.csv")["classes"].tolist() == expected
        assert f"at most {rare} training images" in (output / "table.md").read_text()
        assert "choose a number between their sizes" in caplog.text

"""Tables of runs: means and spreads over seeds, costs added up."""

import itertools
import json
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from iscqk.comparison.run_plots import (
    COLOURS,
    LINES,
    MARKERS,
    accuracy_plot,
    edit_plot,
    label_plot,
    line_plot,
    styles,
)
from iscqk.comparison.run_tables import (
    Measured,
    as_markdown,
    markdown,
    over_seeds,
    rankings_markdown,
    run_table,
    summary,
)
from iscqk.formats.markdown import markdown_table


@pytest.fixture
def runs(tmp_path):
    def measured(label, seed, phase, score):
        folder = tmp_path / f"{label}{seed}{phase}"
        folder.mkdir()
        (folder / "score.json").write_text(json.dumps({"micro_ap": score, "recall_at_p90": 0.5}))
        histories, usage = [], []
        for part, (images, seconds, megabytes) in enumerate([(64, 1.5, 100), (32, 2.0, 90)]):
            histories.append(folder / f"history{part}.csv")
            histories[-1].write_text(f"step,images\n1,16\n2,{images}\n")
            usage.append(folder / f"usage{part}.tsv")
            usage[-1].write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{megabytes}\n")
        return Measured(label, seed, phase, str(folder / "score.json"), histories, usage)

    scores = {"qk": (0.5, 0.7), "gist": (0.1, 0.2)}
    return run_table(
        measured(label, seed, phase, scores[label][seed] / (1 + (phase == "phase2")))
        for label in scores
        for seed in (0, 1)
        for phase in ("phase1", "phase2")
    )


def test_costs_of_a_run_are_added_up(runs):
    assert (runs["images_seen"] == 96).all()
    assert (runs["train_seconds"] == 3.5).all() and (runs["peak_mb"] == 100).all()


def test_a_training_that_went_on_took_what_it_took_before_too(tmp_path):
    """Snakemake measures the last piece alone; the training's own rows know of all."""
    (tmp_path / "score.json").write_text(json.dumps({"micro_ap": 0.5, "recall_at_p90": 0.5}))
    (tmp_path / "history.csv").write_text("step,images,seconds\n1,160,16\n2,320,28\n")
    (tmp_path / "usage.tsv").write_text("s\tmax_rss\n9\t100\n")
    files = [[str(tmp_path / name)] for name in ("history.csv", "usage.tsv")]
    run = Measured("qk", 0, "phase1", str(tmp_path / "score.json"), *files)
    assert run_table([run])["train_seconds"].tolist() == [28]


def test_what_a_stopped_training_took_before_is_added_to_the_banks_too(tmp_path):
    (tmp_path / "score.json").write_text(json.dumps({"micro_ap": 0.5, "recall_at_p90": 0.5}))
    usage, histories = [], []
    jobs = {"initial": 5, "warm-up": 50, "embed-descriptors-k-training-0-of-1": 2000}
    for name, seconds in {**jobs, "train-round1-q": 100, "train-round1-k": 700}.items():
        usage.append(str(tmp_path / f"{name}.tsv"))
        Path(usage[-1]).write_text(f"s\tmax_rss\n{seconds}\t100\n")
    for name, seconds in {"warm-up": 40, "round1-q": 1000, "round1-k": 600}.items():
        histories.append(str(tmp_path / f"{name}.csv"))
        Path(histories[-1]).write_text(f"step,images,seconds\n1,16,{seconds}\n")
    run = Measured("qk", 0, "phase1", str(tmp_path / "score.json"), histories, usage)
    assert run_table([run])["train_seconds"].tolist() == [5 + 50 + 2000 + 1000 + 700]


def test_the_summary_has_the_columns_of_the_study(runs):
    table = summary(runs, "method")
    assert list(table) == [
        *("method", "phase", "micro_ap", "micro_ap_std", "recall_at_p90"),
        *("images_seen", "train_seconds", "peak_mb", "seeds", "recall_at_p90_std"),
    ]
    row = table.iloc[0]
    assert (row["method"], row["phase"], row["seeds"]) == ("qk", "phase1", 2)
    assert row["micro_ap"] == pytest.approx(0.6)
    assert row["micro_ap_std"] == pytest.approx(0.1 * 2**0.5)  # n - 1
    alone = summary(runs[runs["seed"] == 0], "method")
    assert alone["micro_ap_std"].isna().all()  # one seed tells nothing of the spread


def test_costs_are_whole_numbers_and_no_training_takes_no_time(runs):
    table = summary(runs.assign(train_seconds=0.2, peak_mb=100.6), "method")
    assert table["train_seconds"].tolist() == [1] * 4 and table["peak_mb"].tolist() == [101] * 4


def test_markdown_has_a_row_for_each_method(runs):
    text = markdown(summary(runs, "method"))
    phases = "0.6000 ± 0.1414 | 0.5000 ± 0.0000 | 0.3000 ± 0.0707 | 0.5000 ± 0.0000"
    assert f"| qk | {phases} | 96 | 4 | 100 | 2 |" in text
    assert text.count("\n| ") == 3 and "over 2 seeds" in text
    unknown = markdown(summary(runs.assign(peak_mb=float("nan")), "method"))
    assert "| 96 | 4 |  | 2 |" in unknown


def test_the_seeds_of_each_label_are_counted(runs):
    def told(*seeds):
        return markdown(summary(runs, "method").assign(seeds=seeds))

    assert told(1, 1, 1, 1).endswith("\none seed\n")
    assert told(3, 3, 3, 3).endswith("\nmean ± standard deviation over 3 seeds\n")
    mixed = told(1, 1, 3, 3)
    assert mixed.endswith("\nmean ± standard deviation over 1 to 3 seeds\n")
    assert "| 100 | 1 |\n| gist" in mixed and "| 100 | 3 |\n" in mixed


def test_what_a_label_stands_for_is_told(runs):
    settings = {"qk": "train.rounds: 1, train.x: [2, 3]", "gist": "train.rounds: 2, train.x: []"}
    table = summary(runs, "rounds", settings)
    assert table["settings"].tolist() == [said for said in settings.values() for _ in range(2)]
    assert markdown(table).endswith(
        "seeds\n\n| rounds | settings |\n| --- | --- |\n"
        "| qk | train.rounds: 1, train.x: [2, 3] |\n| gist | train.rounds: 2, train.x: [] |\n"
    )


def test_no_two_of_many_lines_look_alike_whatever_of_them_a_plot_shows():
    told = [tuple(style.values())[:3] for style in itertools.islice(styles(), 7 * 7)]
    assert told[:7] == list(zip(COLOURS, MARKERS, LINES, strict=True))
    for shown in itertools.combinations(range(3), 2):
        assert len({tuple(style[n] for n in shown) for style in told}) == 7 * 7


def test_numbers_of_any_table_have_no_exponent_that_they_do_not_need():
    numbers = [1.72e-05, 0.12345, 999.4, 999.6, -1330.25, 1e5, float("nan")]
    rows = as_markdown(pd.DataFrame({"seconds": numbers})).splitlines()[2:]
    shown = ["1.72e-05", "0.123", "999", "1,000", "-1,330", "100,000", ""]
    assert [row.strip("| ") for row in rows] == shown
    whole = pd.DataFrame({"mb": pd.array([7, None], dtype="Int64")})
    assert [row.strip("| ") for row in as_markdown(whole).splitlines()[2:]] == ["7", ""]


def test_rankings_stand_side_by_side():
    scores = {("qk", "similarity"): (0.25, 0.75), ("qk", "log_partition"): (0.6,)}
    rows = [(*key, "phase1", n, s) for key, all_ in scores.items() for n, s in enumerate(all_)]
    table = pd.DataFrame(rows, columns=["label", "ranking", "phase", "seed", "micro_ap"])
    means = over_seeds(table, ["label", "phase", "ranking"], ["micro_ap"])
    assert rankings_markdown(means).splitlines() == [
        "| micro-AP | phase1, similarity | phase1, log_partition | seeds |",
        "| --- | ---: | ---: | ---: |",
        "| qk | 0.5000 ± 0.3536 | 0.6000 | 1 to 2 |",
        "",
        "mean ± standard deviation over 1 to 2 seeds",
    ]


@pytest.mark.parametrize(
    ("names", "line"),
    [([*(f"a-setting-of-a-long-name-{n}" for n in range(20)), "0.1"], "None"), ([0.02, 0.1], "-")],
    ids=["names", "numbers"],
)
def test_many_long_labels_are_apart_and_only_numbers_have_a_line(
    tmp_path, monkeypatch, names, line
):
    drawn, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *to, **how: drawn.append(self) or save(self, *to, **how)
    )
    one = {"seeds": 3, "accuracy_std": 0.1, "micro_ap_std": 0.1, "accuracy": 0.5, "micro_ap": 0.5}
    table = pd.DataFrame({"method": names, "phase": "phase1", "classes": "all", **one})
    label_plot(tmp_path / "a.svg", table, "method")
    accuracy_plot(tmp_path / "b.svg", table)
    assert drawn[0].axes[0].lines[0].get_linestyle() == line
    for (axes,) in (figure.axes for figure in drawn):
        assert [label.get_text() for label in axes.get_yticklabels()] == [*map(str, names)]
        places = [label.get_window_extent() for label in axes.get_yticklabels()]
        assert all(upper.y0 >= lower.y1 for upper, lower in itertools.pairwise(places))
        assert all(0 <= place.x0 < place.x1 <= axes.bbox.x0 for place in places)


@pytest.mark.filterwarnings("error")
def test_any_label_is_shown_in_plots_and_tables(tmp_path):
    labels = ["中文", "_base", "new\nline"]
    one = {"seed": 0, "seeds": 1, "phase": "phase1", "edit": "blur", "micro_ap": 0.5, "x": 1}
    table = pd.DataFrame({"label": labels, **one})
    edit_plot(tmp_path / "a.svg", table)
    line_plot(tmp_path / "b.svg", table, ("x", "x"), ("micro_ap", "y"), marked=True)
    for name in "ab":
        text = (tmp_path / f"{name}.svg").read_text("utf-8")
        assert all(f"{label}</text>" in text for label in labels[:2])
    assert markdown_table(["label"], [[label] for label in labels]).count("\n") == 2 + 3


def test_plots_are_svg_and_the_same_data_give_the_same_bytes(runs, tmp_path):
    table = summary(runs, "method")
    curve = runs.assign(recall=runs["micro_ap"], precision=0.5)
    edits = table.assign(edit="blur", label=table["method"])
    classes = pd.DataFrame(
        {"method": ["isd"], "classes": ["rare"], "accuracy": [0.4], "accuracy_std": [None]}
    ).assign(seeds=3)
    for number in range(2):
        folder = tmp_path / str(number)
        label_plot(folder / "a.svg", table, "method")
        line_plot(folder / "b.svg", curve, ("recall", "recall"), ("precision", "p"), marked=False)
        edit_plot(folder / "c.svg", edits)
        accuracy_plot(folder / "d.svg", classes)
    for name in "abcd":
        first, second = ((tmp_path / n / f"{name}.svg").read_bytes() for n in "01")
        assert first == second and b"<svg" in first
    text = (tmp_path / "0/b.svg").read_text()
    assert "phase1" in text and "gist" in text and "recall" in text  # text stays text
    over_two = "mean ± standard deviation over 2 seeds"
    captions = {"a": over_two, "b": "seed: 0, 1", "c": "mean over 2 seeds", "d": "over 3 seeds"}
    for name, caption in captions.items():
        assert f"{caption}</text>" in (tmp_path / f"0/{name}.svg").read_text()

"""The report's pieces: which pairs are shown, what is read, what is drawn, what is escaped."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iscqk.errors import UserError
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.predictions import Predictions
from iscqk.plan.results import Model, Ranked, Results
from iscqk.reporting import reading, report_plots
from iscqk.reporting.edit_groups import table_by_group
from iscqk.reporting.inline_svg import inline_svg
from iscqk.reporting.page import Table, table_of
from iscqk.reporting.pairs import missed_copies, ranked_pairs, telling_pairs
from iscqk.reporting.rule_graph import draw_rules, layers_of, parse_mermaid
from iscqk.reporting.thumbnails import SIDE, thumbnail

# Q00003 and Q00004 are distractors; of Q00002 only the wrong reference is found.
TRUTH = GroundTruth(
    np.array(["Q00000", "Q00001", "Q00002"]),
    np.array(["R000000", "R000001", "R000002"]),
    np.array(["Q00003", "Q00004"]),
)
ROWS = [
    ("Q00000", "R000000", 0.9),
    ("Q00003", "R000005", 0.8),
    ("Q00001", "R000007", 0.7),
    ("Q00001", "R000001", 0.6),
    ("Q00002", "R000008", 0.5),
    ("Q00000", "R000009", 0.4),
]
PREDICTIONS = Predictions(*(np.array(column) for column in zip(*ROWS, strict=True)))


def test_pairs_are_ranked_as_the_metric_does():
    tied = Predictions(PREDICTIONS.query_ids, PREDICTIONS.reference_ids, np.zeros(6))
    assert not ranked_pairs(tied, TRUTH)["correct"][:4].any()  # wrong pairs first
    pairs = ranked_pairs(PREDICTIONS, TRUTH)
    assert pairs["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert pairs["correct"].tolist() == [True, False, False, True, False, False]
    assert pairs["first"].tolist() == [True, True, True, False, True, False]


def test_missed_copies_are_those_whose_reference_is_not_the_nearest():
    missed = missed_copies(ranked_pairs(PREDICTIONS, TRUTH), TRUTH)
    assert missed["query"].tolist() == ["Q00002", "Q00001"]  # not in the list at all: first
    assert missed["reference"].tolist() == ["R000002", "R000001"]
    assert missed["retrieved"].tolist() == ["R000008", "R000007"]
    assert missed["true_rank"].fillna(0).tolist() == [0, 4]


def test_a_copy_of_which_nothing_was_found_is_missed():
    nothing = missed_copies(ranked_pairs(PREDICTIONS.at(np.array([0])), TRUTH), TRUTH)
    assert set(nothing["query"]) == {"Q00001", "Q00002"} and nothing["retrieved"].isna().all()


def test_a_query_of_several_references_is_shown_with_the_one_found():
    two = GroundTruth(
        np.append(TRUTH.query_ids, ["Q00000", "Q00002"]),
        np.append(TRUTH.reference_ids, ["R000009", "R000003"]),
        TRUTH.distractors,
    )
    chosen = telling_pairs(ranked_pairs(PREDICTIONS, two), two, {}, 3)
    assert chosen["surest"]["reference"].tolist() == ["R000000"]
    assert missed_copies(ranked_pairs(PREDICTIONS, two), two)["query"].is_unique


def test_each_kind_shows_its_pairs_and_none_twice():
    chosen = telling_pairs(ranked_pairs(PREDICTIONS, TRUTH), TRUTH, {}, 2)
    queries = {kind: rows["query"].tolist() for kind, rows in chosen.items()}
    assert queries == {
        "surest": ["Q00000"],
        "least sure": [],
        "mistakes": ["Q00003", "Q00001"],
        "missed": ["Q00002"],
    }
    assert chosen["mistakes"]["reference"].tolist() == ["", "R000001"]


def test_pairs_of_other_edits_come_first():
    edits = dict.fromkeys(["Q00003", "Q00001"], "blur") | {"Q00002": "crop"}
    mistakes = telling_pairs(ranked_pairs(PREDICTIONS, TRUTH), TRUTH, edits, 2)["mistakes"]
    assert mistakes["query"].tolist() == ["Q00003", "Q00002"]


def test_groups_by_strength_and_number_of_edits():
    edits = [("Q00000", [0.6]), ("Q00001", [0.2, 0.64]), ("Q00002", [0.21, 0.24]), ("Q00003", [1])]
    records = [
        {"query_id": query, "edits": [{"name": "blur", "strength": value} for value in values]}
        for query, values in edits
    ]
    table = table_by_group(PREDICTIONS, TRUTH, "fb", records)
    positives = {(row.grouping, row.group): row.positives for row in table.itertuples()}
    assert positives == {
        ("strength", "0.20-0.25"): 1,
        ("strength", "0.60-0.65"): 2,
        ("edits", "1"): 1,
        ("edits", "2"): 2,
    }
    found = table.set_index("group")["micro_ap"]
    assert found["1"] == 1  # Q00000 stands before all distractors
    assert found["2"] == pytest.approx(1 / 3 / 2)  # after one distractor and one wrong pair
    assert table_by_group(PREDICTIONS, TRUTH, "fb", []).empty


def test_thumbnails_are_small_upright_jpegs(tmp_path):
    Image.new("RGBA", (800, 400), (255, 0, 0, 0)).save(tmp_path / "wide.png")
    small = thumbnail(tmp_path / "wide.png")
    image = Image.open(io.BytesIO(base64.b64decode(small.address.split(",")[1])))
    assert small.address.startswith("data:image/jpeg;base64,") and image.format == "JPEG"
    assert image.size == (small.width, small.height) == (SIDE, SIDE // 2)
    with pytest.raises(UserError, match="gone.jpg: no such image"):
        thumbnail(tmp_path / "gone.jpg")


def test_plots_follow_the_page_and_have_ids_of_their_own(tmp_path):
    table = pd.DataFrame({"label": ["a", "a", "b <i>$x$"], "recall": [0, 1, 0.5], "precision": 1.0})
    report_plots.curve_plot(tmp_path / "curve.svg", table)
    assert pd.read_csv(tmp_path / "curve.csv").equals(table)
    svg = inline_svg(tmp_path / "curve.svg", "a curve")
    assert svg.startswith('<svg role="img" aria-label="a curve"') and "currentColor" in svg
    assert "http" not in svg and "#000000" not in svg
    assert "b &lt;i&gt;$x$" in svg and ">precision<" in svg  # text is text, and no formula
    ids = re.findall(r' id="([^"]+)"', svg)
    assert ids and len(set(ids)) == len(ids) and all(name.startswith("curve-") for name in ids)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    assert used and used <= set(ids)


def test_a_curve_is_thinned_but_keeps_its_ends(tmp_path):
    rows = np.linspace(0, 1, 50_000)
    table = pd.DataFrame({"rank": 1, "score": 0.0, "precision": 1 - rows, "recall": rows})
    table.to_csv(tmp_path / "precision_recall.csv", index=False)
    thin = reading.curve(Ranked(str(tmp_path)))
    assert len(thin) == reading.CURVE_POINTS
    assert thin["recall"].iloc[[0, -1]].tolist() == [0, 1]


def test_the_history_goes_on_from_part_to_part_up_to_the_model(tmp_path):
    for number, part in enumerate(["warm-up", "round1-q", "round1-k", "round2-q", "round10-q"]):
        (tmp_path / part).mkdir()
        (tmp_path / part / "history.csv").write_text(f"step,images,loss\n1,8,{number}\n2,16,0\n")
    history = reading.training_history(Model(str(tmp_path / "round2-q")))
    assert history["images"].tolist() == [8, 16, 24, 32, 40, 48, 56, 64]
    parts = history["part"].unique().tolist()
    assert parts == ["warm-up", "round1-q", "round1-k", "round2-q"]
    assert reading.training_history(Model(str(tmp_path / "initial"))).empty


def test_usage_is_added_up_by_stage(tmp_path):
    for name, seconds, memory in (
        ("embed-k-0", 2, "100"),
        ("embed-q-0", 3, "-"),
        ("warm-up", 1, 5),
    ):
        (tmp_path / "usage/qk-0").mkdir(parents=True, exist_ok=True)
        path = tmp_path / f"usage/qk-0/{name}.tsv"
        path.write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")
    rows = reading.usage(Results(str(tmp_path))).to_numpy().tolist()
    assert rows == [["embed", 2, 5.0, 3.0, 100.0], ["warm-up", 1, 1.0, 1.0, 5.0]]


def test_without_a_submission_the_remedy_is_told(tmp_path):
    with pytest.raises(UserError, match="snakemake submission_phase2"):
        reading.submissions(Results(str(tmp_path)))


def test_scores_that_are_gone_are_told(tmp_path):
    with pytest.raises(UserError, match="by_edit.csv: no such file; score this run again"):
        reading.scores(tmp_path / "by_edit.csv")


def test_any_table_is_shown_without_its_empty_columns():
    table = pd.DataFrame({"method": ["qk"], "micro_ap": [0.5], "std": [np.nan], "images": [59904]})
    shown = table_of("study", table)
    assert shown.head == ["method", "micro_ap", "images"] and shown.texts == {0}
    assert [getattr(cell, "text", cell) for cell in shown.rows[0]] == ["qk", "0.5000", "59,904"]
    assert Table("", ["a"], []).texts == set()


MERMAID = """\
flowchart TB
\tid0[all]
\tid1[merge]
\tid2[embed]
\tid3[train]
\tid4[<prepare>]
\tid1 --> id0
\tid2 --> id1
\tid3 --> id2
\tid2 --> id3
\tid4 --> id2
\tid4 --> id0
"""


def test_rules_stand_below_what_they_read_also_in_a_circle():
    edges = parse_mermaid(MERMAID)
    assert ("train", "embed") in edges and len(edges) == 6
    layers = layers_of(edges)
    against = [(a, b) for a, b in edges if layers[a] >= layers[b]]
    assert against == [("train", "embed")]
    svg = draw_rules(edges)
    assert svg.count("<rect") == 5 and svg.count("<path") == 7 and svg.count("dasharray") == 1
    assert "&lt;prepare&gt;</text>" in svg and "<prepare>" not in svg


def test_boxes_of_a_layer_do_not_overlap():
    svg = draw_rules([("a", name) for name in "bcdefg"] + [("b", "h"), ("a", "h")])
    rows = {}
    for x, y in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', svg):
        rows.setdefault(y, []).append(float(x))
    assert max(len(row) for row in rows.values()) == 6
    width = float(re.search(r'viewBox="0 0 (\d+)', svg)[1])
    for row in map(sorted, rows.values()):
        assert all(right - left > 132 for left, right in zip(row, row[1:], strict=False))
        assert row[0] >= 0 and row[-1] + 132 <= width

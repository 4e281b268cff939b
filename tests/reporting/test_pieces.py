"""The report's pieces: which pairs are shown, what is read, what is drawn, what is escaped."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_whole_table, write_table
from iscqk.formats.files import sha256_of
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.manifest import COLUMNS as MANIFEST
from iscqk.formats.manifest import write_manifest
from iscqk.formats.predictions import Predictions
from iscqk.formats.results import Ranked, Results, RunModel
from iscqk.reporting import reading, report_plots
from iscqk.reporting.attractors import attracted, attractors
from iscqk.reporting.edit_groups import table_by_group
from iscqk.reporting.gallery import Images, attraction_strip, gallery
from iscqk.reporting.inline_svg import inline_svg
from iscqk.reporting.pairs import missed_copies, ranked_pairs, telling_pairs
from iscqk.reporting.parts import Data, Table, data_of, table_of
from iscqk.reporting.rendering import environment, render_template
from iscqk.reporting.report_sections import edits_table
from iscqk.reporting.rule_graph import draw_rules, layers_of, parse_mermaid
from iscqk.reporting.score_figures import curve_figure
from iscqk.reporting.set_aside import set_aside_table
from iscqk.reporting.thumbnails import SIDE, thumbnail
from iscqk.reporting.training_curves import training
from iscqk.retrieval.precise_scores import lowest_precise_score
from iscqk.retrieval.rankings import RANKINGS
from iscqk.terminal.work import measured_seconds

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


def test_groups_are_in_the_order_of_their_numbers(tmp_path):
    queries = ["Q00000", "Q00001", "Q00002"]
    records = [
        {"query_id": query, "edits": [{"name": "blur", "strength": 0.5}] * count}
        for query, count in zip(queries, (10, 2, 1), strict=True)
    ]
    table = table_by_group(PREDICTIONS, TRUTH, "fb", records)
    by_count = table[table["grouping"] == "edits"].assign(phase="phase 2")
    assert by_count["group"].tolist() == ["1", "2", "10"]
    report_plots.group_plot(tmp_path / "groups.svg", by_count[::-1], "edits")
    svg = (tmp_path / "groups.svg").read_text()
    assert re.findall(r">(1|2|10)</text>", svg) == ["1", "2", "10"]


@pytest.mark.parametrize("made", [True, False], ids=["known edits", "unknown edits"])
def test_the_gallery_says_that_edits_are_varied_where_they_are_known(tmp_path, made):
    pairs = ranked_pairs(PREDICTIONS, TRUTH)
    records = [{"query_id": "Q00000", "edits": [], "source_id": ""}] if made else []
    write_manifest(tmp_path / "none.csv", pd.DataFrame([], columns=MANIFEST))
    strips, _ = gallery(Images([tmp_path / "none.csv"]), pairs, TRUTH, records, 0)
    assert len(strips) == 4
    assert all(("No set of edits twice" in strip.meaning) == made for strip in strips)


def test_true_pairs_at_any_rank_are_called_in_the_list():
    by_edit = pd.DataFrame({"edit": ["blur"], "found": [3], "recall_at_1": [0.5]})
    assert edits_table("phase 2", by_edit, Data("a", "b")).head[1] == "in the list"


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


def test_a_start_that_is_submitted_is_drawn_as_that(tmp_path):
    results, models = Results(str(tmp_path)), []
    for name in ("qk-0/initial", "qk-0/round1-k", "gist-0/initial"):
        run, model = name.split("/")
        ranked = results.model(run, model).ranked("phase1", "similarity")
        curve = pd.DataFrame({"precision": [1.0], "recall": [0.5]})
        write_table(ranked.curve, curve)
        models.append(reading.Scored(run, model, "phase1", "similarity", 0.5, ranked))
    score = {"split": "phase 1", "ranking": "similarity"}
    for model, labels in {
        "qk-0/initial": ["at the start, submitted", "qk-0", "gist-0"],
        "qk-0/round1-k": ["qk-0, submitted", "at the start", "gist-0"],
        "gist-0/initial": ["gist-0, submitted", "qk-0"],
    }.items():
        provenance = {
            "weights": {"queries": {"path": f"results/runs/{model}/q.safetensors"}},
            "config": {"train": {"method": model.split("-")[0]}, "seed": 0},
        }
        one = reading.Submitted("phase1", results, score, {}, provenance)
        curve_figure(one, models, tmp_path)
        drawn = pd.read_csv(tmp_path / "precision_recall_phase1.csv")
        assert drawn["label"].tolist() == labels


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
    warm = {"train": {"qk": {"warm_up_images": 16}}}
    history = reading.training_history(RunModel(str(tmp_path / "round2-q")), warm)
    assert history["images"].tolist() == [8, 16, 24, 32, 40, 48, 56, 64]
    parts = history["part"].unique().tolist()
    assert parts == ["warm-up", "round1-q", "round1-k", "round2-q"]
    assert reading.training_history(RunModel(str(tmp_path / "initial")), warm).empty
    cold = {"train": {"qk": {"warm_up_images": 0}}}  # now: the other lies there from before
    history = reading.training_history(RunModel(str(tmp_path / "round2-q")), cold)
    assert history["images"].tolist() == [8, 16, 24, 32, 40, 48]
    assert history["part"].unique().tolist() == ["round1-q", "round1-k", "round2-q"]


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


def test_a_folder_is_read_whatever_is_in_its_name(tmp_path):
    for name in ("[1] *", "1 x"):  # the other would match it
        results = Results(str(tmp_path / name))
        for path, text in {
            results.usage("qk-0/initial"): "s\tmax_rss\n2\t1\n",
            results.study("a").table: "a,phase\n1,phase1\n",
            results.benchmarks("losses.csv"): "way\nours\n",
            results.model("qk-0", "initial").ranked("phase1", "similarity").score: "{}",
        }.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text.replace("{}", '{"micro_ap": 0.5}'))
    results = Results(str(tmp_path / "[1] *"))
    assert reading.usage(results)["jobs"].tolist() == [1]
    assert measured_seconds(results) == {"initial": 2}
    assert set(reading.other_tables(results)) == {"study/a/table.csv", "benchmarks/losses.csv"}
    assert [one.name for one in reading.scored_models(results)] == ["qk-0/initial"]


def test_a_reference_that_attracts_many_queries_is_told(tmp_path):
    """R000000 is nearest to four copies of others and two distractors, and to its own copy."""
    rows = [(f"Q0000{n}", "R000000", 0.9 - n / 10) for n in range(7)]
    rows += [("Q00007", "R000005", 0.1), ("Q00008", "R000006", 0.05), ("Q00001", "R000001", 0.01)]
    found = Predictions(*(np.array(column) for column in zip(*rows, strict=True)))
    truth = GroundTruth(
        np.array([f"Q0000{n}" for n in range(5)]),
        np.array([f"R00000{n}" for n in range(5)]),
        np.array([f"Q0000{n}" for n in range(5, 9)]),
    )
    pairs = ranked_pairs(found, truth)
    assert attractors(pairs, references=1000).to_dict("records") == [
        {"reference": "R000000", "queries": 6, "share": 6 / 8, "rank": 2}
    ]
    assert attractors(pairs, references=12).empty  # as it would be where 8 fall on 12 by chance
    assert attractors(pairs[~pairs["query"].isin(["Q00005", "Q00006"])], 1000).empty  # only four
    assert attracted(pairs, "R000000", 2)["query"].tolist() == ["Q00001", "Q00002"]
    for n in range(9):
        Image.new("RGB", (40, 40), (20 * n, 0, 0)).save(tmp_path / f"{n}.png")
    files = {i: str(tmp_path / f"{i[-1]}.png") for i in {*pairs["query"], "R000000"}}
    listed = [(i, path, sha256_of(path), 40, 40) for i, path in files.items()]
    manifest = pd.DataFrame(listed, columns=MANIFEST)
    write_manifest(tmp_path / "images.csv", manifest)
    images = Images([tmp_path / "images.csv"])
    data = Data("a.csv", "data:,")
    (card,) = attraction_strip(images, pairs, attractors(pairs, 1000), 6, data).cards
    assert [(tile.role, tile.image_id) for tile in card.tiles][:2] == [
        ("wrong", "R000000"),
        ("query", "Q00001"),
    ]
    assert "of 6 queries that do not copy it, 75.0% of all" in card.story
    assert attraction_strip(images, pairs, attractors(pairs, 12), 6, data) is None


HISTORY = pd.DataFrame(
    {
        "part": ["warm-up"] * 4 + ["round1-q"] * 30,
        "images": np.arange(1, 35) * 64,
        "loss": 2.0,
        "accuracy": [0.1, 0.4, 0.2, 0.9, *([0.0, 1.0] * 15)],
        "positive_similarity": 0.5,
        "nearest_negative_similarity": 0.4,
    }
)


def test_what_single_batches_had_is_drawn_as_a_running_mean_over_faint_points(tmp_path):
    told = training(HISTORY, tmp_path)
    assert told.parts == 2 and len(told.figures) == 3
    shown = pd.read_csv(tmp_path / "training_accuracy.csv")
    assert shown["accuracy"].tolist() == HISTORY["accuracy"].tolist()
    mean = shown["accuracy_mean"]
    assert mean[:4].tolist() == HISTORY["accuracy"][:4].tolist()  # too few, and of another part
    assert mean[4:8].tolist() == pytest.approx([1 / 2, 2 / 5, 1 / 2, 3 / 7], abs=0.11)
    assert mean[10:28].between(0.42, 0.58).all()
    svg = told.figures[2].svg
    assert "opacity: 0.35" in svg and "running mean" in told.figures[2].caption
    assert [*pd.read_csv(tmp_path / "training_loss.csv")] == ["part", "images", "loss"]
    assert "mean over the steps since" in told.figures[0].caption


def test_a_batch_that_follows_closely_is_no_leap_of_the_mean():
    seen = [3200, 6400, 9600, 10000]  # every 50 steps, and at the end
    table = pd.DataFrame({"part": "a", "images": seen, "accuracy": [0.7, 0.7, 0.8, 0.6]})
    assert report_plots.running_mean(table, "accuracy").tolist() == pytest.approx(
        [0.7, 0.7, 0.7, 0.7]
    )


def test_a_training_of_one_part_shows_its_validation_and_how_fast_it_went(tmp_path):
    history = HISTORY.assign(
        part="learned-4",
        validation=np.where(np.arange(34) % 10 == 9, np.arange(34) / 100, np.nan),
        learning_rate=1e-3,
        images_per_second=80.0,
        data_wait=0.034,
    )
    history.loc[29, "validation"] = 0.05
    told = training(history, tmp_path)
    captions = {figure.data.name: figure.caption for figure in told.figures}
    assert told.parts == 1 and len(captions) == 6
    best = f"The best, 0.1900 after {20 * 64:,} images, is what is submitted."
    assert best in captions["training_validation.csv"]
    seen = pd.read_csv(tmp_path / "training_validation.csv")
    assert seen["validation"].tolist() == [0.09, 0.19, 0.05]
    assert "3% of a part's time" in captions["training_images_per_second.csv"]
    assert "training_learning_rate.csv" in captions


def test_of_all_parts_the_one_that_waited_longest_for_images_is_told(tmp_path):
    history = {"part": ["a", "b"], "images": [64, 128], "images_per_second": 80.0}
    told = training(pd.DataFrame({**history, "data_wait": [0.034, 0.2]}), tmp_path)
    assert "At most 20% of a part's time" in told.figures[0].caption


def test_a_few_last_steps_of_a_part_are_no_point_of_the_loss_of_their_own(tmp_path):
    seen = [50, 100, 106, 156, 206, 256, 300]
    history = pd.DataFrame(
        {"part": ["a"] * 3 + ["b"] * 4, "images": seen, "loss": [3.0, 2, 9, 2, 1, 1, 4]}
    )
    training(history, tmp_path)
    shown = pd.read_csv(tmp_path / "training_loss.csv")
    assert shown["images"].tolist() == [50, 106, 156, 206, 256, 300]
    assert shown["loss"].tolist() == [3, pytest.approx((50 * 2 + 6 * 9) / 56), 2, 1, 1, 4]


def test_nothing_trained_is_no_training(tmp_path):
    assert training(pd.DataFrame(), tmp_path) is None and not [*tmp_path.iterdir()]


def test_scores_of_right_and_wrong_pairs_lie_on_the_scale_of_match(tmp_path):
    pairs = ranked_pairs(PREDICTIONS, TRUTH)
    report_plots.score_plot(tmp_path / "scores.svg", pairs[pairs["first"]], 0.85)
    counts = pd.read_csv(tmp_path / "scores.csv")
    assert counts["right"].sum() == 1 and counts["wrong"].sum() == 3
    assert counts["to"].iloc[-1] == 0.9 and counts["right"].iloc[-1] == 1
    assert "90 % copies →" in (tmp_path / "scores.svg").read_text()
    report_plots.score_plot(tmp_path / "none.svg", pairs[pairs["first"]], None)
    assert "copies" not in (tmp_path / "none.svg").read_text()


@pytest.mark.parametrize("name", sorted(RANKINGS))
def test_a_score_is_similarity_less_level_and_so_is_the_one_of_90_percent(name):
    rng, ranking = np.random.default_rng(0), RANKINGS[name]
    rows = [rng.normal(size=(n, 8)).astype(np.float32) for n in (5, 4, 30)]
    queries, references, bank = (r / np.linalg.norm(r, axis=1, keepdims=True) for r in rows)
    submitted = ranking.of_queries(queries, [bank], 0.1)[:, None]
    distances = ((submitted - ranking.of_references(references)) ** 2).sum(-1, dtype=np.float64)
    expected = queries @ references.T - ranking.level(queries, [bank], 0.1)[:, None]
    found = ranking.comparable(-distances)
    assert found == pytest.approx(expected, abs=1e-5)
    curve = pd.DataFrame({"score": [-1.0, -1.5, -2.0], "precision": [1.0, 0.9, 0.89]})
    assert lowest_precise_score(curve, name) == -0.75 + ranking.offset
    assert lowest_precise_score(curve[2:], name) is None


def test_data_are_links_that_hold_them_whatever_their_names(tmp_path):
    module = environment().get_template("pieces.html.j2").module
    path = tmp_path / "a&b?.csv"
    path.write_bytes('"é",1\n'.encode())
    table = Table("t", ["a"], [["x"]], data_of(path))
    address = f"data:text/csv;charset=utf-8;base64,{base64.b64encode(path.read_bytes()).decode()}"
    link = f'<a href="{address}" download="a&amp;b?.csv"><code>a&amp;b?.csv</code></a>'
    assert link in module.table(table)
    assert ">my/a.csv<" in module.table(table._replace(data=data_of(path, "my/a.csv")))
    assert "href" not in module.table(table._replace(data=None))


def test_scores_lie_under_the_submitted_run_whoever_had_its_weights_first():
    weights = {"queries": {"path": "results/runs/heat-0.1-0/round1-k/q.safetensors"}}
    provenance = {"config": {"train": {"method": "qk"}, "seed": 0}, "weights": weights}
    one = reading.Submitted("phase1", Results("r"), {"ranking": "similarity"}, {}, provenance)
    assert one.ranked.folder == "r/runs/qk-0/round1-k/phase1/similarity"
    assert one.home.history == "r/runs/heat-0.1-0/round1-k/history.csv"


def test_without_a_submission_the_remedy_is_told(tmp_path):
    with pytest.raises(UserError, match="snakemake submission_phase2"):
        reading.submissions(Results(str(tmp_path)))


def test_scores_that_are_gone_are_told(tmp_path):
    with pytest.raises(UserError, match="by_edit.csv: no such file; score this run again"):
        reading.scores(tmp_path / "by_edit.csv")


def test_images_that_were_set_aside_are_listed_once_for_both_phases(tmp_path, monkeypatch):
    def row(image, path="own/a.jpg", reason="is empty"):
        return {"id": image, "path": path, "reason": reason}

    shared = [row("T000003"), row("R000001", "own/a\u202eb.png", 'has "the content" of R000002')]
    lists = {"phase1": [*shared, row("O000007"), row("Q49999")], "phase2": [*shared, row("Q50000")]}
    told = [
        reading.Submitted(phase, Results(), {}, {}, {"quarantined": rows})
        for phase, rows in lists.items()
    ]
    table = set_aside_table(told, tmp_path)
    assert table.caption == "Images set aside: 5"
    assert table.head == ["id", "split", "path", "reason"]
    assert [cells[:2] for cells in table.rows] == [
        ["T000003", "training"], ["R000001", "references"], ["O000007", "others"],
        ["Q49999", "phase1"], ["Q50000", "phase2"],
    ]  # fmt: skip
    assert "\u202e" not in table.rows[1][2] and table.rows[1][3] == shared[1]["reason"]
    assert read_whole_table(tmp_path / "quarantined.csv")["path"][1] == shared[1]["path"]
    monkeypatch.setattr("iscqk.reporting.set_aside._SHOWN", 2)
    first = set_aside_table(told, tmp_path)
    assert first.caption.endswith(": 5, the first 2 here") and len(first.rows) == 2
    assert len(read_whole_table(tmp_path / first.data.name)) == 5
    nothing = [one._replace(provenance={"quarantined": []}) for one in told]
    assert set_aside_table(nothing, tmp_path) is None


def test_any_table_is_shown_without_its_empty_columns():
    table = pd.DataFrame({"method": ["qk"], "micro_ap": [0.5], "std": [np.nan], "images": [59904]})
    shown = table_of("study", table)
    assert shown.head == ["method", "micro_ap", "images"] and shown.texts == {0}
    assert [getattr(cell, "text", cell) for cell in shown.rows[0]] == ["qk", "0.5000", "59,904"]
    assert Table("", ["a"], []).texts == set()


def test_numbers_of_a_column_of_shares_have_as_many_digits():
    columns = {"recall": [0.0, 0.0001145, 1.0], "error": [0.0, 1e-7, 2e-9], "count": [0, 12, 3]}
    assert texts_of(columns) == [
        ["0.0000", "0.0001", "1.0000"],
        ["0", "1e-07", "2e-09"],
        ["0", "12", "3"],
    ]


def test_a_number_that_four_decimals_would_lose_keeps_its_digits():
    columns = {
        "loss_error": [0.0, 1.72e-05, 0.25],
        "micro_ap": [0.0, 1.72e-05, 0.25],
        "wait": [0.0, 0.0012, 0.25],
        "rate": [0.5, 9999.4, 12345.6],
    }
    assert texts_of(columns) == [
        ["0", "1.72e-05", "0.2500"],
        ["0.0000", "0.0000", "0.2500"],
        ["0.0000", "0.0012", "0.2500"],
        ["0.5000", "9,999", "12,346"],
    ]


def texts_of(columns):
    """Return the numbers of a table as the page shows them, column by column."""
    rows = table_of("a table", pd.DataFrame(columns)).rows
    return [[cell.text for cell in column] for column in zip(*rows, strict=True)]


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


def test_scores_that_are_none_are_told(tmp_path):
    ranked = Results(str(tmp_path)).model("qk-0", "round1-k").ranked("phase1", "similarity")
    Path(ranked.score).parent.mkdir(parents=True)
    Path(ranked.score).write_text("{}")
    with pytest.raises(UserError, match=r"score.json: no micro_ap; name what"):
        reading.scored_models(Results(str(tmp_path)))


def test_a_page_of_matches_has_a_heading_for_each_kind_and_keeps_pairs_together():
    def page(*likely):
        image = {"path": "שלום/ספר 2.jpg", "shown": None, "address": "a%20b.jpg"}
        pair = {"score": 1.0, "similarity": 1.0, "rank": 1, "images": [image]}
        pairs = [{**pair, "likely": one} for one in likely]
        return render_template(
            "matches.html.j2", title="t", pairs=pairs, total=len(pairs), facts={}, promised=0.9
        )

    headings = {
        kinds: re.findall("<h2>(.+?)</h2>", page(*kinds))
        for kinds in [(True, True, False, False), (True,), (None, None), ()]
    }
    assert [*headings.values()] == [
        ["Likely copies", "Nearest, and not likely copies"],
        ["Likely copies"],
        ["Nearest, and none judged"],
        [],
    ]
    whole = page(True)
    assert '<a href="a%20b.jpg"><bdi>שלום</bdi>/<bdi>ספר 2.jpg</bdi></a>' in whole
    assert re.search(r"@media print \{ article[^}]*break-inside: avoid", whole)

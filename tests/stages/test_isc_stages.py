"""`iscqk search`, `score` and `validate` as a user of an ISC file runs them."""

import json
import os
import subprocess
import sys

import faiss
import h5py
import numpy as np
import pandas as pd
import pytest

from conftest import long
from iscqk.bench.search_speed import published_search
from iscqk.cli import main
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.predictions import Predictions, read_predictions, write_predictions
from iscqk.formats.submission import write_submission
from iscqk.submission import validation
from unit_rows import unit

QUERIES, REFERENCES = 30, 50
QUERY_IDS = [QUERY.make(number) for number in range(QUERIES)]
REFERENCE_IDS = [REFERENCE.make(number) for number in range(REFERENCES)]


@pytest.fixture
def folder(tmp_path):
    """A submission of 30 queries, 10 of them near copies, with ground truth, lists and edits."""
    random = np.random.default_rng(0)
    references = random.normal(size=(REFERENCES, 8)).astype(np.float32)
    queries = random.normal(size=(QUERIES, 8)).astype(np.float32)
    queries[:10] = references[:10] + 0.3 * queries[:10]
    write_submission(
        tmp_path / "s.h5",
        8,
        (QUERIES, [(QUERY_IDS, queries)]),
        (REFERENCES, [(REFERENCE_IDS, references)]),
    )
    rows = [f"{QUERY_IDS[q]},{REFERENCE_IDS[q] if q < 10 else ''}" for q in range(QUERIES)]
    write(tmp_path / "gt.csv", ["query_id,reference_id", *rows])
    write(tmp_path / "released.csv", rows[:10])
    write(tmp_path / "queries.csv", ["id,path", *(f"{name},x" for name in QUERY_IDS)])
    write(tmp_path / "references.csv", ["id,path", *(f"{name},x" for name in REFERENCE_IDS)])
    edits = [f"{name},{'blur;crop' if q % 2 else 'crop'}" for q, name in enumerate(QUERY_IDS)]
    write(tmp_path / "edits.csv", ["query_id,edits", *edits])
    return tmp_path


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")


def iscqk(folder, *arguments):
    """Run the program in a process of its own."""
    command = [sys.executable, "-m", "iscqk.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def score(folder, capsys, *arguments):
    """Run `iscqk score` in this process, return what it prints."""
    assert main(["score", *(str(folder / name) for name in arguments[:2]), *arguments[2:]]) == 0
    return json.loads(capsys.readouterr().out)


def test_search_then_score_is_score(folder):
    search = iscqk(folder, "search", "s.h5", "--output", "p.csv", "--max-results", 400)
    assert (search.returncode, search.stdout) == (0, "")
    predictions = read_predictions(folder / "p.csv")
    assert len(predictions) == 400
    assert (np.diff(predictions.scores) <= 0).all()
    scored = iscqk(folder, "score", "p.csv", "gt.csv")
    assert scored.returncode == 0, scored.stderr
    direct = iscqk(folder, "score", "s.h5", "gt.csv", "--threads", 2, "--output", "score.json")
    result = json.loads(direct.stdout)
    assert json.loads((folder / "score.json").read_text()) == result
    assert (
        result.items()
        >= {
            "convention": "fb",
            "positives": 10,
            "found": 10,
            "predictions": 1500,
            "queries": 30,
            "references": 50,
            "max_results": 500_000,
        }.items()
    )
    assert 0.5 < result["micro_ap"] < 1
    assert json.loads(scored.stdout)["micro_ap"] == pytest.approx(result["micro_ap"], abs=1e-9)


def test_validate(folder):
    lists = ["--queries", "queries.csv", "--references", "references.csv", "--phase", "phase1"]
    good = iscqk(folder, "validate", "s.h5", *lists, "--output", "validation.json")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == ("s.h5: valid, 30 queries of phase1 and 50 references in 8 dimensions\n")
    assert json.loads((folder / "validation.json").read_text())["valid"]
    with h5py.File(folder / "s.h5", "r+") as file:
        file["query"][3] = np.nan
        file["reference_ids"][7] = b"R000006"
    bad = iscqk(folder, "validate", "s.h5", *lists, "--output", "validation.json")
    assert bad.returncode == 1
    assert bad.stdout.splitlines() == [
        "query: row 3: Q00003: holds NaN or infinity",
        "reference_ids: row 7: R000006: is there twice",
        "reference_ids: R000007: is missing",
    ]
    assert bad.stderr == "error: s.h5: not valid, 3 problems; correct what is told above\n"
    report = json.loads((folder / "validation.json").read_text())
    assert (report["valid"], len(report["problems"])) == (False, 3)


def test_fewer_images_than_a_phase_has_are_told_where_no_list_says_which(folder, capsys):
    command = ["validate", str(folder / "s.h5"), "--queries", str(folder / "queries.csv")]
    assert main(command) == 0
    (warning,) = capsys.readouterr().out.splitlines()[:-1]
    assert warning.startswith("warning: references: 50 of the 1000000 of a phase of the challenge")


def test_many_problems_are_counted_not_printed(folder, capsys):
    with h5py.File(folder / "s.h5", "r+") as file:
        file["query"][:] = np.nan
        file["reference_ids"][:] = b"X"
    assert main(["validate", str(folder / "s.h5")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 101
    assert lines[-1] == "... and 29 more; --output writes up to 1,000 of a kind"


def test_problems_that_are_not_listed_are_counted(folder, capsys, monkeypatch):
    monkeypatch.setattr(validation, "LISTED", 2)
    with h5py.File(folder / "s.h5", "r+") as file:
        file["query"][:] = np.nan
    assert main(["validate", str(folder / "s.h5")]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "query: 28 more: holds NaN or infinity"
    assert told.err.endswith("s.h5: not valid, 30 problems; correct what is told above\n")


def test_a_file_cannot_print_what_it_likes(folder, capsys):
    forged = (
        b"\x1b[2K\r\ts.h5: valid\x1b[8m\n\xe2\x80\xae"  # wipes a line, writes it, hides the rest
    )
    with h5py.File(folder / "s.h5", "r+") as file:
        ids = file["query_ids"][:]
        del file["query_ids"]
        file["query_ids"] = [forged, *ids[1:]]
    assert main(["validate", str(folder / "s.h5")]) == 1
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert all(map(str.isprintable, lines)) and r"\x1b[2K\r\ts.h5: valid\x1b[8m\n\u202e" in lines[0]


def test_score_writes_a_curve_and_a_table_by_edit(folder, capsys):
    tables = {name: folder / f"{name}.csv" for name in ("curve", "by-edit")}
    options = [part for name, path in tables.items() for part in (f"--{name}", str(path))]
    edits = ["--edits", str(folder / "edits.csv")]
    result = score(folder, capsys, "s.h5", "gt.csv", *options, *edits)
    curve, by_edit = (pd.read_csv(path) for path in tables.values())
    area = curve["precision"].mean() * curve["recall"].iloc[-1]
    assert area == pytest.approx(result["micro_ap"], abs=1e-12)
    assert by_edit["edit"].tolist() == ["blur", "crop"]
    assert by_edit["positives"].tolist() == [5, 10]
    assert by_edit["micro_ap"].iloc[1] == pytest.approx(result["micro_ap"], abs=1e-12)


def test_conventions_differ_in_queries_and_budget(folder, capsys):
    # with 30 queries listed, 300 pairs; with the 10 positives, 100 pairs and no distractor
    drivendata = ["--convention", "drivendata"]
    listed = score(folder, capsys, "s.h5", "gt.csv", *drivendata)
    assert (listed["queries"], listed["max_results"], listed["predictions"]) == (30, 300, 300)
    released = score(folder, capsys, "s.h5", "released.csv", *drivendata)
    assert (released["queries"], released["max_results"]) == (10, 100)
    assert released["micro_ap"] > listed["micro_ap"]
    fb = score(folder, capsys, "s.h5", "released.csv")
    assert fb["micro_ap"] == score(folder, capsys, "s.h5", "gt.csv")["micro_ap"]


@pytest.mark.parametrize("convention", ["fb", "drivendata"])
def test_fewer_pairs_count_where_it_is_said(folder, capsys, convention):
    """Of a submission and of predictions alike; never more than the convention's."""
    options = ["--convention", convention]
    assert main(["search", str(folder / "s.h5"), "--output", str(folder / "p.csv")]) == 0
    few = [
        score(folder, capsys, file, "gt.csv", *options, "--max-results", "5")
        for file in ("s.h5", "p.csv")
    ]
    assert few[0]["max_results"] == few[0]["predictions"] == few[1]["predictions"] == 5
    assert few[0]["found"] < 10 and few[0]["micro_ap"] == few[1]["micro_ap"]
    all_pairs = score(folder, capsys, "s.h5", "gt.csv", *options)
    more = score(folder, capsys, "s.h5", "gt.csv", *options, "--max-results", "1000000")
    assert more == all_pairs


def test_queries_left_out_of_a_full_ground_truth_are_told(folder, capsys, caplog):
    lines = (folder / "gt.csv").read_text().splitlines()
    write(folder / "part.csv", lines[:16])
    score(folder, capsys, "s.h5", "part.csv")
    assert "lists 15 of 30 queries" in caplog.text


@pytest.mark.parametrize("convention", ["fb", "drivendata"])
def test_predictions_of_queries_that_should_be_listed_are_refused(folder, capsys, convention):
    """Of phase 1's other half a ground truth says nothing, as the competition's public one."""
    write(folder / "part.csv", (folder / "gt.csv").read_text().splitlines()[:16])
    rows = [f"Q{number:05d},R000001,0.5" for number in (3, 15, 20)]
    write(folder / "p.csv", rows)
    command = ["score", *(str(folder / name) for name in ("p.csv", "part.csv"))]
    assert main([*command, "--convention", convention]) == 1
    error = capsys.readouterr().err
    what = f"2 of 3 predictions are of queries that {folder}/part.csv does not list"
    assert f"p.csv: {what}, though it lists distractors (Q00015 first); take them out" in error
    write(folder / "p.csv", [rows[0], "Q25000,R000001,0.5"])
    assert score(folder, capsys, "p.csv", "part.csv", "--half", "public")["predictions"] == 1


@pytest.mark.parametrize("file", ["s.h5", "p.csv"])
def test_queries_that_are_left_out_are_counted(folder, capsys, caplog, file):
    assert main(["search", str(folder / "s.h5"), "--output", str(folder / "p.csv")]) == 0
    score(folder, capsys, file, "released.csv")
    assert "lists" not in caplog.text
    score(folder, capsys, file, "released.csv", "--convention", "drivendata")
    assert "lists 10 of 30 queries; the drivendata convention leaves the others" in caplog.text


def test_predictions_of_a_half_that_is_not_listed_count_as_distractors(folder, capsys, caplog):
    write(folder / "p.csv", ["Q00003,R000003,0.5", "Q25000,R000001,0.6"])
    assert score(folder, capsys, "p.csv", "gt.csv")["micro_ap"] == 0.05
    assert "lists 1 of 2 queries; the others count as distractors" in caplog.text


def spoil(folder, name, row, value):
    with h5py.File(folder / "s.h5", "r+") as file:
        file[name][row] = value


@pytest.mark.parametrize(
    ("dataset", "value", "complaint"),
    [
        ("query", np.nan, "Q00004 holds NaN or infinity"),
        ("reference", np.nan, "R000004 holds NaN or infinity"),
        ("query_ids", b"Q00003", "row 4: id 'Q00003' is there twice"),
    ],
)
@pytest.mark.parametrize("stage", ["search", "score"])
def test_unfair_submissions_are_errors(folder, capsys, stage, dataset, value, complaint):
    spoil(folder, dataset, 4, value)
    rest = ["--output", str(folder / "p.csv")] if stage == "search" else [str(folder / "gt.csv")]
    assert main([stage, str(folder / "s.h5"), *rest]) == 1
    error = capsys.readouterr()
    assert (error.out, error.err.count("\n")) == ("", 1)
    assert complaint in error.err
    assert "s.h5" in error.err
    assert not (folder / "p.csv").exists()


def test_edits_of_other_queries_are_refused(folder, capsys):
    write(folder / "other.csv", ["query_id,edits", "Q50000,blur", "Q50001,crop"])
    options = ["--edits", str(folder / "other.csv"), "--by-edit", str(folder / "b.csv")]
    assert main(["score", str(folder / "s.h5"), str(folder / "gt.csv"), *options]) == 1
    error = capsys.readouterr().err
    assert "other.csv: of Q50000 and others, none of which" in error and error.count("\n") == 1
    assert not (folder / "b.csv").exists()


def test_what_is_not_finite_in_a_shard_of_references_is_named_by_its_id(folder, capsys):
    with h5py.File(folder / "s.h5") as file:
        last = len(file["reference"]) - 1
        name = file["reference_ids"][last].decode()
    spoil(folder, "reference", last, np.inf)
    part = ["--shard", "1", "--shards", "2", "--output", str(folder / "p.csv")]
    assert main(["search", str(folder / "s.h5"), *part]) == 1
    assert f"s.h5: {name} holds NaN or infinity; describe it again" in capsys.readouterr().err


def test_errors_of_score_are_one_line(folder, capsys):
    truth = folder / "gt.csv"
    write(folder / "damaged.H5", ["Q50000,R000001,0.5"])
    cases = [
        ([folder / "none.h5", truth], "no such file"),
        ([folder / "damaged.H5", truth], "not an HDF5 file, cut short or in use"),
        ([folder / "gt.csv", truth], "header is query_id,reference_id; it must have"),
        ([folder / "s.h5", folder / "s.h5"], "not a CSV"),
        ([folder / "s.h5", truth, "--edits", folder / "edits.csv"], "give both"),
    ]
    for arguments, complaint in cases:
        assert main(["score", *map(str, arguments)]) == 1
        error = capsys.readouterr()
        assert (error.out, error.err.count("\n")) == ("", 1)
        assert complaint in error.err


def test_a_ground_truth_of_another_phase_is_refused(folder, capsys):
    write(folder / "phase2.csv", ["Q50000,R000001"])
    assert main(["score", str(folder / "s.h5"), str(folder / "phase2.csv")]) == 1
    assert "Q50000" in capsys.readouterr().err


def test_predictions_are_scored_as_they_are(folder, capsys):
    """Ten pairs for each listed query bound a search, not a list of predictions."""
    truth = read_ground_truth(folder / "gt.csv")
    scores = np.linspace(1, 0, len(truth))
    write_predictions(folder / "p.csv", Predictions(truth.query_ids, truth.reference_ids, scores))
    for convention in ("fb", "drivendata"):
        result = score(folder, capsys, "p.csv", "gt.csv", "--convention", convention)
        assert (result["micro_ap"], result["recall_at_p90"], result["found"]) == (1, 1, 10)


@pytest.mark.parametrize("scale", [1e6, 1e-22])
def test_what_the_official_search_cannot_rank_is_not_scored(folder, capsys, scale):
    """Its own results there: none, or distances of which many are one."""
    with h5py.File(folder / "s.h5", "r+") as file:
        for side in ("query", "reference"):
            file[side][:] *= np.float32(scale)
        queries, references = file["query"][:], file["reference"][:]
    index = faiss.IndexFlatL2(8)
    index.add(references)
    found = published_search(index, queries, 400)
    assert len(np.unique(found.squared_distance)) < 200
    for stage, rest in (("score", [folder / "gt.csv"]), ("search", ["--output", folder / "p.csv"])):
        assert main([stage, *map(str, [folder / "s.h5", *rest])]) == 1
        error = capsys.readouterr()
        assert (error.out, error.err.count("\n")) == ("", 1)
        assert "s.h5: squared distances reach" in error.err


@pytest.mark.parametrize("scale", [1, 1e-22])
def test_a_file_is_of_one_scale_whatever_is_searched_of_it(tmp_path, capsys, scale):
    """The nearest pairs are of one place, or of nearly one: few of all, or of a part."""
    rows = np.eye(4, dtype=np.float32) * np.float32(scale)
    queries, references = rows[[0, 0, 0, 1]], rows[[0, 0, 0, 0, 1, 2, 3]]
    references[1, 1] = scale * 1e-17
    sides = []
    for form, vectors in ((QUERY, queries), (REFERENCE, references)):
        sides.append((len(vectors), [([form.make(n) for n in range(len(vectors))], vectors)]))
    write_submission(tmp_path / "s.h5", 4, *sides)
    write(tmp_path / "gt.csv", ["Q00000,R000001"])
    file, truth, output = (str(tmp_path / name) for name in ("s.h5", "gt.csv", "p.csv"))
    few = ["--max-results", "6", "--shards", "3"]
    for command in (
        ["validate", file],
        ["score", file, truth],
        *(["score", file, truth, "--max-results", n] for n in ("2", "12")),
        *(["search", file, "--output", output, *few, "--shard", n] for n in "012"),
    ):
        assert main(command) == int(scale != 1), command
        told = capsys.readouterr()
        assert ("squared distances reach only" in told.err + told.out) is (scale != 1)


def official_micro_ap(queries, references, true, count):
    """Return micro-AP as the evaluators have it: the best pairs of faiss's float32 distances."""
    index = faiss.IndexFlatL2(queries.shape[1])
    index.add(references)
    limits, distances, found = index.range_search(queries, 1e10)
    rows = np.repeat(np.arange(len(queries)), np.diff(limits).astype(int))
    best = distances.argpartition(min(count, len(distances) - 1))[:count]
    right = (rows[best] < true) & (rows[best] == found[best])
    ranked = right[np.lexsort((right, distances[best]))]
    return float((ranked.cumsum() / np.arange(1, len(ranked) + 1))[ranked].sum() / true)


@pytest.mark.parametrize(("convention", "count"), [("fb", 500_000), ("drivendata", 8_000)])
def test_a_submission_is_scored_as_the_official_float32_search_does(
    tmp_path, capsys, convention, count
):
    """Seed and sizes are fixed: a true pair that float32 ranks otherwise may move it by more."""
    random = np.random.default_rng(1)
    queries, references = (random.normal(size=(n, 256)) for n in (800, 1000))
    share = random.uniform(0, 0.35, size=(400, 1))
    queries[:400] = share * references[:400] + (1 - share) * queries[:400]
    sides = []
    for form, rows in ((QUERY, queries), (REFERENCE, references)):
        sides.append((len(rows), [([form.make(n) for n in range(len(rows))], unit(rows))]))
    write_submission(tmp_path / "s.h5", 256, *sides)
    truth = [f"{QUERY.make(n)},{REFERENCE.make(n) if n < 400 else ''}" for n in range(800)]
    write(tmp_path / "gt.csv", truth)
    result = score(tmp_path, capsys, "s.h5", "gt.csv", "--convention", convention)
    expected = official_micro_ap(sides[0][1][0][1], sides[1][1][0][1], 400, count)
    assert 0.3 < expected < 0.7
    assert result["micro_ap"] == pytest.approx(expected, rel=0, abs=2e-7)


@pytest.mark.parametrize(
    "locale", [long({}), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_any_name_of_a_file_is_printed_and_read(folder, locale):
    odd, utf8 = (os.fsdecode(name) for name in (b"caf\xe9", "caf\xe9".encode()))
    for name in (odd, utf8):
        (folder / f"{name}.h5").write_bytes((folder / "s.h5").read_bytes())
        (folder / f"{name}.csv").write_bytes((folder / "gt.csv").read_bytes())
        right = (
            ["validate", f"{name}.h5", "--output", f"{name}.json"],
            ["search", f"{name}.h5", "--output", f"{name}-p.csv"],
            ["score", f"{name}.h5", f"{name}.csv", "--output", f"{name}-score.json"],
            ["score", f"{name}-p.csv", f"{name}.csv"],
            ["benchmark-table", "--tables", f"{name}.csv", "--output", f"{name}.md"],
        )
        one_by_one = [word for command in right for word in ("--then", *command)][1:]
        for status, command in ((0, one_by_one), (1, ["validate", f"{name}.csv"])):
            done = subprocess.run(
                [sys.executable, "-m", "iscqk.cli", *command],
                cwd=folder,
                capture_output=True,
                env={**os.environ, **locale},
            )
            assert b"Traceback" not in done.stderr, done.stderr
            assert done.returncode == status
    assert "caf" in (folder / f"{odd}.md").read_text()


def test_a_list_of_no_prediction_is_warned_of(folder, capsys, caplog):
    write(folder / "p.csv", ["query_id,reference_id,score"])
    assert score(folder, capsys, "p.csv", "gt.csv")["micro_ap"] == 0
    assert "no prediction counts" in caplog.text

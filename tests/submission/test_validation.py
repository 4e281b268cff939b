import json

import h5py
import numpy as np
import pytest

from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.submission import write_submission
from iscqk.submission import validation
from iscqk.submission.validation import validate_submission

QUERY_IDS = [QUERY.make(50_000 + number) for number in range(20)]
REFERENCE_IDS = [REFERENCE.make(number) for number in range(30)]


@pytest.fixture
def path(tmp_path):
    random = np.random.default_rng(0)
    sides = [
        (len(ids), [(ids, random.normal(size=(len(ids), 8)).astype(np.float32))])
        for ids in (QUERY_IDS, REFERENCE_IDS)
    ]
    write_submission(tmp_path / "s.h5", 8, *sides)
    return tmp_path / "s.h5"


def change(path, name, value):
    with h5py.File(path, "r+") as file:
        old = file[name][:]
        del file[name]
        new = value(old)
        if new is not None:
            file[name] = new


def put(rows, value):
    """Return a change of some rows."""

    def changed(old):
        old[rows] = value
        return old

    return changed


def told(path, **expected):
    return [str(problem) for problem in validate_submission(path, **expected).problems]


def test_a_good_file_is_valid(path):
    report = validate_submission(path, QUERY_IDS, REFERENCE_IDS, "phase2")
    assert report.as_dict() == {
        "warnings": (),
        "valid": True,
        "problems": [],
        "queries": 20,
        "references": 30,
        "dimension": 8,
        "phase": "phase2",
    }


def test_ids_of_variable_length_are_valid(path):
    change(path, "query_ids", lambda ids: np.array([name.decode() for name in ids], dtype=object))
    assert validate_submission(path).valid


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("query", put((3, 5), np.nan), ["query: row 3: Q50003: holds NaN or infinity"]),
        ("reference", put(29, -np.inf), ["reference: row 29: R000029: holds NaN or infinity"]),
        ("query", lambda old: old.astype(np.float64), ["query: is float64; it must be float32"]),
        ("query", lambda old: old[:19], ["query: has 19 vectors for 20 ids"]),
        ("query", lambda old: old[:, :7], ["queries have 7 dimensions, references 8"]),
        ("query", lambda old: old[0], ["query: has shape (8,); it must be (images, dimensions)"]),
        ("query_ids", put(4, b"Q49999"), [
            "query_ids: row 4: Q49999: comes after a greater id; ids must ascend",
            "query_ids: row 4: Q49999: is no query of phase2",
        ]),
        ("query_ids", put(19, b"Q5002"), ["query_ids: row 19: Q5002: is not Q and 5 digits"]),
        ("query_ids", put(4, b"Q50003"), ["query_ids: row 4: Q50003: is there twice"]),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_dataset_row_and_id(path, name, value, expected):
    change(path, name, value)
    assert told(path) == expected


def test_what_is_expected_must_be_there_and_nothing_else(path):
    problems = told(path, query_ids=[*QUERY_IDS[1:], "Q50020"], reference_ids=REFERENCE_IDS)
    assert problems == [
        "query_ids: row 0: Q50000: is not among the ids expected",
        "query_ids: Q50020: is missing",
    ]


def test_a_manifest_of_others_is_one_problem(path):
    others = [REFERENCE.make(number) for number in range(30, 1030)]
    assert told(path, query_ids=QUERY_IDS, reference_ids=others) == [
        "reference_ids: none of the 1,000 ids expected is there; name another manifest"
    ]


def test_of_many_problems_of_a_kind_some_are_listed_and_all_counted(path, monkeypatch):
    monkeypatch.setattr(validation, "LISTED", 2)
    change(path, "query", put(range(4), np.nan))
    change(path, "reference", put(range(2), np.nan))
    expected = [*QUERY_IDS[:1], *(QUERY.make(number) for number in range(50_100, 50_103))]
    report = validate_submission(path, expected, REFERENCE_IDS)
    assert [str(problem) for problem in report.problems] == [
        "query_ids: row 1: Q50001: is not among the ids expected",
        "query_ids: row 2: Q50002: is not among the ids expected",
        "query_ids: 17 more: is not among the ids expected",
        "query_ids: Q50100: is missing",
        "query_ids: Q50101: is missing",
        "query_ids: 1 more: is missing",
        "query: row 0: Q50000: holds NaN or infinity",
        "query: row 1: Q50001: holds NaN or infinity",
        "query: 2 more: holds NaN or infinity",
        "reference: row 0: R000000: holds NaN or infinity",
        "reference: row 1: R000001: holds NaN or infinity",
    ]
    assert report.count == 19 + 3 + 4 + 2


def test_a_phase_can_be_demanded(path):
    assert len(told(path, phase="phase1")) == 20
    assert told(path, phase="phase2") == []


def test_all_problems_are_told_at_once(path):
    change(path, "query", put((3, 5), np.nan))
    change(path, "reference", lambda old: np.zeros((30, 300), np.float32))
    change(path, "reference_ids", lambda old: None)
    report = validate_submission(path)
    assert [problem.dataset for problem in report.problems] == [
        "query", "reference_ids", "reference", "",
    ]  # fmt: skip
    assert "300 dimensions" in str(report.problems[2])
    assert (report.references, report.dimension) == (None, 8)
    assert json.loads(json.dumps(report.as_dict()))["problems"][0] == {
        "dataset": "query",
        "what": "holds NaN or infinity",
        "row": 3,
        "id": "Q50003",
        "count": 1,
    }


def test_an_empty_side_is_a_problem(path):
    for name in ("query", "query_ids"):
        change(path, name, lambda old: old[:0])
    assert told(path) == ["query_ids: is empty"]


def test_rows_are_numbered_across_blocks(path, monkeypatch):
    monkeypatch.setattr(validation, "_ROWS_PER_BLOCK", 7)
    change(path, "reference", put([0, 13, 14, 29], np.nan))
    assert [problem.row for problem in validate_submission(path).problems] == [0, 13, 14, 29]


def test_a_file_that_is_no_hdf5_is_a_problem_too(tmp_path):
    (tmp_path / "s.h5").write_text("no")
    assert not validate_submission(tmp_path / "s.h5").valid
    assert "no such file" in told(tmp_path / "t.h5")[0]


def test_the_baselines_own_layout_is_told_from_a_submission(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["vectors"], file["image_names"] = np.zeros((1, 4), np.float32), [b"Q00000"]
    problems = told(tmp_path / "s.h5")
    assert len(problems) == 4
    assert "there is: image_names, vectors" in problems[0]


@pytest.mark.parametrize(
    ("scale", "complaint"),
    [
        (1e6, "look no further than 1e+10; divide all vectors"),
        (1e-17, "vanish in the official evaluators' float32; multiply all vectors"),
    ],
)
def test_a_scale_that_the_official_evaluators_cannot_rank_is_a_problem(path, scale, complaint):
    for side in ("query", "reference"):
        change(path, side, lambda old: old * np.float32(scale))
    (problem,) = told(path)
    assert complaint in problem


def test_the_greatest_distance_is_that_of_opposite_vectors(path):
    """Either side alone is as near as need be."""
    for side, value in (("query", 2e4), ("reference", -2e4)):
        change(path, side, put(0, value))
    (problem,) = told(path)
    assert "look no further than 1e+10" in problem


@pytest.mark.parametrize("scale", [1e4, 1e-14])
def test_any_other_scale_is_valid(path, scale):
    for side in ("query", "reference"):
        change(path, side, lambda old: old * np.float32(scale))
    assert told(path) == []


def test_zero_vectors_are_warned_of(path):
    change(path, "query", put([3, 5], 0))
    report = validate_submission(path)
    assert report.valid
    assert report.warnings == ("query: 2 vectors are zero, that of Q50003 first; describe again",)


def test_either_order_of_bytes_is_float32(path):
    change(path, "query", lambda old: old.astype(">f4"))
    assert validate_submission(path).valid

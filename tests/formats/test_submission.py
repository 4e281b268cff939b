import os

import h5py
import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.submission import open_submission, write_submission


def vectors(rows, dimension=4, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)


QUERIES, REFERENCES = vectors(5), vectors(7, seed=1)
QUERY_IDS = [QUERY.make(number) for number in range(5)]
REFERENCE_IDS = [REFERENCE.make(number) for number in range(7)]


def blocks(ids, rows, size=2):
    return ((ids[i : i + size], rows[i : i + size]) for i in range(0, len(ids), size))


def write(path, **changes):
    settings = {
        "dimension": 4,
        "queries": (5, blocks(QUERY_IDS, QUERIES)),
        "references": (7, blocks(REFERENCE_IDS, REFERENCES, 3)),
        **changes,
    }
    write_submission(path, **settings)


def test_what_is_written_in_blocks_is_read_back(tmp_path):
    write(tmp_path / "s.h5", attributes={"commit": "abc", "rounds": 3})
    with open_submission(tmp_path / "s.h5") as submission:
        np.testing.assert_array_equal(submission.query[0:5], QUERIES)
        np.testing.assert_array_equal(submission.reference[2:6], REFERENCES[2:6])
        assert submission.query_ids.tolist() == QUERY_IDS
        assert submission.reference_ids.tolist() == REFERENCE_IDS
        assert submission.attributes == {"commit": "abc", "rounds": 3}
        assert submission.dimension == 4


def test_the_layout_is_the_official_one(tmp_path):
    write(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5") as file:
        assert sorted(file) == ["query", "query_ids", "reference", "reference_ids"]
        assert (file["query"].dtype, file["reference"].dtype) == (np.float32, np.float32)
        assert (file["query_ids"].dtype, file["reference_ids"].dtype) == ("S6", "S7")
        assert file["reference"].chunks is None  # in one piece, as the official converter writes


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in ("a.h5", "b.h5"):
        write(tmp_path / name, attributes={"b": "1", "a": "2"})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"dimension": 257}, "257 dimensions"),
        ({"queries": (6, blocks(QUERY_IDS, QUERIES))}, "5 ids came where 6"),
        ({"queries": (4, blocks(QUERY_IDS, QUERIES))}, "more than the 4"),
        ({"queries": (5, blocks(QUERY_IDS[::-1], QUERIES))}, "'Q00003' does not ascend"),
        ({"queries": (5, blocks(["Q00000"] * 5, QUERIES))}, "'Q00000' does not ascend"),
        ({"queries": (5, blocks(["Q1"] * 5, QUERIES))}, "'Q1' is not Q and 5 digits"),
        ({"queries": (5, blocks(QUERY_IDS, QUERIES * np.nan))}, "'Q00000' has a vector"),
        ({"queries": (5, blocks(QUERY_IDS, vectors(5, 3)))}, "shape"),
    ],
)
def test_what_the_platform_would_refuse_is_not_written(tmp_path, changes, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        write(tmp_path / "s.h5", **changes)
    assert str(tmp_path / "s.h5") in str(error.value)
    assert os.listdir(tmp_path) == []


def rewrite(path, name, value):
    with h5py.File(path, "r+") as file:
        del file[name]
        if value is not None:
            file[name] = value


def test_ids_of_variable_length_are_read_as_the_official_reader_does(tmp_path):
    write(tmp_path / "s.h5")
    rewrite(tmp_path / "s.h5", "query_ids", np.array(QUERY_IDS, dtype=object))
    with open_submission(tmp_path / "s.h5") as submission:
        assert submission.query_ids.tolist() == QUERY_IDS


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("query", None, "no dataset 'query' .there is: query_ids, reference, reference_ids"),
        ("query", vectors(5, 3), "3 and 4 dimensions"),
        ("query", vectors(4), "5 ids for 4 vectors"),
        ("query", vectors(5)[0], r"shape \(4,\)"),
        ("query", vectors(5).astype(float), "float64"),
        ("query_ids", np.arange(5), "int64"),
        ("query_ids", np.array([QUERY_IDS], dtype="S6"), r"shape \(1, 5\)"),
        ("query_ids", np.array([b"\xff"] * 5), "not text"),
        ("query_ids", np.array(["Q00000"] * 5, dtype="S6"), "row 1: id 'Q00000' is there twice"),
        ("query_ids", np.array(["R00000"] * 5, dtype="S6"), "'R00000' is not Q and 5 digits"),
    ],
)
def test_malformed_files_are_refused_in_one_line(tmp_path, name, value, complaint):
    path = tmp_path / "s.h5"
    write(path)
    rewrite(path, name, value)
    with pytest.raises(UserError, match=complaint) as error, open_submission(path):
        pass
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_group_where_a_dataset_should_be(tmp_path):
    write(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        del file["query"]
        file.create_group("query")
    with (
        pytest.raises(UserError, match="'query' is a group .* to_hdf"),
        open_submission(tmp_path / "s.h5"),
    ):
        pass


def test_files_that_are_missing_cut_or_something_else(tmp_path):
    path = tmp_path / "s.h5"
    with pytest.raises(UserError, match="no such file"), open_submission(path):
        pass
    write(path)
    whole = path.read_bytes()
    for content in (b"", b"query_id,reference_id\n", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="not an HDF5 file"), open_submission(path):
            pass


def test_damage_inside_a_file_is_told_with_its_rows(tmp_path):
    path = tmp_path / "s.h5"
    write(path)
    rewrite(path, "query", None)
    with h5py.File(path, "r+") as file:
        file.create_dataset("query", data=vectors(5), compression="gzip", fletcher32=True)
        offset = file["query"].id.get_chunk_info(0).byte_offset
    with open(path, "r+b") as raw:
        raw.seek(offset)
        raw.write(b"\xff" * 16)
    with open_submission(path) as submission, pytest.raises(UserError, match="rows 0-5.*damaged"):
        submission.query[0:5]

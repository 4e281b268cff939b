"""CSVs and lists of names from elsewhere: read right, or refused by name."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscqk.errors import UserError
from iscqk.formats import csv_tables, manifest
from iscqk.formats.csv_tables import read_listed_ids, read_table, read_whole_table, write_table
from iscqk.formats.ground_truth import GroundTruth, read_ground_truth, write_ground_truth
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.manifest import (
    COLUMNS,
    read_manifest,
    read_shard,
    read_training_shard,
    write_manifest,
)
from iscqk.formats.predictions import read_predictions
from iscqk.images.finding import only_listed

TRUTH = "query_id,reference_id\nQ00000,R000001\nQ00001,\n"
MANIFEST = b"id,path,sha256,width,height\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"query_id,reference_id\nQ00000,R000001,R000002\n", "more fields than columns"),
        (b"query_id,reference_id\nX,Q00000,R000001\n", "more fields than columns"),
        (TRUTH.replace("Q00001,\n", "Q00001").encode(), "its last line has no end and fewer"),
        (b'"Q00000","R000001"\n\n"Q00001"', "its last line has no end and fewer fields than col"),
        (b"Q00000\0,R000001\n", "NUL bytes"),
        (TRUTH.encode("utf-16"), "not a CSV in UTF-8"),
        (TRUTH.encode("utf-16-le"), "not a CSV in UTF-8"),
        (TRUTH.replace("R000001", "R00000é").encode("latin-1"), "cannot be read as CSV"),
        (b"Q00000,R000001\n" + b"Q" * 10**8, "line 2 has over 65536 bytes"),
        (b"," * 10**7, "line 1 has over 65536 bytes"),
        (b'Q00000,R000001\n"Q00001,', "cannot be read as CSV"),
        (b'"Q00000\n",R000001\n', r"Q00000\\n"),
        (b'"Q00000\x1b[2J",R000001\n', r"Q00000\\x1b"),
        (TRUTH.replace(",", ";").encode(), "semicolons part its fields; save it with commas"),
        (TRUTH.replace(",", "\t").encode(), "tabs part its fields; save it with commas"),
    ],
    ids=range(15),
)
def test_a_ground_truth_is_refused_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as error:
        read_ground_truth(path)
    assert str(path) in str(error.value)
    assert str(error.value).isprintable() and len(str(error.value)) < 2100


def test_a_row_that_stops_short_is_no_row_of_empty_fields(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,more\nx,1\n")
    for types in ({}, {"b": np.float64}):
        with pytest.raises(UserError, match="line 2 has fewer fields than columns; repair it"):
            read_table(tmp_path / "t.csv", ["a", "b"], types)


@pytest.mark.parametrize("last", ["Q00002,", "Q00002,R000001", '"Q00002",""', "Q00002\n", " "])
def test_of_a_file_without_a_last_line_break_only_the_last_row_may_be_cut(tmp_path, last):
    (tmp_path / "t.csv").write_text(f"query_id,reference_id\nQ00000,R000001\nQ00001\n{last}")
    assert "Q00001" in read_ground_truth(tmp_path / "t.csv").distractors


def test_blank_lines_and_lines_within_quotes_are_no_short_rows(tmp_path):
    rows = 'a,b\r\n"x\ny",1\r\n \r\n\r\n"z,\u2028",\r\n'
    (tmp_path / "t.csv").write_bytes(rows.encode())
    table = read_table(tmp_path / "t.csv", ["a", "b"])
    assert table.to_numpy().tolist() == [["x\ny", "1"], ["z,\u2028", ""]]


def test_a_table_beyond_all_measure_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "_MAX_BYTES", 10)
    (tmp_path / "t.csv").write_text(TRUTH)
    with pytest.raises(UserError, match="over 10 bytes"):
        read_ground_truth(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"query_id,reference_id,score\nX,Q00000,R000001,0.5\n", "more fields"),
        (b"Q00000,R000001,True\n", "score 'True' is not a number"),
        (b"Q00000,R000001,1e400\n", "not a finite number"),
        (b"Q00000,R000001,0x10\n", "score '0x10' is not a number"),
    ],
)
def test_scores_are_numbers_in_their_column(tmp_path, content, complaint):
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(UserError, match=complaint):
        read_predictions(tmp_path / "p.csv")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "a manifest has the columns"),
        (b"T000000,a,b,1,2\n", "a manifest has the columns"),
        (MANIFEST + b"T000000,a,b,1,2,3\n", "more fields"),
        (MANIFEST + b"T000000,a,b,1\n", "NA values"),
        (MANIFEST + b"T000000,a,b,wide,2\n", "width 'wide' is not a number"),
        (MANIFEST + b"T000000,a,b,2," + 90 * b"6" + b"\n", "6{40}' is not a number, whole"),
        (MANIFEST + b"T000000,a\xff,b,1,2\n", "cannot be read as CSV"),
        (MANIFEST + b"T000001,a,b,1,2\nT000000,a,b,1,2\n", "sorted and unique"),
        (MANIFEST + b"T000000,a,b,1,2\nT000000,a,b,1,2\n", "sorted and unique"),
    ],
)
def test_a_manifest_is_refused_in_one_line(tmp_path, content, complaint):
    (tmp_path / "m.csv").write_bytes(content)
    for read in (read_manifest, lambda path: read_shard(path, 0, 1)):
        with pytest.raises(UserError, match=complaint) as error:
            read(tmp_path / "m.csv")
        assert "run prepare again" in str(error.value)


@pytest.mark.parametrize(
    "content", [" id,path\nQ00000,1\n", "id,id\nQ00000,1\n", "id\nQ00000,1,2\n"]
)
def test_only_the_first_column_of_listed_ids_is_looked_at(tmp_path, content):
    (tmp_path / "m.csv").write_text(content)
    assert read_listed_ids(tmp_path / "m.csv") == ["Q00000"]


@pytest.mark.parametrize("form", ["{}\n{}\n", "{}\r\n{}", "\ufeff{}\n\n{}\n"])
def test_names_of_a_list_are_its_lines(tmp_path, form):
    (tmp_path / "list").write_bytes(form.format("an image", "b").encode())
    paths = [Path(f"x/{name}.jpg") for name in ("an image", "b", "c")]
    assert only_listed(paths, tmp_path / "list") == paths[:2]


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1)


@given(st.lists(st.tuples(names, st.integers(1, 10**6)), max_size=8), st.integers(1, 3))
def test_manifests_are_read_back_whole_and_in_shards(tmp_path_factory, images, shards):
    path = tmp_path_factory.getbasetemp() / "manifest.csv"
    rows = [(f"T{n:06d}", name, "0a", side, 2) for n, (name, side) in enumerate(images)]
    write_manifest(path, pd.DataFrame(rows, columns=COLUMNS))
    assert list(read_manifest(path).itertuples(index=False, name=None)) == rows
    parts = [read_shard(path, shard, shards) for shard in range(shards)]
    assert list(pd.concat(parts).itertuples(index=False, name=None)) == rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "not ended"])
def test_lines_of_a_manifest_may_end_as_on_any_system(tmp_path, end, last):
    rows = [f"T{n:06d},{n}.jpg,0a,1,2" for n in range(5)]
    content = end.join([MANIFEST.decode().strip(), *rows]) + end * last
    (tmp_path / "m.csv").write_bytes(content.encode())
    parts = [read_shard(tmp_path / "m.csv", shard, 2)["id"].tolist() for shard in range(2)]
    assert parts == [["T000000", "T000001"], ["T000002", "T000003", "T000004"]]
    assert read_listed_ids(tmp_path / "m.csv") == sum(parts, [])


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_job_parses_its_own_rows_and_of_the_others_what_it_asks_for(tmp_path, monkeypatch, quote):
    names = ["R000000", "T000001", "T000002", "T000003"]
    rows = [f"{name},{quote}{name}.jpg{quote},{n}a,1,2\n" for n, name in enumerate(names)]
    (tmp_path / "m.csv").write_text(MANIFEST.decode() + "".join(rows))
    parsed, real = [], manifest._parsed

    def recorded(*arguments):
        parsed.append(real(*arguments))
        return parsed[-1]

    monkeypatch.setattr(manifest, "_parsed", recorded)
    part, beside = read_training_shard(tmp_path / "m.csv", 1, 2)
    assert part["id"].tolist() == names[2:] and len(beside) == 4
    assert (beside[1], beside[1].sha256) == ("T000001.jpg", "1a")
    assert [*map(len, parsed)] == ([4] if quote else [2, 1, 1])
    with pytest.raises(UserError, match="R000000 is no training image"):
        beside[0]


pairs = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)))


@given(pairs, st.sets(st.integers(10, 19)))
def test_ground_truths_are_read_back(tmp_path_factory, true, others):
    path = tmp_path_factory.getbasetemp() / "truth.csv"
    queries, references = zip(*sorted(true), strict=True) if true else ((), ())
    truth = GroundTruth(
        np.array([QUERY.make(n) for n in queries], dtype=np.str_),
        np.array([REFERENCE.make(n) for n in references], dtype=np.str_),
        np.array([QUERY.make(n) for n in sorted(others)], dtype=np.str_),
    )
    write_ground_truth(path, truth)
    read = read_ground_truth(path)
    for name in ("query_ids", "reference_ids", "distractors"):
        assert getattr(read, name).tolist() == getattr(truth, name).tolist()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_complaint(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        table = read_table(path, ["a", "b"], {"b": np.float64})
    except UserError as error:
        assert str(error).isprintable()
    else:
        assert list(table.columns) == ["a", "b"] and table["a"].map(type).eq(str).all()


def test_a_list_of_no_image_is_refused(tmp_path):
    """Else there would be a split without any image."""
    (tmp_path / "list").write_text("\n \n", encoding="utf-8")
    with pytest.raises(UserError, match="list: lists no image; name some"):
        only_listed([Path("a.jpg")], tmp_path / "list")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a\n".encode("utf-16"), "list: a list that is no text in UTF-8; save it as UTF-8"),
        ("ä\n".encode("latin-1"), "save it as UTF-8"),
        (
            b"A\nrefs/a.jpg\n",
            "2 images that are not there, refs/a.jpg first; write one name",
        ),
        (b"./a.jpg\n", "a.jpg first; write one name a line, without folders, quotes and NULs"),
        (b'"a.jpg"\n', "write one name a line"),
        (b"a.jpg\0a.jpg\0", "write one name a line"),
        (b"A.JPG\n", "A.JPG first; write it as the file is named, a.jpg"),
        (b"A\n", "A first; write it as the file is named, a$"),
    ],
)
def test_a_list_written_otherwise_is_told_as_such(tmp_path, content, told):
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(UserError, match=told):
        only_listed([Path("a.jpg"), Path("b.jpg")], tmp_path / "list")


def test_labels_that_pandas_takes_for_nothing_are_labels(tmp_path):
    """An ablation of `teacher: [null, ...]` has such a one."""
    table = pd.DataFrame({"teacher": ["null", "NA", "None"], "micro_ap": [0.1, np.nan, 0.3]})
    write_table(tmp_path / "table.csv", table)
    found = read_whole_table(tmp_path / "table.csv", ["teacher"])
    assert found["teacher"].tolist() == ["null", "NA", "None"]
    assert found["micro_ap"].isna().tolist() == [False, True, False]


def test_a_listed_name_is_an_images_however_its_accents_are_written(tmp_path):
    composed, apart, other = "caf\u00e9", "cafe\u0301", "cafe"
    (tmp_path / "list").write_text(f"{composed}\n", encoding="utf-8")
    both = [Path(f"{name}.jpg") for name in (apart, other)]
    assert only_listed(both, tmp_path / "list") == both[:1]
    as_it_is = Path(f"{composed}.jpg")
    assert only_listed([*both, as_it_is], tmp_path / "list") == [as_it_is]

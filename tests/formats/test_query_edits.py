import pytest

from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_listed_ids
from iscqk.formats.query_edits import read_edit_records, read_query_edits, write_query_edits


def test_queries_are_grouped_by_edit(tmp_path):
    chains = {"Q00002": ["blur", "crop", "blur"], "Q00000": [], "Q00001": ["crop"]}
    write_query_edits(tmp_path / "e.csv", chains)
    assert (tmp_path / "e.csv").read_text().splitlines()[-1] == "Q00002,blur;crop;blur"
    edits = read_query_edits(tmp_path / "e.csv")
    assert {edit: queries.tolist() for edit, queries in edits.items()} == {
        "blur": ["Q00002"],
        "crop": ["Q00001", "Q00002"],
    }


@pytest.mark.parametrize("text", ["Q00000,blur\nQ00000,crop\n", "Q1,blur\n"])
def test_a_query_is_listed_once_by_its_id(tmp_path, text):
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(UserError, match="row .*: query 'Q"):
        read_query_edits(tmp_path / "e.csv")


def test_records_of_edits_are_read_line_by_line_and_damaged_ones_refused(tmp_path):
    path = tmp_path / "edits.jsonl"
    assert read_edit_records(path) == []
    path.write_text('{"query_id": "Q00000", "edits": [{"name": "a\u2028b"}]}\n', encoding="utf-8")
    assert read_edit_records(path)[0]["edits"] == [{"name": "a\u2028b"}]
    for wrong in ('{"query_id": "Q0', "3", "[]", '{"query_id": "Q00000"}', "[" * 99_999):
        path.write_text(f'{{"query_id": "Q00000", "edits": []}}\n{wrong}\n')
        with pytest.raises(UserError, match=r"edits.jsonl, line 2: no record of edits \("):
            read_edit_records(path)


def test_no_query_has_no_edit(tmp_path):
    write_query_edits(tmp_path / "e.csv", {})
    assert read_query_edits(tmp_path / "e.csv") == {}


def test_the_ids_of_a_manifest_are_its_first_column(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("id,path,width\nQ00000,a.jpg,3\nQ00001,b.jpg,4\n")
    assert read_listed_ids(path) == ["Q00000", "Q00001"]
    path.write_text("path,id\n")
    with pytest.raises(UserError, match="headed `id`"):
        read_listed_ids(path)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscqk.errors import UserError
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.predictions import Predictions, read_predictions, write_predictions


def predictions(scores):
    ids = range(len(scores))
    return Predictions(
        np.array([QUERY.make(i % 100_000) for i in ids], dtype=np.str_),
        np.array([REFERENCE.make(i) for i in ids], dtype=np.str_),
        np.array(scores, dtype=np.float64),
    )


def write(path, text):
    path.write_bytes(text.encode())
    return path


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_scores_are_read_back_to_the_last_bit(tmp_path_factory, scores):
    path = tmp_path_factory.mktemp("p") / "p.csv"
    written = predictions(scores)
    write_predictions(path, written)
    read = read_predictions(path)
    assert read.scores.tobytes() == written.scores.tobytes()
    assert read.query_ids.tolist() == written.query_ids.tolist()
    assert read.reference_ids.tolist() == written.reference_ids.tolist()


def test_float32_scores_survive_too(tmp_path):
    scores = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    write_predictions(tmp_path / "p.csv", predictions(scores))
    np.testing.assert_array_equal(read_predictions(tmp_path / "p.csv").scores, scores)


def test_the_file_is_the_official_one(tmp_path):
    write_predictions(tmp_path / "p.csv", predictions([0.5, -0.1]))
    expected = b"query_id,reference_id,score\nQ00000,R000000,0.5\nQ00001,R000001,-0.1\n"
    assert (tmp_path / "p.csv").read_bytes() == expected


@pytest.mark.parametrize(
    "text",
    [
        "query_id,reference_id,score\nQ00000,R000000,0.5\nQ00001,R000001,-1e-3\n",
        "Q00000,R000000,0.5\nQ00001,R000001,-1e-3",
        "\ufeffquery_id,reference_id,score\r\nQ00000,R000000,0.5\r\nQ00001,R000001,-1e-3\r\n",
        "score,rank,query_id,reference_id\n0.5,1,Q00000,R000000\n-1e-3,2,Q00001,R000001\n",
        '"query_id","reference_id","score"\n"Q00000","R000000","0.5"\n"Q00001","R000001",-1e-3\n\n',
    ],
)
def test_all_guises_are_read(tmp_path, text):
    read = read_predictions(write(tmp_path / "p.csv", text))
    assert read.query_ids.tolist() == ["Q00000", "Q00001"]
    assert read.reference_ids.tolist() == ["R000000", "R000001"]
    assert read.scores.tolist() == [0.5, -0.001]


@pytest.mark.parametrize("text", ["query_id,reference_id,score\n", "score,reference_id,query_id\n"])
def test_no_prediction_is_a_list_of_predictions(tmp_path, text):
    assert len(read_predictions(write(tmp_path / "p.csv", text))) == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Q00000,R000000,0.5\nQ00000,R000000,0.4\n", r"row 2 .*the pair is there twice"),
        ("Q00000,R000000,nan\n", "row 1: score 'nan' is not a number"),
        ("Q00000,R000000,\n", "row 1 .*score is not a finite"),
        ("Q00000,R000000,-inf\n", "row 1 .*score is not a finite"),
        ("Q00000,R000000,1\nQ00001,R000000,high\n", "row 2: score 'high' is not a number"),
        ("R000000,Q00000,0.5\n", "row 1 .*query id is not Q and 5 digits"),
        ("Q00000,R00000,0.5\n", "row 1 .*reference id is not R and 6 digits"),
        ("Q00000.jpg,R000000,0.5\n", "query id is not"),
        ("query_id,score\n", "header is query_id,score; it must have query_id,reference_id,score"),
        ("", "empty, as a file whose writing was cut short; make it again"),
        ("Q00000,R000000,0.5,x\n", "4 columns"),
        ("Q00000,R000000,0.5\nQ00001,R000000,0.5,x\n", "cannot be read as CSV .*line 2"),
        ("Q00000,R000000\n", "score is not a finite"),
        ("\x00\x01\x02", "NUL bytes"),
    ],
)
def test_anything_else_is_refused_with_its_row(tmp_path, text, complaint):
    path = write(tmp_path / "p.csv", text)
    with pytest.raises(UserError, match=complaint) as error:
        read_predictions(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    for content in (b"\xff\xfe\x00", b"Q00000,R000000,1\n" * 100_000 + b"\xff\n"):
        (tmp_path / "p.csv").write_bytes(content)
        with pytest.raises(UserError, match="CSV"):
            read_predictions(tmp_path / "p.csv")
    with pytest.raises(UserError, match="no such file"):
        read_predictions(tmp_path / "q.csv")


def test_half_a_million_rows_are_read_and_no_more_are_taken(tmp_path):
    full = predictions(np.random.default_rng(0).normal(size=500_000))
    write_predictions(tmp_path / "p.csv", full)
    assert len(read_predictions(tmp_path / "p.csv")) == 500_000
    with open(tmp_path / "p.csv", "a") as file:
        file.write("Q00000,R999999,0\n")
    with pytest.raises(UserError, match="500001 predictions"):
        read_predictions(tmp_path / "p.csv")


def test_a_last_line_without_an_end_is_told(tmp_path, caplog):
    """A score that is cut short is still a number."""
    path = tmp_path / "p.csv"
    for text, told in (("Q00000,R000000,0.51\n", 0), ("Q00000,R000000,0.5", 1)):
        path.write_text(text)
        assert len(read_predictions(path)) == 1
        assert [r.getMessage() for r in caplog.records] == told * [
            f"{path}: its last line has no end, as where a file is cut short"
        ]


def test_lines_between_stray_quotes_take_no_memory_for_every_row(tmp_path):
    path = tmp_path / "p.csv"
    rows = [f"Q{n // 1000:05},R{n:06},0.5" for n in range(20_000)]
    rows[9], rows[15_000] = f'"{rows[9]}', f'{rows[15_000]}",'
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(UserError, match=r"row 10 \(Q00000,R000009") as error:
        read_predictions(path)
    assert len(str(error.value)) < 300

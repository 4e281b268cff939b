import pytest

from iscqk.errors import UserError
from iscqk.formats.ground_truth import read_ground_truth, write_ground_truth

OFFICIAL = "query_id,reference_id\nQ00000,R000007\nQ00001,\nQ00002,R000003\nQ00002,R000004\n"


def write(path, text):
    path.write_bytes(text.encode())
    return path


def pairs(truth):
    return list(zip(truth.query_ids.tolist(), truth.reference_ids.tolist(), strict=True))


@pytest.mark.parametrize(
    "text",
    [
        OFFICIAL,
        OFFICIAL.partition("\n")[2],
        "\ufeff" + OFFICIAL.replace("\n", "\r\n"),
        OFFICIAL.replace("R000007", '"R000007"').replace("Q00001,", 'Q00001,""'),
        OFFICIAL.replace("Q00001,\n", "Q00001\n"),
    ],
)
def test_the_competitions_form_lists_distractors(tmp_path, text):
    truth = read_ground_truth(write(tmp_path / "gt.csv", text))
    assert pairs(truth) == [("Q00000", "R000007"), ("Q00002", "R000003"), ("Q00002", "R000004")]
    assert truth.distractors.tolist() == ["Q00001"]
    assert truth.listed_queries.tolist() == ["Q00000", "Q00001", "Q00002"]
    assert not truth.positives_only
    assert len(truth) == 3


def test_the_released_form_has_positives_only(tmp_path):
    text = "Q50017,R000001\r\nQ99999,R999999\r\n"
    truth = read_ground_truth(write(tmp_path / "gt.csv", text))
    assert pairs(truth) == [("Q50017", "R000001"), ("Q99999", "R999999")]
    assert truth.positives_only


def test_it_is_written_in_the_competitions_form(tmp_path):
    rows = OFFICIAL.splitlines(keepends=True)
    shuffled = "".join([rows[0], *rows[:0:-1]])
    truth = read_ground_truth(write(tmp_path / "gt.csv", shuffled))
    write_ground_truth(tmp_path / "again.csv", truth)
    assert (tmp_path / "again.csv").read_text() == OFFICIAL


def test_no_row_is_no_pair(tmp_path):
    truth = read_ground_truth(write(tmp_path / "gt.csv", "query_id,reference_id\n"))
    assert (len(truth), truth.listed_queries.tolist()) == (0, [])


@pytest.mark.parametrize(
    "text",
    [
        "query_id,reference_id,kind\nQ00000,R000007,blur\nQ00001,,\n",
        "reference_id,query_id\nR000007,Q00000\n,Q00001\n",
        ",note,Reference_ID,note,query_id\n0,a,R000007,,Q00000\n1,,,,Q00001\n",
    ],
)
def test_a_header_names_columns_in_any_order_and_others_beside_them(tmp_path, text):
    truth = read_ground_truth(write(tmp_path / "gt.csv", text))
    assert pairs(truth) == [("Q00000", "R000007")]
    assert truth.distractors.tolist() == ["Q00001"]


def test_among_fewer_images_a_query_without_its_references_is_a_distractor(tmp_path):
    truth = read_ground_truth(write(tmp_path / "gt.csv", OFFICIAL + "Q00003,\n"))
    some = truth.among(["Q00000", "Q00001", "Q00002"], ["R000003"])
    assert pairs(some) == [("Q00002", "R000003")]
    assert some.distractors.tolist() == ["Q00000", "Q00001"]


def test_of_a_part_that_it_says_nothing_of_it_passes_no_query_over(tmp_path):
    truth = read_ground_truth(write(tmp_path / "gt.csv", "Q25000,R000007\nQ75000,\n"))
    queries = ["Q00000", "Q24999", "Q25000", "Q49999", "Q50000", "Q75000"]
    assert truth.passes_over(queries).tolist() == [False, False, False, True, True, False]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (OFFICIAL + "Q00000,R000007\n", r"row 5 \(Q00000,R000007\): is there twice"),
        (OFFICIAL + "Q00001,\n", "row 5 .*is there twice"),
        (OFFICIAL + "Q00000,\n", "row 5 .*the query also has a reference"),
        (
            OFFICIAL + "Q00008,R000007\n",
            r"row 5 .*no such query was described \(1 of 4 listed\); describe",
        ),
        (
            "Q50000,R000007\nQ50001,\n",
            r"row 1 .* \(2 of 2 listed\); is this the ground truth of another phase",
        ),
        (
            OFFICIAL + "Q00003,R000009\n",
            r"row 5 .*no such reference was described \(1 of 4 listed\)",
        ),
        (OFFICIAL + "Q0003,R000007\n", "row 5 .*query is not Q and 5 digits"),
        (OFFICIAL + "Q00003,7\n", "row 5 .*reference is not R and 6 digits"),
        (OFFICIAL + "Q00003,R000007,R000003\n", "cannot be read as CSV"),
        ("query_id,reference\n", "header is query_id,reference; it must have"),
        ("query_id,reference_id,query_id\n", "header is query_id,reference_id,query_id; it must"),
        (
            "query_id,reference_id,kind\nQ00000,R000007,blur,x\n",
            "cannot be read as CSV|more fields",
        ),
        ("Q00000,R000007,1.0\n", "3 columns"),
        ("query_id,reference_id,score\nQ00000,R000007,1\n", "has scores, as predictions have"),
        ("", "empty, as a file whose writing was cut short"),
        ("\ufeff\r\n", "empty, as a file whose writing was cut short"),
    ],
)
def test_what_is_wrong_is_refused_with_its_row(tmp_path, text, complaint):
    path = write(tmp_path / "gt.csv", text)
    queries = [f"Q{number:05d}" for number in range(5)]
    references = ["R000003", "R000004", "R000007"]
    with pytest.raises(UserError, match=complaint) as error:
        read_ground_truth(path, queries, references)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)

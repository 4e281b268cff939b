import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscqk.formats.ids import (
    QUERY,
    REFERENCE,
    TRAINING,
    as_ids,
    pair_keys,
    phase_of,
    query_id,
    repeated,
)


def test_ids_have_the_official_forms():
    assert TRAINING.make(0) == "T000000"
    assert REFERENCE.make(999_999) == "R999999"
    assert query_id(0, "phase1") == "Q00000"
    assert query_id(49_999, "phase1") == "Q49999"
    assert query_id(0, "phase2") == "Q50000"


@pytest.mark.parametrize("call", [lambda: REFERENCE.make(1_000_000), lambda: QUERY.make(-1)])
def test_numbers_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError):
        call()


def test_a_phase_has_no_more_than_its_queries():
    with pytest.raises(ValueError):
        query_id(50_000, "phase1")


def test_the_phase_of_a_query_changes_at_50000():
    assert [phase_of("Q49999"), phase_of("Q50000")] == ["phase1", "phase2"]


@given(st.lists(st.one_of(st.text(max_size=9), st.from_regex(r"Q[0-9]{4,6}", fullmatch=True))))
def test_matching_agrees_with_a_regular_expression(ids):
    ids = [name for name in ids if not name.endswith("\0")]  # numpy strings cannot hold these
    expected = [re.fullmatch(r"Q[0-9]{5}", name) is not None for name in ids]
    assert QUERY.matches(ids).tolist() == expected


def test_digits_of_other_scripts_are_no_digits():
    assert not QUERY.matches(["Q1234٣", "Q12345 ", "q12345", ""]).any()


def test_pairs_have_keys_of_their_own():
    queries = ["Q00000", "Q00001", "Q00000", "Q99999"]
    references = ["R000001", "R000000", "R000001", "R999999"]
    assert pair_keys(queries, references).tolist() == [1, 1_000_000, 1, 99_999_999_999]


def test_rows_are_found_in_any_order():
    ids = ["R000007", "R999999", "R000000"]
    assert REFERENCE.rows(["R000000", "R000001", "R999999"], ids).tolist() == [2, -1, 1]
    assert REFERENCE.rows([], ids).tolist() == [] and REFERENCE.rows(ids, []).tolist() == [-1] * 3


def test_repeated_marks_all_but_the_first():
    assert repeated(np.array(["b", "a", "b", "b"])).tolist() == [False, False, True, True]
    assert repeated(np.array([], dtype=str)).tolist() == []


def test_what_is_far_too_long_for_an_id_is_kept_by_its_beginning():
    """As an array it would be as long in every row."""
    ids = as_ids(pd.Series(["Q00000", "Q00001" * 10_000, ""]))
    assert ids.tolist()[::2] == ["Q00000", ""] and "Q00001" * 3 in ids[1]
    assert ids.dtype.itemsize <= 4 * 40 and QUERY.matches(ids).tolist() == [True, False, False]

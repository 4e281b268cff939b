"""The log-partition in one coordinate: the grader's distance becomes the bank's log-probability."""

import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.retrieval.rankings.log_partition.functions import level, of_queries, of_references
from unit_rows import unit_array


@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.5])
def test_distance_ranks_by_similarity_less_log_partition(temperature):
    queries, references, bank = unit_array(9, 12, 0), unit_array(15, 12, 1), unit_array(700, 12, 2)
    blocks = np.split(bank, [300, 301])
    q, r = of_queries(queries, blocks, temperature), of_references(references)
    assert q.dtype == r.dtype == np.float32 and q.shape == (9, 13) and r.shape == (15, 13)
    distances = ((q.astype(float)[:, None] - r.astype(float)[None]) ** 2).sum(2)
    similarities = queries.astype(float) @ references.astype(float).T
    log_z = np.log(np.exp(queries.astype(float) @ bank.T.astype(float) / temperature).sum(1))
    wanted = similarities - temperature * log_z[:, None]
    difference = -distances / 2 - wanted  # one constant for all pairs
    assert np.ptp(difference) < 1e-5


def test_a_query_is_described_on_its_own():
    queries, bank = unit_array(300, 8, 3), unit_array(50, 8, 4)
    together = of_queries(queries, [bank], 0.05)
    alone = np.concatenate([of_queries(query[None], [bank], 0.05) for query in queries])
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


def test_rows_longer_than_one_are_refused_where_their_coordinate_would_be_lost():
    queries = unit_array(1, 8, 3)  # as far from the bank as can be
    with pytest.raises(UserError, match="^log_partition: log Z is .*; divide each row of queries"):
        of_queries(3 * queries, [-queries], 0.05)
    nearly = of_queries(np.float32(1 + 1e-6) * queries, [-queries], 0.05)  # but for rounding
    assert np.isfinite(nearly).all()


@pytest.mark.parametrize("function", [of_queries, level])
@pytest.mark.parametrize("blocks", [[], [unit_array(0, 8, 0)]], ids=["no block", "no row"])
def test_a_bank_of_no_rows_is_refused_in_a_line(function, blocks):
    with pytest.raises(UserError, match="^log_partition: the bank has no row, .*; give descriptor"):
        function(unit_array(3, 8, 1), blocks, 0.05)

"""Every ranking there is keeps what `iscqk.retrieval.ranking_interface` says of it."""

import numpy as np
import pytest
import yaml

from conftest import ROOT
from iscqk.retrieval.rankings import RANKINGS
from unit_rows import unit_array


@pytest.fixture(params=RANKINGS)
def ranking(request):
    return RANKINGS[request.param]


def bank(ranking):
    """Return a bank where one is needed: a ranking that needs none must do without."""
    return [unit_array(300, 12, 2), unit_array(50, 12, 3)] if ranking.needs_bank else []


def test_scores_of_submitted_descriptors_tell_similarities_less_levels(ranking):
    queries, references = unit_array(9, 12, 0), unit_array(15, 12, 1)
    q = ranking.of_queries(queries, bank(ranking), 0.1)
    r = ranking.of_references(references)
    assert q.dtype == r.dtype == np.float32
    assert q.shape[1] == r.shape[1] == 12 + ranking.dimensions
    scores = -((q.astype(float)[:, None] - r.astype(float)[None]) ** 2).sum(2)
    similarities = queries.astype(float) @ references.astype(float).T
    levels = ranking.level(queries, bank(ranking), 0.1)
    np.testing.assert_allclose(
        scores / 2 + ranking.offset, similarities - levels[:, None], atol=1e-5
    )


def test_each_image_is_described_on_its_own(ranking):
    queries = unit_array(30, 12, 0)
    together = ranking.of_queries(queries, bank(ranking), 0.1)
    alone = [ranking.of_queries(query[None], bank(ranking), 0.1) for query in queries]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-6, atol=1e-6)


def test_the_config_knows_the_rankings_that_there_are():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    assert set(schema["$defs"]["ranking"]["enum"]) == set(RANKINGS)

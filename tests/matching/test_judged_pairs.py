"""What is kept of each image that is looked up."""

import tracemalloc
from types import SimpleNamespace

import numpy as np

from iscqk.matching.basis import Basis
from iscqk.matching.chance import Chance
from iscqk.matching.judged_pairs import JudgedPairs
from iscqk.matching.neighbourhoods import LISTED, Neighbourhoods

BLOCK, BLOCKS = 1000, 12
VECTORS = np.eye(LISTED + 1, dtype=np.float32)  # no two are one picture


def neighbourhoods():
    """Yield queries that copy nothing, block by block."""
    rng = np.random.default_rng(0)
    for start in range(0, BLOCK * BLOCKS, BLOCK):
        similarities = np.sort(rng.uniform(0.1, 0.2, (BLOCK, LISTED)))[:, ::-1]
        references = np.tile(np.arange(LISTED), (BLOCK, 1))
        yield slice(start, start + BLOCK), Neighbourhoods(references, similarities, np.zeros(BLOCK))


def test_an_image_without_a_copy_leaves_some_bytes_and_not_its_neighbourhood():
    count = BLOCK * BLOCKS
    queries = SimpleNamespace(flat=np.zeros(count, np.bool_))
    references = SimpleNamespace(flat=np.zeros(len(VECTORS), np.bool_), vectors=VECTORS)
    chance = Chance.of_sample(np.random.default_rng(1).exponential(1.0, 500))
    basis, held = Basis(len(VECTORS), np.empty(0), chance, 0.75), []

    def watched():
        for block in neighbourhoods():
            held.append(tracemalloc.get_traced_memory()[0])
            yield block

    tracemalloc.start()
    try:
        found = JudgedPairs.of(queries, references, watched(), basis)
    finally:
        tracemalloc.stop()
    assert len(found.nearest) == count and len(found.query) < count / 10
    assert (held[-1] - held[2]) / (BLOCK * (len(held) - 3)) < 60  # bytes an image

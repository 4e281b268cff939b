"""What is kept of each image that is looked up."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from iscqk.formats.stored_rows import JoinedRows
from iscqk.matching import copied as originals
from iscqk.matching import neighbourhoods as compared
from iscqk.matching.basis import Basis, _as_queries, _learned, _of_originals
from iscqk.matching.chance import PROMISED, Chance
from iscqk.matching.judged_pairs import JudgedPairs
from iscqk.matching.neighbourhoods import LISTED, LookedUp, Neighbourhoods
from unit_rows import unit

BLOCK, BLOCKS = 1000, 12
VECTORS = np.eye(LISTED + 1, dtype=np.float32)  # no two are one picture


def neighbourhoods():
    """Yield queries that copy nothing, block by block."""
    rng = np.random.default_rng(0)
    for start in range(0, BLOCK * BLOCKS, BLOCK):
        similarities = np.sort(rng.uniform(0.1, 0.2, (BLOCK, LISTED)))[:, ::-1]
        references = np.tile(np.arange(LISTED), (BLOCK, 1))
        near = Neighbourhoods(references, similarities, np.zeros(BLOCK), np.empty((BLOCK, 0)))
        yield LookedUp(slice(start, start + BLOCK), near, None)


def ranking_by_similarity(kinds=None, **more):
    return SimpleNamespace(kinds=kinds, levels=lambda rows: np.zeros(len(rows)), **more)


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


def test_many_references_of_an_image_take_no_memory_by_their_square(monkeypatch):
    rng, (images, listed) = np.random.default_rng(2), (40, 250)
    vectors = unit(rng.normal(size=(300, 8)).astype(np.float32))
    rows = np.array([rng.permutation(300)[:listed] for _ in range(images)])
    near = Neighbourhoods(
        rows,
        np.sort(rng.uniform(0, 1, rows.shape))[:, ::-1],
        np.zeros(images),
        np.empty((images, 0)),
    )
    whole = near.leads(vectors, 0.6)
    monkeypatch.setattr(compared, "_COMPARED_AT_ONCE", 3 * listed * 8)
    tracemalloc.start()
    try:
        np.testing.assert_array_equal(near.leads(vectors, 0.6), whole)
        assert tracemalloc.get_traced_memory()[1] < 1_500_000 < 4 * images * listed**2  # bytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("often", [1, 12, 30, 36, 44])
def test_what_copies_nothing_is_not_likely_however_often_every_picture_is_there(often):
    """The sample that tells chance is looked at as far as the images themselves are."""
    rng = np.random.default_rng(0)

    pictures = unit(rng.normal(size=(3000 // often, 16)))
    every = unit(pictures.repeat(often, 0) + 0.02 * rng.normal(size=(len(pictures) * often, 16)))
    own = np.sort(rng.permutation(len(every))[:200])
    copies = JoinedRows([unit(every[own] + 0.08 * rng.normal(size=(200, 16)))])
    model, vectors = ranking_by_similarity(), JoinedRows([every])
    search = compared.exactly(vectors)
    lookup = compared.Lookup(model, search)
    basis = _learned(lookup, copies, vectors, own)
    for queries, copied in ((unit(rng.normal(size=(150, 16))), False), (copies[:150], True)):
        blocks = lookup.blocks(JoinedRows([queries]), LISTED)
        flat = (np.zeros(count, np.bool_) for count in (150, len(every)))
        sides = (SimpleNamespace(flat=one, vectors=vectors) for one in flat)
        likely = JudgedPairs.of(*sides, blocks, basis, 1).likely.sum()
        assert likely > 100 if copied else likely <= 5


@pytest.mark.parametrize(
    ("files", "apart", "noise", "likely"),
    [
        *((40, 0.05, 0.1, False), (40, 1e-3, 0.1, True), (5, 0.05, 0.1, True)),
        (40, 0.015, 0.015, False),  # a model by which all copies are nearly the same
    ],
)
def test_one_more_of_a_kind_copies_none_of_them_but_one_more_file_of_a_picture_does(
    files, apart, noise, likely
):
    """As of screens of a telephone, many, or of one picture in many files, or in a few."""
    rng = np.random.default_rng(0)
    pictures, centre = unit(rng.normal(size=(400, 32))), unit(rng.normal(size=(1, 32)))
    alike = unit(centre + apart * rng.normal(size=(files + 1, 32)) / np.sqrt(32) * 4)
    every = JoinedRows([np.concatenate([pictures, alike[1:]])])
    model = ranking_by_similarity()
    lookup = compared.Lookup(model, compared.exactly(every))
    own = np.arange(200)
    copies = JoinedRows([unit(pictures[own] + noise * rng.normal(size=(200, 32)))])
    basis = _learned(lookup, copies, every, own)
    queries = np.concatenate([alike[:1], unit(rng.normal(size=(20, 32)))])
    flat = (np.zeros(count, np.bool_) for count in (len(queries), len(every)))
    sides = (SimpleNamespace(flat=one, vectors=every) for one in flat)
    found = JudgedPairs.of(*sides, lookup.blocks(JoinedRows([queries]), LISTED), basis, 1)
    assert found.likely[0] == likely and found.likely[1:].sum() <= 1


@pytest.mark.parametrize(("files", "apart"), [(2, 0.06), (3, 0.06), (8, 0.05)])
def test_copies_are_likely_where_every_picture_is_there_in_further_files(files, apart):
    """As thumbnails, which are further from their originals than edited copies are, or in sizes."""
    found = np.array([_likely_beside_versions(files, apart, seed) for seed in range(3)])
    copies, others = found.T
    assert copies.mean() > 80 and (others / (copies + others)).mean() <= 1 - PROMISED


def _likely_beside_versions(files, apart, seed):
    """Return how many of 100 copies and of 100 new images are likely."""
    rng = np.random.default_rng(seed)
    pictures = unit(rng.normal(size=(400, 32)))
    versions = pictures.repeat(files - 1, 0)
    versions = unit(versions + apart * rng.normal(size=versions.shape))
    every, own = JoinedRows([np.concatenate([pictures, versions])]), np.arange(300)
    model = ranking_by_similarity()
    lookup = compared.Lookup(model, compared.exactly(every))
    copies = unit(pictures + 0.06 * rng.normal(size=pictures.shape))
    basis = _learned(lookup, JoinedRows([copies[own]]), every, own)
    queries = np.concatenate([copies[300:], unit(rng.normal(size=(100, 32)))])
    flat = (np.zeros(count, np.bool_) for count in (len(queries), len(every)))
    sides = (SimpleNamespace(flat=one, vectors=every) for one in flat)
    likely = JudgedPairs.of(*sides, lookup.blocks(JoinedRows([queries]), LISTED), basis, 1).likely
    return likely[:100].sum(), likely[100:].sum()


def test_new_images_that_stand_out_more_than_edited_ones_are_not_likely():
    """On average: it is of few queries each."""
    found = np.array([_likely_of_new_images(np.random.default_rng(seed)) for seed in range(12)])
    right, wrong, without = found.T
    assert (right == 40).all() and (wrong < without).all()
    assert (wrong / (right + wrong)).mean() <= 1 - PROMISED


def test_originals_that_are_queries_are_not_described_again_nor_are_moved_ones_missed(monkeypatch):
    asked = []

    def describe(model, view, paths, *rest):
        asked.extend(map(str, paths))
        return SimpleNamespace(vectors=np.full((2, 4), 7.0))

    monkeypatch.setattr(originals, "describe_files", describe)
    lookup = SimpleNamespace(model=None, orientations=8, threads=1)
    queries = SimpleNamespace(vectors=np.eye(4), rows_of=lambda _: np.array([3, -1, 0, -1]))
    there = np.ones(4, np.bool_)
    references = SimpleNamespace(rows_of=lambda _: np.array([-1, 3]), there=there)  # one was moved
    own, vectors = _as_queries({0: "a", 1: "b", 3: "d"}, lookup, queries, references, None)
    assert asked == ["b", "d"] and own.tolist() == [0, 3]
    np.testing.assert_array_equal(vectors, [[0, 0, 0, 1], [7, 7, 7, 7]])


def _likely_of_new_images(rng):
    """Return how many copies and new images are likely, and of these without unedited ones' chance.

    As of pages of text: an edit takes each as far from its original as from all others.
    """

    def drawn(count):
        return np.pad(rng.normal(size=(count, 12)), ((0, 0), (0, 52)))

    def edited(pages, much):
        return unit(pages + much * rng.normal(size=pages.shape) * (np.arange(64) >= 12))

    pages, own = drawn(400), np.arange(300)
    vectors = JoinedRows([unit(pages)])
    model = ranking_by_similarity(digest=lambda side: "one")
    lookup = compared.Lookup(model, compared.exactly(vectors))
    references = SimpleNamespace(vectors=vectors, flat=np.zeros(400, np.bool_))
    basis = _learned(lookup, JoinedRows([edited(pages[own], 0.3)]), vectors, own)
    originals = dict.fromkeys(own.tolist(), "")
    unedited = _of_originals(originals, lookup, references, references, None, basis.same)
    queries = JoinedRows([np.concatenate([edited(pages[300:340], 0.05), unit(drawn(160))])])
    sides = SimpleNamespace(vectors=queries, flat=np.zeros(200, np.bool_)), references

    def likely(basis):
        found = JudgedPairs.of(*sides, lookup.blocks(queries, LISTED), basis, 1).likely
        return found[:40].sum(), found[40:].sum()

    return *likely(basis._replace(unedited=unedited)), likely(basis)[1]


@pytest.mark.parametrize("knows_kind", [True, False])
def test_one_more_of_a_rare_kind_is_no_copy_where_the_model_knows_others_of_it(knows_kind):
    rng = np.random.default_rng(3)
    kind = unit(unit(rng.normal(size=(1, 16))) + 0.15 * rng.normal(size=(80, 16)))
    every = np.concatenate([unit(rng.normal(size=(300, 16))), kind[:2]]).astype(np.float32)
    queries, kinds = kind[2:32].astype(np.float32), kind[32:].astype(np.float32)
    copies, vectors = unit(every[:200] + 0.08 * rng.normal(size=(200, 16))), JoinedRows([every])
    lookup = compared.Lookup(
        ranking_by_similarity(kinds if knows_kind else None), compared.exactly(vectors)
    )
    basis = _learned(lookup, JoinedRows([copies.astype(np.float32)]), vectors, np.arange(200))
    (block,) = lookup.blocks(JoinedRows([queries]), LISTED)
    if knows_kind:
        expected = np.sort(queries.astype(np.float64) @ kinds.T, axis=1)[:, :-6:-1]
        np.testing.assert_allclose(block.near.kinds, expected, atol=1e-6)
    flat = (np.zeros(count, np.bool_) for count in (30, len(every)))
    sides = (SimpleNamespace(flat=one, vectors=vectors) for one in flat)
    likely = JudgedPairs.of(*sides, [block], basis, 1).likely.sum()
    assert likely == 0 if knows_kind else likely > 15  # without, the fifth is no page

"""Descriptors of many images: computed by several threads, the same and in the same order."""

import time

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from iscqk.images.margins import without_margins
from iscqk.learning import embedding
from iscqk.learning.data_loading import OriginalImages, ReadableImages
from iscqk.learning.embedding import Look, describe, embed
from iscqk.models.encoder import Encoder, EncoderConfig


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return Encoder(EncoderConfig("test_resnet", 32, "gem", 8)).eval()


@pytest.fixture
def threads():
    """Sets with how many threads torch computes, until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def pictures(monkeypatch):
    """Eleven pictures, which are six blocks."""
    monkeypatch.setattr(embedding, "BATCH_IMAGES", 2)
    pixels = np.random.default_rng(0).integers(0, 256, (11, 40, 40, 3), np.uint8)
    return [Image.fromarray(each) for each in pixels]


@pytest.mark.parametrize(
    ("images", "given", "of_each"), [(2, 4, 4), (4, 4, 2), (6, 4, 1), (11, 4, 1), (11, 1, 1)]
)
def test_as_many_blocks_as_threads_are_computed_at_once(
    encoder, threads, pictures, monkeypatch, images, given, of_each
):
    seen = []
    computed = embedding._features
    monkeypatch.setattr(
        embedding, "_features", lambda *a: seen.append(torch.get_num_threads()) or computed(*a)
    )
    threads(given)
    list(embed(encoder, OriginalImages(pictures[:images], 32), 0))
    assert seen == [of_each] * -(-images // 2) and torch.get_num_threads() == given


def test_threads_change_neither_descriptors_nor_their_order(encoder, threads, pictures):
    found = []
    for count in (1, 3):
        threads(count)
        bank = [rows for _, rows in embed(encoder, OriginalImages(pictures, 32), 0)]
        looks = [Look(encoder, (24, 32), 2), Look(encoder)]
        blocks = list(describe(looks, ReadableImages(pictures, [32, 32]), 0, 8))
        found.append([torch.cat(rows) for rows in (bank, *zip(*blocks, strict=True))])
    assert [tuple(rows.shape) for rows in found[0]] == [(11, 8), (88, 8), (88, 8)]
    assert all(map(torch.equal, *found))
    torch.testing.assert_close(found[0][2][::8], found[0][0], rtol=1e-4, atol=1e-5)


def test_what_has_margins_is_the_mean_with_and_without_them_whole_and_turned(encoder, pictures):
    """Of images without any nothing changes, as the two looks are one."""
    framed = [ImageOps.expand(each, 20, "white") for each in pictures[:3]]
    images = [*framed, *pictures[3:6]]
    cut = [without_margins(each) for each in framed] + pictures[3:6]
    ways = [(encoder, (24, 32), 2), (encoder,)]

    def features(images, trimmed):
        images = OriginalImages(images, 32, trimmed=trimmed)
        return torch.cat([rows for rows, _ in embed(encoder, images, 0, (24, 32), 2)])

    wanted = (features(images, False) + features(cut, False)) / 2
    torch.testing.assert_close(features(images, True), wanted, rtol=1e-4, atol=1e-5)
    looks = [Look(*way) for way in ways]
    blocks = describe(looks, ReadableImages(images, [32, 32], trimmed=True), 0, 8)
    rows = torch.cat([one for one, _ in blocks])
    torch.testing.assert_close(rows[::8], encoder.project(wanted), rtol=1e-4, atol=1e-5)
    mirrored = features([ImageOps.mirror(each) for each in images], True)
    torch.testing.assert_close(rows[4::8], encoder.project(mirrored), rtol=1e-4, atol=1e-5)


def test_an_early_end_waits_for_parts_of_blocks_and_not_for_whole_ones(
    encoder, threads, pictures, monkeypatch
):
    seen, computed = [], encoder.features

    def slow(images):
        time.sleep(0.02)
        seen.append(len(images))
        return computed(images)

    monkeypatch.setattr(encoder, "features", slow)
    monkeypatch.setattr(embedding, "_CPU_PIXELS", 1)  # each picture is a part, a block has 16
    threads(2)
    blocks = describe([Look(encoder)], ReadableImages(pictures, [32]), 0, 8)
    next(blocks)
    before = len(seen)
    blocks.close()
    assert len(seen) - before <= 4

"""The comparison of reading and describing with the bare model: every way, and its share."""

import pytest

from iscqk.bench.description_speed import BARE, OURS, READING, compare_extraction
from iscqk.images.demo_scenes import draw_split
from iscqk.models.encoder import Encoder, EncoderConfig


@pytest.mark.parametrize("threads", [1, 2])
def test_every_way_is_measured_and_compared_with_the_same_threads(tmp_path, threads):
    draw_split(tmp_path, "training", 72, 0, 48, 1)
    paths = sorted(map(str, tmp_path.iterdir()))
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()
    table = compare_extraction(encoder, paths, threads, 2)
    rates = table.set_index(["way", "threads"])["per_second"]
    counts = {1, threads}
    assert set(rates.index) == {(READING, 1)} | {(way, n) for way in (BARE, OURS) for n in counts}
    for row in table.itertuples():
        assert row.per_second > 0
        assert row.of_bare == row.per_second / rates[BARE, row.threads]

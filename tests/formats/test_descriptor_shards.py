import errno
import fcntl

import h5py
import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.formats import descriptor_shards
from iscqk.formats.descriptor_shards import (
    aligned_blocks,
    appending_descriptors,
    count_descriptors,
    descriptor_blocks,
    open_descriptors,
)
from iscqk.formats.ids import REFERENCE
from written_shards import write_descriptors

IDS = [REFERENCE.make(number) for number in range(10)]
VECTORS = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)


def test_a_shard_is_read_back(tmp_path):
    write_descriptors(tmp_path / "a.h5", IDS, VECTORS, {"side": "k"})
    with open_descriptors(tmp_path / "a.h5") as shard:
        assert shard.ids.tolist() == IDS
        np.testing.assert_array_equal(shard.vectors[0:10], VECTORS)
        assert shard.attributes == {"side": "k"}


def test_an_empty_shard_is_a_shard(tmp_path):
    write_descriptors(tmp_path / "a.h5", [], VECTORS[:0], {})
    with open_descriptors(tmp_path / "a.h5") as shard:
        assert (len(shard.ids), shard.vectors.shape) == (0, (0, 3))
    assert list(descriptor_blocks([tmp_path / "a.h5"])) == []


def test_appending_gives_what_writing_at_once_gives(tmp_path):
    with appending_descriptors(tmp_path / "a.h5", 3, None, 10) as appender:
        for start in range(0, 10, 4):
            appender.append(IDS[start : start + 4], VECTORS[start : start + 4])
    with open_descriptors(tmp_path / "a.h5") as shard:
        assert shard.ids.tolist() == IDS
        np.testing.assert_array_equal(shard.vectors[0:10], VECTORS)


def test_several_shards_are_read_as_one_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(descriptor_shards, "BLOCK_ROWS", 4)
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    write_descriptors(paths[0], IDS[:7], VECTORS[:7], {})
    write_descriptors(paths[1], IDS[7:], VECTORS[7:], {})
    blocks = list(descriptor_blocks(paths))
    assert [len(ids) for ids, _ in blocks] == [4, 3, 3]
    assert np.concatenate([ids for ids, _ in blocks]).tolist() == IDS
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), VECTORS)
    assert count_descriptors(paths) == (10, 3)


def test_of_long_rows_fewer_are_read_at_a_time(tmp_path, monkeypatch):
    """A file of a few kilobytes may say that it has rows of megabytes."""
    write_descriptors(tmp_path / "a.h5", IDS, VECTORS, {})
    for numbers, rows in ((7, 2), (2, 1)):
        monkeypatch.setattr(descriptor_shards, "_BLOCK_NUMBERS", numbers)
        blocks = list(descriptor_blocks([tmp_path / "a.h5"]))
        assert {len(ids) for ids, _ in blocks} == {rows}
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), VECTORS)


def test_shards_of_different_dimensions_are_refused(tmp_path):
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    write_descriptors(paths[0], IDS, VECTORS, {})
    write_descriptors(paths[1], IDS, VECTORS[:, :2], {})
    with pytest.raises(UserError, match=r"3 in .*a.h5, 2 in .*b.h5"):
        count_descriptors(paths)
    with pytest.raises(UserError, match="no shard"):
        count_descriptors([])


def test_descriptions_of_which_one_has_a_shard_more_are_refused(tmp_path):
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    write_descriptors(paths[0], IDS[:7], VECTORS[:7], {})
    write_descriptors(paths[1], IDS[7:], VECTORS[7:], {})
    for parts in ([paths, paths[:1]], [paths[:1], paths]):
        with pytest.raises(UserError, match="a.h5 and .*a.h5: not of the same images"):
            list(aligned_blocks(parts))


@pytest.mark.parametrize("numbers", [4, 6, 100])
@pytest.mark.parametrize("splits", [[(10,), (10,)], [(3, 7), (10,)], [(10,), (1, 9), (7, 0, 3)]])
def test_descriptions_may_be_split_and_read_in_other_pieces(tmp_path, monkeypatch, splits, numbers):
    """Of longer rows fewer are read at a time."""
    monkeypatch.setattr(descriptor_shards, "_BLOCK_NUMBERS", numbers)
    parts, whole = [], []
    for number, lengths in enumerate(splits):
        whole.append(np.tile(VECTORS, number + 1))
        ends = np.cumsum((0, *lengths))
        parts.append([tmp_path / f"{number}-{n}.h5" for n in range(len(lengths))])
        for path, low, high in zip(parts[-1], ends, ends[1:], strict=False):
            write_descriptors(path, IDS[low:high], whole[-1][low:high], {})
    ids, found = zip(*aligned_blocks(parts), strict=True)
    assert np.concatenate(ids).tolist() == IDS
    for vectors, expected in zip(zip(*found, strict=True), whole, strict=True):
        np.testing.assert_array_equal(np.concatenate(vectors), expected)


def test_nothing_is_left_of_a_shard_that_was_not_finished(tmp_path):
    with pytest.raises(UserError, match="0 ids came where 10"):
        with appending_descriptors(tmp_path / "a.h5", 3, None, 10):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [(["R0000001"], "R0000001 has over 7 characters"), (["R00000é"], "'R00000é' is not ascii")],
)
def test_ids_are_never_cut(tmp_path, ids, complaint):
    with pytest.raises(UserError, match=complaint):
        write_descriptors(tmp_path / "a.h5", ids, VECTORS[:1], {})


def test_a_shard_is_read_without_a_lock_where_a_disk_has_none(tmp_path, monkeypatch):
    write_descriptors(tmp_path / "a.h5", IDS, VECTORS, {})
    original = h5py.File

    def without_locks(path, mode, locking=None):
        if locking is None:
            what = "No locks available"
            raise OSError(f"unable to lock file, errno = {errno.ENOLCK}, error message = '{what}'")
        return original(path, mode, locking=locking)

    monkeypatch.setattr(h5py, "File", without_locks)
    assert count_descriptors([tmp_path / "a.h5"]) == (10, 3)


def test_a_shard_that_another_process_writes_is_told(tmp_path):
    write_descriptors(tmp_path / "a.h5", IDS, VECTORS, {})
    with (
        open(tmp_path / "a.h5", "rb") as other,
        pytest.raises(UserError, match="short or in use"),
    ):
        fcntl.flock(other, fcntl.LOCK_EX)
        count_descriptors([tmp_path / "a.h5"])


def test_a_shard_that_this_process_has_open_is_read(tmp_path):
    write_descriptors(tmp_path / "a.h5", IDS, VECTORS, {})
    with h5py.File(tmp_path / "a.h5"):
        assert count_descriptors([tmp_path / "a.h5"]) == (10, 3)

"""Descriptors of many images: a list of shards, and rows that are read from the disk."""

import os
import shutil

import h5py
import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.formats.described_images import DescribedImages, File, read_described, write_described
from iscqk.formats.described_shards import (
    beside,
    listed_shards,
    remove_others,
    shard_folder,
    shard_ranges,
    shards_there,
    write_list,
    write_shard,
)
from iscqk.formats.hdf5 import dataset
from iscqk.formats.kept_files import REMEDY
from iscqk.formats.stored_rows import JoinedRows, StoredRows


def made(first, count):
    numbers = range(first, first + count)
    files = [File(os.fsdecode(f"/x/{n}".encode() + b"\xe9"), n, n, n, n) for n in numbers]
    vectors = np.random.default_rng(first).standard_normal((count, 4)).astype(np.float32)
    return DescribedImages(
        files, ["a" * 64] * count, np.zeros(count, bool), vectors, "references", "e"
    )


def written(path, counts=(3, 2)):
    """Write a list of shards; return their vectors as one."""
    parts = [made(10 * n, count) for n, count in enumerate(counts)]
    firsts = np.cumsum([0, *counts]).tolist()
    shards = [write_shard(path, n, part, firsts[n], 9) for n, part in enumerate(parts)]
    write_list(path, shards, "references", "e")
    return np.concatenate([part.vectors for part in parts])


def test_a_list_stands_for_its_shards_in_order(tmp_path):
    path = tmp_path / "photos.h5"
    vectors = written(path)
    shards = listed_shards(path)
    assert [shard.name[:6] for shard in shards] == ["00000-", "00001-"]
    assert (np.concatenate([read_described(shard).vectors for shard in shards]) == vectors).all()
    with h5py.File(shards[1]) as file:
        assert file["ids"][:].tolist() == [b"R000003", b"R000004"]
    write_described(tmp_path / "one.h5", made(0, 2))
    assert listed_shards(tmp_path / "one.h5") == [tmp_path / "one.h5"]


def test_shards_of_a_list_that_is_a_link_lie_beside_what_it_leads_to(tmp_path):
    """Else the list could be read by one of its two names only."""
    (tmp_path / "disk").mkdir()
    link, real = tmp_path / "link.h5", tmp_path / "disk/photos.h5"
    link.symlink_to(real)
    written(link)
    assert link.is_symlink() and listed_shards(link) == listed_shards(real)
    assert {path.name for path in tmp_path.iterdir()} == {"link.h5", "disk"}


def test_a_shard_of_the_same_is_not_written_again_and_another_has_another_name(tmp_path):
    path = tmp_path / "photos.h5"
    written(path)
    before = {shard: shard.stat().st_mtime_ns for shard in listed_shards(path)}
    write_shard(path, 0, made(0, 3), 0, 9)
    assert {shard: shard.stat().st_mtime_ns for shard in shards_there(path)} == before
    same = made(0, 3)
    changed = [
        made(1, 3),
        same._replace(sha256=["b" * 64] * 3),
        same._replace(encoder="f"),
        same._replace(side="queries"),
    ]
    others = {write_shard(path, 0, images, 0, 9) for images in changed}
    assert len(others - before.keys()) == 4 and listed_shards(path) == list(before)
    remove_others(path, list(before))
    assert shards_there(path) == list(before)
    remove_others(path, [])
    assert not (tmp_path / "photos.shards").exists()


def test_what_a_kill_left_half_written_goes_and_what_is_no_shard_stays(tmp_path):
    path = tmp_path / "photos.h5"
    written(path)
    for name in (".00002-0123456789abcdef.part.h5", "mine.h5"):
        (shard_folder(path) / name).touch()
    remove_others(path, [])
    assert os.listdir(shard_folder(path)) == ["mine.h5"]


def test_where_few_images_come_or_go_few_shards_change():
    rng, rows, rewritten = np.random.default_rng(0), 64, []
    images = rng.permutation(10_000)[:1000].tolist()
    shards: list[list[int]] = []
    for _ in range(40):
        images = sorted({*rng.permutation(images)[2:].tolist(), *rng.integers(0, 10_000, 2)})
        owner = {image: number for number, shard in enumerate(shards) for image in shard}
        ranges = shard_ranges(np.array([owner.get(image, -1) for image in images]), rows)
        renewed = [images[start:end] for start, end in ranges]
        assert sum(renewed, []) == images and max(map(len, renewed)) <= rows
        rewritten.append(sum(shard not in shards for shard in renewed))
        shards = renewed
    assert rewritten[0] == 16 == len(range(0, len(images), rows))
    assert max(rewritten[1:]) <= 8 and len(shards) < 40
    assert shard_ranges(np.full(120, -1), 50) == [(0, 50), (50, 100), (100, 120)]


def test_files_of_one_stem_share_nothing(tmp_path):
    paths = [tmp_path / name for name in ("photos.h5", "photos.hdf5", "photos", "photos.hdf5.h5")]
    for number, path in enumerate(paths):
        written(path, (3, 2 + number))
    kept = {path: listed_shards(path) for path in paths}
    assert shard_folder(paths[0]) == tmp_path / "photos.shards"
    for path, shards in kept.items():
        remove_others(path, shards)
    assert all(shards_there(path) == shards for path, shards in kept.items())
    for ending in ("unfinished.h5", "0123456789abcdef.faiss"):
        assert len({beside(path, ending) for path in paths}) == len(paths)


def test_a_list_without_a_shard_or_with_a_name_from_elsewhere_is_told(tmp_path):
    path = tmp_path / "photos.h5"
    written(path)
    os.remove(listed_shards(path)[1])
    with pytest.raises(
        UserError, match=r"photos.shards/00001-\w+.h5: missing, and .*photos.h5 lis"
    ):
        listed_shards(path)
    for names in ([b"../../etc/00000-0123456789abcdef.h5"], []):
        with h5py.File(path, "w") as file:
            file.attrs["side"], file.attrs["encoder_sha256"] = "references", "e"
            file.create_dataset("shards", data=np.array(names, "S99"))
        with pytest.raises(UserError, match="photos.h5: no list of shards"):
            listed_shards(path)


@pytest.mark.parametrize("is_list", [True, False])
def test_a_damaged_list_or_file_is_told_with_the_remedy_wherever_the_damage_is(tmp_path, is_list):
    path = tmp_path / "photos.h5"
    written(path) if is_list else write_described(path, made(0, 2))
    whole, stands_for, told = path.read_bytes(), listed_shards(path), 0
    for start in range(0, len(whole), 64):
        path.write_bytes(whole[:start] + bytes(64) + whole[start + 64 :])
        try:
            shards = listed_shards(path)
            for shard in shards:  # a list that is none any more is no file of descriptors either
                read_described(shard, stored=True)
            assert shards == stands_for
        except UserError as error:
            assert str(error).startswith(f"{path}: ") and str(error).endswith(REMEDY)
            told += 1
    assert told > 3


def test_shards_that_lie_where_they_once_did_are_told_with_what_to_rename(tmp_path):
    """Those of `photos.hdf5` lay in `photos.shards`, which is now of `photos.h5` alone."""
    path = tmp_path / "photos.hdf5"
    written(path)
    shard_folder(path).rename(tmp_path / "photos.shards")
    with pytest.raises(UserError, match=r"rename .*photos.shards to photos.hdf5-shards$"):
        listed_shards(path)


@pytest.mark.parametrize("chunks", [None, (2, 4)])
def test_stored_rows_are_those_of_the_file_even_if_another_takes_its_name(tmp_path, chunks):
    path, vectors = tmp_path / "a.h5", made(0, 7).vectors
    with h5py.File(path, "w") as file:
        file.create_dataset("vectors", data=vectors, chunks=chunks)
    rows = StoredRows(path)
    os.replace(shutil.copy(path, tmp_path / "b.h5"), path)
    path.write_bytes(b"another")
    assert rows.shape == (7, 4) and (rows[2:5] == vectors[2:5]).all() and len(rows[7:]) == 0
    assert (rows[np.array([6, 0, 6])] == vectors[[6, 0, 6]]).all()
    with rows.opened() as file, pytest.raises(UserError, match=f"^{path}: no dataset 'none'"):
        dataset(file, "none")  # named as its user knows it


@pytest.mark.filterwarnings("error")
def test_stored_rows_close_their_file_when_they_go(tmp_path):
    write_described(tmp_path / "a.h5", made(0, 7))
    rows = StoredRows(tmp_path / "a.h5")
    files = rows._file, rows._other
    del rows
    assert all(file.closed for file in files)


def test_stored_rows_of_a_file_that_is_cut_short_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("vectors", data=made(0, 3000).vectors)
    os.truncate(path, 20_000)
    with pytest.raises(UserError, match=r"a.h5: .*cut short"):
        StoredRows(path)


@pytest.mark.parametrize("kept", [None, [0, 2, 3, 8, 11]])
def test_joined_rows_are_those_of_their_parts(tmp_path, kept):
    parts = [made(n, 4).vectors for n in range(3)]
    write_described(tmp_path / "a.h5", made(1, 4))
    stored = StoredRows(tmp_path / "a.h5")
    whole = np.concatenate(parts)[slice(None) if kept is None else kept]
    joined = JoinedRows([parts[0], stored, parts[2]], None if kept is None else np.array(kept))
    assert joined.shape == whole.shape
    for start in range(len(whole) + 1):
        for stop in range(len(whole) + 2):
            assert (joined[start:stop] == whole[start:stop]).all()
            assert len(joined[start:stop]) == len(whole[start:stop])
    rows = np.array([[4, 0, -1], [1, 1, 3]])
    assert (joined[rows] == whole[rows]).all() and joined[rows].shape == (2, 3, 4)
    assert joined[np.empty((0, 3), np.int64)].shape == (0, 3, 4)

"""Files of `iscqk describe`: read back as written, whatever the names, or told in a line."""

import os
import resource

import h5py
import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.formats.described_images import DescribedImages, File, read_described, write_described
from iscqk.formats.kept_files import REMEDY


def made(count, side="references"):
    """Return descriptors of files with names of every kind."""
    names = [os.fsdecode(f"/x/é {n}".encode() + bytes([200 + n % 50])) for n in range(count)]
    files = [File(name, n, 2**62, n, 2**64 - 1) for n, name in enumerate(names)]
    vectors = np.random.default_rng(0).standard_normal((count, 4)).astype(np.float32)
    return DescribedImages(files, ["a" * 64] * count, np.arange(count) % 2 == 1, vectors, side, "e")


def test_it_is_read_as_it_was_written(tmp_path):
    described, path = made(20), tmp_path / "a.h5"
    write_described(path, described)
    found = read_described(path)
    assert found.files == described.files and found.sha256 == described.sha256
    assert (found.vectors == described.vectors).all() and (found.flat == described.flat).all()
    assert (found.side, found.encoder, found.maker) == ("references", "e", "")
    write_described(path, described._replace(maker="the ready model"))
    assert read_described(path).maker == "the ready model"


def test_a_limit_on_the_size_of_files_is_told_wherever_it_is_met(tmp_path):
    """HDF5 ends the process that closes a file which cannot be written, some of them at its end."""
    path, before = tmp_path / "a.h5", resource.getrlimit(resource.RLIMIT_FSIZE)
    write_described(path, made(200))
    whole = path.read_bytes()
    for limit in range(0, len(whole), len(whole) // 20):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            with pytest.raises(UserError, match="a.h5: no space left to write it"):
                write_described(path, made(200))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == ["a.h5"] and path.read_bytes() == whole


@pytest.mark.parametrize("year", [1601, 2400])
def test_a_file_may_be_of_any_date_that_a_disk_has(tmp_path, year):
    image, path = tmp_path / "a.jpg", tmp_path / "a.h5"
    image.write_bytes(b"a")
    os.utime(image, (0, (year - 1970) * 31_556_952))
    write_described(path, made(1)._replace(files=[File.now(image)]))
    assert read_described(path).files[0].is_unchanged("")


def test_more_images_than_ids_of_the_official_form(tmp_path):
    write_described(tmp_path / "a.h5", made(100_001, "queries"))
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["ids"][[0, 100_000]].tolist() == [b"Q000000", b"Q100000"]


@pytest.mark.parametrize(("total", "first"), [(100_000, b"Q00000"), (100_001, b"Q000000")])
def test_ids_have_the_digits_of_the_last_image_of_all(tmp_path, total, first):
    write_described(tmp_path / "a.h5", made(2, "queries"), 0, total)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["ids"][0] == first


def test_some_images_are_as_they_were_among_all():
    whole, rows = made(6)._replace(sha256=[*"abcdef"]), np.array([5, 0, 3])
    some = whole.only(rows)
    assert [file.size for file in some.files] == [5, 0, 3]
    for found, expected in zip(some.at(np.arange(3)), whole.at(rows), strict=True):
        assert found[:2] == expected[:2] and (found.vector == expected.vector).all()


def test_a_file_of_an_earlier_version_is_told(tmp_path):
    path = tmp_path / "a.h5"
    write_described(path, made(3))
    with h5py.File(path, "r+") as file:
        del file["inodes"]
    with pytest.raises(UserError, match=r"a.h5: written by an earlier version; remove it and"):
        read_described(path)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("flat", np.zeros((3, 2), bool)),
        ("flat", np.zeros(3)),
        ("sizes", np.zeros((3, 2), np.int64)),
        ("sizes", np.full(3, np.nan)),
        ("inodes", np.array(b"3")),
        ("modified", np.array(["x"] * 3, "S3")),
        ("sha256", np.zeros(3, np.int64)),
        ("paths", np.array(["/x"] * 3, "S200")),
        ("paths", np.arange(3)),
    ],
)
def test_a_column_of_another_shape_or_kind_is_told(tmp_path, name, column):
    path = tmp_path / "a.h5"
    write_described(path, made(3))
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = column
    with pytest.raises(UserError, match=f"a.h5: damaged .dataset '{name}' holds .*; remove it"):
        read_described(path)


@pytest.mark.parametrize(("name", "value"), [("side", 3), ("side", b"x"), ("encoder_sha256", 3)])
def test_a_side_or_an_encoder_that_is_none_is_told(tmp_path, name, value):
    path = tmp_path / "a.h5"
    write_described(path, made(3))
    with h5py.File(path, "r+") as file:
        file.attrs[name] = np.array(value)
    with pytest.raises(UserError, match="a.h5: damaged .side .*; remove it and desc"):
        read_described(path)


def test_damage_is_told_and_never_waited_for(tmp_path):
    path, rng = tmp_path / "a.h5", np.random.default_rng(0)
    write_described(path, made(20))
    whole, told = path.read_bytes(), 0
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 12)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_described(path)
        except UserError as error:
            assert str(error).startswith(f"{path}: ") and str(error).endswith(REMEDY)
            told += 1
    assert told > 100


@pytest.mark.parametrize("stored", [True, False])
def test_what_a_disk_has_changed_is_told_wherever_it_lies(tmp_path, stored):
    """Values have no sums of their own: zeros over some, or a flipped bit, are values, too."""
    path = tmp_path / "a.h5"
    write_described(path, made(20))
    whole = path.read_bytes()
    with h5py.File(path) as file:
        columns = {name: (file[name].id.get_offset(), file[name].nbytes) for name in file}
    names = whole.index(b"/x/")  # `paths` itself holds where each of them lies
    places = [*((place, size) for name, (place, size) in columns.items() if name != "ids")]
    for place, size in [*places, (names, 8)]:
        for damage in (flipped, zeroed):
            path.write_bytes(damage(whole, place + size // 2, size // 2))
            if path.read_bytes() != whole:
                with pytest.raises(UserError, match=rf"a\.h5: .*; {REMEDY}"):
                    read_described(path, stored)
    path.write_bytes(whole)
    assert len(read_described(path, stored).files) == 20


def flipped(content, place, _):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def zeroed(content, place, count):
    return content[:place] + bytes(count) + content[place + count :]


@pytest.mark.parametrize("orientations", [1, 8])
def test_rows_that_no_encoder_gives_are_told_in_a_file_of_an_earlier_version(
    tmp_path, orientations
):
    path, rows = tmp_path / "a.h5", np.random.default_rng(0).standard_normal((9, orientations, 4))
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    for zeros in (0, 4):  # numbers of a row
        vectors = rows.reshape(9, -1).astype("f4")
        vectors[5, :zeros] = 0  # of one colour
        vectors[6, :zeros] = 0
        write_described(path, made(9)._replace(vectors=vectors))
        with h5py.File(path, "r+") as file:
            del file.attrs["content_sha256"]
        if not zeros:
            assert (read_described(path).vectors == vectors).all()
            continue
        with pytest.raises(UserError, match=rf"damaged .row 6 of its vectors .*; {REMEDY}"):
            read_described(path)

"""Shards of copies: read back as written; nothing but plain copies is taken from a tar."""

import io
import tarfile
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards, write_copies


def header(name="T000000_0.jpg", **fields):
    """Return a member's header block; `type`, `linkname` and `size` as given."""
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    return member.tobuf(tarfile.GNU_FORMAT)


def negative(size):
    """Return a header of negative size, which sends Python 3.11.7's tarfile backwards."""
    block = bytearray(header())
    block[124:136] = b"\xff" + (256**11 - size).to_bytes(11, "big")
    block[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(block))[0]
    return bytes(block)


END = bytes(1024)
GOOD = header(size=3) + b"abc".ljust(512, b"\0")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (header("../../T000000_0.jpg") + END, "not named as a copy"),
        (header("/etc/T000000_0.jpg") + END, "not named as a copy"),
        (header("a/T000000_0.jpg") + END, "not named as a copy"),
        (header("T000000_-1.jpg") + END, "not named as a copy"),
        (header("T000000_00.jpg") + END, "not named as a copy"),
        (header("T000000_0.png") + END, "not named as a copy"),
        (header("T000000_0.jpg\n") + END, "not named as a copy"),
        (header(type=tarfile.SYMTYPE, linkname="/etc/passwd") + END, "no regular file"),
        (header(type=tarfile.LNKTYPE, linkname="/etc/passwd") + END, "no regular file"),
        (header(type=tarfile.CHRTYPE) + END, "no regular file"),
        (header(type=tarfile.FIFOTYPE) + END, "no regular file"),
        (header(type=tarfile.DIRTYPE) + END, "no regular file"),
        (header(type=tarfile.GNUTYPE_SPARSE) + END, "no regular file"),
        (header(type=tarfile.GNUTYPE_LONGNAME, size=2**60) + END, "no regular file"),
        (header(type=tarfile.XHDTYPE, size=0) * 2000 + END, "no regular file"),
        (header(size=2**60) + END, "cut short"),
        (header(size=513) + bytes(512), "cut short"),
        (GOOD + negative(512) + END, "cut short"),
        (GOOD + GOOD + END, "is there twice"),
        (GOOD, "empty header"),
        (GOOD + END[:100], "truncated header"),
        (GOOD + b"\x01" * 512, "bad checksum|invalid header"),
        (b"", "empty header"),
        (b"\x1f\x8b" + bytes(600), "bad checksum|invalid header"),
        (GOOD + header("T000001_1.jpg") + END, "differ in their number of copies"),
        (header("__origin__/copies.json", size=2) + b"[]".ljust(512) + END, "is no origin"),
        (header("__origin__/copies.json", size=512) + b"[" * 512 + END, "no shard of copies"),
        (header("__origin__/copies.json", size=2**17) + bytes(2**17) + END, "is too long"),
    ],
    ids=range(28),
)
def test_anything_but_plain_copies_is_refused(tmp_path, content, complaint):
    path = tmp_path / "s.tar"
    path.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as error:
        CopyShards([path])
    assert str(path) in str(error.value) and str(error.value).isprintable()


@given(
    st.lists(st.binary(max_size=1200), max_size=4),
    st.integers(1, 2),
)
def test_copies_are_read_back(tmp_path_factory, contents, views):
    path = tmp_path_factory.getbasetemp() / "copies.tar"
    written = [
        (f"T{number:06d}", view, content + bytes([view]), [])
        for number, content in enumerate(contents)
        for view in range(views)
    ]
    write_copies(path, written, {"round": 1})
    shards = CopyShards([path])
    assert len(shards) == len(written) and shards.ids == [f"T{n:06d}" for n in range(len(contents))]
    assert all(shards.jpeg(*divmod(n, views)) == jpeg for n, (*_, jpeg, _) in enumerate(written))
    shards.close()
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:  # and by anybody's tar
        assert len(tar.getmembers()) == 1 + 2 * len(written)


def test_shards_are_read_by_their_places_however_they_are_named(tmp_path):
    paths = [tmp_path / f"{number}.tar" for number in range(3)]
    for number, path in enumerate(paths):
        copies = [(f"T{number:06d}", view, b"%d" % number, []) for view in range(2)]
        write_copies(path, copies, {"shards": 3, "shard": number})
    shards = CopyShards([paths[2], paths[0], paths[1]])
    assert shards.ids == [f"T{number:06d}" for number in range(3)]
    assert [shards.jpeg(image, 1) for image in range(3)] == [b"0", b"1", b"2"]
    assert [provenance["shard"] for _, provenance in shards.provenances] == [0, 1, 2]


def test_an_index_is_small_whatever_the_order_of_the_copies(tmp_path):
    ids, paths = (
        [f"T{number:06d}" for number in range(500)],
        [tmp_path / "0.tar", tmp_path / "1.tar"],
    )
    for view, path in enumerate(paths):
        write_copies(path, ((name, 1 - view, b"%d" % view, []) for name in ids), {})
    tracemalloc.start()
    shards = CopyShards(paths)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert shards.ids == ids and len(shards) == 1000 and size < 120 * 1000
    assert [shards.jpeg(7, view) for view in range(2)] == [b"1", b"0"]
    shards.close()


def test_a_copy_that_is_in_two_shards_is_named_with_the_second(tmp_path):
    for name, images in {"a": "01", "b": "21"}.items():
        path = tmp_path / f"{name}.tar"
        write_copies(path, ((f"T00000{image}", 0, b"", []) for image in images), {})
    with pytest.raises(UserError, match=r"b\.tar: .*T000001_0\.jpg is there twice"):
        CopyShards([tmp_path / "a.tar", tmp_path / "b.tar"])

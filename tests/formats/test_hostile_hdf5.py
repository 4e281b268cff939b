"""HDF5 files from elsewhere that would read other files, fill the memory or never end."""

import io
import resource
import struct
import zlib

import h5py
import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.formats.descriptor_shards import descriptor_blocks, open_descriptors
from iscqk.formats.hdf5 import open_hdf5, read_attributes

IDS = np.array([b"R000000", b"R000001"])
VECTORS = np.ones((2, 3), np.float32)


def shard(path, **datasets):
    """Write a shard, some of its datasets by functions of (file, name)."""
    with h5py.File(path, "w") as file:
        for name, value in {"ids": IDS, "vectors": VECTORS, **datasets}.items():
            if callable(value):
                value(file, name)
            else:
                file[name] = value
    return path


def declared(shape, dtype="f4", **options):
    return lambda file, name: file.create_dataset(name, shape, dtype, **options)


def inflating(file, name):
    """Write a chunk of 24 bytes of content that inflates to 64 MB."""
    found = file.create_dataset(name, (2, 3), "f4", chunks=(2, 3), compression="gzip")
    found.id.write_direct_chunk((0, 0), zlib.compress(bytes(2**26), 9))


def shorter_than_its_checksum(file, name):
    """Write a chunk of 3 bytes, in whose reading HDF5 2.0 ends the process."""
    found = file.create_dataset(name, (2, 3), "f4", chunks=(2, 3), fletcher32=True)
    found.id.write_direct_chunk((0, 0), b"abc")


def lzf_of(size):
    return declared(
        (2, 3), data=VECTORS, chunks=(size // 12, 3), maxshape=(None, 3), compression="lzf"
    )


def of_no_type_of_numpy(file, name):
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100_000)
    h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple((2, 3)))


def external(file, name):
    file.create_dataset(name, (2, 3), "f4", external=[("/dev/zero", 0, 24)])


def virtual(file, name):
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (2, 3))
    file.create_virtual_dataset(name, layout)


def packed_ids(compression, **options):
    """Write ids of variable length, packed."""
    ids = np.array(["R000000", "R000001"], dtype=object)
    return declared((2,), h5py.string_dtype(), data=ids, compression=compression, **options)


def linked(link):
    def write(file, name):
        file[name] = link

    return write


@pytest.mark.parametrize(
    ("datasets", "complaint"),
    [
        ({"vectors": linked(h5py.ExternalLink("other.h5", "/x"))}, "'vectors' is a link"),
        ({"vectors": linked(h5py.SoftLink("/ids"))}, "'vectors' is a link"),
        ({"vectors": linked(h5py.SoftLink("/vectors"))}, "'vectors' is a link"),
        ({"vectors": external}, "from other files"),
        ({"vectors": virtual}, "from other files"),
        ({"vectors": declared((2**60, 3), chunks=(1024, 3))}, "declares 1152921504606846976 x 3"),
        ({"vectors": declared((2, 2**40), chunks=(1, 64))}, "declares 2 x 1099511627776"),
        ({"vectors": declared((10**6, 3), chunks=(1024, 3))}, "lacks some"),
        ({"vectors": declared((2, 3), chunks=(2**16, 2**11), maxshape=(None, None))}, "chunks of"),
        ({"vectors": declared((2, 3))}, "lacks some"),
        ({"vectors": inflating}, "holds more than its"),
        ({"vectors": of_no_type_of_numpy}, "damaged .*Insufficient precision"),
        ({"vectors": shorter_than_its_checksum}, "has an empty chunk; make the file again"),
        ({"vectors": lzf_of(2**23)}, "LZF chunks of over"),
        ({"ids": packed_ids("lzf")}, "packs values of variable length by LZF"),
        ({"vectors": declared((2, 3), data=VECTORS, scaleoffset=2)}, "filters other than"),
        ({"vectors": h5py.Empty("f4")}, "no shape"),
        ({"vectors": VECTORS.astype(">f8")}, "is >f8"),
        ({"vectors": VECTORS.astype(complex)}, "is complex128"),
        ({"ids": declared((2,), h5py.ref_dtype)}, "lacks some|is object"),
        ({"ids": np.array([b"x" * 2**16] * 2**13)}, "holds over"),
        ({"ids": np.array(["R000000", "R" * 1000], dtype=object)}, "over 255 bytes"),
    ],
)  # fmt: skip
def test_what_no_honest_file_has_is_refused(tmp_path, datasets, complaint):
    path = shard(tmp_path / "s.h5", **datasets)
    with pytest.raises(UserError, match=complaint) as error, open_descriptors(path):
        pass
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "gzip"},
        {"chunks": (1, 3)},
        {"dtype": ">f4"},
        {"compression": "lzf"},
        {"compression": "lzf", "shuffle": True, "fletcher32": True},
    ],
    ids=str,
)
def test_honest_layouts_are_read(tmp_path, options):
    vectors = declared((2, 3), data=VECTORS, **options)
    path = shard(tmp_path / "s.h5", vectors=vectors, ids=np.array(["R000000", "R000001"], "O"))
    ((ids, rows),) = descriptor_blocks([path])
    assert ids.tolist() == ["R000000", "R000001"]
    np.testing.assert_array_equal(rows, VECTORS)


@pytest.mark.parametrize("options", [{}, {"shuffle": True}])
def test_packed_ids_are_read_and_looked_into(tmp_path, options):
    path = shard(tmp_path / "s.h5", ids=packed_ids("gzip", **options))
    with open_descriptors(path) as found:
        assert found.ids.tolist() == ["R000000", "R000001"]
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 24 : heap + 32] = (2**40).to_bytes(8, "little")  # the first id's own length
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged heap"), open_descriptors(path):
        pass


def test_lzf_that_asks_for_gigabytes_gets_none(tmp_path):
    vectors = declared((2, 3), data=VECTORS, compression="lzf")
    content = shard(tmp_path / "s.h5", vectors=vectors).read_bytes()
    numbers = struct.pack("<3I", 4, 261, VECTORS.nbytes)  # the last: of the buffer
    assert content.count(numbers) == 1
    asking = content.replace(numbers, struct.pack("<3I", 4, 261, 2**31))
    (tmp_path / "s.h5").write_bytes(asking)
    with pytest.raises(UserError, match="LZF chunks of over"), open_descriptors(tmp_path / "s.h5"):
        pass


@pytest.mark.parametrize("reserved", [b"\0\0\0", b"\0\0@"])
def test_a_heap_that_hdf5_would_follow_for_ever_is_refused(tmp_path, reserved):
    buffer = io.BytesIO()
    shard(buffer, ids=np.array(["R000000", "R000001"], dtype=object))
    content = bytearray(buffer.getvalue())
    heap = content.index(b"GCOL")
    content[heap + 5 : heap + 8] = reserved
    free = content.index((0x1000 - 16 - 2 * 24).to_bytes(8, "little"), heap)
    content[free : free + 3] = b"TRE"  # found by fuzzing: an odd size of the free space
    (tmp_path / "s.h5").write_bytes(content)
    with pytest.raises(UserError, match="damaged heap"), open_descriptors(tmp_path / "s.h5"):
        pass


def test_an_id_that_declares_gigabytes_takes_none(tmp_path):
    buffer = io.BytesIO()
    shard(buffer, ids=np.array(["R000000", "R000001"], dtype=object))
    with h5py.File(buffer) as file:
        second = file["ids"].id.get_offset() + 16
    content = bytearray(buffer.getvalue())
    assert content[second : second + 4] == (7).to_bytes(4, "little")
    content[second : second + 4] = b"\xff\xff\xff\xf0"  # found by fuzzing
    (tmp_path / "s.h5").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="id of over 255"), open_descriptors(tmp_path / "s.h5"):
        pass
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ({}, True),
        ({"chunks": (3,), "maxshape": (None,)}, True),
        ({"chunks": (3,), "compression": "gzip", "shuffle": True}, True),
        ({"compression": "lzf"}, False),
    ],
)
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_ids_of_variable_length_in_honest_layouts(tmp_path, options, read, version):
    names = [f"R{number:06}" for number in range(7)]
    with h5py.File(tmp_path / "s.h5", "w", libver=version, userblock_size=512) as file:
        file.create_dataset("ids", data=names, dtype=h5py.string_dtype(), **options)
        file.create_dataset("vectors", data=np.ones((7, 3), np.float32))
    if read:
        with open_descriptors(tmp_path / "s.h5") as descriptors:
            assert descriptors.ids.tolist() == names
    else:
        with pytest.raises(UserError, match="packs values of variable length"):
            open_descriptors(tmp_path / "s.h5").__enter__()


def test_only_plain_attributes_are_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["n"], file.attrs["text"] = 3, np.bytes_("é".encode())
        file.attrs["array"], file.attrs["any length"] = np.arange(3), "text"
        file.attrs["reference"], file.attrs["empty"] = file.ref, h5py.Empty("f4")
    with open_hdf5(tmp_path / "a.h5") as file:
        assert read_attributes(file) == {"n": 3, "text": "é"}


def test_what_others_have_put_beside_our_attributes_is_in_nobodys_way(tmp_path):
    quad = h5py.h5t.IEEE_F64LE.copy()  # for which NumPy has no type
    quad.set_size(16)
    quad.set_precision(128)
    quad.set_fields(127, 112, 15, 0, 112)
    quad.set_ebias(16383)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["n"], file.attrs["latin-1"] = 3, np.bytes_("é".encode("latin-1"))
        file.attrs[b"\xff"] = 1
        h5py.h5a.create(file.id, b"quad", quad, h5py.h5s.create(h5py.h5s.SCALAR))
        file.attrs["time"] = np.array(0, "i8").astype(h5py.opaque_dtype("M8[s]"))
    with open_hdf5(tmp_path / "a.h5") as file:
        found = read_attributes(file)
    assert found["n"] == 3 and found["latin-1"] == r"\xe9"


def test_a_file_is_not_called_damaged_where_no_more_may_be_open(tmp_path):
    with h5py.File(tmp_path / "sound.h5", "w") as file:
        file["vectors"] = np.zeros(3)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"), open_hdf5(tmp_path / "sound.h5"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

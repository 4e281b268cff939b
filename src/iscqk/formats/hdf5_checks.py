"""What is looked at in a dataset from elsewhere before any of it is read.

HDF5 lets a small file declare 2**60 rows, inflate to a thousand times its size, and take its
content from other files of the machine. None of the challenge's files needs that.
"""

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from iscqk.errors import UserError

_MAX_ROWS = 10_000_000  # ten times the challenge's references
_MAX_COLUMNS = 2**14
_MAX_CHUNK = 2**28  # bytes that reading a single row may bring into memory
_MAX_IDS = 2**28  # bytes of the ids of all rows
_HEAP = b"GCOL\x01"  # and three bytes that HDF5 does not look at
_MAX_HEAP = 2**28  # bytes
_MAX_ATTRIBUTE = 2**16  # bytes, as in the format itself
_CHECKSUM = 4  # bytes of Fletcher's
_GZIP, _SHUFFLE, _FLETCHER32 = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, 3
# Nothing here can look into LZF, but its chunks grow 88-fold at most; h5py's own are small.
_LZF, _MAX_LZF_CHUNK = h5py.h5z.FILTER_LZF, 2**22


@contextmanager
def as_user_errors(where: str) -> Iterator[None]:
    """Turn whatever h5py raises on a damaged file into a UserError about `where`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # anything from KeyError to SystemError, by what is damaged
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{where}: damaged ({reason}); make the file again") from error


def check_dataset(found: h5py.Dataset, where: str) -> None:
    """Refuse a dataset whose content is elsewhere, is not there, or is absurdly large.

    Raises:
        UserError: saying which, and the remedy.
    """
    if found.external or found.is_virtual:
        raise UserError(f"{where} takes its data from other files; copy them into this one")
    if found.shape is None:
        raise UserError(f"{where} has no shape; write it anew")
    if found.shape and (
        found.shape[0] > _MAX_ROWS or max(found.shape[1:], default=0) > _MAX_COLUMNS
    ):
        raise UserError(
            f"{where} declares {' x '.join(map(str, found.shape))} values; at most "
            f"{_MAX_ROWS} rows of {_MAX_COLUMNS} are read, write less"
        )
    # h5py raises here at a type that NumPy has not; readers call within `as_user_errors`.
    str(found.dtype)
    _check_storage(found, where)
    _check_filters(found, where)


def check_ids(found: h5py.Dataset, where: str) -> None:
    """Refuse ids that would not fit into memory comfortably."""
    if found.size * found.id.get_type().get_size() > _MAX_IDS:
        raise UserError(f"{where} holds over {_MAX_IDS} bytes; write short ascii ids")


def is_single(attribute: h5py.h5a.AttrID) -> bool:
    """Return whether an attribute is one short number or text of fixed size.

    Text of variable size lies in heaps, for which see `check_variable`.
    """
    plain = attribute.get_type().get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING)
    if not plain or attribute.shape != ():
        return False
    try:
        kind = attribute.dtype
    except (TypeError, ValueError):  # NumPy has none such
        return False
    return bool(kind.kind in "iufS" and kind.itemsize <= _MAX_ATTRIBUTE)


def check_variable(found: h5py.Dataset, where: str, longest: int) -> None:
    """Refuse values of variable length that HDF5 would follow for ever, or into much memory.

    A value is stored as its length (4 bytes), the address of its heap and its number there (4
    bytes). HDF5 2.0 takes the length's memory before it looks, and reads a heap with an object of
    no bytes without end. A heap is 16 bytes of header, then objects of 16 bytes and their content
    (File Format Specification 3.0, III.E).
    """
    width = _width(found)
    heaps: set[int] = set()
    with open(found.file.filename, "rb") as file:
        for content in _stored(found, where, file):
            stored = np.frombuffer(content, dtype=np.uint8).reshape(-1, width)
            if (_integers(stored[:, :4]) > longest).any():
                raise UserError(f"{where} holds an id of over {longest} bytes; write ascii ids")
            heaps.update(np.unique(_integers(stored[:, 4:-4])).tolist())
        for place in heaps - {0}:  # where there is no value
            file.seek(found.file.userblock_size + place)
            header = file.read(16)
            rest = min(int.from_bytes(header[8:], "little"), _MAX_HEAP) - len(header)
            if header[:5] != _HEAP or rest < 0 or not _is_sound(header + file.read(rest)):
                raise UserError(f"{where} has a damaged heap; make the file again")


def _integers(stored: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return (n,) integers of their bytes (n, at most 8), the lowest first."""
    whole = np.zeros((len(stored), 8), dtype=np.uint8)
    whole[:, : stored.shape[1]] = stored
    return whole.view("<u8")[:, 0]


def _width(found: h5py.Dataset) -> int:
    """Return how many bytes of a dataset a value takes in the file."""
    if not found.dtype.hasobject:
        return int(found.id.get_type().get_size())
    address, _ = found.file.id.get_create_plist().get_sizes()
    return int(4 + address + 4)


def _stored(found: h5py.Dataset, where: str, file: BinaryIO) -> Iterator[bytes]:
    """Yield all that a dataset of values of variable length stores, unpacked."""
    if not found.size:
        return
    if found.chunks is None:
        if found.id.get_offset() is None:
            raise UserError(f"{where} has ids of variable length in its header; write ascii bytes")
        file.seek(found.id.get_offset())
        yield file.read(found.size * _width(found))
        return
    for chunk in _chunks(found):
        yield _unpacked(found, chunk)


def _unpacked(found: h5py.Dataset, chunk: Any) -> bytes:
    """Return what a chunk holds; its filters have passed `_check_filters`."""
    _, content = found.id.read_direct_chunk(chunk.chunk_offset)
    width, codes = _width(found), _filters(found)
    for place, code in reversed(list(enumerate(codes))):
        if chunk.filter_mask & 1 << place:  # left out for this chunk
            continue
        if code == _GZIP:
            content = zlib.decompress(content)
        elif code == _FLETCHER32:
            content = content[:-_CHECKSUM]
        else:  # shuffled: all first bytes, all second bytes, ...
            content = np.frombuffer(content, dtype=np.uint8).reshape(width, -1).T.tobytes()
    if len(content) != math.prod(found.chunks) * width:
        raise ValueError(f"a chunk of {len(content)} bytes")
    return content


def _filters(found: h5py.Dataset) -> list[int]:
    """Return the codes of a dataset's filters, in the order in which they were applied."""
    settings = found.id.get_create_plist()
    return [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]


def _chunks(found: h5py.Dataset) -> list[Any]:
    """Return what h5py tells of each chunk: where it lies and how large it is."""
    chunks: list[Any] = []
    found.id.chunk_iter(chunks.append)
    return chunks


def _is_sound(heap: bytes) -> bool:
    """Return whether the objects of a heap fill it one after another."""
    place = 16
    while place + 16 <= len(heap):
        number, size = (
            heap[place : place + 2],
            int.from_bytes(heap[place + 8 : place + 16], "little"),
        )
        free = number == b"\0\0"  # its size counts its own 16 bytes
        if free and (size < 16 or size % 8):
            return False
        place += size if free else 16 + -(-size // 8) * 8
    return place <= len(heap)


def _check_storage(found: h5py.Dataset, where: str) -> None:
    """Refuse rows that were declared and never written."""
    size = found.id.get_type().get_size()
    if found.chunks is None:
        whole = found.id.get_storage_size() >= found.size * size
    else:
        if math.prod(found.chunks) * size > _MAX_CHUNK:
            raise UserError(f"{where} has chunks of over {_MAX_CHUNK} bytes; write smaller ones")
        needed = math.prod(-(-n // c) for n, c in zip(found.shape, found.chunks, strict=True))
        whole = found.id.get_num_chunks() >= needed
    if not whole:
        raise UserError(f"{where} declares {found.shape[0]} rows and lacks some; write all of them")


def _check_filters(found: h5py.Dataset, where: str) -> None:
    """Refuse rare filters, and chunks that are empty or inflate to more than they should hold."""
    filters = _filters(found)
    rare = not set(filters) <= {_GZIP, _SHUFFLE, _FLETCHER32, _LZF}
    if rare or len(set(filters)) < len(filters):
        raise UserError(f"{where} has filters other than gzip; write it plainly or with gzip")
    if not filters:
        return
    expected = math.prod(found.chunks) * _width(found)
    if _LZF in filters:
        _check_lzf(found, expected, where)
    chunks = _chunks(found)
    # HDF5 2.0 reads beyond a chunk that is shorter than the checksum at its end.
    if any(chunk.size <= _CHECKSUM for chunk in chunks):
        raise UserError(f"{where} has an empty chunk; make the file again")
    if _GZIP in filters and any(_inflates_beyond(found.id, c, expected) for c in chunks):
        raise UserError(f"{where} holds more than its {found.shape} values; write it anew")


def _check_lzf(found: h5py.Dataset, expected: int, where: str) -> None:
    """Refuse LZF where it could fill the memory: in large chunks, or with a large buffer."""
    if found.dtype.hasobject:
        raise UserError(f"{where} packs values of variable length by LZF; write ascii bytes")
    settings = found.id.get_create_plist()
    numbers = next(f[2] for f in map(settings.get_filter, range(9)) if f[0] == _LZF)
    stored = max((chunk.size for chunk in _chunks(found)), default=0)
    if max(expected, stored, *numbers[2:]) > _MAX_LZF_CHUNK:
        raise UserError(
            f"{where} has LZF chunks of over {_MAX_LZF_CHUNK} bytes; write it plainly or with gzip"
        )


def _inflates_beyond(dataset: Any, chunk: Any, expected: int) -> bool:
    """Return whether a chunk inflates to more than it should: HDF5 would follow to any size."""
    _, stored = dataset.read_direct_chunk(chunk.chunk_offset)
    most = expected + _CHECKSUM
    try:
        return len(zlib.decompressobj().decompress(stored, most + 1)) > most
    except zlib.error:
        return False  # damaged, or stored as it is; reading will tell

"""The readers that are fuzzed: what each is called with, and a corpus to begin with."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import h5py
import numpy as np
from safetensors.numpy import save

from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards, write_copies
from iscqk.formats.csv_tables import read_listed_ids
from iscqk.formats.descriptor_shards import descriptor_blocks, open_descriptors
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.image_shards import content_of, is_there, paths_in, status_of
from iscqk.formats.manifest import read_manifest, read_shard
from iscqk.formats.predictions import read_predictions
from iscqk.formats.query_edits import read_query_edits
from iscqk.formats.submission import open_submission
from iscqk.images.finding import only_listed
from iscqk.submission.validation import validate_submission


class Reader(NamedTuple):
    """A reader of files, which may return or raise UserError, and files that it takes.

    `words` are what a mutation should know of the format.
    """

    read: Callable[[Path], object]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...]


def once(reader: Reader, path: Path) -> None:
    """Let a reader read a file; anything but an answer or a UserError of one line is a crash."""
    try:
        reader.read(path)
    except UserError as error:
        assert "\n" not in str(error), "an error of several lines"


def _guises(text: str) -> list[bytes]:
    """Return a table of text as it goes around."""
    body = text.partition("\n")[2]
    return [
        text.encode(),
        body.encode(),
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        text.replace(",", '","').replace("\n", '"\n"').encode(),
        text.encode("utf-16"),
        b"",
    ]


def _submission(path: Path) -> None:
    validate_submission(path)
    with open_submission(path) as submission:
        for rows in (submission.query, submission.reference):
            for start in range(0, len(rows), 64):
                rows[start : start + 64]


def _descriptors(path: Path) -> None:
    with open_descriptors(path) as shard:
        assert len(shard.ids) == len(shard.vectors)
    for ids, vectors in descriptor_blocks([path]):
        assert len(ids) == len(vectors)


def _copies(path: Path) -> None:
    copies, size = CopyShards([path]), path.stat().st_size
    for image in range(len(copies.ids)):
        for view in range(copies.views):
            assert len(copies.jpeg(image, view)) <= size
    copies.close()


def _images(path: Path) -> None:
    shard = path.rename(path.with_suffix(".tar"))  # by its name it is one
    try:
        for image in paths_in(shard):
            assert len(content_of(image) or b"") == status_of(image).size and is_there(image)
    finally:
        shard.rename(path)


def _image_tars() -> list[bytes]:
    found = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
            for name in ("a.jpg", "b/" * 60 + "c.jpg", "é.jpg"):
                member = tarfile.TarInfo(name)
                member.size = 9
                tar.addfile(member, io.BytesIO(b"some jpeg"))
        found.append(buffer.getvalue())
    return found


def _provenance(path: Path) -> None:
    from iscqk.models.weights import read_provenance  # imports torch, which only this one needs

    read_provenance(path)


def _hdf5(
    packed: Mapping[str, object] = MappingProxyType({}), **options: object
) -> Iterator[bytes]:
    """Yield small HDF5 files that are a submission and a shard of descriptors at once.

    Args:
        packed: how ids are stored.
        options: how vectors are.
    """
    vectors = np.arange(12, dtype=np.float32).reshape(3, 4)
    for ids in (np.bytes_, object):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for name, letter in (("query", "Q"), ("reference", "R0"), ("vectors", "T0")):
                names = [f"{letter}{number:05d}".encode() for number in range(3)]
                key = "ids" if name == "vectors" else f"{name}_ids"
                file.create_dataset(key, data=np.array(names, dtype=ids), **packed)
                file.create_dataset(name, data=vectors, **options)
            file.attrs["weights_sha256"] = "0" * 64
        yield buffer.getvalue()


def _hdf5_seeds() -> list[bytes]:
    gzip = {"compression": "gzip", "shuffle": True}
    return [
        *_hdf5(),
        *_hdf5(chunks=(2, 4), fletcher32=True, **gzip),
        *_hdf5(packed={"chunks": (2,), **gzip}, compression="lzf"),
    ]


def _tars() -> list[bytes]:
    copies = [(f"T{n:06d}", view, b"jpeg" * 9, ["crop"]) for n in range(2) for view in range(2)]
    path = Path("seed.tar")
    write_copies(path, copies, {"round": 1})
    content = path.read_bytes()
    path.unlink()
    return [content, content[:1536], b""]


def _weights() -> list[bytes]:
    facts = {"encoder": {"backbone": "gist"}, "provenance": {"half_round": "initial"}}
    tensors = {"head.weight": np.zeros((2, 2), np.float32)}
    texts = (json.dumps(facts), "[[[[]]]]", "{}")
    return [save(tensors, {"iscqk": text}) for text in texts]


_IDS = (b"Q00000", b"R000001", b"T000002", b'"', b",", b"\r\n", b"\xef\xbb\xbf", b"nan", b"\xff")
_GROUND_TRUTH = "query_id,reference_id\nQ00000,R000001\nQ00001,\nQ00002,R000003\n"
_PREDICTIONS = "query_id,reference_id,score\nQ00000,R000001,0.5\nQ00001,R000001,-1e-3\n"
_MANIFEST = "id,path,sha256,width,height\nT000000,a/b.jpg,00ff,3,4\nT000001,c.jpg,00fe,5,6\n"
_TAR = (b"ustar\x0000", b"T000000_0.jpg", b"\x80", b"\xff" * 12, b"0000644", b"x", b"L", b"../")
_HDF5 = (b"\x89HDF\r\n\x1a\n", b"TREE", b"HEAP", b"SNOD", b"GCOL", b"OHDR", b"\xff" * 8, b"query")

READERS = {
    "predictions": Reader(read_predictions, lambda: _guises(_PREDICTIONS), _IDS),
    "ground_truth": Reader(read_ground_truth, lambda: _guises(_GROUND_TRUTH), _IDS),
    "manifest": Reader(read_manifest, lambda: _guises(_MANIFEST), _IDS),
    "manifest_shard": Reader(lambda p: read_shard(p, 1, 2), lambda: _guises(_MANIFEST), _IDS),
    "listed_ids": Reader(read_listed_ids, lambda: _guises(_MANIFEST), _IDS),
    "edits": Reader(
        read_query_edits, lambda: _guises("query_id,edits\nQ00000,crop;blur\nQ00001,\n"), _IDS
    ),
    "names": Reader(
        lambda p: only_listed([Path("a.jpg")], p), lambda: [b"a\n", b"\xef\xbb\xbfa\r\nb\r\n"], _IDS
    ),
    "submission": Reader(_submission, _hdf5_seeds, _HDF5),
    "descriptors": Reader(_descriptors, _hdf5_seeds, _HDF5),
    "copies": Reader(_copies, _tars, _TAR),
    "images": Reader(_images, _image_tars, (*_TAR, b"30 path=", b"GNU.sparse.", b"\n")),
    "weights": Reader(_provenance, _weights, (b"iscqk", b"__metadata__", b"[", b"{", b'\\"')),
}

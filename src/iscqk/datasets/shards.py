"""Shards of your own: tar files in the WebDataset layout, here or in a storage."""

from collections.abc import Iterator, Mapping
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.image_shards import is_named_as_shard
from iscqk.images.dataset_interface import NAMED, RANGE, Source, Sources, find_named

_MOST = 20_000  # files of a range: each is an input of the first jobs


def _shards(name: str, paths: str | list[str]) -> list[str]:
    """Return the shards of a key of the section.

    Whether they are there is for Snakemake to say, which knows what lies in a storage.

    Raises:
        UserError: what is named is no shard.
    """
    given = [paths] if isinstance(paths, str) else paths
    shards = list(dict.fromkeys(shard for path in given for shard in _all(path)))
    for path in shards:
        if not is_named_as_shard(path):
            what = "is no .tar file; name one, as in photos-{000..019}.tar, or take kind: folders"
            raise UserError(f"config: dataset.{name}: {path} {what}")
    if not shards:
        raise UserError(f"config: dataset.{name}: no file in the range {paths}; correct it")
    return shards


def _all(path: str) -> Iterator[str]:
    """Yield the paths that a path with a range means: of a-{09..10}.tar, a-09.tar and a-10.tar."""
    if (found := RANGE.search(path)) is None:
        yield path
        return
    first, last = found.groups()
    if int(last) - int(first) >= _MOST:
        what = f"over {_MOST} files; pack more images in each"
        raise UserError(f"config: dataset: the range {found[0]}: {what}")
    for number in range(int(first), int(last) + 1):
        yield from _all(f"{path[: found.start()]}{number:0{len(first)}}{path[found.end() :]}")


def _find(dataset: Mapping[str, Any]) -> Sources:
    return find_named(dataset, _shards, lambda _, path: path, dict(dataset.get("lists", {})))


SOURCE = Source("your own in tar files, as WebDataset has them", _find, watched=True, takes=NAMED)

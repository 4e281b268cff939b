"""Shards of descriptors that are in memory, for what reads shards."""

from iscqk.formats.descriptor_shards import appending_descriptors


def write_descriptors(path, ids, vectors, attributes):
    """Write (n,) ids and (n, d) float32 vectors as one shard."""
    with appending_descriptors(path, vectors.shape[1], attributes, len(ids)) as appender:
        appender.append(ids, vectors)

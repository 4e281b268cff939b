"""The one place that imports faiss, whose types are those of C++.

On a Mac it brings an OpenMP runtime of its own beside torch's, which may end the process
(facebookresearch/faiss-wheels#73, pytorch/pytorch#149201). Not tried: what it is needed for is
`--index` and the peers of the benchmarks; exact searches do without.
"""

from typing import Any


def load_faiss() -> Any:
    """Return the library, with the search of the challenge's evaluator."""
    import faiss
    import faiss.contrib.exhaustive_search

    return faiss

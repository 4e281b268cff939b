import ctypes

import numpy as np

from iscqk.retrieval.blas import one_thread_products


def test_the_number_of_threads_is_put_back():
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)
    threads = getattr(library, "scipy_openblas_get_num_threads64_", None)
    before = threads and threads()
    with one_thread_products():
        assert threads is None or threads() == 1
    assert threads is None or threads() == before

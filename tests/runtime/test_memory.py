"""What is given back to the C library and taken again."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from iscqk.runtime.memory import keep_freed_memory
{keep}
def layers():
    for _ in range(8):
        arrays = [np.ones(2**20 * size, np.uint8) for size in (20, 90, 25, 60)]
        del arrays
layers()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
layers()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt")
def test_memory_that_was_given_back_is_taken_again_without_asking_the_system():
    faults = [
        int(subprocess.check_output([sys.executable, "-c", FAULTS.format(keep=keep)]))
        for keep in ("", "keep_freed_memory()")
    ]
    assert faults[1] < faults[0] / 10

"""A bank of many shards is read where a shell allows few open files."""

import subprocess
import sys

import numpy as np
import pytest

from written_shards import write_descriptors

PROGRAM = """
import sys
from iscqk.formats.descriptor_shards import open_shards
from iscqk.runtime.open_files import allow_open_files
if sys.argv[1] == "allowed":
    allow_open_files()
with open_shards(sys.argv[2:]) as shards:
    print(len(shards))
"""


@pytest.mark.parametrize("how", ["allowed", "as it is"])
def test_hundreds_of_shards_are_open_at_once(tmp_path, how):
    paths = []
    for number in range(140):
        paths.append(str(tmp_path / f"{number}.h5"))
        write_descriptors(paths[-1], [f"T{number:06}"], np.ones((1, 4), np.float32), {})
    limited = ["bash", "-c", 'ulimit -Sn 128; exec "$@"', "bash", sys.executable, "-c", PROGRAM]
    done = subprocess.run([*limited, how, *paths], capture_output=True, text=True)
    assert (done.stdout == "140\n") == (how == "allowed"), done.stderr

"""A model that other processes share: forked with it, workers of a pool, started without a file."""

import subprocess
import sys

import pytest

from conftest import long

LOADED = """
import multiprocessing, sys
import numpy as np
import iscqk

names = [f"photos/R{number:06d}.jpg" for number in range(24)] * 6
model = iscqk.Model.load(sys.argv[1], threads=2)
rows = model.describe(names, threads=2)
others = multiprocessing.get_context("fork")

def described(threads):
    return model.describe(names, threads=threads)

def look_up(threads):
    return iscqk.match(names[:3], "photos", sys.argv[1], threads=threads)["reference"].tolist()
"""
FORKED = """
def tell(queue):
    queue.put({asked})

queue = others.SimpleQueue()
process = others.Process(target=tell, args=(queue,))
process.start()
found = [queue.get()]
process.join()
"""
USES = {
    "forked": FORKED.format(asked="described(2)"),
    "forked, which loads it anew": FORKED.format(
        asked="iscqk.Model.load(sys.argv[1]).describe(names, threads=2)"
    ),
    "a pool": """
with others.Pool(2) as pool:
    found = pool.map(described, [1, 2])
    assert pool.map(look_up, [2]) == [look_up(2)]
""",
    "threads, of which one is the first": """
from concurrent.futures import ThreadPoolExecutor

model = iscqk.Model.load(sys.argv[1], threads=2)
with ThreadPoolExecutor(3) as pool:
    found = list(pool.map(described, [1, 2, 2]))
""",
    "threads": """
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(3) as pool:
    found = list(pool.map(described, [1, 2, 2]))
""",
}


@pytest.mark.parametrize("use", [USES["forked"], *map(long, list(USES.values())[1:])], ids=USES)
def test_a_model_describes_in_other_processes_and_threads(folder, model_folder, use):
    """The program is read from standard input: there is no file of it, as in a notebook."""
    program = f"{LOADED}{use}\nfor each in found: np.testing.assert_allclose(each, rows, atol=1e-5)"
    words = [sys.executable, "-", str(model_folder)]
    done = subprocess.run(words, input=program, text=True, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr


UNGUARDED = """
import multiprocessing
multiprocessing.set_start_method("{method}")
{uses}
"""
POOL = """
from iscqk.runtime.workers import parallel_map
list(parallel_map(str, [1, 2], 2, 1))
"""
LOADER = """
from iscqk.learning.loaders import Loader
list(Loader([1, 2], [[0], [1]], 2))
"""


@pytest.mark.parametrize(
    ("method", "uses"),
    [("spawn", POOL), ("forkserver", POOL), long("spawn", LOADER)],
    ids=["spawn", "forkserver", "loader"],
)
def test_a_script_without_a_guard_is_told_to_have_one(tmp_path, method, uses):
    """Its workers begin with all that it does, and would do that before they help."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(method=method, uses=uses))
    words = [sys.executable, str(script)]
    done = subprocess.run(words, text=True, capture_output=True, timeout=300)
    assert done.returncode == 1
    # A second worker may still be telling of its own end after that.
    told = [
        line for line in done.stderr.splitlines() if line.startswith("iscqk.errors.UserError: ")
    ]
    assert len(told) == 1
    assert 'put what a script of your own does under `if __name__ == "__main__":`' in told[0]


GUARDED = """
import multiprocessing

class Images(list):
    def __getitem__(self, index):
        raise RuntimeError("the sizes differ")

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    from iscqk.learning.loaders import Loader
    list(Loader(Images([1, 2]), [[0], [1]], 2))
"""


@pytest.mark.long
def test_a_fault_in_a_worker_that_begins_anew_is_no_lost_worker(tmp_path):
    (tmp_path / "script.py").write_text(GUARDED)
    words = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(words, text=True, capture_output=True, timeout=300)
    assert (
        "RuntimeError: the sizes differ" in done.stderr and "script of your own" not in done.stderr
    )

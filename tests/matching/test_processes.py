"""A model that other processes share: forked with it, workers of a pool, started without a file."""

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_model_describes_in_other_processes_and_threads(folder, model_folder, use):
    """The program is read from standard input: there is no file of it, as in a notebook."""
    program = f"{LOADED}{use}\nfor each in found: np.testing.assert_allclose(each, rows, atol=1e-5)"
    words = [sys.executable, "-", str(model_folder)]
    done = subprocess.run(words, input=program, text=True, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr

"""The benchmark of a training on GPUs runs with torch and timm alone; here on the CPU, small."""

import csv
import io
import os
import subprocess
import sys

import pytest

from conftest import ROOT

ALONE = """
import sys
missing = ("pandas", "h5py", "faiss", "jsonschema", "snakemake", "augly", "skimage", "scipy")
sys.modules.update(dict.fromkeys(missing))  # as if they were not installed
from iscqk.bench.gpu_training import main
main()
"""
SMALL = {
    **{"network": "test_efficientnet", "side": 32, "dimension": 16, "batch": 8, "rows": 300},
    **{"images": 24, "photograph": 80, "steps": 2, "workers": 1, "threads": 1},
}


def trained(folder, launcher):
    """Run it in processes that a launcher starts; return its row."""
    (script := folder / "alone.py").write_text(ALONE)
    options = [f"--{name}={value}" for name, value in SMALL.items()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(script), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    return row


@pytest.mark.long
def test_two_processes_train_as_one_does_and_say_what_waits(tmp_path):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    one, two = (trained(tmp_path, launcher) for launcher in ([], torchrun))
    assert (one["processes"], two["processes"]) == ("1", "2")
    assert one["rows"] == two["rows"] == "300"
    assert float(one["loss"]) == pytest.approx(float(two["loss"]), rel=1e-3)
    assert 3 < float(one["loss"]) < 30  # of 300 rows that it does not know yet
    for row in (one, two):
        assert 0 <= float(row["data_wait"]) <= 1 and float(row["images_per_second"]) > 0


def test_what_a_bare_machine_is_given_is_small():
    assert sum(path.stat().st_size for path in (ROOT / "src").rglob("*")) < 60 * 2**20

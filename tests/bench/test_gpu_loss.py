"""The benchmark for a GPU runs on a machine that has torch alone; here on the CPU, small."""

import csv
import io
import os
import subprocess
import sys

from conftest import ROOT

# As on a bare image: of the packages of the project torch is there, and what that brings.
ALONE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pandas", "h5py", "timm", "faiss", "PIL", "tqdm", "torchvision",
                                  "jsonschema", "safetensors", "snakemake", "augly", "yaml",
                                  "cut_cross_entropy", "liger_kernel"}:
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
sys.argv = ["gpu_loss", *"--batch 8 --rows 3000 --dimension 32 --seconds 0.01 --device cpu".split()]
from iscqk.bench.gpu_loss import main
main()
"""


def test_it_compares_what_is_there_with_torch_alone():
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TORCHDYNAMO_DISABLE": "1"}
    command = [sys.executable, "-c", ALONE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = {row["way"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert list(rows)[:3] == ["two matrix products", "bank_loss", "cross_entropy"]
    assert float(rows["bank_loss"]["loss_error"]) < 1e-4
    assert float(rows["bank_loss"]["gradient_error"]) < 2e-2  # of bfloat16's products
    assert 0 < float(rows["bank_loss"]["of_products"]) and rows["bank_loss"]["note"] == ""
    assert float(rows["cross_entropy"]["loss_error"]) < 2e-2
    for peer, package in (("Cut Cross-Entropy", "cut_cross_entropy"), ("Liger", "liger_kernel")):
        assert rows[peer]["seconds"] == "" and rows[peer]["note"].startswith("ImportError")
        assert package in rows[peer]["note"]

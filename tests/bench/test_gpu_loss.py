"""The benchmark for a GPU runs on a machine that has torch alone; here on the CPU, small."""

import csv
import io
import os
import subprocess
import sys

import pytest
import torch

import dry_runs
from conftest import ROOT
from iscqk.cli import main

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
from iscqk.bench.gpu_loss import main
main()
"""
OPTIONS = "--batch 8 --rows 3000 --dimension 32 --seconds 0.01 --device"


def table_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_it_compares_what_is_there_with_torch_alone(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TORCHDYNAMO_DISABLE": "1"}
    command = [sys.executable, "-c", ALONE, *OPTIONS.split(), "cpu", "--output", "losses.csv"]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    rows = {row["way"]: row for row in table_of((tmp_path / "losses.csv").read_text())}
    assert {(row["device"], row["batch_size"], row["rows"]) for row in rows.values()} == {
        ("cpu", "8", "3000")
    }
    assert list(rows)[:3] == ["two matrix products", "bank_loss", "cross_entropy"]
    assert float(rows["bank_loss"]["loss_error"]) < 1e-4
    assert float(rows["bank_loss"]["gradient_error"]) < 2e-2  # of bfloat16's products
    assert 0 < float(rows["bank_loss"]["of_products"]) and rows["bank_loss"]["note"] == ""
    assert float(rows["cross_entropy"]["loss_error"]) < 2e-2
    for peer, package in (("Cut Cross-Entropy", "cut_cross_entropy"), ("Liger", "liger_kernel")):
        assert rows[peer]["seconds"] == "" and rows[peer]["note"].startswith("ImportError")
        assert package in rows[peer]["note"]


def test_where_torch_finds_no_gpu_the_table_says_so_for_every_cell(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["benchmark-gpu", *OPTIONS.split(), "cuda", "--rows", "64", "128"]) == 0
    rows = table_of(capsys.readouterr().out)
    assert [row["rows"] for row in rows] == ["3000", "64", "128"]
    assert {row["note"] for row in rows} == {"torch finds no GPU"}


@pytest.mark.long
@pytest.mark.parametrize("gpus", [0, 1])
def test_benchmarks_ask_for_it_where_there_is_a_gpu(tmp_path, gpus):
    sources = [ROOT / name for name in dry_runs.COPIED]
    subprocess.run(["cp", "-r", *sources, tmp_path], check=True)
    asked = tmp_path / "src/iscqk/plan/starting.py"
    found = 'int(Path("/dev/nvidia0").exists())'
    assert found in asked.read_text()
    asked.write_text(asked.read_text().replace(found, str(gpus)))
    jobs = dry_runs.written(tmp_path, "benchmarks", []).split("\n\n")
    (target,) = (job for job in jobs if "rule benchmarks:" in job)
    assert ("results/benchmarks/gpu_losses.csv" in target) == bool(gpus)
    assert sum("rule benchmark_gpu:" in job and "gpu=1" in job for job in jobs) == gpus

"""profiles/slurm on a real Slurm of this machine: the same submission as without."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from configs import FEW_JOBS
from conftest import ROOT, make_project

pytestmark = pytest.mark.long

SCRIPT = ROOT / "tests/slurm/one_machine.sh"


def missing():
    """Return what a Slurm on this machine lacks, one reason, or nothing."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    for program in ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue"):
        if not shutil.which(program, path=path):
            return f"no {program} here (Debian: apt-get install slurm-wlm munge)"
    if not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        return "snakemake-executor-plugin-slurm is not installed"
    return ""


@pytest.fixture
def slurm():
    """Return the folder of a Slurm that runs on this machine for one test."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # a socket's path must be short
    try:
        subprocess.run([SCRIPT, "start", folder], check=True)
        yield folder
    finally:
        subprocess.run([SCRIPT, "stop", folder], check=False)
        shutil.rmtree(folder)


def submit(folder, options, prefix=""):
    """Make the submission of phase 2 in a new project, in jobs of one thread."""
    folder.mkdir()
    project = make_project(folder)
    project.warm = False  # a cluster's nodes have nothing imported
    (folder / "few.yaml").write_text(FEW_JOBS)
    files = "--configfile config.yaml tiny.yaml few.yaml"
    project.run(f"{prefix} snakemake submission_phase2 {files} {options}")
    return project


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_slurm_makes_the_same_submission(slurm, tmp_path):
    environment = f"SLURM_CONF={slurm}/slurm.conf PATH={slurm}/bin:$PATH"
    # This Slurm keeps no accounts, which a cluster does.
    profile = "--workflow-profile profiles/slurm --slurm-no-account --slurm-status-command squeue"
    often = "--slurm-init-seconds-before-status-checks 1 --latency-wait 5"
    with ThreadPoolExecutor() as both:
        here = both.submit(submit, tmp_path / "here", "--cores 1")
        there = both.submit(
            submit, tmp_path / "there", f"{profile} {often} --max-threads 1", environment
        )
    made = [
        run.result().folder / "results/submission_phase2/descriptors.h5" for run in (here, there)
    ]
    assert made[0].read_bytes() == made[1].read_bytes()

    shown = subprocess.run(
        ["scontrol", "--oneliner", "show", "jobs"],
        env={**os.environ, "SLURM_CONF": f"{slurm}/slurm.conf"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    jobs = len(list((there.result().folder / "results/usage").rglob("*.tsv")))
    assert len(shown) == jobs and jobs >= 15
    assert all(" JobState=COMPLETED " in job for job in shown)
    trained = [job for job in shown if " Comment=rule_train_" in job]
    assert len(trained) == 2
    for job in trained:  # what profiles/slurm asks for
        assert " MinMemoryNode=48000M " in job and " TresPerJob=gres:gpu:1" in job

"""The workflow where no disk is shared: all files in S3, every job in a folder of its own."""

import importlib.util
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import ROOT, Project, make_project
from test_slurm import FEW_JOBS

pytestmark = pytest.mark.long

CLUSTER = ROOT / "tests/s3/empty_folders.py"
NEEDED = (
    *("moto", "flask", "flask_cors", "boto3"),
    *("snakemake_storage_plugin_s3", "snakemake_executor_plugin_cluster_generic"),
)
BUCKET = "bucket"
WHERE = f"--workflow-profile profiles/s3 --default-storage-prefix s3://{BUCKET}/run"
KILLED = "train_q"
KEY = "not-a-secret"
# What tells when and where a job ran.
OF_THE_RUN = (
    *("logs/", "usage/", "history.csv"),
    *("provenance.json", "MODEL_CARD.md", "README.md"),
)


def missing():
    """Return what a server of S3 and its clients lack here, or nothing."""
    lacking = [name for name in NEEDED if not importlib.util.find_spec(name)]
    return f"not installed: {', '.join(lacking)} (envs/requirements-dev.txt)" if lacking else ""


@pytest.fixture
def endpoint(tmp_path):
    """Return the address of a server of S3 on this machine, with nothing in it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("moto_server")
    with open(tmp_path / "server.log", "wb") as log:
        server = subprocess.Popen([program, "--port", str(port)], stdout=log, stderr=log)
    try:
        for _ in range(300):
            with socket.socket() as client:
                if not client.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def client_of(endpoint):
    import boto3

    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)


def stored(endpoint):
    """Return the content of all files in the bucket by their names below `run/`."""
    client = client_of(endpoint)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="run/")
    keys = [found["Key"] for page in pages for found in page["Contents"]]
    return {
        key.removeprefix("run/"): client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        for key in keys
    }


def project_of_few_jobs(folder):
    folder.mkdir()
    project = make_project(folder)
    (folder / "few.yaml").write_text(FEW_JOBS)
    return project


@pytest.fixture
def credentials(endpoint, monkeypatch):
    """Let Snakemake know the server."""
    for name, value in (("ENDPOINT_URL", endpoint), ("ACCESS_KEY", KEY), ("SECRET_KEY", KEY)):
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)


@pytest.fixture
def in_s3(tmp_path, credentials, monkeypatch):
    """Return a project, the options by which it runs in S3, and the folder of its jobs."""
    monkeypatch.setattr(Project, "warm", False)  # a killed job is one of its own
    project, jobs = project_of_few_jobs(tmp_path / "there"), tmp_path / "jobs"
    jobs.mkdir()
    monkeypatch.setenv("JOBS", str(jobs))
    commands = " ".join(
        f"--cluster-generic-{name}-cmd '{CLUSTER} {name}'" for name in ("submit", "status")
    )
    by = f"--executor cluster-generic {commands} --cluster-generic-cancel-cmd {CLUSTER}"
    often = "--jobs 2 --max-threads 1 --seconds-between-status-checks 1"
    return project, f"{WHERE} {by} {often}", jobs


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_s3_makes_the_same_submission_from_empty_folders(in_s3, endpoint, tmp_path):
    project, options, jobs = in_s3
    target = "submission_phase2 --configfile config.yaml tiny.yaml few.yaml"
    here = project_of_few_jobs(tmp_path / "here")
    started = time.monotonic()
    here.run(f"snakemake {target} --cores 1")
    middle = time.monotonic()
    (jobs / "kill").write_text(KILLED)
    done = project.run(f"snakemake {target} {options}")
    told = f"{middle - started:.0f} s on a disk, {time.monotonic() - middle:.0f} s in S3"

    results = here.folder / "results"
    local = {
        str(path.relative_to(here.folder)): path.read_bytes()
        for path in results.rglob("*")
        if path.is_file() and path.name != ".gitkeep"
    }
    remote = stored(endpoint)
    assert set(remote) == set(local)  # what jobs write is what rules declare
    different = {name for name in local if local[name] != remote[name]}
    assert not [name for name in different if not any(part in name for part in OF_THE_RUN)]
    assert len(local) - len(different) > 20

    ran = Counter(place.name.rpartition("-")[0] for place in jobs.iterdir() if place.is_dir())
    usage = [name for name in local if name.startswith("results/usage/")]
    assert ran.total() == len(usage) + 1 and ran[KILLED] == 2  # it alone ran again
    print(f"{ran.total()} jobs, {told}\n{done.stderr}")
    left = [path for path in project.folder.glob("results/**/*") if path.is_file()]
    assert not left and not [place for place in jobs.glob("*/empty")]
    again = project.run(f"snakemake {target} {options}")
    assert "Nothing to be done" in again.stdout + again.stderr

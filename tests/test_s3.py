"""The workflow where no disk is shared: all files in S3, every job in a folder of its own."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ROOT, make_project
from test_slurm import FEW_JOBS

pytestmark = pytest.mark.long

CLUSTER, PODS = (ROOT / f"tests/s3/{name}.py" for name in ("empty_folders", "pods"))
TARGET = "submission_phase2 --configfile config.yaml tiny.yaml few.yaml"
BUCKET = "bucket"
WHERE = f"--default-storage-prefix s3://{BUCKET}/run"
OFTEN = "--jobs 2 --max-threads 1 --seconds-between-status-checks 1"
KILLED = "train_q"
KEY = "not-a-secret"
# What tells when and where a job ran.
OF_THE_RUN = (
    *("logs/", "usage/", "history.csv"),
    *("provenance.json", "MODEL_CARD.md", "README.md"),
)
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
clusters: [{{name: here, cluster: {{server: "{}"}}}}]
users: [{{name: somebody, user: {{}}}}]
contexts: [{{name: here, context: {{cluster: here, user: somebody}}}}]
"""
CALLS = {
    *("POST secrets", "POST jobs", "GET jobs status", "GET pods", "GET pods log"),
    *("DELETE pods", "DELETE jobs", "DELETE secrets"),
}


def unless(*modules):
    """Return a mark that skips a test where modules are missing."""
    needed = ("moto", "flask", "flask_cors", "boto3", "snakemake_storage_plugin_s3", *modules)
    lacking = [name for name in needed if not importlib.util.find_spec(name)]
    reason = f"not installed: {', '.join(lacking)} (envs/requirements-dev.txt)"
    return pytest.mark.skipif(bool(lacking), reason=reason)


@contextmanager
def serving(log, command, **variables):
    """Run a server, whose port is the command's last word, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [sys.executable, *command, str(port)], env={**os.environ, **variables},
            stdout=output, stderr=output,
        )  # fmt: skip
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


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    """Return the address of a server of S3 on this machine, with nothing in it, as is known."""
    program = Path(sys.executable).with_name("moto_server")
    with serving(tmp_path / "server.log", [program, "--port"]) as address:
        for name, value in (("ENDPOINT_URL", address), ("ACCESS_KEY", KEY), ("SECRET_KEY", KEY)):
            monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)
        yield address


def stored(endpoint):
    """Return the content of all files in the bucket by their names below `run/`."""
    import boto3

    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="run/")
    names = [found["Key"] for page in pages for found in page["Contents"]]
    return {
        name.removeprefix("run/"): client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        for name in names
    }


def project_of_few_jobs(folder):
    folder.mkdir()
    project = make_project(folder)
    project.warm = False  # a killed job is one of its own, and elsewhere nothing is imported
    (folder / "few.yaml").write_text(FEW_JOBS)
    return project


@pytest.fixture(scope="module")
def on_a_disk(tmp_path_factory):
    """Return the files of a submission made on a disk, by name, and the seconds that took."""
    project = project_of_few_jobs(tmp_path_factory.mktemp("disk") / "here")
    started = time.monotonic()
    project.run(f"snakemake {TARGET} --cores 1")
    seconds = time.monotonic() - started
    files = {
        str(path.relative_to(project.folder)): path.read_bytes()
        for path in project.folder.glob("results/**/*")
        if path.is_file() and path.name != ".gitkeep"
    }
    return files, seconds


@pytest.fixture
def elsewhere(tmp_path, endpoint, monkeypatch):
    """Return a project that has run nothing, and the folder of its jobs, one to be killed."""
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "kill").write_text(KILLED)
    monkeypatch.setenv("JOBS", str(jobs))
    return project_of_few_jobs(tmp_path / "there"), jobs


@pytest.fixture
def kubernetes(elsewhere, tmp_path, monkeypatch):
    """Let Snakemake know a Kubernetes on this machine."""
    project, jobs = elsewhere
    image = tmp_path / "image"
    (image / "bin").mkdir(parents=True)
    (image / "packages").symlink_to(project.folder / "src")
    # A pod begins with `pip install` of the plugins that its image has already.
    (image / "bin/pip").symlink_to(shutil.which("true"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with serving(tmp_path / "api.log", [PODS], JOBS=str(jobs), IMAGE=str(image)) as address:
        (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(address))
        yield


def run_as_on_a_disk(elsewhere, options, endpoint, on_a_disk):
    """Make the submission; what is then in the bucket is what would be on a disk, and only that."""
    project, jobs = elsewhere
    local, seconds = on_a_disk
    started = time.monotonic()
    done = project.run(f"snakemake {TARGET} {WHERE} {OFTEN} {options}")
    told = f"{seconds:.0f} s on a disk, {time.monotonic() - started:.0f} s in S3"
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


@unless("snakemake_executor_plugin_cluster_generic")
def test_s3_makes_the_same_submission_from_empty_folders(elsewhere, endpoint, on_a_disk):
    commands = " ".join(
        f"--cluster-generic-{name}-cmd '{CLUSTER} {name}'" for name in ("submit", "status")
    )
    options = (
        f"--workflow-profile profiles/s3 --executor cluster-generic {commands} "
        f"--cluster-generic-cancel-cmd {CLUSTER}"
    )
    run_as_on_a_disk(elsewhere, options, endpoint, on_a_disk)
    again = elsewhere[0].run(f"snakemake {TARGET} {WHERE} {OFTEN} {options}")
    assert "Nothing to be done" in again.stdout + again.stderr


@unless("snakemake_executor_plugin_kubernetes")
def test_pods_make_the_same_submission(elsewhere, kubernetes, endpoint, on_a_disk):
    options = (
        "--profile profiles/slurm --workflow-profile profiles/kubernetes "
        "--default-storage-provider s3"
    )
    run_as_on_a_disk(elsewhere, options, endpoint, on_a_disk)
    assert set((elsewhere[1] / "calls").read_text().splitlines()) == CALLS

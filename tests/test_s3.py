"""The workflow where no disk is shared: all files in S3, every job in a folder of its own.

A training is killed after it has kept a state, and goes on in another folder.
"""

import re
import shutil
import time
from collections import Counter

import pytest

from configs import FEW_JOBS
from conftest import ROOT, make_project
from s3_server import BUCKET, serving, store, stored, unless

pytestmark = pytest.mark.long

CLUSTER, PODS = (ROOT / f"tests/s3/{name}.py" for name in ("empty_folders", "pods"))
TARGET = "submission_phase2 --configfile config.yaml tiny.yaml few.yaml longer.yaml"
WHERE = f"--default-storage-prefix s3://{BUCKET}/run"
OFTEN = "--jobs 2 --max-threads 1 --seconds-between-status-checks 1"
KILLED = "train_q"
SEEN = "step 20 of"  # then the state of step 10 has been kept
LONGER = """\
train: {images_per_half_round: 1600, checkpoint_every: 10, log_every: 10}
tensorboard: true
"""
# What tells when and where a job ran.
OF_THE_RUN = (
    *("logs/", "usage/", "history.csv"),
    *("provenance.json", "MODEL_CARD.md", "README.md"),
)
STUDY = "study: {methods: [qk]}\n"
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


def project_of_few_jobs(folder):
    folder.mkdir()
    project = make_project(folder)
    project.warm = False  # a killed job is one of its own, and elsewhere nothing is imported
    project.run("git init --quiet && git add .")  # as a clone, all of whose files go to the jobs
    (folder / "few.yaml").write_text(FEW_JOBS)
    (folder / "longer.yaml").write_text(LONGER)
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
    (jobs / "kill").write_text(f"{KILLED}\n{SEEN}")
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


def scalars_of(files):
    """Return the trainings that scalars of TensorBoard are there of; the files tell of times."""
    return {name.rpartition("/")[0] for name in files if "/tensorboard/" in name}


def without_scalars(files):
    return {name: content for name, content in files.items() if "/tensorboard/" not in name}


def run_as_on_a_disk(elsewhere, options, endpoint, on_a_disk):
    """Make the submission; what is then in the bucket is what would be on a disk, and only that.

    The killed training goes on from the state that it kept there.
    """
    project, jobs = elsewhere
    local, seconds = on_a_disk
    started = time.monotonic()
    done = project.run(f"snakemake {TARGET} {WHERE} {OFTEN} {options}")
    told = f"{seconds:.0f} s on a disk, {time.monotonic() - started:.0f} s in S3"
    remote = stored(endpoint)
    assert scalars_of(remote) == scalars_of(local) and len(scalars_of(local)) == 2
    local, remote = (without_scalars(files) for files in (local, remote))
    assert set(remote) == set(local)  # what jobs write is what rules declare
    different = {name for name in local if local[name] != remote[name]}
    assert not [name for name in different if not any(part in name for part in OF_THE_RUN)]
    assert len(local) - len(different) > 20

    ran = Counter(place.name.rpartition("-")[0] for place in jobs.iterdir() if place.is_dir())
    usage = [name for name in local if name.startswith("results/usage/")]
    assert ran.total() == len(usage) + 1 and ran[KILLED] == 2  # it alone ran again
    logs = b"".join(remote[name] for name in remote if "/train-" in name and "/logs/" in name)
    assert logs.count(b"resuming at step") == 1
    print(f"{ran.total()} jobs, {told}\n{done.stderr}")
    left = [path for path in project.folder.glob("results/**/*") if path.is_file()]
    assert not left and not [place for place in jobs.glob("*/empty")]


def by_cluster_generic():
    """Return the options that have jobs run in empty folders."""
    commands = " ".join(
        f"--cluster-generic-{name}-cmd '{CLUSTER} {name}'" for name in ("submit", "status")
    )
    return (
        f"--workflow-profile profiles/s3 --executor cluster-generic {commands} "
        f"--cluster-generic-cancel-cmd {CLUSTER}"
    )


@unless("snakemake_executor_plugin_cluster_generic")
def test_s3_makes_the_same_submission_from_empty_folders(elsewhere, endpoint, on_a_disk):
    options = by_cluster_generic()
    run_as_on_a_disk(elsewhere, options, endpoint, on_a_disk)
    again = elsewhere[0].run(f"snakemake {TARGET} {WHERE} {OFTEN} {options}")
    assert "Nothing to be done" in again.stdout + again.stderr


SMALL = "validation: {references: 8, copies: 3, distractors: 2, side: 64}\n"


@unless("snakemake_executor_plugin_cluster_generic")
@pytest.mark.parametrize("way", ["--cores 2 --workflow-profile profiles/s3", "by a cluster"])
def test_folders_go_through_a_bucket_too(finished, elsewhere, tmp_path, endpoint, way):
    """The model made small, and a query set: what is a folder on a disk is files in a bucket."""
    project, jobs = elsewhere
    (jobs / "kill").unlink()
    (project.folder / "small.yaml").write_text(SMALL)
    shutil.copytree(finished.folder / "results", tmp_path / "made/results")
    store(endpoint, tmp_path / "made")
    project.run(
        f"snakemake ready_model results/validation/set --rerun-triggers input {WHERE} "
        f"{f'--jobs 2 {by_cluster_generic()}' if way == 'by a cluster' else way} "
        "--configfile config.yaml tiny.yaml small.yaml"
    )
    made = {name.removeprefix("results/") for name in stored(endpoint)}
    assert {"ready_model/MODEL_CARD.md", "ready_model/queries/model.safetensors"} < made
    queries = [name for name in made if name.startswith("validation/set/phase")]
    references = [name for name in made if name.startswith("validation/set/references/")]
    assert (len(queries), len(references)) == (2 * (3 + 2), 8)
    assert not [path for path in project.folder.glob("results/**/*") if path.is_file()]


@unless("snakemake_executor_plugin_cluster_generic")
def test_report_and_study_are_made_of_a_bucket(finished_copy, elsewhere, endpoint):
    """Both submissions are there already; the report has what it depends on, no more."""
    project, jobs = elsewhere
    (jobs / "kill").unlink()
    store(endpoint, finished_copy.folder)
    files = "--configfile config.yaml tiny.yaml study.yaml"
    for one in (finished_copy, project):
        (one.folder / "study.yaml").write_text(STUDY)
    project.run(f"snakemake report study {files} {WHERE} {OFTEN} {by_cluster_generic()}")
    ran = sorted(place.name.rpartition("-")[0] for place in jobs.iterdir())
    assert ran == ["compare_methods", "draw_rules", "learning_curve", "report"]

    results = finished_copy.folder / "results"
    finished_copy.run(f"snakemake study {files} --cores")
    local = {path.name: path.read_bytes() for path in (results / "study").iterdir()}
    for name in ("study", "usage"):
        shutil.rmtree(results / name)
    finished_copy.run(f"snakemake report {files} --cores")
    remote = stored(endpoint)
    assert {name: remote[f"results/study/{name}"] for name in local} == local
    pages = remote["results/report.html"], (results / "report.html").read_bytes()
    # Snakemake draws the graph of rules in another order each time.
    ours, theirs = (re.sub(rb'<section id="rules">.+?</section>', b"", page, flags=re.DOTALL)
                    for page in pages)  # fmt: skip
    assert len(ours) > 100_000 and ours == theirs


@unless("snakemake_executor_plugin_kubernetes")
def test_pods_make_the_same_submission(elsewhere, kubernetes, endpoint, on_a_disk):
    options = (
        "--profile profiles/slurm --workflow-profile profiles/kubernetes "
        "--default-storage-provider s3"
    )
    run_as_on_a_disk(elsewhere, options, endpoint, on_a_disk)
    assert set((elsewhere[1] / "calls").read_text().splitlines()) == CALLS

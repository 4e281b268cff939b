"""A copy of the workflow in an empty folder, run once for all tests that look at its results."""

import functools
import logging
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

# How long an example takes says nothing of a machine that does other work.
settings.register_profile("iscqk", deadline=None)
settings.load_profile("iscqk")

ROOT = Path(__file__).parent.parent
# Tests share the cores: threads of one that spin while they wait for each other hold up all others.
# Programs that are given --threads take as many.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# No test cuts the power, and the disk takes longer than the work. `posix` has the real ones.
os.fsync = os.sync = lambda *_: None
# Not a conftest of their own: of two such modules, tests that import from one would get the other.
pytest_plugins = ["matching_folders", "s3_server", "submitted_pieces"]

TINY = """\
dataset: {demo: {training: 64, references: 32, others: 24, side: 64}}
queries: {count: 20}
copies: {per_image: 2}
model:
  {weights: none, backbone: test_resnet, image_size: 32, descriptor_size: 63, head_images: 64}
train:
  rounds: 1
  images_per_half_round: 128
  log_every: 2
  qk: {batch_size: 16, warm_up_images: 128, bank_views: 2, <<: &rates {
    learning_rate: 0.002, head_learning_rate: 0.002, batch_norm: batch}}
  simclr: {batch_size: 16, temperature: 0.1, refit_head: true, <<: *rates}
  moco: {batch_size: 16, queue: 40, temperature: 0.1, refit_head: true, <<: *rates}
  isd: {batch_size: 16, queue: 40, head: none, <<: *rates}
  solo: *rates
study: {points: 2}
shards: {training: 2, references: 2}
"""


def long(*values: object) -> object:
    """Return parameters of a test that `make test-long` alone tries."""
    return pytest.param(*values, marks=pytest.mark.long)


WARM = ROOT / "tests/warm"
MADE = ".made"  # in a project in which all has been made: what the run told on standard error


class Project:
    """A folder that holds the workflow, its sources and a tiny configuration.

    Attributes:
        warm: whether its `iscqk` and `snakemake` find their libraries imported (`warm/server.py`).
    """

    warm = hasattr(os, "pidfd_open")  # elsewhere than on Linux all is slower

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def told(self) -> str:
        """What the run that made its results told on standard error."""
        return (self.folder / MADE).read_text()

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a user who has activated the environment."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PYTHONPATH": str(self.folder / "src")}

    def run(self, command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell command as a user would who has activated the environment."""
        env = self.environment
        if self.warm:
            path = f"{WARM}:{env['PYTHONPATH']}"
            env = {**env, "PYTHONPATH": path, "ISCQK_WARM": warm_server()}
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=env, capture_output=True, text=True
        )
        if check and done.returncode:
            raise AssertionError(f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def jobs(self, arguments: str = "") -> set[str]:
        """Return the rules that Snakemake would run for `all`."""
        command = f"snakemake all --dry-run --configfile config.yaml tiny.yaml {arguments}"
        done = self.run(command)
        rules = re.findall(r"^(?:local)?rule (\w+):$", done.stdout + done.stderr, re.MULTILINE)
        return set(rules) - {"all"}

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file of the folder."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1))


def unpack(shard: Path, folder: Path) -> None:
    """Make a folder of the images in a shard."""
    with tarfile.open(shard) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # none before Python 3.11.4
        tar.extractall(folder)


@functools.cache
def warm_server() -> str:
    """Return the socket of a server that ends with this process, which holds its standard input."""
    folder = tempfile.TemporaryDirectory(prefix="iscqk-")
    path = Path(folder.name) / "socket"
    server = subprocess.Popen(
        [sys.executable, WARM / "server.py", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT / "src")},
    )
    while not path.exists():
        assert server.poll() is None, "the server of warm starts has ended"
        time.sleep(0.1)
    _KEPT.extend([folder, server])
    return str(path)


_KEPT: list[object] = []


def make_project(folder: Path) -> Project:
    folder.mkdir(exist_ok=True)
    for name in ("Snakefile", "config.yaml", "workflow", "profiles", "envs", "src"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.egg-info"))
        else:
            shutil.copy(source, folder / name)
    (folder / "tiny.yaml").write_text(TINY)
    return Project(folder)


@pytest.fixture(autouse=True)
def torture_starts_as_users_do(request, monkeypatch):
    """Let programs that are killed, starved or timed start with nothing imported."""
    if request.node.get_closest_marker("torture"):
        monkeypatch.setattr(Project, "warm", False)


@pytest.fixture(autouse=True)
def commands_leave_no_level_of_log():
    """Let what a command sets up for its process not reach the next test's."""
    yield
    logging.getLogger("iscqk").setLevel(logging.NOTSET)


@pytest.fixture
def project(tmp_path):
    """Return a project in which nothing has run."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id):
    """Return a project whose two submissions are made; tests must leave it as it is.

    All processes that share the tests have the same one: the first makes it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    with FileLock(f"{folder}.lock"):
        if (folder / MADE).exists():
            return Project(folder)
        shutil.rmtree(folder, ignore_errors=True)
        project = make_project(folder)
        done = project.run("snakemake all --cores --configfile config.yaml tiny.yaml")
        (folder / MADE).write_text(done.stderr)
    return project


@pytest.fixture
def finished_copy(finished, tmp_path):
    """Return a copy of the finished project that a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder)  # with times, which Snakemake looks at
    return Project(folder)


@pytest.fixture
def unlisted(monkeypatch):
    """Return a name of folders that nobody may list, whoever runs the tests."""
    name, listed = "lost+found", os.scandir

    def scandir(place):
        if str(place).endswith(name):
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", scandir)
    return name

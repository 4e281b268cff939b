"""Processes that share one training (train.processes): one is lost, the others end with it."""

import os
import signal
import subprocess

import psutil
import pytest

from iscqk.runtime.shutdown import LOST_WORKER
from killing import PATIENCE, moments, wait_until

pytestmark = pytest.mark.torture
TARGET = "results/runs/qk-0/warm-up/q.safetensors"
CONFIGS = "--configfile config.yaml tiny.yaml two.yaml"
# So many steps that it is killed in their midst, and a state to go on from.
TWO = "train: {processes: 2, checkpoint_every: 5, qk: {warm_up_images: 9600}}\n"


@pytest.mark.parametrize(
    ("number", "whom"),
    [(signal.SIGKILL, "rank"), (signal.SIGTERM, "all"), (signal.SIGKILL, "launcher")],
)
def test_no_process_outlives_the_others(finished_copy, number, whom):
    (finished_copy.folder / "two.yaml").write_text(TWO)
    state = finished_copy.folder / "results/resume/qk-0/warm-up.pt"
    command = f"exec snakemake {TARGET} --cores {CONFIGS} --forcerun warm_up"
    running = subprocess.Popen(
        command,
        shell=True,
        cwd=finished_copy.folder,
        env=finished_copy.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(state.exists, 300)
    family = psutil.Process(running.pid).children(recursive=True)
    hit(running.pid, family, number, whom)
    assert running.wait(PATIENCE) != 0
    assert not psutil.wait_procs(family, PATIENCE)[1]  # torchrun gives each a session of its own
    log = (finished_copy.folder / "results/logs/qk-0/warm-up.log").read_text()
    assert "Traceback" not in log
    assert whom != "rank" or f"error: {LOST_WORKER}" in log
    finished_copy.run(f"snakemake {TARGET} --cores {CONFIGS}")
    log = (finished_copy.folder / "results/logs/qk-0/warm-up.log").read_text()
    assert "resuming at step" in log


def hit(pid, family, number, whom):
    """Send a signal to all, to one of the two processes, or to who started them."""
    if whom == "all":
        os.killpg(pid, number)
        return
    ranks = [one for one in family if "iscqk.cli" in one.cmdline() and is_rank(one)]
    assert len(ranks) == 2
    chosen = moments().choice(ranks)
    (chosen if whom == "rank" else chosen.parent()).send_signal(number)


def is_rank(process):
    """Return whether a process is one of the two, and no worker of theirs."""
    return "iscqk.cli" not in process.parent().cmdline()

"""Kill trainings of a finished project and start them again: resumes.py PROJECT FOLDER.

Prints as JSON for every case how often it was killed in its midst and which files then differ from
those of a run that was left alone. Everything is imported once and then forked.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import yaml
from snakemake.utils import update_config

import iscqk.stages.embed
import iscqk.stages.train  # noqa: F401
from iscqk import cli
from iscqk.plan.dependence import train_section
from killing import moments, untimed

PROJECT, FOLDER = map(Path, sys.argv[1:3])
KILLS = int(os.environ.get("ISCQK_RESUME_KILLS", 1))
MODELS = Path("results/runs/qk-0")
COPIES = [f"results/copies/training/round1/{n}-of-2.tar" for n in range(2)]
Q = ["--side=q", f"--start={MODELS}/warm-up/q.safetensors", "--copies", *COPIES]
Q += [f"--frozen={MODELS}/warm-up/k.safetensors", "--bank"]
K = ["--side=k", f"--start={MODELS}/round1-q/k.safetensors", "--training=results/data/training.csv"]
K += [f"--frozen={MODELS}/round1-q/q.safetensors", "--bank"]
BANK = [f"{MODELS}/warm-up/descriptors/k/training-{n}-of-2.h5" for n in range(2)]
K_BANK = [f"{MODELS}/round1-q/descriptors/q/copies1-{n}-of-2.h5" for n in range(2)]
FEATURES = str(FOLDER / "features.h5")
CASES = {  # what else the command is told, and changes to the config
    "q, plain": (["--method=qk", *Q, *BANK], {}),
    "q, live head, learned temperature, accumulate": (
        ["--method=qk", *Q, FEATURES],
        {"live_head": True, "learn_temperature": True, "batch_norm": "frozen", "accumulate": 2},
    ),
    "k, few negatives, soft targets": (
        ["--method=qk", *K, *K_BANK],
        {"negatives": 40, "soft_targets": 0.3},
    ),
    **{method: ([f"--method={method}"], {}) for method in ("simclr", "moco", "isd")},
    "solo": (
        ["--method=solo"],
        {"koleo": 2, "renew_every": 64, "validation_images": 8, "validate_every": 128},
    ),
}


def config():
    """Return the whole configuration of the project."""
    found = yaml.safe_load(Path("config.yaml").read_text())
    update_config(found, yaml.safe_load(Path("tiny.yaml").read_text()))
    update_config(found, {"train": {"images_per_half_round": 400}})
    return found


def command(case, folder):
    """Return the arguments of a case whose files go to a folder."""
    told, changes = CASES[case]
    whole, method = config(), told[0].removeprefix("--method=")
    whole["train"][method].update(changes)
    section = json.dumps(train_section(whole, method))
    told = ["train", *told, f"--config={section}", "--seed=0", f"--resume={folder}.pt"]
    told += ["--checkpoint-every=3", "--log-every=2"]
    told += [f"--threads={1 + (case == 'simclr')}"]  # more than one: a worker reads ahead
    parts = [folder] if method == "qk" else [folder / part for part in ("1", "2")]
    for option, file in {"q-output": "q.st", "k-output": "k.st", "history": "history.csv"}.items():
        told += [f"--{option}", *(str(part / file) for part in parts)]
    if method == "qk":
        return [*told, "--round=1"]
    told += ["--images=800"]
    if method == "solo":
        told += [f"--fresh-copies={json.dumps(whole['copies'])}"]
        told += [f"--edits={json.dumps(whole['edits']['training'])}"]
    else:
        told += [f"--model={json.dumps(whole['model'])}", "--copies", *COPIES]
    return [
        *told,
        "--training=results/data/training.csv",
        f"--start={MODELS}/initial/q.safetensors",
    ]


def start(arguments):
    """Run a command in a process of its own; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    os.dup2(os.open(FOLDER / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    sys.exit(cli.main(arguments))


def run(arguments):
    """Run a command to its end; return its seconds."""
    before = time.monotonic()
    status = os.waitstatus_to_exitcode(os.waitpid(start(arguments), 0)[1])
    assert status == 0, (FOLDER / "log").read_text()
    return time.monotonic() - before


def killed(case, folder, after, state):
    """Run a case, killed some seconds after its state is there; False if it was done before."""
    pid, before = start(command(case, folder)), state.stat().st_mtime if state.exists() else 0
    while not (state.exists() and state.stat().st_mtime > before):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def outcome(case, source):
    """Return the kills of a case, and what then differs."""
    whole, cut = (FOLDER / f"{case}-{name}" for name in ("whole", "cut"))
    longest, kills = run(command(case, whole)) / 4, 0
    while kills < KILLS:
        state = cut.with_name(f"{cut.name}.pt")
        if killed(case, cut, source.uniform(0, longest), state) and state.exists():
            kills += 1
        else:  # it was done before
            shutil.rmtree(cut, ignore_errors=True)
            longest /= 2
    run(command(case, cut))
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    same = {str(name): untimed(whole / name) == untimed(cut / name) for name in files}
    return {"kills": kills, "files": len(files), "differ": [n for n in same if not same[n]]}


if __name__ == "__main__":
    os.chdir(PROJECT)
    weights = f"{MODELS}/warm-up/k.safetensors"
    manifest = "--manifest=results/data/training.csv"
    run(["embed", f"--weights={weights}", manifest, "--features", f"--output={FEATURES}"])
    generator = moments()
    found = {case: outcome(case, generator) for case in sys.argv[3:] or CASES}
    found["resumed"] = (FOLDER / "log").read_text().count("resuming at step")
    print(json.dumps(found))

"""What Snakemake would do, written down, so that two revisions can be compared job by job.

`python tests/dry_runs.py HEAD~3` prints how the jobs of the present files differ from those of a
revision: rules, inputs, outputs, logs, threads, resources, commands. Nothing printed: none does.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("Snakefile", "config.yaml", "workflow", "profiles", "envs", "src")

_PRESETS = "workflow/presets"
_FROM_NOTHING = f"{_PRESETS}/from-nothing.yaml"
_UNBALANCED = f"{_PRESETS}/unbalanced.yaml"
_PHOTOS = [_FROM_NOTHING, f"{_PRESETS}/photos.yaml"]
# A name for each: the target, and the config files laid over config.yaml.
RUNS: dict[str, tuple[str, list[str]]] = {
    "default": ("all", []),
    "shards": ("all", ["shards.yaml"]),
    "disc21": ("all", [f"{_PRESETS}/disc21.yaml"]),
    "disc21-imagenet": (
        "all",
        [f"{_PRESETS}/disc21.yaml", f"{_PRESETS}/disc21-imagenet.yaml"],
    ),
    "disc21-sscd": ("all", [f"{_PRESETS}/disc21.yaml", f"{_PRESETS}/disc21-sscd.yaml"]),
    "disc21-ready": ("all", [f"{_PRESETS}/disc21.yaml", f"{_PRESETS}/disc21-ready.yaml"]),
    "from-nothing": ("all", [_FROM_NOTHING]),
    "isd-resnet18": ("all", [_FROM_NOTHING, f"{_PRESETS}/isd-resnet18.yaml"]),
    "isd-resnet50": ("all", [_FROM_NOTHING, f"{_PRESETS}/isd-resnet50.yaml"]),
    "untrained": ("all", [f"{_PRESETS}/untrained.yaml"]),
    "photos": ("all", _PHOTOS),
    "photos-imagenet": ("study", [*_PHOTOS, f"{_PRESETS}/photos-imagenet.yaml"]),
    "photos-scale": ("study", [f"{_PRESETS}/photos-scale.yaml"]),
    "photos-best": ("ablation_ingredients", [*_PHOTOS, f"{_PRESETS}/photos-best.yaml"]),
    "photos-ready": ("all", [f"{_PRESETS}/photos-ready.yaml"]),
    "photos-learning": ("all", [*_PHOTOS, f"{_PRESETS}/photos-learning.yaml"]),
    "ready-training": (
        "results/runs/solo-0/learned-5/q.safetensors",
        [f"{_PRESETS}/ready-training.yaml"],
    ),
    "ready-longer": (
        "results/runs/solo-0/learned-5/q.safetensors",
        [f"{_PRESETS}/ready-training.yaml", f"{_PRESETS}/ready-longer.yaml"],
    ),
    "ready-larger": (
        "results/runs/solo-0/learned-5/q.safetensors",
        [f"{_PRESETS}/ready-training.yaml", f"{_PRESETS}/ready-larger.yaml"],
    ),
    "ready-harder": (
        "results/runs/solo-0/learned-5/q.safetensors",
        [f"{_PRESETS}/ready-training.yaml", f"{_PRESETS}/ready-harder.yaml"],
    ),
    "ready-settled": (
        "results/runs/solo-0/learned-5/q.safetensors",
        [
            f"{_PRESETS}/ready-training.yaml",
            f"{_PRESETS}/ready-harder.yaml",
            f"{_PRESETS}/ready-settled.yaml",
        ],
    ),
    "ready-steadied": (
        "results/runs/solo-0/learned-5/q.safetensors",
        [
            f"{_PRESETS}/ready-training.yaml",
            f"{_PRESETS}/ready-harder.yaml",
            f"{_PRESETS}/ready-steadied.yaml",
        ],
    ),
    "ready": ("ready_model", [f"{_PRESETS}/ready.yaml"]),
    "study": ("study", []),
    "ablations": ("ablations", []),
    "ablations-from-nothing": ("ablations", [_FROM_NOTHING]),
    "unbalanced": ("unbalanced", [_UNBALANCED]),
    "unbalanced-measured": ("unbalanced", [_FROM_NOTHING, _UNBALANCED]),
    "report": ("report", []),
    "benchmarks": ("benchmarks", []),
    "rehearsal": ("rehearsal", []),
    "validation": ("validation", []),
}
_SHARDS = """\
shards: {training: 3, references: 2, queries: 2, search: 2}
train: {rounds: 2, processes: 2, qk: {live_head: true}}
describe: {gist: 1, whitening: 0.5, subtract: 0.5, sizes: [64, 96], orientations: 2}
score: {convention: drivendata}
tensorboard: true
"""
_FOLDERS = [
    *(f"shared/photos/{split}" for split in ("training", "references", "others")),
    *(f"shared/photos-large/{split}" for split in ("training", "references")),
    *(f"shared/unbalanced/{split}" for split in ("training", "evaluation")),
    *(f"disc21/{part}_images" for part in ("training", "reference", "query")),
    "disc21/query_images_phase2",
]
_TRUTH = "Q00000,R000000\nQ25000,R000000\n"
_FILES = {
    "disc21/dev_queries_groundtruth.csv": _TRUTH,
    "disc21/test_queries_groundtruth.csv": _TRUTH,
    "disc21/sscd.safetensors": "",
    "shared/weights/mobilenetv2_100.imagenet.safetensors": "",
    **{
        f"project/results/ready-training{part}.safetensors": ""
        for part in ("-first", "-second", "-third", "-fourth", "-fifth", "")
    },
}
# Of a job, what differs from run to run, only says why it would run, or is the code that it runs.
_LEFT_OUT = re.compile(r"^ *(jobid|reason): .*\n|src/iscqk/[^,\n]+(, )?", re.MULTILINE)


def is_preset(file: str) -> bool:
    """Return whether a config file of a run is one of the presets."""
    return file.startswith(f"{_PRESETS}/")


def written(source: Path, target: str, configs: list[str]) -> str:
    """Return the sorted jobs of a dry run in an empty copy of a checkout, a line a fact."""
    with tempfile.TemporaryDirectory() as folder:
        project = _project(source, Path(folder))
        command = [Path(sys.executable).parent / "snakemake", target, "--dry-run"]
        command += ["--printshellcmds", "--cores", "8", "--configfile", "config.yaml", *configs]
        env = {**os.environ, "PYTHONPATH": str(project / "src")}
        done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    told = (done.stdout + done.stderr).replace(f"{project}/", "")
    told = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", told)  # of code, as what is behind a manifest has
    return "\n\n".join(sorted(_jobs(told))) + "\n"


def differences(old: Path, new: Path) -> Iterator[str]:
    """Yield the lines in which the dry runs of two checkouts differ."""
    for name, (target, configs) in RUNS.items():
        texts = (written(source, target, configs).splitlines() for source in (old, new))
        yield from difflib.unified_diff(*texts, f"{name} then", f"{name} now", lineterm="", n=2)


def _project(source: Path, folder: Path) -> Path:
    """Return a copy of a checkout with stand-ins for all data that a preset asks for."""
    project = folder / "project"
    project.mkdir()
    subprocess.run(["cp", "-r", *(source / name for name in COPIED), project], check=True)
    (project / "shards.yaml").write_text(_SHARDS)
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True)
    for name, content in _FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return project


def _jobs(output: str) -> Iterator[str]:
    """Yield the text of each job, its command's white space folded."""
    for block in re.split(r"^\[.*\]\n", output, flags=re.MULTILINE)[1:]:
        facts, _, command = block.partition("Shell command:")
        lines = (line.strip(" ,") for line in _LEFT_OUT.sub("", facts).splitlines())
        facts = "\n".join(line for line in lines if line)
        ended = re.split(r"\n\n|\nJob stats", command)[0]
        yield f"{facts}\ncommand: {' '.join(ended.split())}"


def main(revision: str) -> None:
    """Print the differences between a revision and the present files."""
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "old"
        subprocess.run(["git", "clone", "-q", ROOT, old], check=True)
        subprocess.run(["git", "-C", old, "checkout", "-q", revision], check=True)
        for line in differences(old, ROOT):
            print(line)


if __name__ == "__main__":
    main(sys.argv[1])

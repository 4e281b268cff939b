"""config.yaml, and files laid over it as Snakemake does."""

from pathlib import Path

import yaml
from snakemake.utils import update_config

import dry_runs
from conftest import ROOT

PRESETS = ROOT / "workflow/presets"
LAID_OVER = {  # presets by what is said of them: the files of each dry run
    tuple(Path(file).stem for file in files if dry_runs.is_preset(file))
    for _, files in dry_runs.RUNS.values()
}
# A round of training, and as few jobs as that takes.
FEW_JOBS = """\
train: {qk: {warm_up_images: 0}}
describe: {ranking: similarity}
score: {rankings: [similarity]}
shards: {training: 1, references: 1}
"""


def configured(*presets):
    """Return what config.yaml and presets, by their names, say together."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name in presets:
        update_config(config, yaml.safe_load((PRESETS / f"{name}.yaml").read_text()))
    return config

"""config.yaml, and files laid over it as Snakemake does."""

import copy
import functools
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
    config = copy.deepcopy(_read(ROOT / "config.yaml"))
    for name in presets:
        update_config(config, copy.deepcopy(_read(PRESETS / f"{name}.yaml")))
    return config


@functools.cache  # tests ask for hundreds
def _read(path):
    return yaml.safe_load(path.read_text())


def with_keys(changes):
    """Return config.yaml with other values of dotted keys (`train.qk.temperature`) alone.

    `runs.changed` changes what a method that it names needs, too.
    """
    config = configured()
    for key, value in changes.items():
        *sections, last = key.split(".")
        place = config
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return config

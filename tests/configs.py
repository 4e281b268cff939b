"""config.yaml, and files laid over it as Snakemake does."""

import yaml
from snakemake.utils import update_config

from conftest import ROOT

PRESETS = ROOT / "workflow/presets"


def configured(*presets):
    """Return what config.yaml and presets, by their names, say together."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name in presets:
        update_config(config, yaml.safe_load((PRESETS / f"{name}.yaml").read_text()))
    return config

"""Let Snakemake read configurations as plain YAML, which is data and no program.

Snakemake 9 takes a config that says `__use_yte__: true` for a template and runs the Python in it,
before anything of ours is asked. It imports every installed package named
snakemake_logger_plugin_* before it reads its command line, so that importing this one is enough.
It logs nothing and is never selected.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from snakemake.common import configfile
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_logger_plugins.base import LogHandlerBase


def _read_plainly(path_or_file: Any, filetype: str = "Config") -> Any:
    """Return the content of a YAML or JSON file, which can hold data only."""
    try:
        if isinstance(path_or_file, str | Path):
            return yaml.safe_load(Path(path_or_file).read_text(encoding="utf-8"))
        with path_or_file as file:
            return yaml.safe_load(file)
    except FileNotFoundError:
        raise WorkflowError(f"{filetype} file {path_or_file} not found.") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise WorkflowError(f"{filetype} file {path_or_file} is not plain YAML: {reason}") from None


class LogHandler(LogHandlerBase):
    """What Snakemake asks of a logger plugin; abstract, since it is never made."""


if "snakemake" in sys.argv[0]:
    configfile._load_configfile = _read_plainly

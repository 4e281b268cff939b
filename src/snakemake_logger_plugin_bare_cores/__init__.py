"""Make a bare `--cores` mean `--cores all`, as Snakemake's help promises; 8 and 9 refuse it.

Snakemake imports every installed package named snakemake_logger_plugin_* before it reads its
command line, so that importing this one is enough. It logs nothing and is never selected.
"""

import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase


def _complete(arguments: list[str]) -> list[str]:
    """Return the arguments with `all` after each --cores or -c that no value follows."""
    completed = []
    for argument, following in zip(arguments, [*arguments[1:], "-"], strict=True):
        completed.append(argument)
        if argument in ("--cores", "-c") and following.startswith("-"):
            completed.append("all")
    return completed


class LogHandler(LogHandlerBase):
    """What Snakemake asks of a logger plugin; abstract, since it is never made."""


if "snakemake" in sys.argv[0]:
    sys.argv[:] = _complete(sys.argv)

"""Let Snakemake read configurations as plain YAML, and tell in a line what is wrong before them.

Snakemake 9 takes a config that says `__use_yte__: true` for a template and runs the Python in it,
before anything of ours is asked; whatever is wrong with `--config` or a configuration is a
traceback there, as is a folder for its cache that cannot be written, or a user without a name.
"""

import getpass
import os
import re
import sys
from pathlib import Path
from typing import Any

from snakemake.common import get_appdirs

from iscqk.errors import UserError
from iscqk.schema import plain_yaml

_IN_A_FILE = "write it in a YAML file and name that, too: --configfile FILE"


def refuse_unreadable(arguments: list[str]) -> None:
    """End with one line at the first entry of --config that Snakemake could not read."""
    in_config = False
    for argument in arguments:
        option, _, entry = argument.partition("=") if argument[:1] == "-" else ("", "", argument)
        in_config = option in ("--config", "-C") or (in_config and not option)
        if in_config and entry and (fault := _fault(entry)):
            sys.exit(f"error: --config {entry}: {fault}")


def _fault(entry: str) -> str | None:
    """Return what is wrong with an entry of --config, and the remedy."""
    key, is_set, _ = entry.partition("=")
    if not is_set:
        return "not of the form KEY=VALUE; correct it"
    if "." in key:
        return f"a key within a section; {_IN_A_FILE}"
    if not re.fullmatch(r"[a-zA-Z_][\w-]*\w", key):
        return "no key of config.yaml; correct it"
    return None


def refuse_no_cache() -> None:
    """End with one line where Snakemake can make no cache, as where HOME is nobody's folder."""
    cache = Path(get_appdirs().user_cache_dir)
    there = next(folder for folder in [cache, *cache.parents] if os.path.exists(folder))
    if not os.path.isdir(there):
        fault = f"{there} is a file; remove it"
    elif not os.access(there, os.W_OK | os.X_OK):
        fault = f"make {there} writable"
    else:
        return
    sys.exit(
        f"error: {cache}: Snakemake's cache cannot be written; {fault}, or set XDG_CACHE_HOME to a "
        "folder of your own"
    )


def name_user() -> None:
    """Have a user whom the system knows by number alone, as in a container, be called that."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        os.environ["LOGNAME"] = str(os.getuid())


def read_plainly(path_or_file: Any, filetype: str = "Config") -> Any:
    """Return the content of a YAML or JSON file, which can hold data only; end where it is none."""
    if not isinstance(path_or_file, str | Path):
        with path_or_file as file:
            return plain_yaml.read(file.read())
    try:
        return plain_yaml.read_keys(path_or_file)
    except UserError as error:
        sys.exit(f"error: {filetype.lower()} file {error}")

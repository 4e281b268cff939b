"""The names of timm's networks, read in its sources: to import it would take two seconds."""

import difflib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from iscqk.errors import UserError

GIST = "gist"  # our own, which learns nothing
_NETWORK = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)


@cache
def refuse_unknown_network(name: str, key: str) -> None:
    """Raise UserError where the value of a key of the config is no network's name.

    Which weights a name asks for, behind its dot, is not looked at.
    """
    architecture = name.split(".")[0]
    sources = _sources(architecture)
    if not sources or architecture == GIST or _stands_in(sources, architecture):
        return
    networks = [name for path in sources for name in _NETWORK.findall(_text(path))]
    near = difflib.get_close_matches(architecture, networks, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`timm.list_models()` has them all"
    raise UserError(f"config: {key}: timm knows no network {name!r}; {hint}")


def _sources(architecture: str) -> list[Path]:
    """Return the modules of timm's networks, the likeliest one first; none where timm is not."""
    if (spec := find_spec("timm")) is None or spec.origin is None:
        return []
    modules = (Path(spec.origin).parent / "models").glob("*.py")
    return sorted(modules, key=lambda path: (not architecture.startswith(path.stem), path))


def _stands_in(sources: list[Path], architecture: str) -> bool:
    """Return whether a network is defined, or an older name of one is a key of a dictionary."""
    name = re.escape(architecture)
    pattern = re.compile(rf"""def {name}\(|["']{name}["']""")
    return any(pattern.search(_text(path)) for path in sources)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")

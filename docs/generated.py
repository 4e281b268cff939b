"""Pages of the reference that are made of what they describe: settings, edits and commands."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from iscqk.cli import STAGES, stage_parser
from iscqk.formats.files import write_text
from iscqk.images import augly_edits, own_edits
from iscqk.images.edits import EDITS
from iscqk.schema.section import json_schema
from iscqk.settings.config import Config

_CONFIGURATION = """\
# Configuration

`config.yaml` is the experiment. Files laid over it with `--configfile mine.yaml` change single
keys. On the command line `--config seed=1` changes a key that stands in no section. A key that is
not in this list is refused.
"""

_EDITS = """\
# Edits

What `edits.training.names` and the pools of the phases may name. A copy gets a chain of them, each
of a strength from 0, barely visible, to 1, severe. These have none, they happen or not: {plain}.
One that would leave but one colour of a picture is passed over, so that a chain may be shorter than
it was drawn.

## AugLy

The image functions of AugLy 1.0.0, which documents them: {augly}.

{strengths}
"""

_COMMANDS = """\
# Commands

Every stage of the workflow is a command that needs no Snakemake.
"""


def write(folder: Path) -> None:
    """Write configuration.md, edits.md and commands.md into `folder`."""
    write_text(folder / "configuration.md", _configuration())
    write_text(folder / "edits.md", _edits())
    write_text(folder / "commands.md", _commands())


def _configuration() -> str:
    """Return a table of keys for each section of the settings."""
    whole = json_schema(Config)
    sections: dict[str, list[str]] = {}
    for key, rule in _keys(whole, whole["$defs"]):
        meaning = rule.get("description", "").replace("|", "\\|")
        row = f"| `{key}` | {_range(rule)} | {_default(rule)} | {meaning} |"
        sections.setdefault(key.split(".")[0], []).append(row)
    tables = [
        f"## {name}\n\n| key | values | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
        for name, rows in sections.items()
    ]
    return "\n\n".join([_CONFIGURATION, *tables]) + "\n"


def _keys(
    rule: dict[str, Any], shared: dict[str, Any], name: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and rule of every key below `rule`, in the schema's order."""
    if "$ref" in rule:
        rule = {**shared[rule["$ref"].split("/")[-1]], **rule}
    if "properties" not in rule:
        yield name, rule
        return
    for key, below in rule["properties"].items():
        yield from _keys(below, shared, f"{name}.{key}" if name else key)


def _range(rule: dict[str, Any]) -> str:
    """Return in words what values a rule allows."""
    if "enum" in rule:
        return ", ".join(f"`{value}`" for value in rule["enum"])
    if "const" in rule:
        return f"`{rule['const']}`"
    if "oneOf" in rule:
        return " or ".join(_range(option) for option in rule["oneOf"])
    kinds = rule.get("type") or rule["$ref"].split("/")[-1]
    name = " or ".join(kinds) if isinstance(kinds, list) else kinds
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    return " ".join([name, *(f"{word} {rule[key]}" for key, word in bounds.items() if key in rule)])


def _default(rule: dict[str, Any]) -> str:
    if "default" not in rule:
        return ""
    return f"`{yaml.safe_dump(rule['default'], default_flow_style=True).splitlines()[0]}`"


def _edits() -> str:
    """Return a table of edits for each subject, with the first line of their functions."""
    plain = _listed(name for name, edit in EDITS.items() if not edit.has_strength)
    _, strengths = str(augly_edits.__doc__).strip().split("\n\n")
    parts = [_EDITS.format(plain=plain, augly=_listed(augly_edits.EDITS), strengths=strengths)]
    for subject in own_edits.SUBJECTS:
        rows = [f"| `{name}` | {_says(edit.function)} |" for name, edit in subject.EDITS.items()]
        title = subject.__name__.split(".")[-1].capitalize()
        table = "\n".join(["| edit | what it does |", "|---|---|", *rows])
        parts.append(f"## {title}\n\n{_says(subject)}\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _says(thing: Any) -> str:
    thing = thing.func if isinstance(thing, partial) else thing
    return str(thing.__doc__).splitlines()[0]


def _commands() -> str:
    """Return the help of every command."""
    parts = [_COMMANDS]
    for name, purpose in STAGES.items():
        text = stage_parser(name).format_help()
        parts.append(f"## iscqk {name}\n\n{purpose}\n\n```text\n{text}```")
    return "\n\n".join(parts) + "\n"

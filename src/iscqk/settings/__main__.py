"""Write the JSON schema of the config: `python -m iscqk.settings FILE`."""

import sys
from collections.abc import Iterator
from typing import Any

import yaml

from iscqk.formats.files import write_text
from iscqk.schema.section import Rule, json_schema
from iscqk.settings.config import Config

_HEAD = "# Made of the settings in src/iscqk by `make schema`; config.yaml shows each key.\n"


def text() -> str:
    """Return what the schema's file holds: YAML, a key on a line."""
    return _HEAD + "\n".join(_lines(json_schema(Config))) + "\n"


def _lines(rule: Rule, indent: str = "") -> Iterator[str]:
    for name, value in rule.items():
        if name in ("properties", "$defs") or (isinstance(value, dict) and "properties" in value):
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{name}: {_on_a_line(value)}"


def _on_a_line(value: Any) -> str:
    return yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=float("inf")
    ).splitlines()[0]


if __name__ == "__main__":
    write_text(sys.argv[1], text())

"""Write the JSON schema of the config: `python -m iscqk.settings FILE`."""

import sys

import yaml

from iscqk.formats.files import write_text
from iscqk.keys import schema
from iscqk.settings.config import Config

_HEAD = "# Made of the settings in src/iscqk by `make schema`; config.yaml shows each key.\n"


def text() -> str:
    """Return what the schema's file holds."""
    rule = yaml.safe_dump(schema(Config), sort_keys=False, width=100, default_flow_style=None)
    return _HEAD + rule


if __name__ == "__main__":
    write_text(sys.argv[1], text())

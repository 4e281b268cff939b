"""Commands that a test has its own process run."""

import shlex

from iscqk.cli import main


def run(command, model=None, status=0):
    """Run a line that people type; where a model is given apart, by that and in one thread."""
    more = [] if model is None else [f"--model={model}", "--threads=1"]
    assert main([*shlex.split(command)[1:], *more]) == status

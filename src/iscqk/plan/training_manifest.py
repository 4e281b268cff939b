"""Whether the manifest of the training images stays as it is, and with it all that is trained.

All splits are listed at once. What is trained on follows what is behind the training images alone,
where that is watched: one reference more trains nothing anew (workflow/rules/data.smk).
"""

import filecmp
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iscqk.datasets import SOURCES
from iscqk.formats.files import write_text
from iscqk.formats.results import SPLITS
from iscqk.plan.command_line import is_forced, options_of
from iscqk.plan.dependence import as_text
from iscqk.plan.parameters import digest_of_contents
from iscqk.plan.plan import Plan
from iscqk.plan.stage_code import code_digest

TRAINING_RULE = "prepare_training"  # the rule that makes the manifest


def keeps_training(workflow: Any, plan: Plan) -> bool:
    """Return whether the manifest of training images stays as it is, whatever else is listed.

    It does where what is behind it is watched and still the same, unless it was asked for by name
    that all be listed, or what was listed since says something else. Whoever runs a single job is
    told what to make, and decides nothing.
    """
    data = plan.results.data
    listing = {"prepare", data.listed_training, *map(data.manifest, SPLITS)}
    listing |= {TRAINING_RULE, data.behind_training}
    return (
        plan.images.is_watched
        and workflow.is_main_process
        and not is_forced(listing, sys.argv[1:])
        and not getattr(asked_for_training(plan, sys.argv[1:]), "force", False)
        and _is_there(data.manifest("training"), data.behind_training)
        and Path(data.behind_training).read_text() == behind_training(plan)
        and not _differ(data.listed_training, data.manifest("training"))
    )


def is_listed_already(workflow: Any, plan: Plan) -> bool:
    """Return whether a command asks for that manifest alone, and it stays as it is.

    There being no rule for it then, Snakemake would know no such target.
    """
    is_asked = asked_for_training(plan, sys.argv[1:]) is not None
    return is_asked and keeps_training(workflow, plan)


def asked_for_training(plan: Plan, words: Sequence[str]) -> Any:
    """Return Snakemake's options where a command asks for the training images' manifest alone.

    Args:
        plan: what the command is about.
        words: of the command, behind `snakemake`.

    Returns:
        None where it asks for something else, too, which goes by whether there is a rule for this.
    """
    data = plan.results.data
    names = {TRAINING_RULE, data.manifest("training"), data.behind_training}
    if not any(word.endswith(name) for word in words for name in names):
        return None
    asked = options_of(words)
    wanted = {*(asked.until or asked.targets)}
    return asked if wanted and wanted <= names and not asked.unlock else None


def behind_training(plan: Plan) -> str:
    """Return as text all that decides what the manifest of the training images says.

    By quarantine what is in another split, too, is left out of it.
    """
    dataset = plan.config["dataset"]
    splits = SPLITS if dataset["bad_images"] == "quarantine" else ["training"]
    lists = digest_of_contents(plan.storage.here(plan.images.lists(*splits).values()))
    ways = [dataset["bad_images"], SOURCES[dataset["kind"]].naming_options, code_digest("prepare")]
    return as_text([plan.images.places(*splits), lists, plan.images.state(*splits), *ways])


def mark_training(plan: Plan) -> None:
    """Let the manifest of training images, if it is there, be of what is behind them now."""
    data = plan.results.data
    if plan.images.is_watched and _is_there(data.manifest("training")):
        write_text(data.behind_training, behind_training(plan))


def _differ(one: str, other: str) -> bool:
    return _is_there(one, other) and not filecmp.cmp(one, other, shallow=False)


def _is_there(*paths: str) -> bool:
    return all(map(os.path.exists, paths))

"""The plan that the Snakefile asks for; what is wrong with its config is told before any work."""

from collections.abc import Sequence
from typing import Any

from snakemake.settings.types import SharedFSUsage

from iscqk.datasets import find_sources
from iscqk.formats.path_checks import refuse_unwritable
from iscqk.plan.checks import check_config, check_run, check_training
from iscqk.plan.command_line import targets_among
from iscqk.plan.plan import Plan
from iscqk.plan.presets import refuse_disorder, refuse_missing_below, refuse_without_preset
from iscqk.plan.runs import runs_of
from iscqk.plan.starting import refuse_base_laid_over, refuse_missing_envs
from iscqk.plan.storage import Storage

_COMPARED = ("study", "ablation", "unbalanced", "benchmarks")  # targets, or how they begin


def checked_plan(
    workflow: Any, config: dict[str, Any], own_folder: str, words: Sequence[str]
) -> Plan:
    """Return the plan of a config, or refuse that for what can be told to be wrong beforehand.

    Args:
        workflow: Snakemake's.
        config: what its files say; the defaults are filled in.
        own_folder: where the Snakefile is.
        words: of the command, behind `snakemake`.

    Raises:
        UserError: the first thing wrong, with the remedy.
    """
    files = workflow.config_settings
    refuse_base_laid_over(["config.yaml", f"{own_folder}/config.yaml"], files)
    refuse_disorder(own_folder, files.configfiles)
    refuse_missing_below(own_folder, files.configfiles)
    check_config(config)
    sources = find_sources(config["dataset"])
    plan = Plan(config, sources, storage=Storage.of(workflow.storage_settings))
    sends_sources = SharedFSUsage.SOURCES not in workflow.storage_settings.shared_fs_usage
    if sends_sources and not workflow.remote_exec:
        refuse_missing_envs(own_folder)
    if workflow.is_main_process and not plan.storage.plugin:
        refuse_unwritable(plan.results.root, is_folder=True)
    for run in plan.values():
        check_run(run.config)
    _check_what_is_asked_for(plan, own_folder, words)
    return plan


def _check_what_is_asked_for(plan: Plan, own_folder: str, words: Sequence[str]) -> None:
    """Check what only some targets take: a preset, trainings beside the submission's."""
    compared = {*_COMPARED, f"{plan.results.unbalanced.folder}/"}
    targets = targets_among(words, compared)
    refuse_without_preset(own_folder, plan.config, targets)
    for name in runs_of(plan.config, targets):
        check_training(plan[name].config)

"""The jobs that a submission takes, told without its images."""

from collections.abc import Iterable, Iterator
from typing import Any

from iscqk.datasets import SOURCES
from iscqk.formats.phases import HALVES
from iscqk.formats.results import Results
from iscqk.images.dataset_interface import Sources
from iscqk.plan.dependence import copy_rounds
from iscqk.plan.jobs import rule_of
from iscqk.plan.names import INITIAL, WARM_UP, Content, ModelName, all_shards
from iscqk.plan.plan import Plan
from iscqk.plan.run import Run
from iscqk.retrieval.rankings import RANKINGS

Job = tuple[str, dict[str, str]]  # its rule and its wildcards
_NOTHING_MADE = Results("results-of-a-plan")  # whatever lies under results


def submission_jobs(config: dict[str, Any], phases: Iterable[str]) -> list[Job]:
    """Return the jobs of the submissions of some phases, of a config with its defaults."""
    plan = Plan(config, Sources([], [], [], {}, {}), _NOTHING_MADE)
    run, phases = plan.submitted, list(phases)
    jobs: list[Job] = [("prepare", {}), *(("queries", {"phase": phase}) for phase in phases)]
    jobs += [*_training(run), *_descriptors(run, phases)]
    if run.config["describe"]["gist"]:  # GIST itself joins none
        gist = plan[run.gist]
        jobs += [("initial", {"run": gist.name}), *_embeddings(gist, phases, all_images=True)]
    for phase in phases:
        for ranking in config["score"]["rankings"]:
            jobs += _scores(config, {"phase": phase, "ranking": ranking})
        jobs += [("validate", {"phase": phase}), ("submit", {"phase": phase})]
        if phase == "phase1" and SOURCES[config["dataset"]["kind"]].has_halves:
            jobs += [("score_half", {"half": half}) for half in HALVES]
    return jobs


def _training(run: Run) -> Iterator[Job]:
    """Yield the jobs until its last model is there."""
    for number in copy_rounds(run.config):
        for shard in all_shards(run.config["shards"]["training"]):
            yield "copies", {"round": str(number), "shard": str(shard)}
    yield "initial", {"run": run.name}
    if run.last.trains_one:
        yield "learn", {"run": run.name}
    yield from filter(None, map(rule_of, run.teaching_jobs))
    for name in run.models:
        yield from _half_round(run, name)


def _half_round(run: Run, name: ModelName) -> Iterator[Job]:
    if name == WARM_UP:
        yield "warm_up", {"run": run.name}
    elif name.is_half_round:
        yield from filter(None, map(rule_of, run.half_round(name.number, name.trained).bank_jobs))
        yield "train", {"model": str(name)}


def _descriptors(run: Run, phases: list[str]) -> Iterator[Job]:
    yield from _embeddings(run, phases, _needs_training(run))
    if run.projection(str(INITIAL)):
        yield "whiten", {}
    if run.refines():
        described = _embeddings(run, phases, all_images=True)
        yield from (("refine", wildcards) for _, wildcards in described)


def _needs_training(run: Run) -> bool:
    """Return whether training images are described by the last model."""
    rankings = run.config["score"]["rankings"]
    return run.refines() or any(RANKINGS[name].needs_bank for name in rankings)


def _embeddings(run: Run, phases: list[str], all_images: bool) -> Iterator[Job]:
    shards, content = run.config["shards"], str(Content.of(run.config["describe"]))
    for images in [*phases, "references", *(["training"] if all_images else [])]:
        for shard in all_shards(shards["queries" if images in phases else images]):
            wildcards = {"images": images, "shard": str(shard), "content": content}
            yield "embed", {"run": run.name, **wildcards}


def _scores(config: dict[str, Any], wildcards: dict[str, str]) -> Iterator[Job]:
    shards = config["shards"]["search"]
    yield "merge", wildcards
    yield from (("search", {**wildcards, "shard": str(shard)}) for shard in all_shards(shards))
    if shards > 1:
        yield "combine", wildcards
    yield "score", wildcards

"""What evaluates a run that is only compared: every phase by every ranking, in one job.

The rules `merge`, `search` and `score` do the same for the submission, a job a file, so that each
can be made again alone, on a cluster in parts. `tests/test_evaluation.py` holds the two together.
"""

from collections.abc import Iterator, Sequence

from iscqk.formats.phases import PHASES
from iscqk.formats.results import RunModel
from iscqk.plan.plan import Plan
from iscqk.plan.run import Run


def only_compared(plan: Plan) -> list[str]:
    """Return the names of the runs that are not the submission's."""
    return [name for name in plan if name != plan.submitted.name]


def evaluated_files(plan: Plan, run: Run, model: str) -> list[str]:
    """Return the descriptors, lists and ground truths that a model of a run is evaluated by."""
    rankings = plan.config["score"]["rankings"]
    described = [run.as_submitted(model, "queries", phase) for phase in PHASES]
    described += [run.as_submitted(model, "references", "references")]
    described += [run.bank(ranking, model) for ranking in rankings]
    phases = [plan.results.phase(phase) for phase in PHASES]
    lists = [file for one in phases for file in (one.queries, one.ground_truth, one.edits)]
    shards = [shard for shards in described for shard in shards]
    return [*dict.fromkeys(shards), plan.results.manifest("references"), *lists]


def files_made(model: RunModel, rankings: Sequence[str]) -> list[str]:
    """Return what the evaluation of a model, or of any by its pattern, writes."""
    ranked = [model.ranked(phase, ranking) for phase in PHASES for ranking in rankings]
    return [file for one in ranked for file in one.evaluated]


def evaluation(plan: Plan, run: Run, model: str, threads: int) -> str:
    """Return the stages of `iscqk` that evaluate a model of a run, as one command."""
    stages = [stage for phase in PHASES for stage in _stages(plan, run, model, phase)]
    return " --then ".join(f"{stage} --threads {threads}" for stage in stages)


def _stages(plan: Plan, run: Run, model: str, phase: str) -> Iterator[str]:
    """Yield what the rules `merge`, `search` and `score` would run for a phase."""
    results, config, truth = plan.results, plan.config, plan.results.phase(phase)
    rankings = config["score"]["rankings"]
    ranked = [results.model(run.name, model).ranked(phase, ranking) for ranking in rankings]
    bank = dict.fromkeys(shard for ranking in rankings for shard in run.bank(ranking, model))
    yield (
        f"merge --queries {' '.join(run.as_submitted(model, 'queries', phase))} "
        f"--references {' '.join(run.as_submitted(model, 'references', 'references'))} "
        f"--training {' '.join(bank)} --manifests {truth.queries} {results.manifest('references')} "
        f"--ranking {' '.join(rankings)} --temperature {run.temperature(*rankings)} "
        f"--output {' '.join(one.descriptors for one in ranked)}"
    )
    convention, limit = config["score"]["convention"], config["search"]["max_results"]
    for one in ranked:
        yield f"search {one.descriptors} --output {one.predictions} --max-results {limit}"
        yield (
            f"score {one.scored(convention)} {truth.ground_truth} --convention {convention} "
            f"--max-results {limit} --edits {truth.edits} --by-edit {one.by_edit} "
            f"--curve {one.curve} --output {one.score}"
        )

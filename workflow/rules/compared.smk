# Which files of runs `iscqk compare` and `iscqk neighbours` set side by side, `iscqk report` shows.

from glob import glob


def history_up_to(run, name):
    """Return the history of every training that leads to a model of a run."""
    names = runs.models(RUNS[run])
    chain = [name] if name.startswith("learned") else names[: names.index(name) + 1]
    return [f"{model(run, n)}/history.csv" for n in chain if n != "initial"]


def measured(row, phase):
    """Return the files that a run left behind for a phase, for `iscqk compare`."""
    ranking = RUNS[row.run]["describe"]["ranking"]
    return {
        "label": row.label,
        "seed": row.seed,
        "phase": phase,
        "score": scored(row.run, phase, ranking),
        "histories": history_up_to(row.run, runs.models(RUNS[row.run])[-1]),
        "usage": usage(row.run),
    }


def usage(run):
    """Return the benchmarks of all jobs that a run's training takes, banks with them."""
    names, found = runs.models(RUNS[run]), [job(run, "initial", "initial")]
    if names[-1].startswith("learned"):
        return [*found, job(run, names[-1], "learn")]
    for name in names:
        if name == "warm-up":
            found.append(job(run, name, name))
        elif name.startswith("round"):
            found += [*bank_jobs(run, name), job(run, name, f"train-{name}")]
    return found


def job(run, name, log):
    """Return the benchmark of a job that made something of a run's model."""
    return f"results/usage/{HOMES[run, name]}/{log}.tsv"


def bank_jobs(run, name):
    """Return the jobs that made the bank of a half-round."""
    number, side = name.removeprefix("round").split("-")
    live = RUNS[run]["train"]["qk"]["live_head"]
    content = "features" if live else "descriptors"
    before, what = (
        (runs.before(RUNS[run], int(number)), "k-training")
        if side == "q"
        else (f"round{number}-q", f"q-copies{number}")
    )
    return [
        job(run, before, f"{before}/embed-{content}-{what}-{shard}")
        for shard in shards("training")
    ]


def trace(row):
    """Return a run's scores along its training, for `iscqk compare`."""
    names = runs.models(RUNS[row.run])
    histories = {name: history_up_to(row.run, name) for name in names}
    return {
        "label": row.label,
        "seed": row.seed,
        "trace": f"results/runs/{row.run}/trace.csv",
        "models": {model(row.run, name): found for name, found in histories.items()},
    }


def files_of(value):
    """Return all files of results that a description for `iscqk compare` names."""
    if isinstance(value, str):
        return [value] if value.startswith("results/") else []
    values = value.values() if isinstance(value, dict) else value
    found = [files_of(v) for v in values if isinstance(v, (str, list, dict))]
    return sorted({file for files in found for file in files})


METHODS_COMPARED = [
    {
        **measured(row, phase),
        "curve": scored(
            row.run, phase, config["describe"]["ranking"], "precision_recall.csv"
        ),
        "by_edit": scored(row.run, phase, config["describe"]["ranking"], "by_edit.csv"),
        "rankings": {
            ranking: scored(row.run, phase, ranking)
            for ranking in config["score"]["rankings"]
        },
    }
    for row in runs.study_rows(config)
    for phase in PHASES
]
# Along a training only the first seed is scored.
TRACES = [
    trace(row)
    for row in runs.study_rows(config)
    if row.seed == config["study"]["seeds"][0]
]


def ablated(wildcards):
    """Return the measurements of an ablation."""
    return [
        measured(row, phase)
        for row in runs.ablation_rows(config, wildcards.ablation)
        for phase in PHASES
    ]


UNBALANCED = [
    {
        "method": row.label,
        "seed": row.seed,
        "features": described(model(row.run), "k", "evaluation", "features"),
    }
    for row in runs.unbalanced_rows(config)
]


def told_of_submission():
    """Return the files of the submitted run that the report reads."""
    files = ("score.json", "by_edit.csv", "precision_recall.csv")
    scores = [
        scored(SUBMITTED, phase, ranking, file)
        for phase in PHASES
        for ranking in config["score"]["rankings"]
        for file in files
    ]
    return scores + history_up_to(SUBMITTED, runs.models(RUNS[SUBMITTED])[-1])


def told_besides(wildcards):
    """Return what else there is to show, with its time: shown where it is, but never made.

    It takes no `input`: what a parameter takes of a job's files, Snakemake does not look at again.
    """
    found = [
        *glob("results/runs/*/*/*/*/score.json"),
        *glob("results/study/**/table.csv", recursive=True),
        *glob("results/unbalanced/table.csv"),
        *glob("results/benchmarks/*.csv"),
    ]
    besides = sorted(set(found) - set(told_of_submission()))
    return [(path, os.path.getmtime(path)) for path in besides]


TEMPLATES = sorted(
    map(os.path.relpath, glob(f"{workflow.basedir}/src/iscqk/reporting/templates/*"))
)

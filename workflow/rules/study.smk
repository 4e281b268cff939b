# Runs side by side: the methods, the ablations of Q/K, and learning from unbalanced images.


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


rule trace:
    input:
        weights=lambda wildcards: [
            f"{model(wildcards.run, name)}/{side}.safetensors"
            for name in runs.models(RUNS[wildcards.run])
            for side in ("q", "k")
        ],
        references=MANIFESTS["references"],
        queries=[MANIFESTS[phase] for phase in PHASES],
        ground_truth=[f"results/data/{phase}/ground_truth.csv" for phase in PHASES],
        code=sources("trace"),
    output:
        "results/runs/{run}/trace.csv",
    log:
        "results/logs/{run}/trace.log",
    benchmark:
        "results/usage/{run}/trace.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        models=lambda wildcards: [
            model(wildcards.run, name) for name in runs.models(RUNS[wildcards.run])
        ],
        precision=config["describe"]["precision"],
    shell:
        """
        iscqk trace --models {params.models} --references {input.references} \
            --queries {input.queries} --ground-truth {input.ground_truth} \
            --precision {params.precision} --output {output} --threads {threads} &>{log}
        """


rule compare_methods:
    input:
        files_of(METHODS_COMPARED + TRACES),
        code=sources("compare"),
    output:
        multiext("results/study/table", ".csv", ".md"),
        multiext("results/study/by_edit", ".csv", ".svg"),
        multiext("results/study/precision_recall", ".csv", ".svg"),
        multiext("results/study/images_seen", ".csv", ".svg"),
        multiext("results/study/rankings", ".csv", ".md"),
        "results/study/runs.csv",
        "results/study/micro_ap.svg",
    log:
        "results/logs/study.log",
    conda:
        "../../envs/iscqk.yaml"
    params:
        runs=text(METHODS_COMPARED),
        traces=text(TRACES),
    shell:
        """
        iscqk compare --title method --runs {params.runs:q} --traces {params.traces:q} \
            --output results/study &>{log}
        """


def ablated(wildcards):
    """Return the measurements of an ablation."""
    return [
        measured(row, phase)
        for row in runs.ablation_rows(config, wildcards.ablation)
        for phase in PHASES
    ]


rule compare_settings:
    input:
        lambda wildcards: files_of(ablated(wildcards)),
        code=sources("compare"),
    output:
        multiext("results/study/{ablation}/table", ".csv", ".md"),
        "results/study/{ablation}/runs.csv",
        "results/study/{ablation}/micro_ap.svg",
    log:
        "results/logs/study-{ablation}.log",
    conda:
        "../../envs/iscqk.yaml"
    params:
        runs=lambda wildcards: text(ablated(wildcards)),
    shell:
        """
        iscqk compare --title {wildcards.ablation} --runs {params.runs:q} \
            --output results/study/{wildcards.ablation} &>{log}
        """


rule list_classes:
    input:
        training=config["unbalanced"]["training"],
        evaluation=config["unbalanced"]["evaluation"],
        code=sources("classes"),
    output:
        training="results/data/unbalanced.csv",
        evaluation="results/data/evaluation.csv",
    log:
        "results/logs/classes.log",
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    shell:
        """
        iscqk classes --training {input.training:q} --evaluation {input.evaluation:q} \
            --output {output.training} {output.evaluation} --workers {threads} &>{log}
        """


UNBALANCED = [
    {
        "method": row.label,
        "seed": row.seed,
        "features": described(model(row.run), "k", "evaluation", "features"),
    }
    for row in runs.unbalanced_rows(config)
]


rule compare_classes:
    input:
        [shard for row in UNBALANCED for shard in row["features"]],
        training="results/data/unbalanced.csv",
        evaluation="results/data/evaluation.csv",
        code=sources("neighbours"),
    output:
        multiext("results/unbalanced/table", ".csv", ".md"),
        "results/unbalanced/runs.csv",
        "results/unbalanced/accuracy.svg",
    log:
        "results/logs/unbalanced.log",
    conda:
        "../../envs/iscqk.yaml"
    params:
        runs=text(UNBALANCED),
        rare=config["unbalanced"]["rare"],
    shell:
        """
        iscqk neighbours --runs {params.runs:q} --training {input.training} \
            --evaluation {input.evaluation} --rare {params.rare} \
            --output results/unbalanced &>{log}
        """

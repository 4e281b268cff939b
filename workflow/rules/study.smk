# Runs side by side: the methods, the ablations of Q/K, and learning from unbalanced images.


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
    threads: HALF
    resources:
        gpu=GPU,
    params:
        models=lambda wildcards: [
            model(wildcards.run, name) for name in runs.models(RUNS[wildcards.run])
        ],
        sides=lambda wildcards: [
            RUNS[wildcards.run]["describe"][role] for role in ("queries", "references")
        ],
        precision=config["describe"]["precision"],
    shell:
        """
        iscqk trace --models {params.models} --sides {params.sides} \
            --references {input.references} --queries {input.queries} \
            --ground-truth {input.ground_truth} \
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
    params:
        # Not of `input`: Snakemake compares no parameter that is derived from it.
        state=lambda wildcards: fingerprint_of_images(
            config["unbalanced"]["training"], config["unbalanced"]["evaluation"]
        ),
    shell:
        """
        iscqk classes --training={input.training:q} --evaluation={input.evaluation:q} \
            --output {output.training} {output.evaluation} --workers {threads} &>{log}
        """


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

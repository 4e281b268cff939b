# Runs side by side: the methods, the ablations of Q/K, and learning from unbalanced images.


rule evaluate:
    input:
        lambda wildcards: evaluated_files(PLAN, PLAN[wildcards.run], wildcards.model),
    output:
        [
            file
            for phase in PHASES
            for ranking in SCORED
            for file in MODEL.ranked(phase, ranking).evaluated
        ],
    log:
        LOG["evaluate"],
    benchmark:
        USAGE["evaluate"]
    wildcard_constraints:
        run=ONLY_COMPARED,
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        code=lambda wildcards: code_digest(
            "merge",
            *map(module_name, ("search", "score")),
            *(name for ranking in SCORED for name in rankings.modules(ranking)),
        ),
        temperature=lambda wildcards: PLAN[wildcards.run].config["describe"][
            "temperature"
        ],
        max_results=config["search"]["max_results"],
        convention=config["score"]["convention"],
        stages=lambda wildcards, output, threads: evaluation(
            PLAN, PLAN[wildcards.run], wildcards.model, threads
        ),
    shell:
        "iscqk {params.stages} &>{log}"


rule compare_methods:
    input:
        files_of(COMPARED + LEARNING_CURVES, R.root),
    output:
        R.study().of_methods,
    log:
        LOG["study"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("compare"),
        runs=as_text(COMPARED),
        learning_curves=as_text(LEARNING_CURVES),
        folder=folder,
    shell:
        """
        iscqk compare --title method --runs {params.runs:q} \
            --learning-curves {params.learning_curves:q} --output {params.folder} &>{log}
        """


rule compare_settings:
    input:
        lambda wildcards: files_of(compared_settings(PLAN, wildcards.ablation), R.root),
    output:
        R.study("{ablation}").of_settings,
    log:
        LOG["ablation"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("compare"),
        runs=lambda wildcards: as_text(compared_settings(PLAN, wildcards.ablation)),
        folder=folder,
    shell:
        """
        iscqk compare --title {wildcards.ablation} --runs {params.runs:q} \
            --output {params.folder} &>{log}
        """


rule prepare_labelled:
    input:
        training=config["unbalanced"]["training"],
        evaluation=config["unbalanced"]["evaluation"],
    output:
        training=R.manifest("unbalanced"),
        evaluation=R.manifest("evaluation"),
    log:
        LOG["prepare_labelled"],
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("prepare_labelled"),
        # Not of `input`: Snakemake compares no parameter that is derived from it.
        state=lambda wildcards: fingerprint_of_images(
            config["unbalanced"]["training"], config["unbalanced"]["evaluation"]
        ),
    shell:
        """
        iscqk prepare-labelled --training={input.training:q} --evaluation={input.evaluation:q} \
            --output {output.training} {output.evaluation} --workers {threads} &>{log}
        """


rule compare_classes:
    input:
        [shard for row in CLASSES for shard in row["features"]],
        training=R.manifest("unbalanced"),
        evaluation=R.manifest("evaluation"),
    output:
        R.unbalanced.of_classes,
    log:
        LOG["unbalanced"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("neighbours"),
        runs=as_text(CLASSES),
        rare=config["unbalanced"]["rare"],
        folder=folder,
    shell:
        """
        iscqk neighbours --runs {params.runs:q} --training {input.training} \
            --evaluation {input.evaluation} --rare {params.rare} \
            --output {params.folder} &>{log}
        """

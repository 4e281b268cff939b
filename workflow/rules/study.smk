# Runs side by side: the methods, the ablations of Q/K, and learning from unbalanced images.
#
# A job is told its rows as JSON in `runs`, or its stages, with its files where it has them. Snakemake
# compares no parameter that is made of these, so that it has them as they are planned, too: in few
# words, as it prints what has changed. The JSON goes through a pipe, as many rows are more than a
# system takes as one argument (128 KiB on Linux).


rule evaluate:
    input:
        lambda wildcards: evaluated_files(PLAN, PLAN[wildcards.run], wildcards.model),
    output:
        files_made(MODEL, SCORED),
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
        planned=lambda wildcards: evaluation(
            PLAN, PLAN[wildcards.run], wildcards.model, threads=1
        ),
        stages=lambda wildcards, input, output, threads: fetched_words(
            evaluation(PLAN, PLAN[wildcards.run], wildcards.model, threads),
            evaluated_files(PLAN, PLAN[wildcards.run], wildcards.model)
            + files_made(R.model(wildcards.run, wildcards.model), SCORED),
            [*input, *output],
        ),
    shell:
        "iscqk {params.stages} &>{log}"


rule compare_methods:
    input:
        runs=files_of(COMPARED, R.root),
        learning_curves=files_of(LEARNING_CURVES, R.root),
    output:
        R.study().of_methods,
    log:
        LOG["compare_methods"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("compare"),
        rows=in_few_words(COMPARED, LEARNING_CURVES),
        runs=lambda wildcards, input: rows_in_job(COMPARED, R.root, input.runs),
        learning_curves=lambda wildcards, input: rows_in_job(
            LEARNING_CURVES, R.root, input.learning_curves
        ),
        folder=folder,
    shell:
        """
        iscqk compare --title method --runs @<(printf %s {params.runs:q}) \
            --learning-curves @<(printf %s {params.learning_curves:q}) --output {params.folder} &>{log}
        """


rule compare_settings:
    input:
        lambda wildcards: files_of(compared_settings(PLAN, wildcards.ablation), R.root),
    output:
        R.study("{ablation}").of_settings,
    log:
        LOG["compare_settings"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("compare"),
        rows=lambda wildcards: in_few_words(compared_settings(PLAN, wildcards.ablation)),
        runs=lambda wildcards, input: rows_in_job(
            compared_settings(PLAN, wildcards.ablation), R.root, input
        ),
        folder=folder,
    shell:
        """
        iscqk compare --title {wildcards.ablation} --runs @<(printf %s {params.runs:q}) \
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
        places=as_text(
            [config["unbalanced"][name] for name in ("training", "evaluation")]
        ),
        # Not of `input`: Snakemake compares no parameter that is derived from it.
        state=lambda wildcards: fingerprint_of_images(
            *STORAGE.here(
                config["unbalanced"][name] for name in ("training", "evaluation")
            )
        ),
    shell:
        """
        iscqk prepare-labelled --training={input.training:q} --evaluation={input.evaluation:q} \
            --output {output.training} {output.evaluation} --workers {threads} &>{log}
        """


rule compare_classes:
    input:
        features=files_of(CLASSES, R.root),
        training=R.manifest("unbalanced"),
        evaluation=R.manifest("evaluation"),
    output:
        R.unbalanced.of_classes,
    log:
        LOG["compare_classes"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("neighbours"),
        rows=in_few_words(CLASSES),
        runs=lambda wildcards, input: rows_in_job(CLASSES, R.root, input.features),
        rare=config["unbalanced"]["rare"],
        folder=folder,
    shell:
        """
        iscqk neighbours --runs @<(printf %s {params.runs:q}) --training {input.training} \
            --evaluation {input.evaluation} --rare {params.rare} \
            --output {params.folder} &>{log}
        """

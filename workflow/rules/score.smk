# Global search, micro-AP, validation.


# Where there is one shard, no list of parts is needed.
PART = "-{shard}" if len(shards("search")) > 1 else ""


rule search:
    input:
        descriptors="results/runs/{run}/{model}/{phase}/{ranking}/descriptors.h5",
        code=sources("search"),
    output:
        f"results/runs/{{run}}/{{model}}/{{phase}}/{{ranking}}/predictions{PART}.csv",
    log:
        f"results/logs/{{run}}/{{model}}/search-{{phase}}-{{ranking}}{PART}.log",
    benchmark:
        f"results/usage/{{run}}/{{model}}/search-{{phase}}-{{ranking}}{PART}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        max_results=config["search"]["max_results"],
        shard=lambda wildcards: wildcards.get("shard", 0),
        shards=len(shards("search")),
    shell:
        """
        iscqk search {input.descriptors} --output {output} --max-results {params.max_results} \
            --shard {params.shard} --shards {params.shards} --threads {threads} &>{log}
        """


if PART:

    rule combine:
        input:
            parts=expand(
                "results/runs/{{run}}/{{model}}/{{phase}}/{{ranking}}/predictions-{shard}.csv",
                shard=shards("search"),
            ),
            descriptors="results/runs/{run}/{model}/{phase}/{ranking}/descriptors.h5",
            code=sources("combine"),
        output:
            "results/runs/{run}/{model}/{phase}/{ranking}/predictions.csv",
        log:
            "results/logs/{run}/{model}/combine-{phase}-{ranking}.log",
        benchmark:
            "results/usage/{run}/{model}/combine-{phase}-{ranking}.tsv"
        conda:
            "../../envs/iscqk.yaml"
        params:
            max_results=config["search"]["max_results"],
        shell:
            """
            iscqk combine {input.parts} --file {input.descriptors} --output {output} \
                --max-results {params.max_results} &>{log}
            """


rule score:
    input:
        scored=f"results/runs/{{run}}/{{model}}/{{phase}}/{{ranking}}/{SCORED}",
        ground_truth="results/data/{phase}/ground_truth.csv",
        edits="results/data/{phase}/edits.csv",
        code=sources("score"),
    output:
        score="results/runs/{run}/{model}/{phase}/{ranking}/score.json",
        by_edit="results/runs/{run}/{model}/{phase}/{ranking}/by_edit.csv",
        curve="results/runs/{run}/{model}/{phase}/{ranking}/precision_recall.csv",
    log:
        "results/logs/{run}/{model}/score-{phase}-{ranking}.log",
    benchmark:
        "results/usage/{run}/{model}/score-{phase}-{ranking}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    params:
        convention=config["score"]["convention"],
    shell:
        """
        iscqk score {input.scored} {input.ground_truth} --convention {params.convention} \
            --edits {input.edits} --by-edit {output.by_edit} --curve {output.curve} \
            --output {output.score} &>{log}
        """


# A half has a search of its own: its nearest pairs are not all among those of the whole.
rule score_half:
    input:
        descriptors="results/runs/{run}/{model}/{phase}/{ranking}/descriptors.h5",
        ground_truth="results/data/{phase}/ground_truth.csv",
        code=sources("score"),
    output:
        "results/runs/{run}/{model}/{phase}/{ranking}/score-{half}.json",
    log:
        "results/logs/{run}/{model}/score-{phase}-{ranking}-{half}.log",
    benchmark:
        "results/usage/{run}/{model}/score-{phase}-{ranking}-{half}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        convention=config["score"]["convention"],
    shell:
        """
        iscqk score {input.descriptors} {input.ground_truth} --convention {params.convention} \
            --half {wildcards.half} --output {output} --threads {threads} &>{log}
        """


rule validate:
    input:
        descriptors="results/runs/{run}/{model}/{phase}/{ranking}/descriptors.h5",
        queries="results/data/{phase}/queries.csv",
        references="results/data/references.csv",
        code=sources("validate"),
    output:
        "results/runs/{run}/{model}/{phase}/{ranking}/validation.json",
    log:
        "results/logs/{run}/{model}/validate-{phase}-{ranking}.log",
    benchmark:
        "results/usage/{run}/{model}/validate-{phase}-{ranking}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    shell:
        """
        iscqk validate {input.descriptors} --queries {input.queries} \
            --references {input.references} --phase {wildcards.phase} --output {output} &>{log}
        """

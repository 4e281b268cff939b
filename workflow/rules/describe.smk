# Descriptors of images by a model: banks, queries and references alike.


rule embed:
    input:
        weights="results/runs/{run}/{model}/{side}.safetensors",
        manifest=lambda wildcards: MANIFESTS[wildcards.images],
        code=sources("embed"),
    output:
        "results/runs/{run}/{model}/{content}/{side}/{images}-{shard}.h5",
    log:
        "results/logs/{run}/{model}/embed-{content}-{side}-{images}-{shard}.log",
    benchmark:
        "results/usage/{run}/{model}/embed-{content}-{side}-{images}-{shard}.tsv"
    wildcard_constraints:
        images="|".join(MANIFESTS),
    conda:
        "../../envs/iscqk.yaml"
    threads: max(HALF, PROCESSES)
    resources:
        gpu=GPU,
        processes=PROCESSES,
    params:
        shards=lambda wildcards: len(shards(wildcards.images)),
        flag=lambda wildcards: FEATURES_FLAG[wildcards.content],
        precision=config["describe"]["precision"],
    shell:
        """
        iscqk embed --weights {input.weights} --manifest {input.manifest} \
            --shard {wildcards.shard} --shards {params.shards} {params.flag} \
            --precision {params.precision} --output {output} \
            --processes {resources.processes} --threads {threads} &>{log}
        """


rule embed_copies:
    input:
        weights="results/runs/{run}/{model}/{side}.safetensors",
        copies="results/copies/training/round{round}/{shard}.tar",
        code=sources("embed"),
    output:
        "results/runs/{run}/{model}/{content}/{side}/copies{round}-{shard}.h5",
    log:
        "results/logs/{run}/{model}/embed-{content}-{side}-copies{round}-{shard}.log",
    benchmark:
        "results/usage/{run}/{model}/embed-{content}-{side}-copies{round}-{shard}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: max(HALF, PROCESSES)
    resources:
        gpu=GPU,
        processes=PROCESSES,
    params:
        views=lambda wildcards: RUNS[wildcards.run]["train"]["qk"]["bank_views"],
        flag=lambda wildcards: FEATURES_FLAG[wildcards.content],
        precision=config["describe"]["precision"],
    shell:
        """
        iscqk embed --weights {input.weights} --copies {input.copies} --views {params.views} \
            {params.flag} --precision {params.precision} --output {output} \
            --processes {resources.processes} --threads {threads} &>{log}
        """


rule merge:
    input:
        queries=lambda wildcards: for_phase(wildcards, "queries", wildcards.phase),
        references=lambda wildcards: for_phase(wildcards, "references", "references"),
        training=lambda wildcards: (
            for_phase(wildcards, "references", "training")
            if wildcards.ranking == "log_partition"
            else []
        ),
        manifests=lambda wildcards: [
            MANIFESTS[wildcards.phase],
            MANIFESTS["references"],
        ],
        code=sources("merge"),
    output:
        "results/runs/{run}/{model}/{phase}/{ranking}/descriptors.h5",
    log:
        "results/logs/{run}/{model}/merge-{phase}-{ranking}.log",
    benchmark:
        "results/usage/{run}/{model}/merge-{phase}-{ranking}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        temperature=lambda wildcards: (
            RUNS[wildcards.run]["describe"]["temperature"]
            if wildcards.ranking == "log_partition"
            else 1
        ),
    shell:
        """
        iscqk merge --queries {input.queries} --references {input.references} \
            --training {input.training} --manifests {input.manifests} \
            --ranking {wildcards.ranking} \
            --temperature {params.temperature} --output {output} --threads {threads} &>{log}
        """

# Descriptors of images by a model: banks, queries and references alike.


rule embed:
    input:
        weights="results/models/{model}/{side}.safetensors",
        manifest=lambda wildcards: MANIFESTS[wildcards.images],
        code=sources("embed"),
    output:
        "results/{content}/{model}/{side}/{images}-{shard}.h5",
    log:
        "results/logs/embed-{content}-{model}-{side}-{images}-{shard}.log",
    benchmark:
        "results/usage/embed-{content}-{model}-{side}-{images}-{shard}.tsv"
    wildcard_constraints:
        images="training|references|phase1|phase2",
    conda:
        "../../envs/iscqk.yaml"
    resources:
        gpu=GPU,
    params:
        shards=lambda wildcards: len(described("", "", wildcards.images)),
        flag=lambda wildcards: FEATURES_FLAG[wildcards.content],
        precision=config["describe"]["precision"],
    shell:
        """
        iscqk embed --weights {input.weights} --manifest {input.manifest} \
            --shard {wildcards.shard} --shards {params.shards} {params.flag} \
            --precision {params.precision} --output {output} --threads {threads} &>{log}
        """


rule embed_copies:
    input:
        weights="results/models/{model}/{side}.safetensors",
        copies="results/copies/round{round}/{shard}.tar",
        code=sources("embed"),
    output:
        "results/{content}/{model}/{side}/copies{round}-{shard}.h5",
    log:
        "results/logs/embed-{content}-{model}-{side}-copies{round}-{shard}.log",
    benchmark:
        "results/usage/embed-{content}-{model}-{side}-copies{round}-{shard}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    resources:
        gpu=GPU,
    params:
        views=config["train"]["bank_views"],
        flag=lambda wildcards: FEATURES_FLAG[wildcards.content],
        precision=config["describe"]["precision"],
    shell:
        """
        iscqk embed --weights {input.weights} --copies {input.copies} --views {params.views} \
            {params.flag} --precision {params.precision} --output {output} \
            --threads {threads} &>{log}
        """


rule merge:
    input:
        queries=lambda wildcards: described(
            FINAL, config["describe"]["queries"], wildcards.phase
        ),
        references=described(FINAL, config["describe"]["references"], "references"),
        training=lambda wildcards: (
            described(FINAL, config["describe"]["references"], "training")
            if wildcards.ranking == "log_partition"
            else []
        ),
        code=sources("merge"),
    output:
        "results/{phase}/{ranking}/descriptors.h5",
    log:
        "results/logs/merge-{phase}-{ranking}.log",
    benchmark:
        "results/usage/merge-{phase}-{ranking}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        temperature=lambda wildcards: (
            config["describe"]["temperature"]
            if wildcards.ranking == "log_partition"
            else 1
        ),
    shell:
        """
        iscqk merge --queries {input.queries} --references {input.references} \
            --training {input.training} --ranking {wildcards.ranking} \
            --temperature {params.temperature} --output {output} --threads {threads} &>{log}
        """

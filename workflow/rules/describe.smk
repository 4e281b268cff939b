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
        flag=lambda wildcards: content_options(wildcards.content),
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
        flag=lambda wildcards: content_options(wildcards.content),
        precision=config["describe"]["precision"],
    shell:
        """
        iscqk embed --weights {input.weights} --copies {input.copies} --views {params.views} \
            {params.flag} --precision {params.precision} --output {output} \
            --processes {resources.processes} --threads {threads} &>{log}
        """


rule whiten:
    input:
        network=lambda wildcards: by_network(wildcards, "references", "training"),
        gist=lambda wildcards: by_gist(wildcards, "references", "training"),
        code=sources("whiten"),
    output:
        "results/runs/{run}/{model}/refined/projection.safetensors",
    log:
        "results/logs/{run}/{model}/whiten.log",
    benchmark:
        "results/usage/{run}/{model}/whiten.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        gist=lambda wildcards, input: gist_options(wildcards, input.gist),
        whitening=lambda wildcards: RUNS[wildcards.run]["describe"]["whitening"],
        size=lambda wildcards: RUNS[wildcards.run]["model"]["descriptor_size"],
    shell:
        """
        iscqk whiten --part {input.network} {params.gist} --whitening {params.whitening} \
            --size {params.size} --output {output} --threads {threads} &>{log}
        """


rule refine:
    input:
        network=lambda wildcards: part(wildcards, by_network),
        gist=lambda wildcards: part(wildcards, by_gist),
        projection=lambda wildcards: projection(wildcards.run, wildcards.model),
        training=subtracted,
        code=sources("refine"),
    output:
        "results/runs/{run}/{model}/refined/{role}/{images}-{shard}.h5",
    log:
        "results/logs/{run}/{model}/refine-{role}-{images}-{shard}.log",
    benchmark:
        "results/usage/{run}/{model}/refine-{role}-{images}-{shard}.tsv"
    wildcard_constraints:
        images="|".join(MANIFESTS),
        role="queries|references",
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        gist=lambda wildcards, input: gist_options(wildcards, input.gist),
        projection=lambda wildcards, input: given("--projection", input.projection),
        subtraction=lambda wildcards, input: subtraction(wildcards, input.training),
    shell:
        """
        iscqk refine --part {input.network} {params.gist} {params.projection} \
            {params.subtraction} --output {output} --threads {threads} &>{log}
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

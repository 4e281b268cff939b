# Descriptors of images by a model: banks, queries and references alike.


rule embed:
    input:
        weights=MODEL.weights("{side}"),
        manifest=lambda wildcards: R.manifest(wildcards.images),
        code=sources("embed"),
    output:
        MODEL.described("{content}", "{side}", "{images}", "{shard}"),
    log:
        LOG["embed"],
    benchmark:
        USAGE["embed"]
    wildcard_constraints:
        images="|".join(DESCRIBED),
    conda:
        "../../envs/iscqk.yaml"
    threads: max(HALF, PROCESSES)
    resources:
        gpu=GPU,
        processes=PROCESSES,
    params:
        shards=lambda wildcards: len(PLAN.submitted.shards(wildcards.images)),
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
        weights=MODEL.weights("{side}"),
        copies=R.copies("training", "{round}", "{shard}"),
        code=sources("embed"),
    output:
        MODEL.described("{content}", "{side}", "copies{round}", "{shard}"),
    log:
        R.log(job("embed", images="copies{round}")),
    benchmark:
        R.usage(job("embed", images="copies{round}"))
    conda:
        "../../envs/iscqk.yaml"
    threads: max(HALF, PROCESSES)
    resources:
        gpu=GPU,
        processes=PROCESSES,
    params:
        views=lambda wildcards: PLAN[wildcards.run].own["bank_views"],
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
        network=lambda wildcards: PLAN[wildcards.run].by_network(
            wildcards.model, "references", "training"
        ),
        gist=lambda wildcards: PLAN.gist(wildcards.run, "references", "training"),
        code=sources("whiten"),
    output:
        MODEL.projection,
    log:
        LOG["whiten"],
    benchmark:
        USAGE["whiten"]
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        gist=lambda wildcards, input: PLAN[wildcards.run].gist_options(input.gist),
        whitening=lambda wildcards: PLAN[wildcards.run].config["describe"]["whitening"],
        size=lambda wildcards: PLAN[wildcards.run].config["model"]["descriptor_size"],
    shell:
        """
        iscqk whiten --part {input.network} {params.gist} --whitening {params.whitening} \
            --size {params.size} --output {output} --threads {threads} &>{log}
        """


rule refine:
    input:
        network=lambda wildcards: PLAN[wildcards.run].by_network(
            wildcards.model, wildcards.role, wildcards.images
        )[int(wildcards.shard)],
        gist=lambda wildcards: PLAN.gist(
            wildcards.run, wildcards.role, wildcards.images
        )[int(wildcards.shard) :][:1],
        projection=lambda wildcards: PLAN[wildcards.run].projection(wildcards.model),
        training=lambda wildcards: PLAN[wildcards.run].subtracted(
            wildcards.model, wildcards.images
        ),
        code=sources("refine"),
    output:
        MODEL.refined("{role}", "{images}", "{shard}"),
    log:
        LOG["refine"],
    benchmark:
        USAGE["refine"]
    wildcard_constraints:
        images="|".join(DESCRIBED),
        role="queries|references",
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        gist=lambda wildcards, input: PLAN[wildcards.run].gist_options(input.gist),
        projection=lambda wildcards, input: given("--projection", input.projection),
        subtraction=lambda wildcards, input: PLAN[wildcards.run].subtraction_options(
            input.training
        ),
    shell:
        """
        iscqk refine --part {input.network} {params.gist} {params.projection} \
            {params.subtraction} --output {output} --threads {threads} &>{log}
        """


rule merge:
    input:
        queries=lambda wildcards: PLAN[wildcards.run].as_submitted(
            wildcards.model, "queries", wildcards.phase
        ),
        references=lambda wildcards: PLAN[wildcards.run].as_submitted(
            wildcards.model, "references", "references"
        ),
        training=lambda wildcards: PLAN[wildcards.run].bank(
            wildcards.ranking, wildcards.model
        ),
        manifests=lambda wildcards: [
            R.manifest(wildcards.phase),
            R.manifest("references"),
        ],
        code=sources("merge"),
    output:
        RANKED.descriptors,
    log:
        LOG["merge"],
    benchmark:
        USAGE["merge"]
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        temperature=lambda wildcards: (
            PLAN[wildcards.run].config["describe"]["temperature"]
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

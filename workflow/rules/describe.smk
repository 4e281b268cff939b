# Descriptors of images by a model: banks, queries and references alike.


rule embed:
    input:
        weights=MODEL.weights("{side}"),
        manifest=lambda wildcards: R.manifest(wildcards.images),
        images=lambda wildcards: PLAN.images.shards_of_part(
            wildcards.images, wildcards.shard
        ),
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
    params:
        code=code("embed"),
        shard=lambda wildcards, input: PLAN.images.part_options(
            wildcards.images, wildcards.shard, input.images
        ),
        flag=lambda wildcards: Content.parse(wildcards.content).options,
        precision=config["describe"]["precision"],
        processes=untracked(PROCESSES),
    shell:
        """
        iscqk embed --weights={input.weights:q} --manifest {input.manifest} \
            {params.shard} {params.flag} \
            --precision {params.precision} --output {output} \
            --processes {params.processes} --threads {threads} &>{log}
        """


# A network that teaches describes the images once, whatever runs learn by it.
use rule embed as embed_teacher with:
    input:
        weights=lambda wildcards: TEACHERS[wildcards.teacher],
        manifest=lambda wildcards: R.manifest(wildcards.images),
        images=lambda wildcards: PLAN.images.shards_of_part(
            wildcards.images, wildcards.shard
        ),
    output:
        R.taught("{teacher}", "{images}", "{shard}"),
    log:
        LOG["embed_teacher"],
    benchmark:
        USAGE["embed_teacher"]
    params:
        flag="",
        content=lambda wildcards: digest_of_contents(
            STORAGE.here([TEACHERS[wildcards.teacher]])
        ),


rule embed_copies:
    input:
        weights=MODEL.weights("{side}"),
        copies=R.copies("training", "{round}", "{shard}"),
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
    params:
        views=lambda wildcards: PLAN[wildcards.run].own["bank_views"],
        code=code("embed"),
        flag=lambda wildcards: Content.parse(wildcards.content).options,
        precision=config["describe"]["precision"],
        processes=untracked(PROCESSES),
    shell:
        """
        iscqk embed --weights {input.weights} --copies {input.copies} --views {params.views} \
            {params.flag} --precision {params.precision} --output {output} \
            --processes {params.processes} --threads {threads} &>{log}
        """


rule whiten:
    input:
        network=lambda wildcards: PLAN[wildcards.run].by_network(
            wildcards.model, "references", "training"
        ),
        gist=lambda wildcards: PLAN.gist_beside(wildcards.run, wildcards.model),
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
        code=code("whiten"),
        gist=lambda wildcards, input: listed("--part", input.gist),
        weights=lambda wildcards: PLAN[wildcards.run].joining_options(),
        projection=lambda wildcards: PLAN[wildcards.run].projection_options(),
    shell:
        """
        iscqk whiten --part {input.network} {params.gist} {params.weights} \
            {params.projection} --output {output} --threads {threads} &>{log}
        """


rule refine:
    input:
        network=lambda wildcards: PLAN[wildcards.run].by_network(
            wildcards.model, wildcards.role, wildcards.images, wildcards.shard
        ),
        gist=lambda wildcards: PLAN.gist(
            wildcards.run, wildcards.role, wildcards.images, wildcards.shard
        ),
        projection=lambda wildcards: PLAN[wildcards.run].projection(wildcards.model),
        training=lambda wildcards: PLAN[wildcards.run].subtracted(
            wildcards.model, wildcards.images
        ),
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
        code=code("refine"),
        gist=lambda wildcards, input: listed("--part", input.gist),
        weights=lambda wildcards: PLAN[wildcards.run].joining_options(),
        projection=lambda wildcards, input: given("--projection", input.projection),
        training=lambda wildcards, input: listed("--training", input.training),
        subtraction=lambda wildcards: PLAN[wildcards.run].subtraction_options(
            wildcards.images
        ),
    shell:
        """
        iscqk refine --part {input.network} {params.gist} {params.weights} {params.projection} \
            {params.training} {params.subtraction} --output {output} --threads {threads} &>{log}
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
    output:
        RANKED.descriptors,
    log:
        LOG["merge"],
    benchmark:
        USAGE["merge"]
    wildcard_constraints:
        run=SUBMITTED,
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        code=lambda wildcards: code_digest(
            "merge", *rankings.modules(wildcards.ranking)
        ),
        manifests=lambda wildcards, input: f"--manifests {input.manifests}",
        ranking=lambda wildcards: wildcards.ranking,
        temperature=lambda wildcards: PLAN[wildcards.run].temperature(wildcards.ranking),
    shell:
        """
        iscqk merge --queries {input.queries} --references {input.references} \
            --training {input.training} {params.manifests} \
            --ranking {params.ranking} \
            --temperature {params.temperature} --output {output} --threads {threads} &>{log}
        """

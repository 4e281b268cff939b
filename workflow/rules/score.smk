# Global search, micro-AP, validation.


rule search:
    input:
        descriptors=RANKED.descriptors,
    output:
        RANKED.part("{shard}") if PLAN.searches_in_parts else RANKED.predictions,
    log:
        R.log(PLAN.search_job),
    benchmark:
        R.usage(PLAN.search_job)
    wildcard_constraints:
        run=SUBMITTED,
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        code=code("search"),
        max_results=config["search"]["max_results"],
        shard=lambda wildcards: Shard.parse(wildcards.get("shard", "0-of-1")).options,
    shell:
        """
        iscqk search {input.descriptors} --output {output} --max-results {params.max_results} \
            {params.shard} --threads {threads} &>{log}
        """


if PLAN.searches_in_parts:

    rule combine:
        input:
            parts=[RANKED.part(shard) for shard in PLAN.search_shards],
            descriptors=RANKED.descriptors,
        output:
            RANKED.predictions,
        log:
            LOG["combine"],
        benchmark:
            USAGE["combine"]
        wildcard_constraints:
            run=SUBMITTED,
        conda:
            "../../envs/iscqk.yaml"
        params:
            code=code("combine"),
            max_results=config["search"]["max_results"],
        shell:
            """
            iscqk combine {input.parts} --file {input.descriptors} --output {output} \
                --max-results {params.max_results} &>{log}
            """


rule score:
    input:
        scored=RANKED.scored(config["score"]["convention"]),
        ground_truth=R.phase("{phase}").ground_truth,
        edits=R.phase("{phase}").edits,
    output:
        score=RANKED.score,
        by_edit=RANKED.by_edit,
        curve=RANKED.curve,
    log:
        LOG["score"],
    benchmark:
        USAGE["score"]
    wildcard_constraints:
        run=SUBMITTED,
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("score"),
        convention=config["score"]["convention"],
        max_results=config["search"]["max_results"],
        tables=lambda wildcards, input, output: (
            f"--edits {input.edits} --by-edit {output.by_edit} --curve {output.curve}"
        ),
    shell:
        """
        iscqk score {input.scored} {input.ground_truth} --convention {params.convention} \
            --max-results {params.max_results} {params.tables} --output {output.score} &>{log}
        """


# A half has a search of its own: its nearest pairs are not all among those of the whole.
rule score_half:
    input:
        descriptors=RANKED.descriptors,
        ground_truth=R.phase("{phase}").ground_truth,
    output:
        RANKED.half("{half}"),
    log:
        LOG["score_half"],
    benchmark:
        USAGE["score_half"]
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    params:
        code=code("score"),
        convention=config["score"]["convention"],
        max_results=config["search"]["max_results"],
    shell:
        """
        iscqk score {input.descriptors} {input.ground_truth} --convention {params.convention} \
            --max-results {params.max_results} --half {wildcards.half} --output {output} \
            --threads {threads} &>{log}
        """


rule validate:
    input:
        descriptors=RANKED.descriptors,
        queries=R.manifest("{phase}"),
        references=R.manifest("references"),
    output:
        RANKED.validation,
    log:
        LOG["validate"],
    benchmark:
        USAGE["validate"]
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("validate"),
        phase=lambda wildcards: wildcards.phase,
    shell:
        """
        iscqk validate {input.descriptors} --queries {input.queries} \
            --references {input.references} --phase {params.phase} --output {output} &>{log}
        """

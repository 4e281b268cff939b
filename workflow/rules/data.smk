# Images, manifests, queries and training copies. What may find fault with the user's data or
# settings has priority, so that it is told before the hours of training.


rule draw:
    output:
        [R.drawn(split) for split in SPLITS],
    log:
        LOG["draw"],
    benchmark:
        USAGE["draw"]
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("draw"),
        seed=config["seed"],
        counts=options(config["dataset"]["demo"], *SPLITS, "side"),
    shell:
        """
        iscqk draw --output {output} --seed {params.seed} --workers {threads} \
            {params.counts} &>{log}
        """


rule prepare:
    input:
        training=PLAN.images.sources.training,
        references=PLAN.images.sources.references,
        others=PLAN.images.sources.others,
        lists=list(PLAN.images.lists(*SPLITS).values()),
    output:
        training=R.data.listed_training,
        references=R.manifest("references"),
        others=R.manifest("others"),
        quarantined=R.data.quarantined,
    log:
        LOG["prepare"],
    benchmark:
        USAGE["prepare"]
    priority: 10
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("prepare"),
        lists=lambda wildcards, input: name_pairs(
            PLAN.images.lists(*SPLITS), input.lists
        ),
        places=PLAN.images.places(*SPLITS),
        bad_images=config["dataset"]["bad_images"],
        naming=SOURCES[config["dataset"]["kind"]].naming_options,
        state=lambda wildcards: PLAN.images.state(*SPLITS),
        content=lambda wildcards: digest_of_contents(
            STORAGE.here(PLAN.images.lists(*SPLITS).values())
        ),
        # no input either: queries that come later must not make all training begin anew
        queries=untracked(
            lambda wildcards: PLAN.images.queries_beforehand(
                wildcards_of_jobs(workflow, "make_queries", "phase")
            )
        ),
        hold_out=untracked(
            lambda wildcards: PLAN.held_out(
                wildcards_of_jobs(workflow, "learn", "run")
            )
        ),
    shell:
        """
        iscqk prepare --output {output} --workers {threads} --training {input.training:q} \
            --references {input.references:q} --others {input.others:q} \
            --lists {params.lists:q} --bad-images {params.bad_images} {params.naming} \
            {params.queries} {params.hold_out} &>{log}
        """


# All splits are listed at once, so that all faults are told at once. What is trained on follows what
# is behind the training images alone, where that is watched: no reference more is trained anew for.
# Then nothing that is trained may hang on `prepare`, not by an `ancient` file either: below a job
# that runs Snakemake looks for no other reason to run one.
if not keeps_training(workflow, PLAN):

    rule prepare_training:
        input:
            R.data.listed_training,
        output:
            manifest=R.manifest("training"),
            behind=R.data.behind_training,
        log:
            LOG["prepare_training"],
        priority: 10
        localrule: True
        conda:
            "../../envs/iscqk.yaml"
        params:
            behind=lambda wildcards: behind_training(PLAN),
        shell:
            """
            {{ cp {input} {output.manifest} && printf %s {params.behind:q} > {output.behind}; }} &>{log}
            """


rule make_queries:
    input:
        training=R.manifest("training"),
        references=R.manifest("references"),
        others=R.manifest("others"),
        images=PLAN.images.shards("references", "others"),
    output:
        images=R.phase("{phase}").images,
        queries=R.manifest("{phase}"),
        ground_truth=R.phase("{phase}").ground_truth,
        edits=R.phase("{phase}").edits,
        record=R.phase("{phase}").edit_records,
    log:
        LOG["queries"],
    benchmark:
        USAGE["queries"]
    wildcard_constraints:
        phase="|".join(set(PHASES) - set(PLAN.images.sources.phases)) or "none",
    priority: 10
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("queries"),
        config=as_text(config["queries"]),
        edits=lambda wildcards: as_text(config["edits"][wildcards.phase]),
        seed=config["seed"],
    shell:
        """
        iscqk queries --phase {wildcards.phase} --training {input.training} \
            --references {input.references} --others {input.others} --config {params.config:q} \
            --edits {params.edits:q} --seed {params.seed} --output {output} \
            --workers {threads} &>{log}
        """


rule take_queries:
    input:
        folders=lambda wildcards: PLAN.images.sources.phases[wildcards.phase].queries,
        ground_truth=lambda wildcards: PLAN.images.sources.phases[
            wildcards.phase
        ].ground_truth,
        list=lambda wildcards: PLAN.images.sources.lists.get(wildcards.phase, []),
        training=R.manifest("training"),
        references=R.manifest("references"),
    output:
        queries=R.manifest("{phase}"),
        ground_truth=R.phase("{phase}").ground_truth,
        edits=R.phase("{phase}").edits,
        quarantined=R.phase("{phase}").quarantined,
    log:
        LOG["queries"],
    benchmark:
        USAGE["queries"]
    wildcard_constraints:
        phase="|".join(PLAN.images.sources.phases) or "none",
    priority: 10
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("take_queries"),
        list=lambda wildcards, input: given("--list", input.list),
        bad_images=config["dataset"]["bad_images"],
        naming=SOURCES[config["dataset"]["kind"]].naming_options,
        state=lambda wildcards: PLAN.images.state(wildcards.phase),
        content=lambda wildcards: digest_of_contents(
            STORAGE.here(PLAN.images.given_with(wildcards.phase))
        ),
    shell:
        """
        iscqk take-queries --phase {wildcards.phase} --queries {input.folders:q} \
            --ground-truth {input.ground_truth:q} --training {input.training} \
            --references {input.references} --output {output} \
            {params.list} --bad-images {params.bad_images} {params.naming} \
            --workers {threads} &>{log}
        """


rule copies:
    input:
        training=lambda wildcards: R.manifest(wildcards.split),
        images=lambda wildcards: PLAN.images.shards_of_part(
            wildcards.split, wildcards.shard
        ),
    output:
        R.copies("{split}", "{round}", "{shard}"),
    log:
        LOG["copies"],
    benchmark:
        USAGE["copies"]
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("copies"),
        config=as_text(config["copies"]),
        edits=lambda wildcards: as_text(training_edits(config, wildcards.round)),
        seed=config["seed"],
        shard=lambda wildcards, input: PLAN.images.part_options(
            wildcards.split, wildcards.shard, input.images
        ),
    shell:
        """
        iscqk copies --training {input.training} --config {params.config:q} \
            --edits {params.edits:q} --seed {params.seed} --round {wildcards.round} \
            {params.shard} --output {output} --workers {threads} &>{log}
        """

# The folder of a phase.


rule submit:
    input:
        descriptors=lambda wildcards: PLAN.submitted.ranked(wildcards.phase).descriptors,
        predictions=lambda wildcards: PLAN.submitted.ranked(wildcards.phase).predictions,
        validation=lambda wildcards: PLAN.submitted.ranked(wildcards.phase).validation,
        scores=lambda wildcards: [
            PLAN.submitted.ranked(wildcards.phase, ranking).score for ranking in SCORED
        ],
        halves=lambda wildcards: [
            PLAN.submitted.ranked(wildcards.phase).half(half)
            for half in PLAN.images.halves(wildcards.phase)
        ],
        bank=PLAN.submitted_bank(),
        training=R.manifest("training"),
        references=R.manifest("references"),
        queries=R.manifest("{phase}"),
        quarantined=lambda wildcards: PLAN.images.quarantined(wildcards.phase),
        weights=list(PLAN.submitted_weights().values()),
        given=lambda wildcards: given_in_storage(PLAN, wildcards.phase),
    output:
        submission_files(PLAN, "{phase}"),
    log:
        LOG["submit"],
    benchmark:
        USAGE["submit"]
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("submit", *PLAN.submitted_modules),
        ranking=config["describe"]["ranking"],
        config=lambda wildcards: PLAN.submitted_config(wildcards.phase),
        scores=lambda wildcards, input: name_pairs(SCORED, input.scores),
        weights=lambda wildcards, input: name_pairs(
            PLAN.submitted_weights(), input.weights
        ),
        halves=lambda wildcards, input: name_pairs(
            PLAN.images.halves(wildcards.phase), input.halves
        ),
        given=lambda wildcards, input: given_files(PLAN, wildcards.phase)
        + list(input.given),
        given_names=untracked(
            lambda wildcards: given_files(PLAN, wildcards.phase)
            + given_in_storage(PLAN, wildcards.phase)
        ),
        folder=folder,
    shell:
        """
        iscqk submit --phase {wildcards.phase} --descriptors {input.descriptors} \
            --predictions {input.predictions} --validation {input.validation} \
            --ranking {params.ranking} --scores {params.scores} --halves {params.halves} \
            --training {input.training} --references {input.references} --queries {input.queries} \
            --quarantined {input.quarantined} \
            --weights {params.weights} --bank {input.bank} --given {params.given:q} \
            --given-names {params.given_names:q} --config {params.config:q} --output {params.folder} &>{log}
        """


rule pack:
    input:
        provenance=R.submission("phase2").provenance,
        model=R.submission("phase2").model_files(PLAN.submitted_model()),
        scores=[R.submission(phase).score for phase in PHASES],
        by_edit=[PLAN.submitted.ranked(phase).by_edit for phase in PHASES],
        notice=config["ready"]["notice"] or [],
    output:
        directory(R.ready_model.folder),
    log:
        LOG["pack"],
    benchmark:
        USAGE["pack"]
    # A folder that another machine puts into a bucket is not seen from here.
    localrule: bool(STORAGE.plugin)
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("pack"),
        submission=lambda wildcards, input: os.path.dirname(input.provenance),
        scores=lambda wildcards, input: name_pairs(PHASES, input.scores),
        by_edit=lambda wildcards, input: name_pairs(PHASES, input.by_edit),
        config=as_text(config["ready"]),
        content=lambda wildcards: digest_of_contents(
            STORAGE.here(filter(None, [config["ready"]["notice"]]))
        ),
    shell:
        """
        iscqk pack {params.submission} --scores {params.scores} --by-edit {params.by_edit} \
            --config {params.config:q} --output {output} &>{log}
        """

# Query sets by other edits than the training's, and how many of their copies the submitted model
# finds beside GIST and hashes.

GIST = [PLAN[PLAN.submitted.gist]] if PLAN.submitted.gist in PLAN else []


rule validation_queries:
    input:
        references=R.manifest("references"),
        others=R.manifest("others"),
        images=PLAN.images.shards("references", "others"),
    output:
        directory(R.validation("set")),
    log:
        LOG["validation_queries"],
    priority: 10  # tells of too few images
    localrule: bool(STORAGE.plugin)  # as `pack`
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("validation_queries"),
        config=as_text(config["validation"]),
        seed=config["seed"],
    shell:
        """
        iscqk validation-queries --references {input.references} --others {input.others} \
            --config {params.config:q} --seed {params.seed} --output {output} \
            --workers {threads} &>{log}
        """


rule validation_scores:
    input:
        set=R.validation("set"),
        model=R.submission("phase2").model_files(PLAN.submitted_model()),
        gist=[run.model().weights("q") for run in GIST],
        training=[shard for run in GIST for shard in run.described("q", "training")],
    output:
        R.validation("table.csv"),
        R.validation("by_class.csv"),
        R.validation("table.md"),
    log:
        LOG["validation_scores"],
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        code=code("validation_scores", *PLAN.submitted_modules),
        model=lambda wildcards, input: os.path.commonpath(input.model),
        gist=lambda wildcards, input: given("--gist", input.gist),
        folder=folder,
    shell:
        """
        iscqk validation-scores {input.set} --models submission={params.model} \
            {params.gist} --training {input.training} --output {params.folder} \
            --threads {threads} &>{log}
        """

# One page of what lies under results, and the graph of rules that it shows.


rule draw_rules:
    output:
        graph=R.workflow("rules.mmd"),
        config=R.workflow("config.json"),
    log:
        LOG["draw_rules"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        config=as_text(config),
        snakefile=os.path.relpath(f"{OWN_FOLDER}/Snakefile"),
        storage=untracked(STORAGE.snakemake_options),
        rules=digest_of_contents(
            [
                f"{OWN_FOLDER}/Snakefile",
                *sorted(glob(f"{escape(OWN_FOLDER)}/workflow/rules/*")),
            ]
        ),
    shell:
        """
        echo {params.config:q} >{output.config}
        snakemake all --rulegraph mermaid-js --cores 1 --snakefile={params.snakefile:q} \
            --configfile {output.config} {params.storage} >{output.graph} 2>{log}
        """


rule report:
    input:
        scores=reported(PLAN),
        submissions=[
            file
            for one in map(R.submission, PHASES)
            for file in (one.predictions, one.score, one.validation, one.provenance)
        ],
        data=[
            file
            for one in map(R.phase, PHASES)
            for file in (one.queries, one.ground_truth, one.edits)
        ],
        records=[
            R.phase(phase).edit_records
            for phase in PHASES
            if phase not in PLAN.images.sources.phases
        ],
        others=R.manifest("others"),
        references=R.manifest("references"),
        images=PLAN.images.shards("references", "others", *PHASES),
        rules=R.workflow("rules.mmd"),
        compared=report_compares_with(PLAN),
    output:
        page=R.report,
        plots=R.report_plots,
    log:
        LOG["report"],
    benchmark:
        USAGE["report"]
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("report", *rankings.modules(config["describe"]["ranking"])),
        results=results_of,
        title=config["title"],
        compare=lambda wildcards, input: given(
            "--compare", results_with(input.compared)
        ),
        content=lambda wildcards: digest_of_contents(
            STORAGE.here(report_compares_with(PLAN))
        ),
        besides=lambda wildcards: reported_besides(PLAN),
    shell:
        """
        iscqk report --results {params.results} --title={params.title:q} --rules {input.rules} \
            {params.compare} --output {output.page} --plots {output.plots} &>{log}
        """

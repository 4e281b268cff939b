# One page of what lies under results, and the graph of rules that it shows.


rule draw_rules:
    input:
        snakefile=local(os.path.relpath(workflow.main_snakefile)),
        rules=local(
            sorted(map(os.path.relpath, glob(f"{workflow.basedir}/workflow/rules/*")))
        ),
    output:
        graph="results/workflow/rules.mmd",
        config="results/workflow/config.json",
    log:
        "results/logs/draw_rules.log",
    conda:
        "../../envs/iscqk.yaml"
    params:
        config=text(config),
    shell:
        """
        echo {params.config:q} >{output.config}
        snakemake all --rulegraph mermaid-js --snakefile {input.snakefile} \
            --configfile {output.config} >{output.graph} 2>{log}
        """


rule report:
    input:
        scores=told_of_submission(),
        submissions=expand(
            "results/submission_{phase}/{file}",
            phase=PHASES,
            file=[
                "predictions.csv",
                "score.json",
                "validation.json",
                "provenance.json",
            ],
        ),
        data=expand(
            "results/data/{phase}/{file}.csv",
            phase=PHASES,
            file=["queries", "ground_truth", "edits"],
        ),
        references="results/data/references.csv",
        rules="results/workflow/rules.mmd",
        templates=local(TEMPLATES),
        code=sources("report"),
    output:
        page="results/report.html",
        plots=directory("results/report"),
    log:
        "results/logs/report.log",
    benchmark:
        "results/usage/report.tsv"
    conda:
        "../../envs/iscqk.yaml"
    params:
        title=config["title"],
        besides=told_besides,
    shell:
        """
        iscqk report --results results --title {params.title:q} --rules {input.rules} \
            --output {output.page} &>{log}
        """

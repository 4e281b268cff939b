# What a step costs. Timings tell of the machine they were taken on, and of nothing else.


rule benchmark:
    input:
        weights=PLAN.submitted.model("initial").weights("q"),
    output:
        multiext("results/benchmarks/losses", ".csv", ".svg"),
        "results/benchmarks/step.csv",
    log:
        "results/logs/benchmark.log",
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("benchmark"),
        batch_sizes=config["benchmarks"]["batch_sizes"],
        rows=config["benchmarks"]["rows"],
        repeats=config["benchmarks"]["repeats"],
    shell:
        """
        iscqk benchmark --weights {input.weights} --batch-sizes {params.batch_sizes} \
            --rows {params.rows} --repeats {params.repeats} --output results/benchmarks \
            --threads {threads} &>{log}
        """


rule benchmark_images:
    input:
        training=R.manifest("training"),
        weights=PLAN.submitted.model("initial").weights("q"),
    output:
        copies="results/benchmarks/copies.csv",
        extraction="results/benchmarks/extraction.csv",
    log:
        "results/logs/benchmark-images.log",
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        code=code("benchmark_images"),
        copies=as_text(config["copies"]),
        edits=as_text(config["edits"]["training"]),
        config=as_text(config["benchmarks"]["images"]),
        seed=config["seed"],
        repeats=config["benchmarks"]["repeats"],
    shell:
        """
        iscqk benchmark-images --training {input.training} --weights {input.weights} \
            --copies {params.copies:q} --edits {params.edits:q} --config {params.config:q} \
            --seed {params.seed} --repeats {params.repeats} --output results/benchmarks \
            --threads {threads} &>{log}
        """


rule benchmark_table:
    input:
        tables=expand(
            "results/benchmarks/{name}.csv",
            name=["losses", "step", "copies", "extraction"],
        ),
    output:
        "results/benchmarks/table.md",
    log:
        "results/logs/benchmark-table.log",
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("benchmark_table"),
    shell:
        """
        iscqk benchmark-table --tables {input.tables} --output {output} &>{log}
        """


rule synthetic_bank:
    input:
        weights=PLAN.submitted.model("initial").weights("k"),
    output:
        "results/benchmarks/synthetic.h5",
    log:
        "results/logs/synthetic-bank.log",
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("synthesize"),
        rows=config["benchmarks"]["synthetic_rows"],
        dimension=config["model"]["descriptor_size"],
        seed=config["seed"],
    shell:
        """
        iscqk synthesize --rows {params.rows} --dimension {params.dimension} \
            --seed {params.seed} --weights {input.weights} --output {output} &>{log}
        """


# The very training of round 1's side q, with the synthetic rows as further negatives.
rule train_against_a_million:
    input:
        q=PLAN.submitted.model("initial").weights("q"),
        k=PLAN.submitted.model("initial").weights("k"),
        bank=PLAN.submitted.described("k", "training", name="initial"),
        synthetic="results/benchmarks/synthetic.h5",
        copies=PLAN.submitted.copies(1),
    output:
        q="results/benchmarks/million/q.safetensors",
        k="results/benchmarks/million/k.safetensors",
        history="results/benchmarks/million/history.csv",
    log:
        "results/logs/train-against-a-million.log",
    benchmark:
        "results/usage/train-against-a-million.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("train", *modules("qk")),
        config=as_text(train_section(config, "qk")),
        seed=config["seed"],
    shell:
        """
        iscqk train --method qk --side q --round 1 --start {input.q} --frozen {input.k} \
            --bank {input.bank} {input.synthetic} --copies {input.copies} \
            --config {params.config:q} --seed {params.seed} --q-output {output.q} \
            --k-output {output.k} --history {output.history} \
            --resume results/resume/million.pt --threads {threads} &>{log}
        """

# What a step costs. Timings tell of the machine they were taken on, and of nothing else.


rule benchmark:
    input:
        weights=f"{model(SUBMITTED, 'initial')}/q.safetensors",
        code=sources("benchmark"),
    output:
        multiext("results/benchmarks/losses", ".csv", ".svg"),
        "results/benchmarks/step.csv",
        "results/benchmarks/table.md",
    log:
        "results/logs/benchmark.log",
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        batch_sizes=config["benchmarks"]["batch_sizes"],
        rows=config["benchmarks"]["rows"],
        repeats=config["benchmarks"]["repeats"],
    shell:
        """
        iscqk benchmark --weights {input.weights} --batch-sizes {params.batch_sizes} \
            --rows {params.rows} --repeats {params.repeats} --output results/benchmarks \
            --threads {threads} &>{log}
        """

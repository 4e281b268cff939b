# Evidence beside the product: scores along a training, and what a step costs. Timings tell of the
# machine they were taken on, and of nothing else.


rule learning_curve:
    input:
        weights=lambda wildcards: [
            PLAN[wildcards.run].model(name).weights(side)
            for name in PLAN[wildcards.run].models
            for side in SIDES
        ],
        references=R.manifest("references"),
        queries=[R.manifest(phase) for phase in PHASES],
        images=PLAN.images.shards("references", *PHASES),
        ground_truth=[R.phase(phase).ground_truth for phase in PHASES],
    output:
        R.learning_curve("{run}"),
    log:
        LOG["learning_curve"],
    benchmark:
        USAGE["learning_curve"]
    conda:
        "../../envs/iscqk.yaml"
    threads: HALF
    resources:
        gpu=GPU,
    params:
        code=code("learning_curve"),
        models=lambda wildcards, input: folders(input.weights),
        sides=lambda wildcards: [
            PLAN[wildcards.run].config["describe"][role]
            for role in ("queries", "references")
        ],
        precision=config["describe"]["precision"],
        convention=config["score"]["convention"],
        max_results=config["search"]["max_results"],
    shell:
        """
        iscqk learning-curve --models {params.models} --sides {params.sides} \
            --references {input.references} --queries {input.queries} \
            --ground-truth {input.ground_truth} \
            --precision {params.precision} --convention {params.convention} \
            --max-results {params.max_results} \
            --output {output} --threads {threads} &>{log}
        """


rule benchmark:
    input:
        weights=PLAN.benchmarked.model("initial").weights("q"),
    output:
        multiext(R.benchmarks("losses"), ".csv", ".svg"),
        R.benchmarks("step.csv"),
        R.benchmarks("convolutions.csv"),
    log:
        LOG["benchmark"],
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("benchmark"),
        folder=folder,
        batch_sizes=config["benchmarks"]["batch_sizes"],
        rows=config["benchmarks"]["rows"],
        repeats=config["benchmarks"]["repeats"],
    shell:
        """
        iscqk benchmark --weights {input.weights} --batch-sizes {params.batch_sizes} \
            --rows {params.rows} --repeats {params.repeats} --output {params.folder} \
            --threads {threads} &>{log}
        """


# Of `benchmarks` where there is a GPU; the losses of the rule above are the CPU's.
rule benchmark_gpu:
    output:
        R.benchmarks("gpu_losses.csv"),
    log:
        LOG["benchmark_gpu"],
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        code=code("benchmark_gpu"),
        batch_sizes=config["benchmarks"]["batch_sizes"],
        rows=config["benchmarks"]["rows"],
    shell:
        """
        iscqk benchmark-gpu --batch {params.batch_sizes} --rows {params.rows} --device cuda \
            --output {output} &>{log}
        """


rule benchmark_images:
    input:
        training=R.manifest("training"),
        images=PLAN.images.shards("training"),
        weights=PLAN.submitted.model("initial").weights("q"),
    output:
        copies=R.benchmarks("copies.csv"),
        extraction=R.benchmarks("extraction.csv"),
    log:
        LOG["benchmark_images"],
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        code=code("benchmark_images"),
        folder=folder,
        copies=as_text(config["copies"]),
        edits=as_text(config["edits"]["training"]),
        config=as_text(config["benchmarks"]["images"]),
        seed=config["seed"],
        repeats=config["benchmarks"]["repeats"],
    shell:
        """
        iscqk benchmark-images --training {input.training} --weights {input.weights} \
            --copies {params.copies:q} --edits {params.edits:q} --config {params.config:q} \
            --seed {params.seed} --repeats {params.repeats} --output {params.folder} \
            --threads {threads} &>{log}
        """


rule benchmark_table:
    input:
        tables=[
            R.benchmarks(f"{name}.csv")
            for name in ("losses", "step", "convolutions", "copies", "extraction")
        ],
    output:
        R.benchmarks("table.md"),
    log:
        LOG["benchmark_table"],
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
        weights=PLAN.benchmarked.model("initial").weights("k"),
    output:
        R.benchmarks("synthetic.h5"),
    log:
        LOG["synthetic_bank"],
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


# The very training of round 1's side q, with the synthetic rows as further negatives, whatever is
# submitted: of rows that are made up there are no features, and GIST learns nothing.
use rule train_q as train_against_a_million with:
    input:
        start=PLAN.benchmarked.model("initial").weights("q"),
        frozen=PLAN.benchmarked.model("initial").weights("k"),
        bank=[
            *PLAN.benchmarked.described("k", "training", name="initial"),
            R.benchmarks("synthetic.h5"),
        ],
        copies=PLAN.benchmarked.copies(1),
        near_duplicates=[],
        teacher=[],
    output:
        q=R.benchmarks("million/q.safetensors"),
        k=R.benchmarks("million/k.safetensors"),
        history=R.benchmarks("million/history.csv"),
    log:
        LOG["train_against_a_million"],
    benchmark:
        USAGE["train_against_a_million"]
    params:
        code=code("train", *PLAN.benchmarked.modules),
        method=PLAN.benchmarked.method,
        round=1,
        config=PLAN.benchmarked.train_text(),
        content="",
        seed=config["seed"],
        untracked=untracked(PLAN.training_options("million")),

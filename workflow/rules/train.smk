# Training. Q/K's alternation is unrolled: each half-round is a job that trains one side against the
# other's bank. The other methods train one encoder for both sides, as Q/K's warm-up does.


rule initial:
    input:
        training=training,
        code=sources("initial"),
    output:
        q="results/runs/{run}/initial/q.safetensors",
        k="results/runs/{run}/initial/k.safetensors",
    log:
        "results/logs/{run}/initial.log",
    benchmark:
        "results/usage/{run}/initial.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        config=of_run("model"),
        seed=seed,
    shell:
        """
        iscqk initial --training {input.training} --config {params.config:q} \
            --seed {params.seed} --output {output.q} {output.k} --threads {threads} &>{log}
        """


rule warm_up:
    input:
        start=weights("initial", "q"),
        copies=copies("training", 0),
        training=training,
        code=sources("learn"),
    output:
        q="results/runs/{run}/warm-up/q.safetensors",
        k="results/runs/{run}/warm-up/k.safetensors",
        history="results/runs/{run}/warm-up/history.csv",
    log:
        "results/logs/{run}/warm-up.log",
    benchmark:
        "results/usage/{run}/warm-up.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
        processes=PROCESSES,
        tensorboard=board("warm-up"),
    params:
        method="simclr",
        images=lambda wildcards: RUNS[wildcards.run]["train"]["qk"]["warm_up_images"],
        config=train_section("simclr"),
        model=of_run("model"),
        seed=seed,
        copies=f"--copies {' '.join(copies('training', 0))}",
        outputs=lambda wildcards, output: folders(output.history),
        resume="results/resume/{run}/warm-up.pt",
    shell:
        """
        iscqk learn --method {params.method} --images {params.images} --start {input.start} \
            {params.copies} --training {input.training} --config {params.config:q} \
            --model {params.model:q} --seed {params.seed} {params.outputs} \
            --resume {params.resume} {resources.tensorboard} \
            --processes {resources.processes} --threads {threads} &>{log}
        """


use rule warm_up as learn with:
    input:
        start=weights("initial", "q"),
        copies=all_copies,
        training=training,
        code=sources("learn"),
    output:
        q=learned("q.safetensors"),
        k=learned("k.safetensors"),
        history=learned("history.csv"),
    log:
        "results/logs/{run}/learn.log",
    benchmark:
        "results/usage/{run}/learn.tsv"
    resources:
        gpu=GPU,
        processes=PROCESSES,
        tensorboard=board("learned"),
    params:
        method=method,
        images=lambda wildcards: runs.budget(RUNS[wildcards.run]),
        config=lambda wildcards: train_section(method(wildcards))(wildcards),
        model=of_run("model"),
        seed=seed,
        copies=lambda wildcards: " ".join(
            f"--copies {' '.join(copies(split(wildcards), number))}"
            for number in runs.copy_rounds(RUNS[wildcards.run])
        ),
        outputs=lambda wildcards, output: folders(output.history),
        resume="results/resume/{run}/learn.pt",


rule train_q:
    input:
        start=before("q"),
        frozen=before("k"),
        bank=lambda wildcards: bank(wildcards, before_round(wildcards), "k", "training"),
        copies=lambda wildcards: copies("training", wildcards.round),
        code=sources("train"),
        near_duplicates=near_duplicates,
    output:
        q="results/runs/{run}/round{round}-q/q.safetensors",
        k="results/runs/{run}/round{round}-q/k.safetensors",
        history="results/runs/{run}/round{round}-q/history.csv",
    log:
        "results/logs/{run}/train-round{round}-q.log",
    benchmark:
        "results/usage/{run}/train-round{round}-q.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
        processes=PROCESSES,
        tensorboard=board("round{round}-q"),
    params:
        config=train_section("qk"),
        near_duplicates=lambda wildcards, input: given(
            "--near-duplicates", input.near_duplicates
        ),
        seed=seed,
    shell:
        """
        iscqk train --side q --round {wildcards.round} --start {input.start} \
            --frozen {input.frozen} --bank {input.bank} --copies {input.copies} \
            --config {params.config:q} --seed {params.seed} --trained-output {output.q} \
            --frozen-output {output.k} --history {output.history} \
            --resume results/resume/{wildcards.run}/round{wildcards.round}-q.pt \
            {params.near_duplicates} {resources.tensorboard} \
            --processes {resources.processes} --threads {threads} &>{log}
        """


rule train_k:
    input:
        start=weights("round{round}-q", "k"),
        frozen=weights("round{round}-q", "q"),
        bank=lambda wildcards: bank(
            wildcards, f"round{wildcards.round}-q", "q", f"copies{wildcards.round}"
        ),
        training=training,
        code=sources("train"),
        near_duplicates=near_duplicates,
    output:
        q="results/runs/{run}/round{round}-k/q.safetensors",
        k="results/runs/{run}/round{round}-k/k.safetensors",
        history="results/runs/{run}/round{round}-k/history.csv",
    log:
        "results/logs/{run}/train-round{round}-k.log",
    benchmark:
        "results/usage/{run}/train-round{round}-k.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
        processes=PROCESSES,
        tensorboard=board("round{round}-k"),
    params:
        config=train_section("qk"),
        near_duplicates=lambda wildcards, input: given(
            "--near-duplicates", input.near_duplicates
        ),
        seed=seed,
    shell:
        """
        iscqk train --side k --round {wildcards.round} --start {input.start} \
            --frozen {input.frozen} --bank {input.bank} --training {input.training} \
            --config {params.config:q} --seed {params.seed} --trained-output {output.k} \
            --frozen-output {output.q} --history {output.history} \
            --resume results/resume/{wildcards.run}/round{wildcards.round}-k.pt \
            {params.near_duplicates} {resources.tensorboard} \
            --processes {resources.processes} --threads {threads} &>{log}
        """

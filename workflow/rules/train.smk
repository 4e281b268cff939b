# The alternation, unrolled: each half-round is a job that trains one side against the other's bank.


rule initial:
    input:
        training="results/data/training.csv",
        code=sources("initial"),
    output:
        q="results/models/initial/q.safetensors",
        k="results/models/initial/k.safetensors",
    log:
        "results/logs/initial.log",
    benchmark:
        "results/usage/initial.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        config=section("model"),
        seed=config["seed"],
    shell:
        """
        iscqk initial --training {input.training} --config {params.config:q} \
            --seed {params.seed} --output {output.q} {output.k} --threads {threads} &>{log}
        """


rule warm_up:
    input:
        start="results/models/initial/q.safetensors",
        copies=copies(0),
        training="results/data/training.csv",
        code=sources("warm_up"),
    output:
        q="results/models/warm-up/q.safetensors",
        k="results/models/warm-up/k.safetensors",
        history="results/models/warm-up/history.csv",
    log:
        "results/logs/warm-up.log",
    benchmark:
        "results/usage/warm-up.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        config=section("train", *HALF_ROUND_KEYS),
        model=section("model"),
        seed=config["seed"],
    shell:
        """
        iscqk warm-up --start {input.start} --copies {input.copies} --training {input.training} \
            --config {params.config:q} --model {params.model:q} --seed {params.seed} --output {output.q} {output.k} \
            --history {output.history} --resume results/resume/warm-up.pt \
            --threads {threads} &>{log}
        """


rule train_q:
    input:
        start=lambda wildcards: f"results/models/{before(wildcards.round)}/q.safetensors",
        frozen=lambda wildcards: f"results/models/{before(wildcards.round)}/k.safetensors",
        bank=lambda wildcards: bank(before(wildcards.round), "k", "training"),
        copies=lambda wildcards: copies(wildcards.round),
        code=sources("train"),
    output:
        q="results/models/round{round}-q/q.safetensors",
        k="results/models/round{round}-q/k.safetensors",
        history="results/models/round{round}-q/history.csv",
    log:
        "results/logs/train-round{round}-q.log",
    benchmark:
        "results/usage/train-round{round}-q.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        config=section("train", "rounds", *WARM_UP_KEYS),
        seed=config["seed"],
    shell:
        """
        iscqk train --side q --round {wildcards.round} --start {input.start} \
            --frozen {input.frozen} --bank {input.bank} --copies {input.copies} \
            --config {params.config:q} --seed {params.seed} --trained-output {output.q} \
            --frozen-output {output.k} --history {output.history} \
            --resume results/resume/round{wildcards.round}-q.pt --threads {threads} &>{log}
        """


rule train_k:
    input:
        start="results/models/round{round}-q/k.safetensors",
        frozen="results/models/round{round}-q/q.safetensors",
        bank=lambda wildcards: bank(
            f"round{wildcards.round}-q", "q", f"copies{wildcards.round}"
        ),
        training="results/data/training.csv",
        code=sources("train"),
    output:
        q="results/models/round{round}-k/q.safetensors",
        k="results/models/round{round}-k/k.safetensors",
        history="results/models/round{round}-k/history.csv",
    log:
        "results/logs/train-round{round}-k.log",
    benchmark:
        "results/usage/train-round{round}-k.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    resources:
        gpu=GPU,
    params:
        config=section("train", "rounds", *WARM_UP_KEYS),
        seed=config["seed"],
    shell:
        """
        iscqk train --side k --round {wildcards.round} --start {input.start} \
            --frozen {input.frozen} --bank {input.bank} --training {input.training} \
            --config {params.config:q} --seed {params.seed} --trained-output {output.k} \
            --frozen-output {output.q} --history {output.history} \
            --resume results/resume/round{wildcards.round}-k.pt --threads {threads} &>{log}
        """

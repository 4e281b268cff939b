# Training. Q/K's alternation is unrolled: each half-round is a job that trains one side against the
# other's bank. The other methods train one encoder for both sides, as Q/K's warm-up does.


rule initial:
    input:
        training=lambda wildcards: PLAN[wildcards.run].training,
        originals=lambda wildcards: PLAN.images.shards(PLAN[wildcards.run].split),
        weights=lambda wildcards: PLAN[wildcards.run].given_weights,
    output:
        q=R.model("{run}", "initial").weights("q"),
        k=R.model("{run}", "initial").weights("k"),
    log:
        LOG["initial"],
    benchmark:
        USAGE["initial"]
    priority: 10  # tells of a network that cannot be made, and of given files that do not fit
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("initial"),
        config=lambda wildcards: PLAN[wildcards.run].text("model"),
        weights=lambda wildcards: digest_of_contents(PLAN[wildcards.run].start()),
        seed=lambda wildcards: PLAN[wildcards.run].config["seed"],
        given=lambda wildcards, input: given("--weights", input.weights),
        sizes=untracked(lambda wildcards: PLAN.size_options(wildcards.run)),
        checked=untracked(lambda wildcards: PLAN.checked_options(wildcards.run)),
        method=untracked(lambda wildcards: PLAN.starting_at(wildcards.run).method),
    shell:
        """
        iscqk initial --training {input.training} --config {params.config:q} {params.given} \
            {params.sizes} {params.checked} --method {params.method} --seed {params.seed} --output {output.q} {output.k} \
            --threads {threads} &>{log}
        """


rule warm_up:
    input:
        start=lambda wildcards: PLAN[wildcards.run].model("initial").weights("q"),
        copies=lambda wildcards: PLAN[wildcards.run].copies(0),
        training=lambda wildcards: PLAN[wildcards.run].training,
        originals=lambda wildcards: PLAN.images.shards(PLAN[wildcards.run].split),
    output:
        q=R.model("{run}", "warm-up").weights("q"),
        k=R.model("{run}", "warm-up").weights("k"),
        history=R.model("{run}", "warm-up").history,
    log:
        LOG["warm_up"],
    benchmark:
        USAGE["warm_up"]
    conda:
        "../../envs/iscqk.yaml"
    threads: max(8, PROCESSES)
    resources:
        gpu=GPU,
    params:
        code=code("train", *modules("simclr")),
        method="simclr",
        images=lambda wildcards: PLAN[wildcards.run].own["warm_up_images"],
        config=lambda wildcards: PLAN[wildcards.run].train_text("simclr"),
        model=lambda wildcards: PLAN[wildcards.run].head_options(),
        seed=lambda wildcards: PLAN[wildcards.run].config["seed"],
        copies=lambda wildcards, input: f"--copies {input.copies}",
        fresh="",
        untracked=untracked(PLAN.training_options("{run}/warm-up")),
    shell:
        """
        iscqk train --method {params.method} --images {params.images} --start {input.start} \
            {params.copies} {params.fresh} --training {input.training} --config {params.config:q} \
            {params.model} --seed {params.seed} --q-output {output.q} \
            --k-output {output.k} --history {output.history} {params.untracked} --threads {threads} &>{log}
        """


use rule warm_up as learn with:
    input:
        start=lambda wildcards: PLAN[wildcards.run].model("initial").weights("q"),
        copies=lambda wildcards: sum(PLAN[wildcards.run].all_copies(), []),
        training=lambda wildcards: PLAN[wildcards.run].training,
        originals=lambda wildcards: PLAN.images.shards(PLAN[wildcards.run].split),
    output:
        q=[R.model("{run}", part).weights("q") for part in PARTS],
        k=[R.model("{run}", part).weights("k") for part in PARTS],
        history=[R.model("{run}", part).history for part in PARTS],
    log:
        LOG["learn"],
    benchmark:
        USAGE["learn"]
    params:
        code=lambda wildcards: code_digest("train", *PLAN[wildcards.run].modules),
        method=lambda wildcards: PLAN[wildcards.run].method,
        images=lambda wildcards: PLAN[wildcards.run].budget,
        config=lambda wildcards: PLAN[wildcards.run].train_text(),
        copies=lambda wildcards, input: PLAN[wildcards.run].copy_options(input.copies),
        fresh=lambda wildcards: PLAN[wildcards.run].fresh_options(),
        # of fewer, the last one's files are there already: from the middle of another training
        parts=f"{len(PARTS)} parts",
        untracked=untracked(PLAN.training_options("{run}/learned")),


rule train_q:
    input:
        unpack(
            lambda wildcards: PLAN[wildcards.run]
            .half_round(wildcards.round, "q")
            .inputs
        ),
    output:
        q=R.model("{run}", "round{round}-q").weights("q"),
        k=R.model("{run}", "round{round}-q").weights("k"),
        history=R.model("{run}", "round{round}-q").history,
    log:
        R.log(job("train", model="round{round}-q")),
    benchmark:
        R.usage(job("train", model="round{round}-q"))
    conda:
        "../../envs/iscqk.yaml"
    threads: max(8, PROCESSES)
    resources:
        gpu=GPU,
    params:
        code=lambda wildcards: code_digest("train", *PLAN[wildcards.run].modules),
        method=lambda wildcards: PLAN[wildcards.run].method,
        side="q",
        round=lambda wildcards: wildcards.round,
        images=lambda wildcards, input: f"--copies {input.copies}",
        config=lambda wildcards: PLAN[wildcards.run].train_text(),
        near_duplicates=lambda wildcards, input: given(
            "--near-duplicates", input.near_duplicates
        ),
        teacher=lambda wildcards, input: given("--teacher", input.teacher),
        content=lambda wildcards: digest_of_contents(
            STORAGE.here(PLAN[wildcards.run].given_of_images)
        ),
        seed=lambda wildcards: PLAN[wildcards.run].config["seed"],
        untracked=untracked(PLAN.training_options("{run}/round{round}-q")),
    shell:
        """
        iscqk train --method {params.method} --side {params.side} --round {params.round} \
            --start {input.start} --frozen {input.frozen} --bank {input.bank} \
            {params.images} --config {params.config:q} --seed {params.seed} \
            --q-output {output.q} --k-output {output.k} --history {output.history} \
            {params.near_duplicates} {params.teacher} {params.untracked} --threads {threads} &>{log}
        """


use rule train_q as train_k with:
    input:
        unpack(
            lambda wildcards: PLAN[wildcards.run]
            .half_round(wildcards.round, "k")
            .inputs
        ),
        originals=lambda wildcards: PLAN.images.shards(PLAN[wildcards.run].split),
    output:
        q=R.model("{run}", "round{round}-k").weights("q"),
        k=R.model("{run}", "round{round}-k").weights("k"),
        history=R.model("{run}", "round{round}-k").history,
    log:
        R.log(job("train", model="round{round}-k")),
    benchmark:
        R.usage(job("train", model="round{round}-k"))
    params:
        side="k",
        images=lambda wildcards, input: f"--training {input.training}",
        untracked=untracked(PLAN.training_options("{run}/round{round}-k")),

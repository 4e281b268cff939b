# Images, manifests, queries and training copies. What may find fault with the user's data has
# priority, so that it is told before the hours of training.


rule draw:
    input:
        code=sources("draw"),
    output:
        training=directory("results/demo/training"),
        references=directory("results/demo/references"),
        others=directory("results/demo/others"),
    log:
        "results/logs/draw.log",
    benchmark:
        "results/usage/draw.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        seed=config["seed"],
        counts=config["dataset"]["demo"],
    shell:
        """
        iscqk draw --output results/demo --seed {params.seed} --workers {threads} \
            --training {params.counts[training]} --references {params.counts[references]} \
            --others {params.counts[others]} --side {params.counts[side]} &>{log}
        """


rule prepare:
    input:
        folders=IMAGES.training + IMAGES.references + IMAGES.others,
        lists=list(lists().values()),
        code=sources("prepare"),
    output:
        training="results/data/training.csv",
        references="results/data/references.csv",
        others="results/data/others.csv",
        quarantined="results/data/quarantined.csv",
    log:
        "results/logs/prepare.log",
    benchmark:
        "results/usage/prepare.tsv"
    priority: 10
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    # No parameter and no input: queries that come later must not make all training begin anew.
    resources:
        queries=looked_at_with_all(),
    params:
        training=IMAGES.training,
        references=IMAGES.references,
        others=IMAGES.others,
        lists=[f"{split}={path}" for split, path in lists().items()],
        bad_images=config["dataset"]["bad_images"],
        state=state_of(
            lambda wildcards: IMAGES.training + IMAGES.references + IMAGES.others
        ),
    shell:
        """
        iscqk prepare --output results/data --workers {threads} --training {params.training:q} \
            --references {params.references:q} --others {params.others:q} \
            --lists {params.lists:q} --bad-images {params.bad_images} {resources.queries} &>{log}
        """


rule make_queries:
    input:
        training="results/data/training.csv",
        references="results/data/references.csv",
        others="results/data/others.csv",
        code=sources("queries"),
    output:
        images=directory("results/data/{phase}/images"),
        queries="results/data/{phase}/queries.csv",
        ground_truth="results/data/{phase}/ground_truth.csv",
        edits="results/data/{phase}/edits.csv",
        record="results/data/{phase}/edits.jsonl",
    log:
        "results/logs/queries-{phase}.log",
    benchmark:
        "results/usage/queries-{phase}.tsv"
    wildcard_constraints:
        phase="|".join({"phase1", "phase2"} - set(IMAGES.phases)) or "none",
    priority: 10
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        config=text(config["queries"]),
        edits=lambda wildcards: text(config["edits"][wildcards.phase]),
        seed=config["seed"],
    shell:
        """
        iscqk queries --phase {wildcards.phase} --training {input.training} \
            --references {input.references} --others {input.others} --config {params.config:q} \
            --edits {params.edits:q} --seed {params.seed} --images {output.images} \
            --output results/data/{wildcards.phase} --workers {threads} &>{log}
        """


rule take_queries:
    input:
        folders=lambda wildcards: IMAGES.phases[wildcards.phase].queries,
        ground_truth=lambda wildcards: IMAGES.phases[wildcards.phase].ground_truth,
        list=lambda wildcards: IMAGES.lists.get(wildcards.phase, []),
        training="results/data/training.csv",
        references="results/data/references.csv",
        code=sources("take_queries"),
    output:
        queries="results/data/{phase}/queries.csv",
        ground_truth="results/data/{phase}/ground_truth.csv",
        edits="results/data/{phase}/edits.csv",
        quarantined="results/data/{phase}/quarantined.csv",
    log:
        "results/logs/queries-{phase}.log",
    benchmark:
        "results/usage/queries-{phase}.tsv"
    wildcard_constraints:
        phase="|".join(IMAGES.phases) or "none",
    priority: 10
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        list=lambda wildcards, input: given("--list", input.list),
        bad_images=config["dataset"]["bad_images"],
        state=state_of(lambda wildcards: IMAGES.phases[wildcards.phase].queries),
    shell:
        """
        iscqk take-queries --phase {wildcards.phase} --queries {input.folders:q} \
            --ground-truth {input.ground_truth:q} --training {input.training} \
            --references {input.references} --output results/data/{wildcards.phase} \
            {params.list} --bad-images {params.bad_images} --workers {threads} &>{log}
        """


rule copies:
    input:
        training=lambda wildcards: MANIFESTS[wildcards.split],
        code=sources("copies"),
    output:
        "results/copies/{split}/round{round}/{shard}.tar",
    log:
        "results/logs/copies-{split}-round{round}-{shard}.log",
    benchmark:
        "results/usage/copies-{split}-round{round}-{shard}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        config=text(config["copies"]),
        edits=lambda wildcards: text(runs.training_edits(config, int(wildcards.round))),
        seed=config["seed"],
        shards=config["shards"]["training"],
    shell:
        """
        iscqk copies --training {input.training} --config {params.config:q} \
            --edits {params.edits:q} --seed {params.seed} --round {wildcards.round} \
            --shard {wildcards.shard} --shards {params.shards} --output {output} \
            --workers {threads} &>{log}
        """

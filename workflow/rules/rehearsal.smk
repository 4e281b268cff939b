# A phase of the challenge's own size, from made-up descriptors onward, with a known micro-AP.

REHEARSAL = "results/rehearsal"
REHEARSED = ["plant", "merge", "validate", "search", "score"]


rule rehearse_plant:
    output:
        multiext(f"{REHEARSAL}/queries", ".h5", ".csv"),
        multiext(f"{REHEARSAL}/references", ".h5", ".csv"),
        ground_truth=f"{REHEARSAL}/ground_truth.csv",
        expected=f"{REHEARSAL}/expected.json",
    log:
        "results/logs/rehearsal/plant.log",
    benchmark:
        "results/usage/rehearsal/plant.tsv"
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("plant"),
        size=config["rehearsal"],
        seed=config["seed"],
    shell:
        """
        iscqk plant --queries {params.size[queries]} --references {params.size[references]} \
            --seed {params.seed} --output results/rehearsal &>{log}
        """


rule rehearse_merge:
    input:
        queries=f"{REHEARSAL}/queries.h5",
        references=f"{REHEARSAL}/references.h5",
    output:
        f"{REHEARSAL}/descriptors.h5",
    log:
        "results/logs/rehearsal/merge.log",
    benchmark:
        "results/usage/rehearsal/merge.tsv"
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("merge"),
    shell:
        """
        iscqk merge --queries {input.queries} --references {input.references} \
            --ranking similarity --output {output} &>{log}
        """


rule rehearse_validate:
    input:
        descriptors=f"{REHEARSAL}/descriptors.h5",
        queries=f"{REHEARSAL}/queries.csv",
        references=f"{REHEARSAL}/references.csv",
    output:
        f"{REHEARSAL}/validation.json",
    log:
        "results/logs/rehearsal/validate.log",
    benchmark:
        "results/usage/rehearsal/validate.tsv"
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("validate"),
    shell:
        """
        iscqk validate {input.descriptors} --queries {input.queries} \
            --references {input.references} --phase phase2 --output {output} &>{log}
        """


rule rehearse_search:
    input:
        descriptors=f"{REHEARSAL}/descriptors.h5",
    output:
        f"{REHEARSAL}/predictions.csv",
    log:
        "results/logs/rehearsal/search.log",
    benchmark:
        "results/usage/rehearsal/search.tsv"
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("search"),
        max_results=config["search"]["max_results"],
    shell:
        """
        iscqk search {input.descriptors} --output {output} --max-results {params.max_results} \
            --threads {threads} &>{log}
        """


rule rehearse_score:
    input:
        predictions=f"{REHEARSAL}/predictions.csv",
        ground_truth=f"{REHEARSAL}/ground_truth.csv",
    output:
        f"{REHEARSAL}/score.json",
    log:
        "results/logs/rehearsal/score.log",
    benchmark:
        "results/usage/rehearsal/score.tsv"
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("score"),
    shell:
        "iscqk score {input.predictions} {input.ground_truth} --output {output} &>{log}"


rule rehearse_peers:
    input:
        descriptors=f"{REHEARSAL}/descriptors.h5",
        predictions=f"{REHEARSAL}/predictions.csv",
        ground_truth=f"{REHEARSAL}/ground_truth.csv",
    output:
        f"{REHEARSAL}/peers.csv",
    log:
        "results/logs/rehearsal/peers.log",
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("peers"),
        slice=config["rehearsal"]["slice"],
        repeats=config["rehearsal"]["repeats"],
    shell:
        """
        iscqk peers {input.descriptors} {input.predictions} {input.ground_truth} \
            --queries {params.slice[queries]} --references {params.slice[references]} \
            --repeats {params.repeats} --output {output} --threads {threads} &>{log}
        """


rule rehearse:
    input:
        expected=f"{REHEARSAL}/expected.json",
        score=f"{REHEARSAL}/score.json",
        validation=f"{REHEARSAL}/validation.json",
        peers=f"{REHEARSAL}/peers.csv",
    output:
        f"{REHEARSAL}/table.md",
    log:
        "results/logs/rehearsal/rehearsed.log",
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("rehearsed"),
        usage=[f"{name}=results/usage/rehearsal/{name}.tsv" for name in REHEARSED],
    shell:
        """
        iscqk rehearsed --usage {params.usage} --expected {input.expected} --score {input.score} \
            --peers {input.peers} --output {output} &>{log}
        """

# A phase of the challenge's own size, from made-up descriptors onward, with a known micro-AP: by the
# product's own rules, and two that tell what came of it.

REHEARSED = ["synthesize-phase", "merge", "validate", "search", "score"]


rule rehearse_synthesize_phase:
    output:
        multiext(R.rehearsal("queries"), ".h5", ".csv"),
        multiext(R.rehearsal("references"), ".h5", ".csv"),
        ground_truth=R.rehearsal("ground_truth.csv"),
        expected=R.rehearsal("expected.json"),
    log:
        LOG["rehearse_synthesize_phase"],
    benchmark:
        USAGE["rehearse_synthesize_phase"]
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("synthesize_phase"),
        size=options(config["rehearsal"], "queries", "references"),
        max_results=Search.max_results,  # the challenge's, whatever search.max_results is
        seed=config["seed"],
        folder=folder,
    shell:
        """
        iscqk synthesize-phase {params.size} --max-results {params.max_results} \
            --seed {params.seed} --output {params.folder} &>{log}
        """


use rule merge as rehearse_merge with:
    input:
        queries=R.rehearsal("queries.h5"),
        references=R.rehearsal("references.h5"),
        training=[],
    output:
        R.rehearsal("descriptors.h5"),
    log:
        LOG["rehearse_merge"],
    benchmark:
        USAGE["rehearse_merge"]
    threads: 8  # a profile's set-threads, which merge has, does not reach a rule that is made of it
    params:
        code=code("merge", *rankings.modules("similarity")),
        manifests="",
        ranking="similarity",
        temperature=1,


use rule validate as rehearse_validate with:
    input:
        descriptors=R.rehearsal("descriptors.h5"),
        queries=R.rehearsal("queries.csv"),
        references=R.rehearsal("references.csv"),
    output:
        R.rehearsal("validation.json"),
    log:
        LOG["rehearse_validate"],
    benchmark:
        USAGE["rehearse_validate"]
    params:
        phase="phase2",


use rule search as rehearse_search with:
    input:
        descriptors=R.rehearsal("descriptors.h5"),
    output:
        R.rehearsal("predictions.csv"),
    log:
        LOG["rehearse_search"],
    benchmark:
        USAGE["rehearse_search"]
    threads: 8
    params:
        max_results=Search.max_results,  # the challenge's, as in what micro-AP is expected


use rule score as rehearse_score with:
    input:
        scored=R.rehearsal("predictions.csv"),
        ground_truth=R.rehearsal("ground_truth.csv"),
    output:
        score=R.rehearsal("score.json"),
    log:
        LOG["rehearse_score"],
    benchmark:
        USAGE["rehearse_score"]
    params:
        convention="fb",
        max_results=Search.max_results,
        tables="",


rule rehearse_benchmark_search:
    input:
        descriptors=R.rehearsal("descriptors.h5"),
        predictions=R.rehearsal("predictions.csv"),
        ground_truth=R.rehearsal("ground_truth.csv"),
    output:
        R.rehearsal("peers.csv"),
    log:
        LOG["rehearse_benchmark_search"],
    conda:
        "../../envs/iscqk.yaml"
    threads: 8
    params:
        code=code("benchmark_search"),
        slice=options(config["rehearsal"]["slice"], "queries", "references"),
        repeats=config["rehearsal"]["repeats"],
    shell:
        """
        iscqk benchmark-search {input.descriptors} {input.predictions} {input.ground_truth} \
            {params.slice} --repeats {params.repeats} --output {output} --threads {threads} &>{log}
        """


rule rehearse:
    input:
        expected=R.rehearsal("expected.json"),
        score=R.rehearsal("score.json"),
        validation=R.rehearsal("validation.json"),
        search_speed=R.rehearsal("peers.csv"),
        usage=[R.usage(f"rehearsal/{name}") for name in REHEARSED],
    output:
        R.rehearsal("table.md"),
    log:
        LOG["rehearse"],
    conda:
        "../../envs/iscqk.yaml"
    params:
        code=code("rehearsed"),
        usage=lambda wildcards, input: name_pairs(REHEARSED, input.usage),
    shell:
        """
        iscqk rehearsed --usage {params.usage} --expected {input.expected} --score {input.score} \
            --search-speed {input.search_speed} --output {output} &>{log}
        """

# The folder of a phase.


rule submit:
    input:
        descriptors=lambda wildcards: submitted(wildcards, "descriptors.h5"),
        predictions=lambda wildcards: submitted(wildcards, "predictions.csv"),
        validation=lambda wildcards: submitted(wildcards, "validation.json"),
        scores=lambda wildcards: [
            scored(SUBMITTED, wildcards.phase, ranking)
            for ranking in config["score"]["rankings"]
        ],
        halves=lambda wildcards: [
            submitted(wildcards, f"score-{half}.json")
            for half in halves(wildcards.phase)
        ],
        bank=submitted_bank(),
        curve=lambda wildcards: submitted(wildcards, "precision_recall.csv"),
        training="results/data/training.csv",
        references="results/data/references.csv",
        queries="results/data/{phase}/queries.csv",
        quarantined=lambda wildcards: quarantined(wildcards.phase),
        weights=list(submitted_weights().values()),
        code=sources("submit"),
    output:
        descriptors="results/submission_{phase}/descriptors.h5",
        predictions="results/submission_{phase}/predictions.csv",
        score="results/submission_{phase}/score.json",
        validation="results/submission_{phase}/validation.json",
        provenance="results/submission_{phase}/provenance.json",
        card="results/submission_{phase}/MODEL_CARD.md",
        model=directory("results/submission_{phase}/model"),
    log:
        "results/logs/submit-{phase}.log",
    benchmark:
        "results/usage/submit-{phase}.tsv"
    conda:
        "../../envs/iscqk.yaml"
    params:
        ranking=config["describe"]["ranking"],
        config=as_it_is(
            text(
                {
                    key: value
                    for key, value in RUNS[SUBMITTED].items()
                    if key not in ("title", "study", "unbalanced", "tensorboard")
                }
            )
        ),
        scores=lambda wildcards, input: [
            f"{ranking}={path}"
            for ranking, path in zip(config["score"]["rankings"], input.scores)
        ],
        weights=lambda wildcards, input: [
            f"{role}={path}" for role, path in zip(submitted_weights(), input.weights)
        ],
        halves=lambda wildcards, input: [
            f"{half}={path}"
            for half, path in zip(halves(wildcards.phase), input.halves)
        ],
    shell:
        """
        iscqk submit --phase {wildcards.phase} --descriptors {input.descriptors} \
            --predictions {input.predictions} --validation {input.validation} \
            --ranking {params.ranking} --scores {params.scores} --halves {params.halves} \
            --training {input.training} --references {input.references} --queries {input.queries} \
            --quarantined {input.quarantined} \
            --weights {params.weights} --bank {input.bank} --curve {input.curve} \
            --config {params.config:q} --output results/submission_{wildcards.phase} &>{log}
        """

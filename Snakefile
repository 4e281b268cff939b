# Images in, a graded submission out. `snakemake submission_phase2 --cores`

import re
import sys

from snakemake.utils import min_version, validate

from iscqk import runs
from iscqk.config import check_config, find_sources
from iscqk.errors import UserError

min_version("9.27")


configfile: "config.yaml"


try:
    check_config(config, workflow.source_path("workflow/schemas/config.schema.yaml"))
    validate(config, "workflow/schemas/config.schema.yaml")  # fills in the defaults
    IMAGES = find_sources(config["dataset"])
    RUNS = runs.all_runs(
        config
    )  # what is trained: the submission, and what the study compares
    for changed in RUNS.values():
        check_config(
            changed, workflow.source_path("workflow/schemas/config.schema.yaml")
        )
except UserError as error:
    sys.exit(f"error: {error}")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/describe.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/submit.smk"
include: "workflow/rules/compared.smk"
include: "workflow/rules/study.smk"
include: "workflow/rules/benchmarks.smk"
include: "workflow/rules/rehearsal.smk"
include: "workflow/rules/report.smk"


wildcard_constraints:
    phase="phase1|phase2",
    round=r"\d+",
    shard=r"\d+",
    side="q|k",
    run="|".join(map(re.escape, RUNS)),
    ablation="|".join(config["study"]["ablations"]) or "none",
    model=r"initial|warm-up|learned-\d+|round\d+-[qk]",
    split="training|unbalanced",
    content=r"descriptors(-\d+)*(-flip)?|features",
    ranking="similarity|log_partition",
    half="public|private",


rule all:
    default_target: True
    input:
        "results/submission_phase1/score.json",
        "results/submission_phase2/score.json",


rule submission_phase1:
    input:
        "results/submission_phase1/score.json",


rule submission_phase2:
    input:
        "results/submission_phase2/score.json",


rule study:
    input:
        "results/study/table.csv",


rule ablations:
    input:
        expand(
            "results/study/{ablation}/table.csv", ablation=config["study"]["ablations"]
        ),


for name in config["study"]["ablations"]:

    rule:
        name:
            f"ablation_{name}"
        input:
            f"results/study/{name}/table.csv",


rule unbalanced:
    input:
        "results/unbalanced/table.csv",


rule benchmarks:
    input:
        "results/benchmarks/table.md",
        "results/benchmarks/million/history.csv",


rule rehearsal:
    input:
        "results/rehearsal/table.md",


onstart:
    print(config["title"], file=sys.stderr)

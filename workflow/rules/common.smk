# What the rules share. Which runs there are, what each is made from and what files are called is
# asked of the plan (iscqk.plan).

import os
import re
from glob import escape, glob

from iscqk.datasets import SOURCES
from iscqk.formats.phases import HALVES, PHASES
from iscqk.images.folder_fingerprint import fingerprint_of_images
from iscqk.methods import modules
from iscqk.plan.comparisons import (
    compared_classes,
    compared_methods,
    compared_settings,
    files_of,
    in_few_words,
    learning_curves,
    report_compares_with,
    reported,
    reported_besides,
    rows_in_job,
)
from iscqk.plan.dependence import as_text, training_edits
from iscqk.plan.evaluation import (
    evaluated_files,
    evaluation,
    files_made,
    only_compared,
)
from iscqk.plan.jobs import JOBS, job
from iscqk.plan.names import (
    SIDES,
    Content,
    ModelName,
    Shard,
    runs_pattern,
)
from iscqk.formats.results import DESCRIBED, SPLITS
from iscqk.plan.parameters import (
    code,
    digest_of_contents,
    fetched_words,
    folder,
    folders,
    given,
    listed,
    name_pairs,
    options,
    results_of,
    results_with,
    untracked,
    wildcards_of_jobs,
)
from iscqk.plan.stage_code import code_digest
from iscqk.plan.stage_registry import module_name
from iscqk.plan.starting import (
    end_jobs_with_snakemake,
    gpu_count,
    let_conda_find,
    let_jobs_speak_utf8,
    put_program_on_path,
)
from iscqk.plan.storage import let_jobs_reach
from iscqk.plan.submission import given_files, given_in_storage, submission_files
from iscqk.plan.teachers import teaching_networks
from iscqk.plan.training_manifest import behind_training, keeps_training
from iscqk.retrieval import rankings
from iscqk.settings.search import Search

put_program_on_path()
let_conda_find(OWN_FOLDER)
let_jobs_speak_utf8()
end_jobs_with_snakemake()

STORAGE = PLAN.storage
let_jobs_reach(STORAGE, workflow.storage_provider_settings)

# A GPU takes one job at a time (profiles/default); without one, jobs fill the cores.
GPU = gpu_count()

PROCESSES = config["train"]["processes"]

# Short jobs spend more time on starting up than on work that fills a machine, so two run at once.
HALF = max(1, (workflow.cores or 8) // 2)

R = PLAN.results
LOG = {rule: R.log(name) for rule, name in JOBS.items()}
USAGE = {rule: R.usage(name) for rule, name in JOBS.items()}

# Patterns: any model of any run, and what is scored of it.
MODEL = R.model("{run}", "{model}")
RANKED = MODEL.ranked("{phase}", "{ranking}")
# Of the submission each step is a job, of a run that is only compared all of them together are one.
SUBMITTED, ONLY_COMPARED = (
    runs_pattern(names) for names in ([PLAN.submitted.name], only_compared(PLAN))
)

SCORED = config["score"]["rankings"]
ABLATIONS = list(config["study"]["ablations"])
PARTS = PLAN.parts
TEACHERS = teaching_networks(PLAN.values())
COMPARED, LEARNING_CURVES, CLASSES = (
    compared_methods(PLAN),
    learning_curves(PLAN),
    compared_classes(PLAN),
)


wildcard_constraints:
    phase="|".join(PHASES),
    round=r"\d+",
    shard=Shard.pattern(),
    side="q|k",
    run=runs_pattern(PLAN),
    ablation="|".join(ABLATIONS) or "none",
    teacher="|".join(map(re.escape, TEACHERS)) or "none",
    model=ModelName.pattern(),
    split="training|unbalanced",
    content=Content.pattern(),
    ranking="|".join(rankings.RANKINGS),
    half="|".join(HALVES),

# Images in, a graded submission out. `snakemake submission_phase2 --cores`

import gc
import re
import sys
from filecmp import cmpfiles
from pathlib import Path

import iscqk

# Where this file is, also where another workflow imports it as a module.
OWN_FOLDER = workflow.current_basedir.get_path_or_uri(secret_free=True)
# Before anything of it is asked, which may lack what these rules want. A wheel has none beside it. In
# a job that fetched these files they lie elsewhere than what is installed, which is to be the same.
OWN_CODE, RUN_CODE = Path(OWN_FOLDER, "src/iscqk"), Path(iscqk.__file__).parent
differing, missing = [], []
if OWN_CODE.is_dir() and not OWN_CODE.samefile(RUN_CODE):
    # What editors, desktops and merges leave: as iscqk.plan.stage_code says, which may be another.
    left = re.compile(
        r"__pycache__|\..*|.*~|#.*#|.*\.(orig|rej|bak)|(?i:thumbs\.db|desktop\.ini)"
    )
    found = (
        path.relative_to(OWN_CODE) for path in OWN_CODE.rglob("*") if path.is_file()
    )
    own = [path for path in found if not any(map(left.fullmatch, path.parts))]
    _, differing, missing = cmpfiles(OWN_CODE, RUN_CODE, own, shallow=False)
if differing or missing:
    remedy = (
        "install iscqk of the same commit where jobs run, in their image too"
        if workflow.remote_exec
        else f"run make install there and activate its .venv, or set PYTHONPATH={OWN_CODE.parent}"
    )
    sys.exit(
        f"error: the code of {RUN_CODE} would run, and these rules are those of "
        f"{OWN_FOLDER}; {remedy}"
    )

from snakemake.logging import logger
from snakemake.utils import min_version

from iscqk.errors import UserError, one_line

try:  # a method or an edit of one's own may be refused as it is imported
    from iscqk.plan.checked_plan import checked_plan
    from iscqk.plan.left_locks import jobs_outlive_this, remove_left_locks
    from iscqk.plan.starting import (
        base_config,
        refuse_braces,
        refuse_dated_ahead,
        refuse_full_disk,
        refuse_unwritable_folder,
    )
    from iscqk.plan.training_manifest import is_listed_already
    from iscqk.terminal.additions import add_to_messages
except UserError as error:
    sys.exit(f"error: {error}")

min_version("9.27")
# What is imported by now stays: that the collector looks at it no more is a quarter of a dry run.
gc.freeze()


try:  # before Snakemake's first line, which it keeps
    refuse_braces(OWN_FOLDER)
    refuse_unwritable_folder()
    if workflow.is_main_process:
        refuse_full_disk()
except UserError as error:
    sys.exit(f"error: {error}")


configfile: base_config(OWN_FOLDER)


try:
    PLAN = checked_plan(workflow, config, OWN_FOLDER, sys.argv[1:])
except UserError as error:
    sys.exit(f"error: {error}")

if workflow.is_main_process and remove_left_locks():
    logger.info("the run before this one was killed; what it had locked is free")
if is_listed_already(workflow, PLAN):
    logger.info(
        "Nothing to be done (of what is behind the training images nothing has changed)."
    )
    sys.exit()


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/describe.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/submit.smk"
include: "workflow/rules/study.smk"
include: "workflow/rules/bench.smk"
include: "workflow/rules/rehearsal.smk"
include: "workflow/rules/validation.smk"
include: "workflow/rules/report.smk"


# Each target asks for all that its last rule makes, so that whatever of it is lost is made again.


rule all:
    default_target: True
    input:
        [file for phase in PHASES for file in submission_files(PLAN, phase)],


rule submission_phase1:
    input:
        submission_files(PLAN, "phase1"),


rule submission_phase2:
    input:
        submission_files(PLAN, "phase2"),


rule ready_model:
    input:
        rules.pack.output,


rule study:
    input:
        rules.compare_methods.output,


rule ablations:
    input:
        [file for name in ABLATIONS for file in R.study(name).of_settings],


for name in ABLATIONS:

    rule:
        name:
            f"ablation_{name}"
        input:
            R.study(name).of_settings,


rule unbalanced:
    input:
        rules.compare_classes.output,


rule benchmarks:
    input:
        rules.benchmark_table.output,
        rules.train_against_a_million.output,
        rules.benchmark_gpu.output if GPU else [],


rule rehearsal:
    input:
        rules.rehearse.output,


rule validation:
    input:
        rules.validation_scores.output,


ADDITIONS = add_to_messages(workflow, PLAN)


onstart:
    try:
        refuse_dated_ahead(workflow)
        ADDITIONS.begin_to_mark()
    except UserError as error:
        sys.exit(f"error: {error}")
    if workflow.non_local_exec:
        jobs_outlive_this()
    logger.info(one_line(config["title"]))
    if unknown := ADDITIONS.unknown():
        logger.warning(unknown)


onsuccess:
    logger.info(ADDITIONS.closing(log))

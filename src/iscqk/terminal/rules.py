"""What each rule does in plain words, and how long it takes beside the others."""

from pathlib import PurePath
from typing import NamedTuple

from iscqk.plan.jobs import JOBS, kind_of


class Rule(NamedTuple):
    """A rule as it is told of.

    Attributes:
        words: what a job does; in braces its wildcards and what `iscqk.terminal.words` adds.
        seconds: about what it takes in the default run, else at the default sizes, on two cores.
        part: what its log calls the part that takes long, where it has others that tell how far
            they are, as a training that describes its bank first.
        job: what `iscqk.plan.jobs.JOBS` has its name by, where that is not the rule.
    """

    words: str
    seconds: float
    part: str = ""
    job: str = ""


RULES = {
    "draw": Rule("draw the demo's images", 30),
    "prepare": Rule("look through all images", 2),
    "prepare_training": Rule("list the images to learn from", 0),
    "make_queries": Rule("make the queries of {phase}", 2, "copies", job="queries"),
    "take_queries": Rule("look through the queries of {phase}", 2, job="queries"),
    "copies": Rule("make edited copies of {images} for {round_or_warm_up}", 7),
    "prepare_labelled": Rule("look through the folders of classes", 5),
    "initial": Rule("make the network to start from", 5),
    "warm_up": Rule("train both sides, warm-up", 170, "train, steps"),
    "learn": Rule("train by {method}", 40, "train, steps"),
    "train_q": Rule("train side q, round {round} of {rounds}", 40, "train, steps", job="train"),
    "train_k": Rule("train side k, round {round} of {rounds}", 40, "train, steps", job="train"),
    "embed": Rule("describe {images} by side {side}{after}", 9),
    "embed_copies": Rule("describe the copies of round {round} by side {side}", 17, job="embed"),
    "embed_teacher": Rule("describe {images} by the teacher {teacher}", 30),
    "whiten": Rule("learn the whitening", 5),
    "refine": Rule("refine the descriptors of {images}", 5),
    "merge": Rule("put together the descriptors of {phase}, ranked by {ranking}", 2),
    "search": Rule("search {phase}, ranked by {ranking}", 3),
    "combine": Rule("combine the searches of {phase}, ranked by {ranking}", 2),
    "score": Rule("score {phase}, ranked by {ranking}", 2),
    "score_half": Rule("score the {half} half of {phase}, ranked by {ranking}", 4),
    "validate": Rule("validate {phase}", 1),
    "submit": Rule("put the submission of {phase} together", 3),
    "evaluate": Rule("rank, search and score both phases{after}", 12),
    "pack": Rule("make the submitted model small", 6),
    "learning_curve": Rule("score the models along the training", 30),
    "compare_methods": Rule("compare the methods", 5),
    "compare_settings": Rule("compare the runs of {ablation}", 5),
    "compare_classes": Rule("compare the runs on unbalanced images", 5),
    "draw_rules": Rule("draw the graph of rules", 5),
    "report": Rule("write the report", 8),
    "benchmark": Rule("time the losses", 900),
    "benchmark_gpu": Rule("time the losses on the GPU", 300),
    "benchmark_images": Rule("time copies and descriptions", 200),
    "benchmark_table": Rule("write the table of benchmarks", 3),
    "synthetic_bank": Rule("make up a bank", 20),
    "train_against_a_million": Rule("train against a million rows", 140, "train, steps"),
    "rehearse_synthesize_phase": Rule("make up a phase", 60),
    "rehearse_merge": Rule("rehearse merging", 30),
    "rehearse_validate": Rule("rehearse validation", 30),
    "rehearse_search": Rule("rehearse the search", 600),
    "rehearse_score": Rule("rehearse scoring", 10),
    "rehearse_benchmark_search": Rule("time the baselines' search", 300),
    "rehearse": Rule("write the table of the rehearsal", 3),
    "validation_queries": Rule("make the validation's queries", 25, "queries"),
    "validation_scores": Rule("score on the validation's queries", 60),
}


def rule_named(name: str) -> Rule:
    """Return a rule; one that the table lacks, as of a target, is its name and takes no time."""
    return RULES.get(name, Rule(name.replace("_", " "), 0))


def usage_of(name: str) -> str:
    """Return the kind of job that the time of a rule is kept under (`iscqk.plan.jobs.kind_of`)."""
    return kind_of(PurePath(JOBS.get(rule_named(name).job or name, name)).name)

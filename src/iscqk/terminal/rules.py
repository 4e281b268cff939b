"""What each rule does in plain words, and how long it takes beside the others."""

from typing import NamedTuple


class Rule(NamedTuple):
    """A rule as it is told of.

    Attributes:
        words: what a job does; in braces its wildcards and what `iscqk.terminal.words` adds.
        usage: the kind of job that its time is kept under (`iscqk.plan.jobs.kind_of`).
        seconds: about what it takes in the default run, else at the default sizes, on two cores.
        part: what its log calls the part that takes long, where it has others that tell how far
            they are, as a training that describes its bank first.
    """

    words: str
    usage: str
    seconds: float
    part: str = ""


RULES = {
    "draw": Rule("draw the demo's images", "draw", 30),
    "prepare": Rule("look through all images", "prepare", 2),
    "make_queries": Rule("make the queries of {phase}", "queries", 2, "copies"),
    "take_queries": Rule("look through the queries of {phase}", "queries", 2),
    "copies": Rule("make edited copies of {images} for {round_or_warm_up}", "copies", 7),
    "prepare_labelled": Rule("look through the folders of classes", "classes", 5),
    "initial": Rule("make the network to start from", "initial", 5),
    "warm_up": Rule("train both sides, warm-up", "warm-up", 170, "train, steps"),
    "learn": Rule("train by {method}", "learn", 40, "train, steps"),
    "train_q": Rule("train side q, round {round} of {rounds}", "train", 40, "train, steps"),
    "train_k": Rule("train side k, round {round} of {rounds}", "train", 40, "train, steps"),
    "embed": Rule("describe {images} by side {side}{after}", "embed", 9),
    "embed_copies": Rule("describe the copies of round {round} by side {side}", "embed", 17),
    "whiten": Rule("learn the whitening", "whiten", 5),
    "refine": Rule("refine the descriptors of {images}", "refine", 5),
    "merge": Rule("put together the descriptors of {phase}, ranked by {ranking}", "merge", 2),
    "search": Rule("search {phase}, ranked by {ranking}", "search", 3),
    "combine": Rule("combine the searches of {phase}, ranked by {ranking}", "combine", 2),
    "score": Rule("score {phase}, ranked by {ranking}", "score", 2),
    "score_half": Rule("score the {half} half of {phase}, ranked by {ranking}", "score", 4),
    "validate": Rule("validate {phase}", "validate", 1),
    "submit": Rule("put the submission of {phase} together", "submit", 3),
    "evaluate": Rule("rank, search and score both phases{after}", "evaluate", 12),
    "pack": Rule("make the submitted model small", "pack", 6),
    "learning_curve": Rule("score the models along the training", "learning", 30),
    "compare_methods": Rule("compare the methods", "study", 5),
    "compare_settings": Rule("compare the runs of {ablation}", "study", 5),
    "compare_classes": Rule("compare the runs on unbalanced images", "unbalanced", 5),
    "draw_rules": Rule("draw the graph of rules", "draw_rules", 5),
    "report": Rule("write the report", "report", 8),
    "benchmark": Rule("time the losses", "benchmark", 900),
    "benchmark_images": Rule("time copies and descriptions", "benchmark", 200),
    "benchmark_table": Rule("write the table of benchmarks", "benchmark", 3),
    "synthetic_bank": Rule("make up a bank", "synthetic", 20),
    "train_against_a_million": Rule("train against a million rows", "train", 140, "train, steps"),
    "rehearse_synthesize_phase": Rule("make up a phase", "synthesize", 60),
    "rehearse_merge": Rule("rehearse merging", "merge", 30),
    "rehearse_validate": Rule("rehearse validation", "validate", 30),
    "rehearse_search": Rule("rehearse the search", "search", 600),
    "rehearse_score": Rule("rehearse scoring", "score", 10),
    "rehearse_benchmark_search": Rule("time the baselines' search", "benchmark", 300),
    "rehearse": Rule("write the table of the rehearsal", "rehearsed", 3),
    "validation_queries": Rule("make the validation's queries", "validation", 25, "queries"),
    "validation_scores": Rule("score on the validation's queries", "validation", 60),
}


def rule_named(name: str) -> Rule:
    """Return a rule; one that the table lacks, as of a target, is its name and takes no time."""
    return RULES.get(name, Rule(name.replace("_", " "), name, 0))

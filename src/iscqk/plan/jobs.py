"""The name of every job by its rule: its log and its usage lie under it.

Where two rules share it (`make_queries` and `take_queries`), it is by what they share: `queries`.
"""

import re

from iscqk.plan.names import Content, ModelName, Shard

JOBS = {
    "draw": "draw",
    "prepare": "prepare",
    "prepare_training": "prepare-training",
    "queries": "queries-{phase}",
    "copies": "copies-{split}-round{round}-{shard}",
    "initial": "{run}/initial",
    "warm_up": "{run}/warm-up",
    "learn": "{run}/learn",
    "train": "{run}/train-{model}",
    "embed": "{run}/{model}/embed-{content}-{side}-{images}-{shard}",
    "embed_teacher": "teachers/{teacher}/embed-{images}-{shard}",
    "whiten": "{run}/{model}/whiten",
    "refine": "{run}/{model}/refine-{role}-{images}-{shard}",
    "merge": "{run}/{model}/merge-{phase}-{ranking}",
    "search": "{run}/{model}/search-{phase}-{ranking}",
    "combine": "{run}/{model}/combine-{phase}-{ranking}",
    "score": "{run}/{model}/score-{phase}-{ranking}",
    "score_half": "{run}/{model}/score-{phase}-{ranking}-{half}",
    "validate": "{run}/{model}/validate-{phase}-{ranking}",
    "submit": "submit-{phase}",
    "evaluate": "{run}/{model}/evaluate",
    "pack": "pack",
    "learning_curve": "{run}/learning-curve",
    "compare_methods": "study",
    "compare_settings": "study-{ablation}",
    "prepare_labelled": "labelled",
    "compare_classes": "unbalanced",
    "report": "report",
    "draw_rules": "draw_rules",
    "benchmark": "benchmark",
    "benchmark_gpu": "benchmark-gpu",
    "benchmark_images": "benchmark-images",
    "benchmark_table": "benchmark-table",
    "synthetic_bank": "synthetic-bank",
    "train_against_a_million": "train-against-a-million",
    "rehearse_synthesize_phase": "rehearsal/synthesize-phase",
    "rehearse_merge": "rehearsal/merge",
    "rehearse_validate": "rehearsal/validate",
    "rehearse_search": "rehearsal/search",
    "rehearse_score": "rehearsal/score",
    "rehearse_benchmark_search": "rehearsal/benchmark-search",
    "rehearse": "rehearsal/rehearsed",
    "validation_queries": "validation-queries",
    "validation_scores": "validation-scores",
}


def job(rule: str, **wildcards: object) -> str:
    """Return the name of a rule's job; of wildcards that are not given, the pattern."""
    name = JOBS[rule]
    for key, value in wildcards.items():
        name = name.replace(f"{{{key}}}", str(value))
    return name


# What a wildcard may be, where it is not a word without a hyphen.
_WILDCARDS = {
    "run": r"[^/]+",
    "teacher": r"[^/]+",
    "model": ModelName.pattern(),
    "content": Content.pattern(),
    "shard": Shard.pattern(),
}


# Kinds of the jobs that train by SGD; each leaves a history.
TRAININGS = ("warm-up", "learn", "train")


def rule_of(name: str) -> tuple[str, dict[str, str]] | None:
    """Return the rule and the wildcards of a job by its name, if it is one; `job` backwards."""
    for rule, pattern in JOBS.items():
        if found := re.fullmatch(_expression(pattern), name):
            return rule, {key: value for key, value in found.groupdict().items() if value}
    return None


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern; that of a search in parts has a shard, too."""
    pattern += "" if "{shard}" in pattern else "(-{shard})?"
    return re.sub(
        r"{(\w+)}", lambda one: f"(?P<{one[1]}>{_WILDCARDS.get(one[1], '[^-/]+')})", pattern
    )


def kind_of(name: str) -> str:
    """Return which kind of job a name is of: `embed` of `embed-descriptors-k-training-0`."""
    return name if name.startswith("warm-up") else name.split("-")[0]

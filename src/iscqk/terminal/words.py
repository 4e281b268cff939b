"""Jobs and times in plain words."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from iscqk.formats.light_tables import rows_below_header
from iscqk.formats.phases import PHASES
from iscqk.plan.names import INITIAL, WARM_UP, ModelName, Shard
from iscqk.terminal.rules import rule_named

if TYPE_CHECKING:
    from iscqk.plan.plan import Plan


def words_of(rule: str, wildcards: Mapping[str, str], plan: "Plan | None" = None) -> str:
    """Return what a job does, as `train side q, round 1 of 1`.

    Args:
        rule: its name.
        wildcards: of the job.
        plan: tells how many rounds and images there are, and which run is the submission's, that
            is not named.
    """
    with suppress(KeyError):  # of a wildcard that a rule no longer has: then its name is told
        told = rule_named(rule).words.format(**_named(wildcards, plan))
        return ", ".join([told, *_where(wildcards, plan)])
    return rule


def clock(seconds: float) -> str:
    """Return a time as on a clock: 0:42, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """Return a time in words: 42 s, 7 min 24 s, 1 h 2 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(path: str) -> str:
    """Return the size of a file: 340 kB, 3.1 MB."""
    count = float(Path(path).stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if count < 999.5:  # which is told as 1 of the next
            break
        count, unit = count / 1000, "GB" if unit == "MB" else unit
    return f"{count:.3g} {unit}"


def phase_name(phase: str) -> str:
    """Return `phase 2` of `phase2`."""
    return phase.replace("phase", "phase ")


def _named(wildcards: Mapping[str, str], plan: "Plan | None") -> dict[str, str]:
    """Return the wildcards in words, and what can be told besides."""
    named = dict(wildcards)
    if "phase" in named:
        named["phase"] = phase_name(named["phase"])
    if "ranking" in named:
        named["ranking"] = named["ranking"].replace("_", "-")
    if images := wildcards.get("images", wildcards.get("split")):
        named["images"] = _images(images, wildcards.get("shard", "0-of-1"), plan)
    if model := wildcards.get("model"):
        named["after"] = _after(ModelName.parse(model))
    if number := wildcards.get("round"):
        named["round_or_warm_up"] = f"round {number}" if int(number) else "the warm-up"
    config = plan[wildcards["run"]].config if plan and wildcards.get("run") in plan else None
    named["rounds"] = str(config["train"]["rounds"]) if config else "?"
    named["method"] = str(config["train"]["method"]) if config else "its method"
    return named


def _after(model: ModelName) -> str:
    """Return along which part of a training a model comes."""
    if model == INITIAL:
        return ", at the start"
    if model == WARM_UP:
        return ", after the warm-up"
    if model.trains_one:
        return f", after part {model.number}"
    return f", {'in' if model.trained == 'q' else 'after'} round {model.number}"


def _images(images: str, shard: str, plan: "Plan | None") -> str:
    """Return `5,000 training images`, `800 queries of phase 2`; of shards, which one."""
    kinds = {phase: f"queries of {phase_name(phase)}" for phase in PHASES}
    kind = kinds.get(images, images if images == "references" else f"{images} images")
    part = Shard.parse(shard)
    count = _rows(plan.results.manifest(images)) if plan else None
    told = f"{count:,} {kind}" if count is not None else kind
    return told if part.of == 1 else f"{told} (part {part.number + 1} of {part.of})"


_counted: dict[tuple[str, int], int] = {}


def _rows(path: str) -> int | None:
    """Return how many rows a table has below its header; None if it is not there."""
    with suppress(OSError):
        key = (path, Path(path).stat().st_mtime_ns)
        if key not in _counted:
            _counted[key] = rows_below_header(path)
        return _counted[key]
    return None


def _where(wildcards: Mapping[str, str], plan: "Plan | None") -> list[str]:
    """Return the run of a job, if it is another one than the submission's."""
    run = wildcards.get("run", "")
    return [f"run {run}"] if run and (plan is None or run != plan.submitted.name) else []

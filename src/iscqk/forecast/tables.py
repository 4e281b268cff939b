"""The forecast of a run as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from iscqk.forecast.counts import Counts
from iscqk.forecast.forecast import (
    ALONE,
    BESIDE_GPUS,
    Stage,
    bank_gigabytes,
    dollars,
    gigabytes,
)
from iscqk.forecast.rates import Rate
from iscqk.forecast.work import Workload
from iscqk.formats.markdown import markdown_table
from iscqk.formats.submission import MAX_DIMENSION
from iscqk.settings.costs import Costs

_RANKS = (1, 8, 64)
_ROWS = (10**6, 10**8, 10**9)
_INTEGER = 1  # byte of a number as exact search screens it


def hours_table(stages: Sequence[Stage]) -> str:
    """Return the stages with their jobs and hours."""
    rows = [_hours_row(stage) for stage in stages]
    hours, beside, gpus = (
        sum(getattr(stage, key) for stage in stages)
        for key in ("hours", "hours_beside_gpu", "gpu_hours")
    )
    jobs = sum(stage.jobs for stage in stages)
    bounded, beside_bounded = _are_bounds(stages)
    sums = [_number(hours, bounded), "", _number(beside, beside_bounded), _number(gpus)]
    total = ["all", f"{jobs:,}", "", "", *sums]
    head = ["stage", "jobs", "of", "measured in a job", "machine hours", "longest job, min"]
    table = markdown_table([*head, "machine hours beside GPUs", "GPU hours"], [*rows, total])
    never = [_words(stage) for stage in stages if stage.rate is None]
    return table + (f"\nNever measured, and in no sum: {', '.join(never)}.\n" if never else "")


def _are_bounds(stages: Sequence[Stage]) -> tuple[bool, bool]:
    """Return whether the hours of all stages are a bound: of machines alone, and beside GPUs."""
    alone = any(stage.rate and stage.rate.at_most for stage in stages)
    return alone, alone or any(stage.reading_at_most for stage in stages)


def _hours_row(stage: Stage) -> list[str]:
    amount = f"{stage.amount:,.0f} {stage.unit}"
    cells = [_words(stage), f"{stage.jobs:,}", amount]
    hours, longest, measured = "?", "?", "never"
    if stage.rate:
        hours = _number(stage.hours, stage.rate.at_most)
        longest = _number(60 * stage.longest, stage.rate.at_most)
        measured = f"{stage.rate.amount:,.0f}"
    if not stage.gpu_hours:
        return [*cells, measured, hours, longest, hours, ""]
    beside = _number(stage.reading_hours, stage.reading_at_most)
    return [*cells, measured, hours, longest, beside, _number(stage.gpu_hours)]


def size_table(
    config: Mapping[str, Any], counts: Counts, phases: int, stages: Sequence[Stage], costs: Costs
) -> str:
    """Return what lies on disks, and what all of it costs."""
    sizes = gigabytes(config, counts, phases, costs)
    rows = [[name, _number(size)] for name, size in sizes.items()]
    total = sum(sizes.values())
    spent = dollars(stages, total, costs)
    bounds = dict(zip((ALONE, BESIDE_GPUS), _are_bounds(stages), strict=True))
    prices = [[name, _number(price, bounds.get(name, False))] for name, price in spent.items()]
    on_disks = markdown_table(["on disks", "GB"], [*rows, ["all", _number(total)]])
    cost = markdown_table(["cost", f"dollars of {costs.dated}"], prices)
    return f"{on_disks}\n{cost}"


def bank_table(config: Mapping[str, Any], workload: Workload, training: int) -> str:
    """Return what banks of several sizes take of each rank, and beside the network."""
    rows = []
    for count in sorted({training, *_ROWS}):
        whole = bank_gigabytes(config, count)
        share = workload.bank_operations(count) / workload.image_operations()
        rows.append([f"{count:,}", *(_number(whole / n) for n in _RANKS), _number(share)])
    ranks = [f"GB a rank of {n}" for n in _RANKS]
    return markdown_table(["rows of the bank", *ranks, "operations beside the network's"], rows)


def search_table(counts: Counts, rate: Rate | None, costs: Costs) -> str:
    """Return what exact search takes: all queries, a single one, all images among themselves."""
    rows = []
    for count in sorted({counts.references, *_ROWS}):
        pairs = (counts.queries * count, count, count * (count - 1) / 2)
        hours, one, themselves = (_search_seconds(number, rate, costs) for number in pairs)
        cells = [_in(hours, 3600, rate), _in(one, 1, rate), _in(themselves, 3600, rate)]
        rows.append([f"{count:,}", _number(count * MAX_DIMENSION * _INTEGER / 1e9), *cells])
    queries = f"{counts.queries:,} queries, h"
    head = ["references", "GB as 8-bit integers", queries, "one query, s", "among themselves, h"]
    return markdown_table(head, rows)


def _search_seconds(pairs: float, rate: Rate | None, costs: Costs) -> float:
    return rate.each * pairs / costs.times_as_fast if rate else 0.0


def _in(seconds: float, unit: float, rate: Rate | None) -> str:
    return _number(seconds / unit, rate.at_most) if rate else "?"


def _words(stage: Stage) -> str:
    return stage.name.replace("_", "-")


def _number(value: float, at_most: bool = False) -> str:
    """Return a number to two or three digits, without an exponent; `≤` before a bound."""
    if not 0.01 <= value:
        return "< 0.01" if value else "0"
    text = f"{float(f'{value:.3g}'):,.0f}" if value >= 99.5 else f"{value:.2g}"
    return f"≤ {text}" if at_most else text

"""What a run of another size takes: hours of its stages, bytes, dollars."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from iscqk.forecast.counts import Counts
from iscqk.forecast.rates import Rate
from iscqk.forecast.submission_jobs import Job
from iscqk.forecast.work import Work, Workload
from iscqk.formats.submission import MAX_DIMENSION
from iscqk.methods import own_section
from iscqk.plan.dependence import copy_rounds
from iscqk.settings.costs import Costs

_HOUR, _GIGABYTE, _FLOAT = 3600, 1e9, 4
_COPY_BYTES = 0.34  # a pixel, as JPEG of quality 90 with the JSON of its edits: the demo's
_READING = "prepare"  # the stage that opens every image and does little else with it

ALONE, BESIDE_GPUS = "machines alone", "machines and GPUs"  # what a run costs on either


class Stage(NamedTuple):
    """The jobs of a stage together.

    Attributes:
        name: of the stage.
        jobs: how many.
        amount: of work, in `unit`.
        unit: in plain words.
        rate: as it was measured, if it was.
        hours: of machines like the measured one, without a GPU.
        longest: hours of the longest job.
        gpu_hours: of a GPU, of a stage that it takes over, in whose place the machines are left
            `reading_hours`.
        reading_hours: of those machines, to read images for it.
        reading_at_most: whether that is a bound.
    """

    name: str
    jobs: int
    amount: float
    unit: str
    rate: Rate | None
    hours: float
    longest: float
    gpu_hours: float
    reading_hours: float
    reading_at_most: bool

    @property
    def hours_beside_gpu(self) -> float:
        """The hours of machines where there are GPUs."""
        return self.reading_hours if self.gpu_hours else self.hours


def stages(
    jobs: Iterable[Job], workload: Workload, rates: Mapping[str, Rate], costs: Costs
) -> list[Stage]:
    """Return the stages of a run in the order of their first jobs."""
    by_stage: dict[str, list[Work]] = {}
    for rule, wildcards in jobs:
        if work := workload.of(rule, wildcards):
            by_stage.setdefault(work.stage, []).append(work)
    return [_stage(works, rates, costs) for works in by_stage.values()]


def _stage(works: list[Work], rates: Mapping[str, Rate], costs: Costs) -> Stage:
    first = works[0]
    amount = sum(work.amount for work in works)
    load = sum(work.load for work in works)
    rate = rates.get(first.stage)
    seconds = [_seconds(work, rate, costs) for work in works] if rate else [0.0]
    on_gpu, reading, reader = 0.0, 0.0, rates.get(_READING)
    if first.by_network:
        on_gpu = load / (costs.gpu_teraflops * 1e12)
        images = Work(_READING, amount, "images", amount)
        reading = _seconds(images, reader, costs) if reader else 0.0
    return Stage(
        name=first.stage,
        jobs=len(works),
        amount=amount,
        unit=first.unit,
        rate=rate,
        hours=sum(seconds) / _HOUR,
        longest=max(seconds) / _HOUR,
        gpu_hours=on_gpu / _HOUR,
        reading_hours=reading / _HOUR,
        reading_at_most=bool(reader and reader.at_most),
    )


def _seconds(work: Work, rate: Rate, costs: Costs) -> float:
    """Return how long a job takes; one that does little but read images, by what these take."""
    reads = work.unit == "images" and not work.by_network
    load = work.load * (costs.reading_times if reads else 1.0)
    return rate.seconds(load) / costs.times_as_fast


def gigabytes(
    config: Mapping[str, Any], counts: Counts, phases: int, costs: Costs
) -> dict[str, float]:
    """Return by its name what lies on disks, in 10^9 bytes."""
    copies, images = config["copies"], sum(counts) + (phases - 1) * counts.queries
    made = counts.training * copies["per_image"] * len(copy_rounds(dict(config)))
    sides = max(1, 2 * int(config["train"]["rounds"]))
    described = counts.training * sides + images
    submitted = (counts.queries + counts.references) * phases * len(config["score"]["rankings"])
    sizes = {
        "images": images * costs.image_kilobytes * 1000,
        "training copies": made * copies["side"] ** 2 * _COPY_BYTES,
        "descriptors and banks": described * config["model"]["descriptor_size"] * _FLOAT,
        "submission files": submitted * MAX_DIMENSION * _FLOAT,
    }
    return {name: size / _GIGABYTE for name, size in sizes.items()}


def bank_gigabytes(config: Mapping[str, Any], rows: int) -> float:
    """Return what a bank of so many rows takes in memory, over all ranks together."""
    precision = own_section(config["train"]).get("bank_precision", "fp32")
    width = {"fp32": _FLOAT, "bf16": _FLOAT // 2}[precision]
    return rows * config["model"]["descriptor_size"] * width / _GIGABYTE


def dollars(found: Iterable[Stage], stored: float, costs: Costs) -> dict[str, float]:
    """Return by its name what a run costs.

    Args:
        found: its stages.
        stored: gigabytes on disks.
        costs: prices.
    """
    found = list(found)
    machines = sum(stage.hours for stage in found) * costs.machine_hour
    beside = sum(stage.hours_beside_gpu for stage in found) * costs.machine_hour
    gpus = sum(stage.gpu_hours for stage in found) * costs.gpu_hour
    return {
        ALONE: machines,
        BESIDE_GPUS: beside + gpus,
        "a month of the disks": stored / 1000 * costs.terabyte_month,
    }

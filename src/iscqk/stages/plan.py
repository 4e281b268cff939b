"""Estimate what a run of another size takes: jobs, hours, bytes and dollars, as tables.

Rates are those of runs that are there, by the time that Snakemake kept of every job, times the work
that the config asks for: images, operations of the network, pairs of descriptors. "≤" stands where
the measured jobs were too small to tell more than a bound. Prices, and how fast a GPU is, are
assumed: the section `costs` of the config.
"""

import argparse
from pathlib import Path
from typing import Any

from iscqk.forecast.counts import planned_counts
from iscqk.forecast.forecast import stages
from iscqk.forecast.rates import CLOCK, PROCESSOR, load, rates
from iscqk.forecast.submission_jobs import submission_jobs
from iscqk.forecast.tables import bank_table, hours_table, search_table, size_table
from iscqk.forecast.work import Workload
from iscqk.formats.phases import PHASES
from iscqk.models.ready import with_network
from iscqk.plan.checks import check_config
from iscqk.runtime.imports import importing
from iscqk.runtime.logs import print_line
from iscqk.runtime.options import count
from iscqk.schema.plain_yaml import read_laid_over
from iscqk.settings.costs import Costs

_WAITED = 50  # percent of a core
_BASE = Path("config.yaml")

EXAMPLE = "iscqk plan --config workflow/presets/disc21.yaml --usage results/usage"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--config", type=Path, nargs="+", required=True, metavar="YAML",
        help="of the run to plan, each laid over those before it and the first over config.yaml "
        "of this folder, which alone is taken for that of a measured run that has no submission",
    )  # fmt: skip
    parser.add_argument(
        "--usage", type=Path, nargs="+", required=True, metavar="FOLDER",
        help="results/usage of finished runs; `snakemake rehearsal` tells most of the search",
    )  # fmt: skip
    parser.add_argument(
        "--cpu-time", action="store_const", const=PROCESSOR, default=CLOCK,
        help="estimate by seconds of the processor, of a run that had to share it: as if each of "
        "the jobs had a core",
    )  # fmt: skip
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=PHASES)
    for name, what in (("training", "images"), ("references", "images"), ("queries", "a phase")):
        parser.add_argument(f"--{name}", type=count, metavar="N", help=f"{what}; else the config's")


def run(arguments: argparse.Namespace) -> None:
    """Print the tables."""
    with importing():
        from iscqk.forecast.network import operations

    files = _over_base(arguments.config)
    config, first = _configs(files), _configs(files[:1])
    given = {name: getattr(arguments, name) for name in ("training", "references", "queries")}
    counts, costs = planned_counts(config, given), Costs.parse(config["costs"])
    workload = Workload(config, counts, operations(config["model"]))
    measured = rates(arguments.usage, first, operations, arguments.cpu_time)
    found = stages(submission_jobs(config, arguments.phases), workload, measured, costs)
    numbers = ", ".join(f"{count:,} {name}" for name, count in counts._asdict().items())
    print_line(f"{config['title']}: {numbers} a phase, {len(arguments.phases)} phase(s)")
    print()
    print(hours_table(found))
    percentage = load(arguments.usage)
    if arguments.cpu_time == CLOCK and percentage is not None and percentage < _WAITED:
        print(
            f"Half of the measured jobs had under {percentage:.0f} % of a core: they waited, for "
            "other programs or a disk, and hours by their clock are too many: see --cpu-time.\n"
        )
    print(size_table(config, counts, len(arguments.phases), found, costs))
    print(bank_table(config, workload, counts.training))
    print(search_table(counts, measured.get("search"), costs), end="")


def _over_base(paths: list[Path]) -> list[Path]:
    """Return files after config.yaml of this folder, if it is there, as the Snakefile has them."""
    is_named = _BASE.exists() and paths[0].exists() and paths[0].samefile(_BASE)
    return [_BASE, *paths] if _BASE.exists() and not is_named else paths


def _configs(paths: list[Path]) -> dict[str, Any]:
    """Return a config made of files, each laid over those before it."""
    config = read_laid_over(paths)
    check_config(config)
    config["model"] = with_network(config["model"])
    return config

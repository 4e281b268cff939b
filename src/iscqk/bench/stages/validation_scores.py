"""Score models on query sets by other edits than the training's, beside GIST and hashes.

Writes table.csv (micro-AP and recall at 90 % precision by method and phase), by_class.csv (of the
copies that carry a class of edit, the share found where the phase's list still has 90 % precision)
and table.md, which shows both and is printed. pHash and PDQ need `imagehash` and `pdqhash`. Models
are looked at twice, as PDQ is: with queries as they are, and in all eight orientations.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from iscqk.bench.independent.contenders import HASHES, Contender, gist_model, of_model
from iscqk.bench.independent.scoring import score
from iscqk.bench.independent.set_folder import read_set
from iscqk.comparison.run_tables import as_markdown
from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import write_text
from iscqk.formats.named_files import named_files
from iscqk.matching.model import Model
from iscqk.models.device import set_threads
from iscqk.runtime.cores import cores
from iscqk.runtime.options import at_once, output_folder

EXAMPLE = r"""iscqk validation-scores results/validation/set \
    --models submission=results/submission_phase2 --output results/validation"""

_GIST = "GIST, whitened and subtracted"
_TURNED = ", 8 orientations"  # after a model's name, as after PDQ's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("set", type=Path, help="folder of `iscqk validation-queries`")
    parser.add_argument(
        "--models", nargs="*", default=[], metavar="NAME=DIR",
        help="what `iscqk match` takes as --model, under the name that the table has for it",
    )  # fmt: skip
    parser.add_argument("--gist", type=Path, metavar="WEIGHTS", help="of a run of method gist")
    parser.add_argument(
        "--training", nargs="*", type=Path, default=[], metavar="H5",
        help="shards of GIST's descriptors of training images",
    )  # fmt: skip
    parser.add_argument("--output", type=output_folder, required=True, metavar="DIR")
    parser.add_argument("--threads", type=at_once, default=cores(), help="(default: all)")


def run(arguments: argparse.Namespace) -> None:
    """Describe, search and score; write and print the tables."""
    set_threads(arguments.threads)
    models = _named(arguments.models)
    queries = read_set(arguments.set)
    contenders = {**dict(_models(models, arguments)), **HASHES}
    scores, by_class = score(queries, contenders, arguments.threads)
    page = f"{as_markdown(_by_phase(scores))}\n{as_markdown(_side_by_side(by_class))}"
    write_table(arguments.output / "table.csv", scores)
    write_table(arguments.output / "by_class.csv", by_class)
    write_text(arguments.output / "table.md", page)
    print(page, end="")


def _named(models: list[str]) -> dict[str, str]:
    """Return folders by the names that the table is to have for them, each another one."""
    if wrong := [text for text in models if "=" not in text]:
        raise UserError(f"--models {wrong[0]}: write NAME=DIR, as in `{EXAMPLE}`")
    named = named_files(models)
    for name in (*HASHES, _GIST, *(name + _TURNED for name in named)):
        if name in named:
            raise UserError(f"--models {name}={named[name]}: the table has a {name}; rename it")
    return named


def _models(
    models: dict[str, str], arguments: argparse.Namespace
) -> Iterator[tuple[str, Contender]]:
    """Yield models by name; each is loaded before any is described, so that errors come first."""
    for name, folder in models.items():
        model = Model.load(folder)
        yield name, of_model(model, arguments.threads)
        yield name + _TURNED, of_model(model, arguments.threads, 8)
    if (arguments.gist is None) != (not arguments.training):
        raise UserError("--gist needs --training and the other way round; give both")
    if arguments.gist:
        model = gist_model(arguments.gist, arguments.training)
        yield _GIST, of_model(model, arguments.threads)


def _by_phase(scores: pd.DataFrame) -> pd.DataFrame:
    """Return a row a method, for the page."""
    names = {"micro_ap": "micro-AP", "recall_at_p90": "R@P90"}
    rows = []
    for method, found in scores.groupby("method", sort=False):
        cells = {
            f"{row['phase']} {names[column]}": f"{row[column]:.3f}" if not row["note"] else ""
            for _, row in found.iterrows()
            for column in names
        }
        rows.append({"method": method, **cells, "note": found["note"].iloc[0]})
    return pd.DataFrame(rows)


def _side_by_side(by_class: pd.DataFrame) -> pd.DataFrame:
    """Return a row a phase and class, a column a method, the best of a row in bold."""
    keys = ["phase", "class", "copies"]
    wide = by_class.pivot(index=keys, columns="method", values="recall")
    wide = wide[by_class["method"].unique()]
    best = wide.eq(wide.max(axis=1), axis=0) & (wide > 0)
    text = wide.map("{:.2f}".format)
    return text.mask(best, "**" + text + "**").reset_index()

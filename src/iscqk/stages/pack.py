"""Make a submission's model small enough to travel with a program: float16, and a card.

The model is used as any: `iscqk match --model FOLDER`. `snakemake ready_model` makes the one that
iscqk itself carries.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_table
from iscqk.formats.files import atomic_folder, write_text
from iscqk.formats.json_kinds import fault_in
from iscqk.formats.named_files import named_files, read_object, read_objects
from iscqk.formats.printable_names import printable
from iscqk.formats.results import SubmissionFolder
from iscqk.matching.packing import CARD, pack_model
from iscqk.retrieval.scores_by_edit import COLUMNS
from iscqk.runtime.logs import print_line
from iscqk.runtime.options import output_folder
from iscqk.settings.ready import Ready
from iscqk.submission.packed_card import SCORED, TOLD, packed_card

EXAMPLE = r"""iscqk pack results/submission_phase2 --output small --config '{"bank_rows": 4000}'"""

_NUMBERS: dict[str, type] = {
    name: int if name in ("queries", "positives", "found") else float for name in COLUMNS[1:]
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("submission", type=Path, metavar="DIR", help="whose model is packed")
    parser.add_argument(
        "--scores", nargs="+", metavar="PHASE=JSON", default=[], help="for the card: score.json"
    )
    parser.add_argument(
        "--by-edit", nargs="+", metavar="PHASE=CSV", default=[], help="for the card: by_edit.csv"
    )
    parser.add_argument("--config", type=Ready.parse, default=Ready(), help="the `ready` section")
    parser.add_argument("--output", type=output_folder, required=True, metavar="DIR")


def run(arguments: argparse.Namespace) -> None:
    """Write the folder, and print what it takes."""
    submission, config = SubmissionFolder(str(arguments.submission)), arguments.config
    provenance, notice = _provenance(submission.provenance), _notice(config.notice)
    scores = _scores(arguments.scores or [f"submitted={submission.score}"])
    by_edit = {
        phase: read_table(path, COLUMNS, _NUMBERS)
        for phase, path in named_files(arguments.by_edit).items()
    }
    with atomic_folder(arguments.output) as folder:
        files = pack_model(Path(submission.model), folder, config.bank_rows)
        try:
            card = packed_card(scores, by_edit, provenance, notice, files)
        except KeyError as error:
            raise _foreign(submission.provenance, f"no {error}") from None
        write_text(folder / CARD, card)
        taken = _megabytes(folder)
        if taken > config.megabytes:
            raise UserError(_too_large(arguments.output, taken, config.megabytes))
    print_line(f"{printable(arguments.output)}: {taken:.2f} MB")


def _scores(named: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the scores of each of PHASE=JSON; UserError of a file that holds others."""
    scores = read_objects(named)
    for phase, score in scores.items():
        if fault := fault_in(score, SCORED):
            what = f"no score of descriptors ({fault})"
            raise UserError(f"--scores {phase}: {what}; name what `iscqk score --output` wrote")
    return scores


def _provenance(path: str) -> dict[str, Any]:
    """Return what a submission's provenance holds; UserError where it is another file."""
    provenance = read_object(path)
    if fault := fault_in(provenance, TOLD):
        raise _foreign(path, fault)
    return provenance


def _foreign(provenance: str, what: str) -> UserError:
    remedy = "name a folder that `iscqk submit` wrote"
    return UserError(f"{provenance}: not the provenance of a submission ({what}); {remedy}")


def _megabytes(folder: Path) -> float:
    """Return what the files in a folder take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _too_large(folder: Path, taken: float, limit: float) -> str:
    return (
        f"{folder}: takes {taken:.2f} MB, and {limit:g} are allowed; lower ready.bank_rows, or "
        "describe both sides by one network (describe.queries, describe.references)"
    )


def _notice(path: str | None) -> str:
    if path is None:
        return "Nothing was said of their terms."
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"ready.notice: {path}: cannot be read ({error}); correct it") from None

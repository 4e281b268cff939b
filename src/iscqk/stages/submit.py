"""Assemble the folder of a phase: descriptors, predictions, score, validation, provenance, card.

Its folder `model` has the weights in the model hub's format, and what `iscqk match` needs.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import iscqk
from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_table
from iscqk.formats.files import atomic_file, sha256_of, write_text
from iscqk.formats.manifest import content_digest
from iscqk.formats.model_files import GIST_ROLE, ROLES
from iscqk.formats.named_files import named_files, read_object
from iscqk.formats.phases import HALVES, PHASES
from iscqk.formats.results import SubmissionFolder
from iscqk.images.quarantine import QUARANTINED
from iscqk.matching.model_folder import write_settings
from iscqk.models.hub import save_hub_folder
from iscqk.models.weights import load_encoder
from iscqk.retrieval.rankings import RANKINGS
from iscqk.runtime.options import json_object, output_folder
from iscqk.submission.environment import commit, machine, versions
from iscqk.submission.made_from import MadeFrom, refuse_strangers
from iscqk.submission.model_card import model_card

EXAMPLE = r"""iscqk submit --phase phase2 --descriptors descriptors.h5 \
    --predictions predictions.csv --validation validation.json \
    --ranking similarity --scores similarity=score.json \
    --training data/training.csv --references data/references.csv \
    --queries data/phase2/queries.csv \
    --weights queries=q.safetensors references=k.safetensors \
    --config "$(cat config.json)" --output submission"""

_WEIGHTS = (*ROLES, GIST_ROLE, "projection")
_SPLITS = ("training", "references", "queries")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--phase", choices=PHASES, required=True)
    parser.add_argument("--descriptors", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--ranking", choices=[*RANKINGS], required=True, help="of the descriptors")
    parser.add_argument(
        "--scores", nargs="+", metavar="RANKING=JSON", required=True, help="one for each ranking"
    )
    parser.add_argument(
        "--halves", nargs="*", metavar="HALF=JSON", default=[], help="scores of parts of the phase"
    )
    for split in _SPLITS:
        parser.add_argument(f"--{split}", metavar="MANIFEST", required=True)
    parser.add_argument(
        "--quarantined", nargs="*", metavar="CSV", default=[], help="images that were set aside"
    )
    parser.add_argument("--weights", nargs="+", metavar="ROLE=FILE", required=True)
    parser.add_argument(
        "--bank", nargs="*", type=Path, default=[], metavar="H5",
        help="shards of training images' descriptors, by which pairs rank or which are subtracted",
    )  # fmt: skip
    parser.add_argument(
        "--given", nargs="*", metavar="FILE", default=[],
        help="what else it comes from, to be told by its hash: first weights, ground truth, lists",
    )  # fmt: skip
    parser.add_argument(
        "--given-names", nargs="*", metavar="NAME", default=[],
        help="what these are called there, one for each; without, by where they lie",
    )  # fmt: skip
    parser.add_argument(
        "--config",
        type=json_object(
            seed=int, dataset=dict, model=dict, train=dict, describe=dict, search=dict
        ),
        required=True,
        help="the whole config as JSON, or @FILE of it",
    )
    parser.add_argument("--output", type=output_folder, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Write the six files of the folder, and the model."""
    output, files = SubmissionFolder(str(arguments.output)), _made_from(arguments)
    refuse_strangers(files)
    score, provenance = _score(files), _provenance(files, arguments.quarantined)
    _copy(files.descriptors, output.descriptors)
    _copy(files.predictions, output.predictions)
    _copy(files.validation, output.validation)
    write_text(output.score, json.dumps(score, indent=2) + "\n")
    write_text(output.provenance, json.dumps(provenance, indent=2) + "\n")
    card = model_card(score, provenance)
    write_text(output.card, card)
    _write_model(Path(output.model), files, card)


def _made_from(arguments: argparse.Namespace) -> MadeFrom:
    """Return what the options name; UserError where they do not name it all."""
    return MadeFrom(
        phase=arguments.phase,
        ranking=arguments.ranking,
        config=arguments.config,
        descriptors=arguments.descriptors,
        predictions=arguments.predictions,
        validation=arguments.validation,
        scores=_scores(arguments),
        halves=named_files(arguments.halves, HALVES),
        lists={split: getattr(arguments, split) for split in _SPLITS},
        weights=_weights(arguments),
        bank=arguments.bank,
        given=_given(arguments),
    )


def _scores(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the files of scores by ranking; UserError where the submitted one is missing."""
    scores = named_files(arguments.scores, [*RANKINGS])
    if arguments.ranking not in scores:
        raise UserError(f"describe.ranking: {arguments.ranking} is not in score.rankings; add it")
    return scores


def _weights(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the files of weights by role; UserError where those of a side are missing."""
    weights = named_files(arguments.weights, _WEIGHTS)
    for role in ROLES:
        if role not in weights:
            raise UserError(f"--weights: none of {role}; add {role}=FILE")
    return weights


def _given(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what given files are called where they come from, and their SHA-256.

    Raises:
        UserError: there are not as many.
    """
    names: list[str] = arguments.given_names or arguments.given
    if len(names) != len(arguments.given):
        raise UserError(
            f"--given-names: {len(names)} for {len(arguments.given)} of --given; name each"
        )
    return [(name, sha256_of(path)) for name, path in zip(names, arguments.given, strict=True)]


def _score(files: MadeFrom) -> dict[str, Any]:
    """Return the submitted ranking's score, with its halves' and the other rankings' beside it."""
    scores = {ranking: read_object(path) for ranking, path in files.scores.items()}
    halves = {half: read_object(path) for half, path in files.halves.items()}
    images = {split: set(rows["sha256"]) for split, rows in files.manifests.items()}
    return {
        **scores[files.ranking],
        "split": f"{files.phase}, {files.config['dataset']['kind']}",
        "ranking": files.ranking,
        "trained_on_ground_truth": bool(
            images["training"] & (images["queries"] | images["references"])
        ),
        **({"halves": halves} if halves else {}),
        "rankings": scores,
    }


def _provenance(files: MadeFrom, quarantined: list[str]) -> dict[str, Any]:
    return {
        **commit(),
        "machine": machine(),
        "versions": versions(),
        "config": files.config,
        "seed": files.config["seed"],
        "images": {
            split: {"count": len(rows), "sha256": content_digest(rows)}
            for split, rows in files.manifests.items()
        },
        "quarantined": [
            row for path in quarantined for row in read_table(path, QUARANTINED).to_dict("records")
        ],
        "weights": {role: _of_weights(files, role) for role in files.weights},
        "given": [
            {"path": _on_any_machine(name), "sha256": sha256} for name, sha256 in files.given
        ],
        "descriptors_sha256": files.descriptors_sha256,
    }


def _of_weights(files: MadeFrom, role: str) -> dict[str, Any]:
    """Return which weights these are, of a side with the device they were trained on last."""
    told = {"path": files.weights[role], "sha256": files.digests[role]}
    if role in ROLES and "trained_on" in files.facts[role]:
        told["trained_on"] = files.facts[role]["trained_on"]
    return told


def _write_model(folder: Path, files: MadeFrom, card: str) -> None:
    for role, facts in files.facts.items():
        save_hub_folder(folder / role, load_encoder(files.weights[role]), facts, card)
    write_settings(folder, files.describe, files.bank, files.weights.get("projection"))


def _on_any_machine(path: str) -> str:
    """Return a given file's path, of one that iscqk carries that in the package."""
    package = Path(iscqk.__file__).parent
    is_own = Path(path).is_relative_to(package)
    return str(Path(path).relative_to(package.parent)) if is_own else path


def _copy(source: Path, target: str) -> None:
    # Not a link: Snakemake dates its outputs, and would date the linked source anew with them.
    with atomic_file(target) as temporary:
        shutil.copyfile(source, temporary)

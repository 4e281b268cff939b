"""Assemble the folder of a phase: descriptors, predictions, score, validation, provenance, card.

Its folder `model` has the weights in the model hub's format, and what `iscqk match` needs.
"""

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import iscqk
from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_table
from iscqk.formats.descriptor_shards import checked_shards
from iscqk.formats.files import atomic_file, sha256_of, write_text
from iscqk.formats.manifest import content_digest, read_manifest
from iscqk.formats.model_files import GIST, SIDES
from iscqk.formats.named_files import named_files, read_object, read_objects
from iscqk.formats.phases import HALVES, PHASES
from iscqk.formats.predictions import read_predictions
from iscqk.formats.results import Submission
from iscqk.formats.submission import Submission as Descriptors
from iscqk.formats.submission import open_submission
from iscqk.images.quarantine import QUARANTINED
from iscqk.matching.model_folder import write_settings
from iscqk.models.hub import save_hub_folder
from iscqk.models.weights import load_encoder, read_provenance
from iscqk.retrieval.rankings import RANKINGS
from iscqk.runtime.options import json_object, output_folder
from iscqk.settings.describe import Describe
from iscqk.settings.search import Search
from iscqk.submission.as_configured import refuse_otherwise_made, refuse_replaced
from iscqk.submission.consistency import refuse_other_predictions, refuse_part_of_predictions
from iscqk.submission.environment import commit, machine, versions
from iscqk.submission.model_card import model_card

EXAMPLE = r"""iscqk submit --phase phase2 --descriptors descriptors.h5 \
    --predictions predictions.csv --validation validation.json \
    --ranking similarity --scores similarity=score.json \
    --training data/training.csv --references data/references.csv \
    --queries data/phase2/queries.csv \
    --weights queries=q.safetensors references=k.safetensors \
    --config "$(cat config.json)" --output submission"""

_ROLES = (*SIDES, GIST, "projection")
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


@dataclass(frozen=True)
class _Sources:
    """What a submission was made from, each file read and hashed once.

    Attributes:
        manifests: by split.
        weights: files by role.
        digests: the SHA-256 of these, by role.
        given: what given files are called where they come from, and their SHA-256.
        describe: that section of the config, defaults filled in.
    """

    manifests: dict[str, pd.DataFrame]
    weights: dict[str, str]
    digests: dict[str, str]
    given: list[tuple[str, str]]
    describe: dict[str, Any]

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "_Sources":
        """Read what the options name; UserError where something is missing."""
        weights = _weights(arguments)
        return cls(
            {split: read_manifest(getattr(arguments, split)) for split in _SPLITS},
            weights,
            {role: sha256_of(path) for role, path in weights.items()},
            _given(arguments),
            Describe.parse(arguments.config["describe"]).values(),
        )


def run(arguments: argparse.Namespace) -> None:
    """Write the six files of the folder, and the model."""
    output, sources = Submission(str(arguments.output)), _Sources.of(arguments)
    digest = sha256_of(arguments.descriptors)
    with open_submission(arguments.descriptors) as descriptors:
        _refuse_other_descriptors(arguments, sources, descriptors)
        _refuse_other_validation(arguments, sources, digest)
        _refuse_other_scores(arguments, digest)
        _refuse_other_config(arguments, sources, descriptors)
    score = _score(arguments, sources.manifests)
    provenance = _provenance(arguments, sources) | {"descriptors_sha256": digest}
    _copy(arguments.descriptors, output.descriptors)
    _copy(arguments.predictions, output.predictions)
    _copy(arguments.validation, output.validation)
    write_text(output.score, json.dumps(score, indent=2) + "\n")
    write_text(output.provenance, json.dumps(provenance, indent=2) + "\n")
    card = model_card(score, provenance)
    write_text(output.card, card)
    _write_model(Path(output.model), sources, arguments.bank, card)


def _write_model(folder: Path, sources: _Sources, bank: list[Path], card: str) -> None:
    encoders = dict(sources.weights)
    projection = encoders.pop("projection", None)
    for role, path in encoders.items():
        encoder, facts = load_encoder(path), read_provenance(path)
        save_hub_folder(folder / role, encoder, facts, card)
    write_settings(folder, sources.describe, bank, projection)


def _refuse_other_descriptors(
    arguments: argparse.Namespace, sources: _Sources, descriptors: Descriptors
) -> None:
    """Refuse descriptors of other weights or images, and a bank or predictions not of theirs.

    Raises:
        UserError: naming the first file that does not belong, whatever stages have checked.
    """
    expected = {
        "ranking": arguments.ranking,
        "query_weights_sha256": sources.digests["queries"],
        "reference_weights_sha256": sources.digests["references"],
        "query_manifest_sha256": sha256_of(arguments.queries),
        "reference_manifest_sha256": sha256_of(arguments.references),
    }
    if RANKINGS[arguments.ranking].needs_bank:
        expected["training_manifest_sha256"] = sha256_of(arguments.training)
    if arguments.bank:
        made = {"weights_sha256": sources.digests["references"]}
        if "projection" in sources.digests:
            made["projection_sha256"] = sources.digests["projection"]
        checked_shards(arguments.bank, "describe it again", made)
    predictions = read_predictions(arguments.predictions)
    refuse_other_predictions(arguments.predictions, predictions, descriptors)
    max_results = Search.parse(arguments.config["search"]).max_results
    refuse_part_of_predictions(arguments.predictions, predictions, descriptors, max_results)
    _compare(arguments.descriptors, descriptors.attributes, expected, "merge the shards")


def _refuse_other_validation(arguments: argparse.Namespace, sources: _Sources, digest: str) -> None:
    """Refuse a validation of other descriptors than those of a digest, or of another phase."""
    counts = {split: len(sources.manifests[split]) for split in ("queries", "references")}
    validated = {"valid": True, "phase": arguments.phase, "validated_sha256": digest, **counts}
    path = arguments.validation
    _compare(path, read_object(path), validated, "validate the descriptors")


def _refuse_other_config(
    arguments: argparse.Namespace, sources: _Sources, descriptors: Descriptors
) -> None:
    """Refuse what another config has made, or what was given otherwise, of which others are told.

    Where Snakemake knows nothing of files, or was told that they are up to date, it keeps them.
    """
    config, path = {**arguments.config, "describe": sources.describe}, str(arguments.descriptors)
    refuse_otherwise_made(sources.weights, path, descriptors.attributes, config)
    refuse_replaced(sources.weights, dict(sources.given), config)


def _refuse_other_scores(arguments: argparse.Namespace, digest: str) -> None:
    """Refuse scores of other descriptors, or of another part of the phase than they are given as.

    Other rankings' predictions are not here, so that of their scores only the part is compared.
    """
    scored = {digest, sha256_of(arguments.predictions)}
    scores = named_files(arguments.scores, [*RANKINGS]) | named_files(arguments.halves, HALVES)
    for name, path in scores.items():
        found, half = read_object(path), name if name in HALVES else None
        if (name == arguments.ranking or half) and found.get("scored_sha256") not in scored:
            raise UserError(f"{path}: not the score of {arguments.descriptors}; score it again")
        _compare(path, found, {"half": half}, "score it")  # None: the whole phase


def _weights(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the files of weights by role; UserError where those of a side are missing."""
    weights = named_files(arguments.weights, _ROLES)
    for side in SIDES:
        if side not in weights:
            raise UserError(f"--weights: none of {side}; add {side}=FILE")
    return weights


def _compare(
    path: str | Path, found: Mapping[str, Any], expected: Mapping[str, Any], remedy: str
) -> None:
    for key, value in expected.items():
        if found.get(key) != value:
            what = f"{key} is {found.get(key)}, and {value} here"
            raise UserError(f"{path}: of something else ({what}); {remedy} again")


def _score(arguments: argparse.Namespace, manifests: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the submitted ranking's score, with its halves' and the other rankings' beside it."""
    scores, halves = read_objects(arguments.scores), read_objects(arguments.halves)
    if arguments.ranking not in scores:
        raise UserError(f"describe.ranking: {arguments.ranking} is not in score.rankings; add it")
    trained_on = set(manifests["training"]["sha256"])
    graded = set(manifests["queries"]["sha256"]) | set(manifests["references"]["sha256"])
    return {
        **scores[arguments.ranking],
        "split": f"{arguments.phase}, {arguments.config['dataset']['kind']}",
        "ranking": arguments.ranking,
        "trained_on_ground_truth": bool(trained_on & graded),
        **({"halves": halves} if halves else {}),
        "rankings": scores,
    }


def _provenance(arguments: argparse.Namespace, sources: _Sources) -> dict[str, Any]:
    return {
        **commit(),
        "machine": machine(),
        "versions": versions(),
        "config": arguments.config,
        "seed": arguments.config["seed"],
        "images": {
            split: {"count": len(rows), "sha256": content_digest(rows)}
            for split, rows in sources.manifests.items()
        },
        "quarantined": [
            row
            for path in arguments.quarantined
            for row in read_table(path, QUARANTINED).to_dict("records")
        ],
        "weights": {
            role: {"path": path, "sha256": sources.digests[role], **_trained_on(role, path)}
            for role, path in sources.weights.items()
        },
        "given": [
            {"path": _on_any_machine(name), "sha256": sha256} for name, sha256 in sources.given
        ],
    }


def _trained_on(role: str, path: str) -> dict[str, Any]:
    """Return on what weights of a side were trained last; nothing of those that nothing trained."""
    facts = read_provenance(path) if role in SIDES else {}
    return {key: facts[key] for key in ("trained_on",) if key in facts}


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


def _on_any_machine(path: str) -> str:
    """Return a given file's path, of one that iscqk carries that in the package."""
    package = Path(iscqk.__file__).parent
    is_own = Path(path).is_relative_to(package)
    return str(Path(path).relative_to(package.parent)) if is_own else path


def _copy(source: Path, target: str) -> None:
    # Not a link: Snakemake dates its outputs, and would date the linked source anew with them.
    with atomic_file(target) as temporary:
        shutil.copyfile(source, temporary)

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
from iscqk.formats.model_files import GIST, ROLES
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
from iscqk.submission.model_card import model_card
from iscqk.submission.sources import Sources, refuse_strangers

EXAMPLE = r"""iscqk submit --phase phase2 --descriptors descriptors.h5 \
    --predictions predictions.csv --validation validation.json \
    --ranking similarity --scores similarity=score.json \
    --training data/training.csv --references data/references.csv \
    --queries data/phase2/queries.csv \
    --weights queries=q.safetensors references=k.safetensors \
    --config "$(cat config.json)" --output submission"""

_WEIGHTS = (*ROLES, GIST, "projection")
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
    output, sources = SubmissionFolder(str(arguments.output)), _sources(arguments)
    refuse_strangers(sources)
    score, provenance = _score(sources), _provenance(sources, arguments.quarantined)
    _copy(sources.descriptors, output.descriptors)
    _copy(sources.predictions, output.predictions)
    _copy(sources.validation, output.validation)
    write_text(output.score, json.dumps(score, indent=2) + "\n")
    write_text(output.provenance, json.dumps(provenance, indent=2) + "\n")
    card = model_card(score, provenance)
    write_text(output.card, card)
    _write_model(Path(output.model), sources, card)


def _sources(arguments: argparse.Namespace) -> Sources:
    """Return what the options name; UserError where they do not name it all."""
    return Sources(
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


def _score(sources: Sources) -> dict[str, Any]:
    """Return the submitted ranking's score, with its halves' and the other rankings' beside it."""
    scores = {ranking: read_object(path) for ranking, path in sources.scores.items()}
    halves = {half: read_object(path) for half, path in sources.halves.items()}
    images = {split: set(rows["sha256"]) for split, rows in sources.manifests.items()}
    return {
        **scores[sources.ranking],
        "split": f"{sources.phase}, {sources.config['dataset']['kind']}",
        "ranking": sources.ranking,
        "trained_on_ground_truth": bool(
            images["training"] & (images["queries"] | images["references"])
        ),
        **({"halves": halves} if halves else {}),
        "rankings": scores,
    }


def _provenance(sources: Sources, quarantined: list[str]) -> dict[str, Any]:
    return {
        **commit(),
        "machine": machine(),
        "versions": versions(),
        "config": sources.config,
        "seed": sources.config["seed"],
        "images": {
            split: {"count": len(rows), "sha256": content_digest(rows)}
            for split, rows in sources.manifests.items()
        },
        "quarantined": [
            row for path in quarantined for row in read_table(path, QUARANTINED).to_dict("records")
        ],
        "weights": {role: _of_weights(sources, role) for role in sources.weights},
        "given": [
            {"path": _on_any_machine(name), "sha256": sha256} for name, sha256 in sources.given
        ],
        "descriptors_sha256": sources.descriptors_sha256,
    }


def _of_weights(sources: Sources, role: str) -> dict[str, Any]:
    """Return which weights these are, of a side with the device they were trained on last."""
    told = {"path": sources.weights[role], "sha256": sources.digests[role]}
    if role in ROLES and "trained_on" in sources.facts[role]:
        told["trained_on"] = sources.facts[role]["trained_on"]
    return told


def _write_model(folder: Path, sources: Sources, card: str) -> None:
    for role, facts in sources.facts.items():
        save_hub_folder(folder / role, load_encoder(sources.weights[role]), facts, card)
    write_settings(folder, sources.describe, sources.bank, sources.weights.get("projection"))


def _on_any_machine(path: str) -> str:
    """Return a given file's path, of one that iscqk carries that in the package."""
    package = Path(iscqk.__file__).parent
    is_own = Path(path).is_relative_to(package)
    return str(Path(path).relative_to(package.parent)) if is_own else path


def _copy(source: Path, target: str) -> None:
    # Not a link: Snakemake dates its outputs, and would date the linked source anew with them.
    with atomic_file(target) as temporary:
        shutil.copyfile(source, temporary)

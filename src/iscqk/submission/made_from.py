"""What a submission is made from, and whether these files belong together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.descriptor_shards import training_shards
from iscqk.formats.files import sha256_of
from iscqk.formats.json_kinds import fault_in
from iscqk.formats.manifest import read_manifest
from iscqk.formats.model_files import ROLES
from iscqk.formats.named_files import read_object
from iscqk.formats.predictions import read_predictions
from iscqk.formats.submission import Submission, open_submission
from iscqk.models.weights import read_provenance
from iscqk.retrieval.rankings import RANKINGS
from iscqk.settings.describe import Describe
from iscqk.settings.search import Search
from iscqk.submission.as_configured import refuse_otherwise_made, refuse_replaced
from iscqk.submission.consistency import refuse_other_predictions, refuse_part_of_predictions
from iscqk.submission.packed_card import SCORED


@dataclass(frozen=True)
class MadeFrom:
    """The files that a submission is made from, each read and hashed once, when it is asked for.

    Attributes:
        phase: of the challenge.
        ranking: of the descriptors.
        config: the whole one.
        descriptors: what is submitted.
        predictions: of these.
        validation: likewise.
        scores: files by ranking.
        halves: files by part of the phase.
        lists: manifests' files by split: training, references, queries.
        weights: files by role: both sides, and `gist` and `projection` where there are any.
        bank: shards of training images' descriptors, by which pairs rank or which are subtracted.
        given: what given files are called where they come from, and their SHA-256.
    """

    phase: str
    ranking: str
    config: Mapping[str, Any]
    descriptors: Path
    predictions: Path
    validation: Path
    scores: Mapping[str, str]
    halves: Mapping[str, str]
    lists: Mapping[str, str]
    weights: Mapping[str, str]
    bank: list[Path]
    given: list[tuple[str, str]]

    @cached_property
    def descriptors_sha256(self) -> str:
        """The digest of the descriptors' file."""
        return sha256_of(self.descriptors)

    @cached_property
    def manifests(self) -> dict[str, pd.DataFrame]:
        """The lists of images by split."""
        return {split: read_manifest(path) for split, path in self.lists.items()}

    @cached_property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of weights by role."""
        return {role: sha256_of(path) for role, path in self.weights.items()}

    @cached_property
    def facts(self) -> dict[str, dict[str, Any]]:
        """What weights of networks say of their training, by role."""
        networks = {role: path for role, path in self.weights.items() if role != "projection"}
        return {role: read_provenance(path) for role, path in networks.items()}

    @cached_property
    def describe(self) -> dict[str, Any]:
        """That section of the config, defaults filled in."""
        return Describe.parse(self.config["describe"]).values()


def refuse_strangers(files: MadeFrom) -> None:
    """Refuse files that are of something else than the others, whatever stages have checked.

    Raises:
        UserError: naming the first file that does not belong, and the remedy.
    """
    _refuse_other_bank(files)
    with open_submission(files.descriptors) as descriptors:
        _refuse_other_descriptors(files, descriptors.attributes)
        _refuse_predictions(files, descriptors)
        _refuse_other_validation(files)
        _refuse_other_scores(files)
        _refuse_other_config(files, descriptors.attributes)


def _refuse_other_bank(files: MadeFrom) -> None:
    if not files.bank:
        return
    made = {
        "weights_sha256": files.digests["references"],
        "manifest_sha256": sha256_of(files.lists["training"]),
    }
    if "projection" in files.digests:
        made["projection_sha256"] = files.digests["projection"]
    training_shards(files.bank, "describe it again", made)


def _refuse_other_descriptors(files: MadeFrom, attributes: Mapping[str, Any]) -> None:
    """Refuse descriptors of other weights or images."""
    expected = {
        "ranking": files.ranking,
        "query_weights_sha256": files.digests["queries"],
        "reference_weights_sha256": files.digests["references"],
        "query_manifest_sha256": sha256_of(files.lists["queries"]),
        "reference_manifest_sha256": sha256_of(files.lists["references"]),
    }
    if RANKINGS[files.ranking].needs_bank:
        expected["training_manifest_sha256"] = sha256_of(files.lists["training"])
    _compare(files.descriptors, attributes, expected, "merge the shards")


def _refuse_predictions(files: MadeFrom, descriptors: Submission) -> None:
    """Refuse predictions of other descriptors, or of a part of these."""
    predictions = read_predictions(files.predictions)
    max_results = Search.parse(files.config["search"]).max_results
    refuse_other_predictions(files.predictions, predictions, descriptors)
    refuse_part_of_predictions(files.predictions, predictions, descriptors, max_results)


def _refuse_other_validation(files: MadeFrom) -> None:
    """Refuse a validation of other descriptors, or of another phase."""
    expected = {
        "valid": True,
        "phase": files.phase,
        "validated_sha256": files.descriptors_sha256,
        **{split: len(files.manifests[split]) for split in ROLES},
    }
    _compare(files.validation, read_object(files.validation), expected, "validate the descriptors")


def _refuse_other_scores(files: MadeFrom) -> None:
    """Refuse scores of other descriptors, or of another part of the phase than they are given as.

    Other rankings' predictions are not here, so that of their scores only the part is compared.
    """
    scored = {files.descriptors_sha256, sha256_of(files.predictions)}
    for name, path in {**files.scores, **files.halves}.items():
        found, half = read_object(path), name if name in files.halves else None
        if fault := fault_in(found, SCORED):
            raise UserError(f"{path}: no score of descriptors ({fault}); score them again")
        if (name == files.ranking or half) and found.get("scored_sha256") not in scored:
            raise UserError(f"{path}: not the score of {files.descriptors}; score it again")
        _compare(path, found, {"half": half}, "score it")  # None: the whole phase


def _refuse_other_config(files: MadeFrom, attributes: Mapping[str, Any]) -> None:
    """Refuse what another config has made, or what was given otherwise, of which others are told.

    Where Snakemake knows nothing of files, or was told that they are up to date, it keeps them.
    """
    config = {**files.config, "describe": files.describe}
    refuse_otherwise_made(files.weights, str(files.descriptors), attributes, config)
    refuse_replaced(files.weights, dict(files.given), config)


def _compare(
    path: str | Path, found: Mapping[str, Any], expected: Mapping[str, Any], remedy: str
) -> None:
    for key, value in expected.items():
        if found.get(key) != value:
            what = f"{key} is {found.get(key)}, and {value} here"
            raise UserError(f"{path}: of something else ({what}); {remedy} again")

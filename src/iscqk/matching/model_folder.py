"""A model as a folder: what is needed to describe and match images as a submission does.

    queries/, references/, gist/    encoders, see iscqk.models.hub; GIST where it is joined
    projection.safetensors          of joined or whitened descriptors, where they are
    bank.safetensors                descriptors of training images, to rank by or to subtract
    kinds.safetensors               descriptors of `iscqk.images.drawn_kinds`, of a packed model
    matching.json                   {describe: that section of the config, sides: two, or one whose
                                    encoder is that of both}

Of many training images the bank is a sample (`iscqk.matching.model_bank`). `iscqk.matching.packing`
makes a folder smaller: its numbers are float16, and float32 again once they are read.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import DoubleArray, FloatArray
from iscqk.formats.descriptor_shards import training_shards
from iscqk.formats.files import sha256_of, write_text
from iscqk.formats.model_files import (
    GIST_ROLE,
    PROJECTION,
    ROLES,
    SETTINGS,
    read_settings,
    settings_folder,
)
from iscqk.formats.named_files import named
from iscqk.matching.model_bank import read_bank, read_kinds, sample_bank, write_bank
from iscqk.models.encoder import Encoder
from iscqk.models.hub import load_hub_folder
from iscqk.models.weights import load_encoder
from iscqk.retrieval.rankings import RANKINGS
from iscqk.retrieval.refining import Refinement, load_projection, save_projection
from iscqk.settings.describe import Describe, projects, refines

_RUNS_BANK = "descriptors/k/training-*.h5"
_NO_BANK = f"have {_RUNS_BANK} described again, or remove them to rank by similarity alone"


class Looks(NamedTuple):
    """How an image is described beyond one look by one network; `describe` of the config.

    Attributes:
        sizes: sides in pixels whose features are averaged; none: the encoder's own.
        orientations: over which it is averaged, too; see `describe` of the config.
        trimmed: whether images with plain margins are averaged with the same without them.
        gist: the encoder whose descriptors are joined, if any.
        refine: what is made of the descriptors, or None.
    """

    sizes: tuple[int, ...] = ()
    orientations: int = 1
    trimmed: bool = False
    gist: Encoder | None = None
    refine: Refinement | None = None


class RankedBy(NamedTuple):
    """How pairs of different queries are made comparable.

    Attributes:
        bank: (N, D) descriptors of training images as references, without what is subtracted; None
            where the ranking needs none.
        temperature: of the softmax over the bank.
        name: of one of `RANKINGS`.
    """

    bank: FloatArray | None = None
    temperature: float = Describe.temperature  # of a run's folder, which does not tell
    name: str = "similarity"


class Parts(NamedTuple):
    """All that a model is made of.

    Attributes:
        encoders: by side.
        looks: how they look at images.
        ranking: of pairs.
        kinds: (n, D) descriptors as references of `iscqk.images.drawn_kinds`, which are other
            pictures than any query's original; None: there are none.
    """

    encoders: Mapping[str, Encoder]
    looks: Looks = Looks()
    ranking: RankedBy = RankedBy()
    kinds: FloatArray | None = None


def read_parts(folder: str | Path) -> Parts:
    """Read a model's folder, a submission that holds one, or a run's folder.

    Raises:
        UserError: it holds no model, or a damaged one, or a run's folder a bank that is not whole
            or not of its side k.
    """
    folder = named(folder)
    if place := settings_folder(folder):
        return _of_submission(place)
    weights = [folder / f"{side}.safetensors" for side in "qk"]
    if all(path.is_file() for path in weights):
        encoders = dict(zip(ROLES, map(load_encoder, weights), strict=True))
        return Parts(encoders, ranking=_ranking_of_run(folder, weights[1]))
    raise UserError(
        f"{folder}: no model there; name results/submission_phase2 or a run's folder that "
        "holds q.safetensors and k.safetensors"
    )


def _ranking_of_run(folder: Path, weights: Path) -> RankedBy:
    """Return how a run's folder ranks: by the bank that its side k has made, if it has."""
    found = sorted(folder.glob(_RUNS_BANK))
    if not found:
        return RankedBy()
    made = {"weights_sha256": sha256_of(weights)}
    try:
        bank = sample_bank(training_shards(found, _NO_BANK, made))
    except UserError as error:  # whose remedy may be one for shards that somebody names
        raise UserError(f"{str(error).rpartition('; ')[0]}; {_NO_BANK}") from None
    return RankedBy(bank, name="log_partition")


def _of_submission(folder: Path) -> Parts:
    try:
        facts = read_settings(folder)
        encoders = load_sides(folder, facts["sides"])
        settings = _checked(dict(facts["describe"]))
        looks = _looks(folder, settings)
        ranking = RankedBy(None, float(settings["temperature"]), settings["ranking"])
        if RANKINGS[ranking.name].needs_bank:
            shared = looks.refine.training if looks.refine else None
            ranking = ranking._replace(bank=read_bank(folder) if shared is None else shared)
        parts = Parts(encoders, looks, ranking, read_kinds(folder))
    except (OSError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{folder / SETTINGS}: {error}; copy or make the folder again") from None
    _try(folder, parts)
    return parts


def _checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a folder says of `describe`, and no default of a key that it lacks.

    Raises:
        ValueError: that section of the config would not say so.
    """
    try:
        section = Describe.parse(settings)
    except UserError as error:
        raise ValueError(str(error).removeprefix("config: ")) from None
    return {name: getattr(section, name) for name in settings}


def load_sides(folder: Path, sides: str) -> dict[str, Encoder]:
    """Return the encoder of each side, of `sides` one or two.

    Raises:
        UserError: an encoder is missing or damaged.
        KeyError: there are neither one nor two.
    """
    own = {"one": ROLES[:1], "two": ROLES}[sides]
    encoders = [load_hub_folder(folder / side) for side in own]
    return dict(zip(ROLES, encoders * (len(ROLES) // len(own)), strict=True))


def _looks(folder: Path, settings: Mapping[str, Any]) -> Looks:
    weight, share = float(settings["gist"]), float(settings["subtract"])  # as digests have them
    gist = load_hub_folder(folder / GIST_ROLE) if weight else None
    refine = Refinement(
        [1.0, weight] if gist else [1.0],
        load_projection(folder / PROJECTION) if projects(settings) else None,
        read_bank(folder) if share else None,
        settings["subtract_nearest"],
        share,
    )
    trimmed = settings.get("trimmed", Describe.trimmed)  # of which older folders say nothing
    ways = settings["sizes"], settings["orientations"], trimmed
    return Looks(*ways, gist, refine if refines(settings) else None)


def _try(folder: Path, parts: Parts) -> None:
    """Refuse encoders, projection, bank and kinds that do not fit, by what they make of a zero."""
    looks = parts.looks
    try:
        for encoder in parts.encoders.values():
            models = [encoder, looks.gist] if looks.gist else [encoder]
            rows = [np.zeros((1, model.head.out_features), np.float32) for model in models]
            with np.errstate(all="ignore"):
                row = looks.refine(rows) if looks.refine else rows[0]
                _refuse_no_numbers(row, _levels(row, parts.ranking))
                if parts.kinds is not None:
                    row @ parts.kinds.T
    except (UserError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: its files do not fit ({reason}); copy them again") from None


def _levels(row: FloatArray, ranking: RankedBy) -> DoubleArray:
    """Return (1,) the level of the bank's first row; ValueError where `row` is none like it."""
    if ranking.bank is None:
        return np.zeros(1)
    row @ ranking.bank.T
    first = ranking.bank[:1]
    return RANKINGS[ranking.name].level(first, [first], ranking.temperature)


def _refuse_no_numbers(*found: FloatArray | DoubleArray) -> None:
    if not all(np.isfinite(one).all() for one in found):
        raise ValueError("descriptors or scores would be no finite numbers")


def write_settings(
    folder: Path,
    settings: Mapping[str, Any],
    shards: Sequence[Path],
    projection: str | None,
) -> None:
    """Write what lies beside the encoders, which `iscqk.models.hub` writes.

    Args:
        folder: of the model.
        settings: `describe` of the config.
        shards: descriptors of training images, if they are ranked by or subtracted.
        projection: file of the projection, if there is one.
    """
    if shards:
        write_bank(folder, sample_bank(shards))
    if projection:
        save_projection(folder / PROJECTION, load_projection(projection))
    facts = {"describe": dict(settings), "sides": "two"}
    write_text(folder / SETTINGS, json.dumps(facts, indent=2, sort_keys=True) + "\n")

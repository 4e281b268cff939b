"""A model as a folder: what is needed to describe and match images as a submission does.

    queries/, references/, gist/    encoders, see iscqk.models.hub; GIST where it is joined
    projection.safetensors          of joined or whitened descriptors, where they are
    bank.h5                         descriptors of training images, to rank by or to subtract
    matching.json                   {describe: that section of the config, likely: a score or null}

Of more than `BANK_ROWS` training images the bank is a sample.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.descriptor_shards import (
    FloatArray,
    count_descriptors,
    descriptor_blocks,
    open_descriptors,
    write_descriptors,
)
from iscqk.formats.files import write_text
from iscqk.formats.ids import StrArray
from iscqk.formats.model_files import BANK, PROJECTION, SETTINGS
from iscqk.models.encoder import Encoder
from iscqk.models.hub import load_hub_folder
from iscqk.models.weights import load_encoder
from iscqk.retrieval.rankings import RANKINGS
from iscqk.retrieval.refining import Refinement, load_projection, save_projection
from iscqk.settings.describe import Describe

SIDES = ("queries", "references")
BANK_ROWS = 65_536  # enough for a level; all of a million would take a gigabyte

_GIST = "gist"


class Looks(NamedTuple):
    """How an image is described beyond one look by one network; `describe` of the config.

    Attributes:
        sizes: sides in pixels whose features are averaged; none: the encoder's own.
        flip: whether mirrored images are averaged, too.
        gist: the encoder whose descriptors are joined, if any.
        refine: what is made of the descriptors, or None.
    """

    sizes: tuple[int, ...] = ()
    flip: bool = False
    gist: Encoder | None = None
    refine: Refinement | None = None


class Ranking(NamedTuple):
    """How pairs of different queries are made comparable.

    Attributes:
        bank: (N, D) descriptors of training images as references, without what is subtracted; None
            where the ranking needs none.
        temperature: of the softmax over the bank.
        likely: score from which on 90 % of the pairs of an evaluation were copies, if known.
        name: of one of `RANKINGS`.
    """

    bank: FloatArray | None = None
    temperature: float = Describe.temperature  # of a run's folder, which does not tell
    likely: float | None = None
    name: str = "similarity"


class Parts(NamedTuple):
    """All that a model is made of; `encoders` is by side."""

    encoders: Mapping[str, Encoder]
    looks: Looks = Looks()
    ranking: Ranking = Ranking()


def read_parts(folder: str | Path) -> Parts:
    """Read a model's folder, a submission that holds one, or a run's folder.

    Raises:
        UserError: it holds no model, or a damaged one.
    """
    folder = Path(folder)
    for place in (folder / "model", folder):
        if (place / SETTINGS).is_file():
            return _of_submission(place)
    weights = [folder / f"{side}.safetensors" for side in "qk"]
    if all(path.is_file() for path in weights):
        encoders = dict(zip(SIDES, map(load_encoder, weights), strict=True))
        shards = sorted(folder.glob("descriptors/k/training-*.h5"))
        ranking = Ranking()
        if shards:
            ranking = Ranking(sample_bank(shards)[1], name="log_partition")
        return Parts(encoders, ranking=ranking)
    raise UserError(
        f"{folder}: no model there; name results/submission_phase2 or a run's folder that "
        "holds q.safetensors and k.safetensors"
    )


def _of_submission(folder: Path) -> Parts:
    encoders = {side: load_hub_folder(folder / side) for side in SIDES}
    try:
        facts = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        settings, likely = dict(facts["describe"]), facts["likely"]
        looks = _looks(folder, settings)
        ranking = Ranking(None, float(settings["temperature"]), likely, settings["ranking"])
        if RANKINGS[ranking.name].needs_bank:
            shared = looks.refine.training if looks.refine else None
            ranking = ranking._replace(bank=_read_bank(folder) if shared is None else shared)
        parts = Parts(encoders, looks, ranking)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{folder / SETTINGS}: {error}; copy the folder again") from None
    _try(folder, parts)
    return parts


def _looks(folder: Path, settings: Mapping[str, Any]) -> Looks:
    weight, share = float(settings["gist"]), float(settings["subtract"])
    gist = load_hub_folder(folder / _GIST) if weight else None
    projects = weight or settings["whitening"]
    refine = Refinement(
        [1.0, weight] if gist else [1.0],
        load_projection(folder / PROJECTION) if projects else None,
        _read_bank(folder) if share else None,
        int(settings["subtract_nearest"]),
        share,
    )
    sizes = tuple(int(size) for size in settings["sizes"])
    return Looks(sizes, bool(settings["flip"]), gist, refine if projects or share else None)


def _read_bank(folder: Path) -> FloatArray:
    with open_descriptors(folder / BANK) as bank:
        return bank.block(0, len(bank.ids))


def _try(folder: Path, parts: Parts) -> None:
    """Refuse encoders, projection and bank that do not fit, by what they make of a zero."""
    looks = parts.looks
    try:
        for encoder in parts.encoders.values():
            models = [encoder, looks.gist] if looks.gist else [encoder]
            rows = [np.zeros((1, model.head.out_features), np.float32) for model in models]
            row = looks.refine(rows) if looks.refine else rows[0]
            if parts.ranking.bank is not None:
                row @ parts.ranking.bank.T
    except (UserError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: its files do not fit ({reason}); copy them again") from None


def write_settings(
    folder: Path,
    settings: Mapping[str, Any],
    shards: Sequence[Path],
    projection: str | None,
    likely: float | None,
) -> None:
    """Write what lies beside the encoders, which `iscqk.models.hub` writes.

    Args:
        folder: of the model.
        settings: `describe` of the config.
        shards: descriptors of training images, if they are ranked by or subtracted.
        projection: file of the projection, if there is one.
        likely: see `Ranking`.
    """
    if shards:
        write_descriptors(folder / BANK, *sample_bank(shards), {})
    if projection:
        save_projection(folder / PROJECTION, load_projection(projection))
    facts = {"describe": dict(settings), "likely": likely}
    write_text(folder / SETTINGS, json.dumps(facts, indent=2, sort_keys=True) + "\n")


def sample_bank(shards: Sequence[str | Path]) -> tuple[StrArray, FloatArray]:
    """Return ids and vectors of at most `BANK_ROWS` rows of a bank, evenly spaced over it."""
    step = -(-count_descriptors(shards)[0] // BANK_ROWS)
    parts, start = [], 0
    for names, rows in descriptor_blocks(shards):
        first = -start % step
        parts.append((names[first::step], rows[first::step]))
        start += len(names)
    ids, vectors = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return ids, vectors

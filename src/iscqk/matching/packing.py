"""A model's folder made small enough to travel with a program.

Weights, projection and bank become float16, the bank a smaller sample, and a network that serves
both sides is stored once. It describes images as before, but for rounding. Beside them lies what
describes some drawn kinds of image, so that one page is not taken for a copy of another.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.files import sha256_of, write_text
from iscqk.formats.model_files import BANK, GIST_ROLE, PROJECTION, ROLES, SETTINGS, read_settings
from iscqk.images.drawn_kinds import drawn_kinds
from iscqk.matching.model import Model
from iscqk.matching.model_bank import read_bank, write_bank, write_kinds
from iscqk.matching.model_folder import load_sides, read_parts
from iscqk.models.hub import load_hub_folder, read_hub_provenance, save_hub_folder
from iscqk.models.weights import encoder_digest
from iscqk.retrieval.refining import Projection, load_projection, save_projection

CARD = "MODEL_CARD.md"
_OF_EACH_KIND = 48  # drawn pictures: of fewer the fifth is less alike than two pages of text are


def pack_model(source: Path, folder: Path, bank_rows: int) -> dict[str, str]:
    """Write a small copy of a model's folder, but for the card that belongs into it.

    Args:
        source: as a submission holds it.
        folder: where to; empty, or not there yet.
        bank_rows: of the bank that remain, at most, evenly spaced over it.

    Returns:
        The SHA-256 of every file by its path in the folder.

    Raises:
        UserError: `source` is no such folder, `folder` holds files, or a number is too large.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: not empty; remove what is in it or name another")
    read_parts(source)  # says what is wrong with it
    facts = _with_sides_counted(source)
    _pack_encoders(source, folder, facts["sides"])
    if (source / PROJECTION).is_file():
        whole = load_projection(source / PROJECTION)
        save_projection(folder / PROJECTION, Projection(_half(whole.centre), _half(whole.weight)))
    if (source / BANK).is_file():
        bank = read_bank(source)
        write_bank(folder, _half(bank[:: -(-len(bank) // bank_rows)]))
    write_text(folder / SETTINGS, json.dumps(facts, indent=2, sort_keys=True) + "\n")
    write_kinds(folder, _half(Model(folder).describe(drawn_kinds(_OF_EACH_KIND), "references")))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def _with_sides_counted(source: Path) -> dict[str, Any]:
    """Return the settings, which say whether the sides are two networks or one."""
    facts = read_settings(source)
    digests = map(encoder_digest, load_sides(source, facts["sides"]).values())
    return {"describe": facts["describe"], "sides": "one" if len({*digests}) == 1 else "two"}


def _pack_encoders(source: Path, folder: Path, sides: str) -> None:
    card = f"Part of the model that {CARD} in the folder above tells of.\n"
    for name in (*(ROLES if sides == "two" else ROLES[:1]), GIST_ROLE):
        if (source / name).is_dir():
            encoder, provenance = load_hub_folder(source / name), read_hub_provenance(source / name)
            save_hub_folder(folder / name, encoder, provenance, card, half=True)


def _half(numbers: NDArray[np.float32]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        half = numbers.astype(np.float16)
    if not np.isfinite(half).all():
        raise UserError("the model's numbers do not fit float16; lower describe.whitening")
    return half

"""Edited copies: random chains of edits, each a pure function of a key.

A copy's key, such as `(seed, "round1", "T000012")`, decides everything random about it, so that
any number of workers makes the same copies in any order.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from iscqk.errors import UserError
from iscqk.images.edits import apply_edit, find_edit
from iscqk.images.parameter_sampler import Backgrounds
from iscqk.images.sanitize import sanitize
from iscqk.images.squares import is_flat

Key = tuple[int | str, ...]


@dataclass(frozen=True)
class EditPool:
    """The chains that copies may get; checked when it is made.

    Attributes:
        names: the edits to draw from, each at most once a chain.
        strength: least and greatest strength of an edit, in [0, 1].
        length: least and greatest number of edits in a chain, as it is drawn.
        required: where given, the first edit drawn comes from these names, which need not be
            among `names`; its place in the chain is random.
        weights: how often an edit of `names` is drawn beside one that is not there, which weighs 1.
    """

    names: tuple[str, ...]
    strength: tuple[float, float]
    length: tuple[int, int]
    required: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        for name in self.names + self.required:
            find_edit(name)
        for names in (self.names, self.required):
            _check(len(set(names)) == len(names), f"a name is there twice: {', '.join(names)}")
        _check(
            0 <= self.strength[0] <= self.strength[1] <= 1,
            f"strength {self.strength}: need 0 <= low <= high <= 1",
        )
        _check(
            1 <= self.length[0] <= self.length[1], f"length {self.length}: need 1 <= low <= high"
        )
        _check(
            self.length[1] <= len(self.names),
            f"length {self.length}: edits do not repeat, and there are {len(self.names)} names",
        )
        for name in self.weights:
            _check(name in self.names, f"a weight for {name}, which is not among the names")


def make_copy(
    image: Image.Image, pool: EditPool, key: Key, backgrounds: Backgrounds
) -> tuple[Image.Image, list[dict[str, Any]]]:
    """Edit `image` with a random chain; return the copy and its edits, in order.

    A pure function of its arguments: a key gives the same pixels in every process.

    Args:
        image: an RGB image; it stays as it is.
        pool: what to draw from.
        key: integers and strings that name this copy and no other.
        backgrounds: gives another image from a generator, for the edits that need one.

    Returns:
        An RGB image of at least 8 x 8 pixels, and for each edit its "name", "strength" and
        "parameters", which JSON can hold. An edit that would leave but one colour is passed over,
        so that there may be fewer than were drawn, and none.
    """
    rng = _generator(key)
    edits = []
    for name in _draw_chain(pool, rng):
        strength = round(float(rng.uniform(*pool.strength)), 4)
        edited, parameters = apply_edit(image, name, strength, rng, backgrounds)
        if is_flat(edited) and not is_flat(image):
            continue  # nobody could tell what it was made of
        image = edited
        edits.append({"name": name, "strength": strength, "parameters": parameters})
    return sanitize(image), edits  # it is no edit's where all were passed over


def encode_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """Return `image` as a JPEG file, the same bytes for the same pixels.

    Raises:
        UserError: the quality is not in 1..100.
    """
    if not 1 <= quality <= 100:
        raise UserError(f"the JPEG quality must be in 1..100, not {quality}")
    pixels = image.convert("RGB")
    pixels.info = {}  # else a comment of the source file would be written too
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _generator(key: Key) -> np.random.Generator:
    """Return a key's generator; by SHA-256, as Python's hash of strings varies by process."""
    for part in key:
        if type(part) not in (int, str):  # 1, True and np.int64(1) would be different keys
            raise TypeError(f"a key is made of int and str, not {type(part).__name__}: {key}")
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _draw_chain(pool: EditPool, rng: np.random.Generator) -> list[str]:
    length = int(rng.integers(pool.length[0], pool.length[1], endpoint=True))
    chain = [pool.required[rng.integers(len(pool.required))]] if pool.required else []
    others = [name for name in pool.names if name not in chain]
    # By number: numpy would make arrays of the names, which takes longer than the drawing.
    drawn = rng.choice(len(others), length - len(chain), replace=False, p=_chances(pool, others))
    chain += [others[i] for i in drawn]
    return [chain[i] for i in rng.permutation(len(chain))]


def _chances(pool: EditPool, names: Sequence[str]) -> np.ndarray | None:
    if not pool.weights:
        return None  # all alike
    weights = np.array([pool.weights.get(name, 1.0) for name in names])
    return weights / weights.sum()


def _check(condition: bool, complaint: str) -> None:
    if not condition:
        raise UserError(f"edit pool: {complaint}")

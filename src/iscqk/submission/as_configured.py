"""Whether what is submitted was made as the config says, by what the files say of their making.

Snakemake makes anew what was made by another config, but where it knows nothing of it any more, or
was told that all is up to date. What a submission says of itself must hold then, too. Compared is
what decides the numbers and what a file tells: weights, projections and descriptors of others, or
of a version of iscqk that told less, tell nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.model_files import GIST_ROLE, ROLES
from iscqk.formats.provenance import digest_of_edits
from iscqk.formats.submission import NONE, ONCE
from iscqk.learning.method_interface import GIVEN_FILES
from iscqk.methods import METHODS
from iscqk.models.ready import READY, ready_networks
from iscqk.models.weights import read_encoder_config, read_provenance
from iscqk.plan.dependence import budget, training_edits, warm_up_images
from iscqk.plan.names import Content
from iscqk.retrieval.refining import read_projection_facts
from iscqk.settings.describe import refines

Config = Mapping[str, Any]

_OF_A_TRAINING = ("seed", "train", "model", "edits", "copies")  # sections that its facts are of
_WHOLE = ("backbone_options",)  # whose keys are no keys of the config
_OF_A_SIDE = ("gist", "subtract", "subtract_nearest")  # of `describe`, what was made of it
_LONGEST = 60  # characters of a value in an error


class _Told(NamedTuple):
    """What a file says of its making, beside what the config says.

    Attributes:
        path: the file.
        rule: that would make it as the config says.
        facts: in the shape of `config`.
        config: to compare with; what it does not say is not compared.
    """

    path: str
    rule: str
    facts: Config
    config: Config


def refuse_otherwise_made(
    weights: Mapping[str, str], descriptors: str, attributes: Mapping[str, Any], config: Config
) -> None:
    """Refuse files that were made otherwise than a config says.

    Args:
        weights: files by role, `projection` among them where there is one.
        descriptors: the file that is submitted.
        attributes: its own.
        config: the whole one, of the run that is submitted.

    Raises:
        UserError: naming the first such file, the key, both values, and the rule to run again.
    """
    for told in _all_told(weights, descriptors, attributes, config):
        for key, then, now in _differences(told.facts, told.config):
            raise UserError(
                f"{told.path}: made with {key} {_short(then)}, and the config says {_short(now)}; "
                f"make it again: --forcerun {told.rule}"
            )


def refuse_replaced(weights: Mapping[str, str], given: Mapping[str, str], config: Config) -> None:
    """Refuse given files in whose place others were put since they were learned from.

    Args:
        weights: as above.
        given: the SHA-256 of given files as they are now, by the names that the config has.
        config: as above.

    Raises:
        UserError: naming the first file.
    """
    own = config["train"].get(config["train"].get("method"), {})
    start = config["model"].get("weights")
    for role in ROLES:
        facts = read_provenance(weights[role])
        first = facts.get("initial", facts).get("started_from_sha256")
        known = dict.fromkeys(ready_networks() if start == READY else [start], first)
        known |= {own.get(key): facts.get("given_sha256") for key in GIVEN_FILES}
        for name, digest in given.items():
            if (read := known.get(name)) and digest not in read:
                what = f"SHA-256 {_short(digest)}, and {', '.join(map(_short, read))} then"
                raise UserError(
                    f"{name}: replaced since the training started from it ({what}); run the same "
                    "command again"
                )


def _all_told(
    weights: Mapping[str, str], descriptors: str, attributes: Mapping[str, Any], config: Config
) -> Iterator[_Told]:
    for role, path in weights.items():
        if role == "projection":
            yield _Told(path, "whiten", _of_projection(read_projection_facts(path)), config)
        else:
            yield from _of_weights(path, _of_gist(config) if role == GIST_ROLE else config)
    yield from _of_descriptors(descriptors, attributes, weights, config)


def _of_gist(config: Config) -> Config:
    """Return the config of the run whose GIST is joined."""
    changes = METHODS["gist"].changes.items()
    model = {key.partition(".")[2]: one for key, one in changes if key.startswith("model.")}
    return {**config, "model": {**config["model"], **model}}


def _of_weights(path: str, config: Config) -> Iterator[_Told]:
    said = {**config, "model": _said_of_model(config["model"])}
    facts = read_provenance(path)
    initial = facts.get("initial", facts)
    first = {key: initial[key] for key in ("model", "seed") if key in initial}
    yield _Told(path, "initial", first, said)
    yield _Told(path, "initial", {"model": read_encoder_config(path)}, said)
    for earlier in facts.get("earlier", []):
        yield from _of_training(path, earlier, said, is_last=False)
    yield from _of_copies(path, facts.get("copies_of_rounds", {}), config)
    if "train" in facts:
        yield from _of_training(path, facts, said, is_last=True)


def _said_of_model(model: Config) -> Config:
    """Return what the section says, without keys that leave it open."""
    is_ready = model.get("weights") == READY
    return {k: v for k, v in model.items() if v is not None and not (is_ready and v == {})}


def _of_training(path: str, facts: Config, config: Config, is_last: bool) -> Iterator[_Told]:
    rule = _rule_of(facts, is_last)
    told = {key: facts[key] for key in _OF_A_TRAINING if key in facts}
    yield _Told(path, rule, told, config)
    if "images" in facts:
        key = "images to learn from"
        with suppress(KeyError):  # of a config that does not say it
            images = budget(dict(config)) if is_last else warm_up_images(dict(config))
            yield _Told(path, rule, {key: facts["images"]}, {key: images})


def _rule_of(facts: Config, is_last: bool) -> str:
    if "images" in facts:
        return "learn" if is_last else "warm_up"
    return "train_k" if str(facts.get("half_round")).endswith("-k") else "train_q"


def _of_copies(path: str, made: Mapping[str, Config], config: Config) -> Iterator[_Told]:
    for number, facts in made.items():
        key = f"copies and edits.training (round {number}, SHA-256)"
        with suppress(KeyError):
            now = digest_of_edits(config["copies"], training_edits(dict(config), number))
            told = {key: facts["edits_sha256"], "seed": facts["seed"]}
            yield _Told(path, "copies", told, {key: now, "seed": config["seed"]})


def _of_projection(facts: Config) -> Config:
    """Return what `iscqk whiten` was told, as the config says it."""
    if not facts:
        return {}
    size, whitening, (_, *gist) = facts["size"], facts["whitening"], facts["weights"]
    describe = {"whitening": whitening[0], "gist": sum(gist)}
    if gist:
        describe["gist_size"] = sum(size[1:])
    if len(whitening) > 1:
        describe["gist_whitening"] = whitening[1]
    return {"describe": describe, "model": {"descriptor_size": sum(size)}}


def _of_descriptors(
    path: str, attributes: Config, weights: Mapping[str, str], config: Config
) -> Iterator[_Told]:
    """Yield what descriptors say of how they were ranked, and of both sides."""
    digests = {
        role: sha256_of(weights[role]) for role in ("projection", GIST_ROLE) if role in weights
    }
    ranked = {key: attributes[key] for key in ("temperature",) if key in attributes}
    yield _Told(path, "merge", {"describe": ranked}, config)
    for side in ("query", "reference"):
        told = {
            key.removeprefix(f"{side}_"): value
            for key, value in attributes.items()
            if key.startswith(f"{side}_")
        }
        yield from _of_side(path, told, digests, config)


def _of_side(
    path: str, told: Config, digests: Mapping[str, str], config: Config
) -> Iterator[_Told]:
    """Yield what descriptors say of one side: how it was seen, and what was made of that."""
    describe = config["describe"]
    rule = "refine" if refines(describe) else "merge"
    seen = {key: told[key] for key in ("precision",) if key in told}
    yield _Told(path, "embed", {"describe": seen}, config)
    yield _Told(path, rule, {"describe": {k: told[k] for k in _OF_A_SIDE if k in told}}, config)
    now = {
        "seen": ("describe.sizes, orientations and trimmed", Content.of(describe).seen or ONCE),
        "projection_sha256": ("projection, SHA-256", digests.get("projection", NONE)),
        "gist_weights_sha256": ("GIST's weights, SHA-256", digests.get(GIST_ROLE, NONE)),
    }
    for key, (name, value) in now.items():
        if key in told:
            yield _Told(path, rule, {name: told[key]}, {name: value})


def _differences(
    facts: Config, config: Config, section: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the dotted key, the value then and the value now of what is told otherwise."""
    for key, then in facts.items():
        if key not in config:
            continue
        now = config[key]
        if isinstance(then, Mapping) and isinstance(now, Mapping) and key not in _WHOLE:
            yield from _differences(then, now, f"{section}{key}.")
        elif _plain(then) != _plain(now):
            yield f"{section}{key}", then, now


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: a list for a tuple."""
    return json.loads(json.dumps(value))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if re.fullmatch("[0-9a-f]{64}", text):  # a digest, of which this tells it from others
        return text[:12]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

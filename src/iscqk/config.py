"""Checking config.yaml with errors that say which key is wrong, and reading from it."""

import difflib
import glob
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from iscqk.errors import UserError
from iscqk.formats.ids import HALVES, PHASES
from iscqk.formats.submission import MAX_DIMENSION

_MAX_VALUES = 100_000
DEMO_FOLDER = "results/demo"

# Names under which DISC21 went around: the competition's bucket, the archives released after it,
# and the mirrors' folders. The first that exists is taken; a pattern takes all that it matches.
_DISC21_FOLDERS = {
    "training": ["training_images", "train_50k_*", "train_*", "training", "train"],
    "references": ["reference_images", "refs_50k_*", "references_*", "references", "refs"],
    "phase1": ["query_images", "dev_queries_50k_*", "dev_queries"],
    "phase2": [
        "query_images_phase2",
        "phase2_query_images",
        "test_queries_50k_*",
        "test_queries",
        "final_queries",
    ],
}
_PUBLIC_GROUND_TRUTH = "public_ground_truth.csv"  # of the competition; lists the public half only
_DISC21_GROUND_TRUTH = {
    "phase1": [
        "dev_queries_groundtruth.csv",
        "dev_ground_truth.csv",
        _PUBLIC_GROUND_TRUTH,
        f"list_files/{_PUBLIC_GROUND_TRUTH}",
    ],
    "phase2": ["test_queries_groundtruth.csv", "final_ground_truth.csv"],
}
# What the challenge's evaluator had in its folder of that name; taken where they are.
_DISC21_LISTS = {
    "training": "list_files/train",
    "references": "list_files/references",
    "phase1": "list_files/dev_queries",
}


class Given(NamedTuple):
    """A phase's queries that the user has, and the halves of it that are scored on their own."""

    queries: list[str]
    ground_truth: str
    halves: tuple[str, ...] = ()


class Sources(NamedTuple):
    """Where images come from; a phase that is not in `phases` has its queries made.

    A split or phase that is in `lists` has only the images whose names that file lists.
    """

    training: list[str]
    references: list[str]
    others: list[str]
    phases: dict[str, Given]
    lists: dict[str, str]


def check_config(config: Mapping[str, Any], schema: str | Path) -> None:
    """Check a configuration against its schema and against itself.

    Raises:
        UserError: the first thing wrong, with the key and the remedy.
    """
    _refuse_absurd(config)
    error = best_match(_validator(schema).iter_errors(config))
    if error is not None:
        raise UserError(f"config: {_explained(error)}")
    size = config.get("model", {}).get("descriptor_size", MAX_DIMENSION - 1)
    describe = config.get("describe", {}).get("ranking", "log_partition")
    rankings = config.get("score", {}).get("rankings", [describe])
    if size == MAX_DIMENSION and "log_partition" in (describe, *rankings):
        raise UserError(
            f"config: model.descriptor_size: {size} leaves no dimension for ranking by "
            f"log_partition; lower it to {size - 1}, or take log_partition out of "
            "describe.ranking and score.rankings"
        )
    if describe not in rankings:
        raise UserError(f"config: score.rankings: add {describe}, which describe.ranking submits")


def _refuse_absurd(config: Mapping[str, Any]) -> None:
    """Refuse numbers that are none, and what YAML's aliases blow up or tie into a loop."""
    waiting: list[tuple[str, Any]] = [("", config)]
    for _ in range(_MAX_VALUES):
        if not waiting:
            return
        name, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"config: {name}: {value} is no number to work with; correct it")
        if isinstance(value, Mapping):
            waiting += [(f"{name}.{key}".lstrip("."), below) for key, below in value.items()]
        elif isinstance(value, list):
            waiting += [(name, below) for below in value]
    raise UserError(f"config: over {_MAX_VALUES} values, {name} among them; remove its aliases")


def _is_whole(_: object, value: object) -> bool:
    """Return whether a value is an integer, which 1e4 and 2.0 are to JSON schema but not to us."""
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole)
_Validator = extend(Draft202012Validator, type_checker=_TYPES)


@cache
def _validator(schema: str | Path) -> Validator:
    """Return what checks against a schema; read once, for the config of every run is checked."""
    return _Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))


def _explained(error: ValidationError) -> str:
    """Return a one-line message with the key's full name."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(dict(cast("Mapping[str, Any]", error.schema))["properties"])
        unknown = next(key for key in cast("dict[str, Any]", error.instance) if key not in known)
        near = difflib.get_close_matches(str(unknown), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"{'.'.join(filter(None, [where, str(unknown)]))}: unknown key; {hint}"
    wanted = cast("Mapping[str, Any]", error.schema).get("description")
    if error.validator == "pattern" and wanted:
        return f"{where}: {str(error.instance)!r} is not {wanted}; rename it"
    hint = ""
    if error.validator == "type" and isinstance(error.instance, str) and "." in where:
        hint = "; write it in a file for --configfile, as all within a section is text to --config"
    elif error.validator == "type" and isinstance(error.instance, float):
        hint = "; write it without point and exponent" if error.instance.is_integer() else ""
    return f"{where or 'top level'}: {' '.join(error.message.split())}{hint}"


def find_sources(dataset: Mapping[str, Any]) -> Sources:
    """Return the folders of the `dataset` section, all of them there.

    Raises:
        UserError: a folder or file is missing or not named.
    """
    finders = {"demo": _demo, "folders": _folders, "disc21": _disc21}
    return finders[dataset["kind"]](dataset)


def _demo(dataset: Mapping[str, Any]) -> Sources:
    names = ("training", "references", "others")
    training, references, others = ([f"{DEMO_FOLDER}/{name}"] for name in names)
    return Sources(training, references, others, {}, {})


def _folders(dataset: Mapping[str, Any]) -> Sources:
    given = {
        phase: Given(
            _existing(f"{phase}.queries", dataset[phase]["queries"]),
            _file(f"{phase}.ground_truth", dataset[phase]["ground_truth"]),
        )
        for phase in PHASES
        if phase in dataset
    }
    for name in ("training", "references", "others"):
        if name not in dataset and not (name == "others" and len(given) == len(PHASES)):
            raise UserError(f"config: dataset.{name}: missing; name the folder of these images")
    training, references = (_existing(n, dataset[n]) for n in ("training", "references"))
    others = _existing("others", dataset["others"]) if "others" in dataset else []
    return Sources(training, references, others, given, _lists(dataset))


def _lists(dataset: Mapping[str, Any]) -> dict[str, str]:
    """Return the list files that the config names."""
    return {name: _file(f"lists.{name}", path) for name, path in dataset.get("lists", {}).items()}


def _existing(name: str, folders: str | list[str]) -> list[str]:
    folders = [folders] if isinstance(folders, str) else folders
    for folder in folders:
        if not Path(folder).is_dir():
            raise UserError(
                f"config: dataset.{name}: no folder {folder} (seen from {Path.cwd()}); "
                "put the images there or correct the path"
            )
    return [_no_option(folder) for folder in folders]


def _no_option(path: str) -> str:
    """Return a path that no command takes for an option."""
    return f"./{path}" if path.startswith("-") else path


def _file(name: str, path: str) -> str:
    if not Path(path).is_file():
        raise UserError(f"config: dataset.{name}: no file {path}; put it there or correct the path")
    return _no_option(path)


def _disc21(dataset: Mapping[str, Any]) -> Sources:
    if "root" not in dataset:
        raise UserError("config: dataset.root: missing; name the folder that DISC21 lies in")
    root = Path(_existing("root", dataset["root"])[0])
    found = {part: _first(root, part, names) for part, names in _DISC21_FOLDERS.items()}
    given = {
        phase: _disc21_given(phase, found[phase], _first(root, f"{phase} ground truth", names)[0])
        for phase, names in _DISC21_GROUND_TRUTH.items()
    }
    lists = {split: str(root / name) for split, name in _DISC21_LISTS.items()}
    lists = {split: path for split, path in lists.items() if Path(path).is_file()}
    lists |= _lists(dataset)
    return Sources(found["training"], found["references"], [], given, lists)


def _disc21_given(phase: str, queries: list[str], ground_truth: str) -> Given:
    """Return a phase's queries, phase 1 with the halves that its ground truth tells of."""
    halves = HALVES if phase == "phase1" else ()
    listed = halves[:1] if Path(ground_truth).name == _PUBLIC_GROUND_TRUTH else halves
    return Given(queries, ground_truth, listed)


def _first(root: Path, part: str, names: list[str]) -> list[str]:
    """Return what the first of `names` that matches anything matches."""
    wants_file = names[0].endswith(".csv")
    for name in names:
        matches = sorted(str(root / match) for match in glob.glob(name, root_dir=root))
        if matches := [m for m in matches if Path(m).is_file() == wants_file]:
            return matches
    raise UserError(f"{root}: no {part}; DISC21 calls it one of {', '.join(names)}; put it there")

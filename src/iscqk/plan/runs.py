"""Which runs there are, and what the config of each says.

A run is one method trained from one seed. The submission is a run, the study compares runs, and an
ablation is runs that differ in some keys.
"""

import copy
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from iscqk.errors import UserError
from iscqk.formats.compared_columns import COLUMNS
from iscqk.formats.phases import PHASES
from iscqk.methods import METHODS
from iscqk.models.ready import with_network
from iscqk.plan.idle_keys import refuse_alike
from iscqk.settings.config import complete_changed, is_key

Config = dict[str, Any]
_UNBALANCED, _GIST = "unbalanced", "gist"
_METHOD = "train.method"
_OF_A_RUN = ("seed", "model", "train", "describe")  # sections that runs may differ in
_OF_A_FRESH_RUN = ("copies", "edits")  # where each makes its own copies while it learns
# What `snakemake benchmarks` trains: Q/K, without what nobody knows of rows that are made up.
_BENCHMARKED = {
    _METHOD: "qk",
    "train.qk.live_head": False,
    "train.qk.near_duplicates": None,
    "train.qk.teacher": None,
    "train.qk.bank_views": 1,
}
# Keys of `train` that change no result: who does it, what is told and kept of it meanwhile.
UNTRACKED = ("processes", "log_every", "checkpoint_every")
# Keys of these sections that all runs have from the main config.
_OF_NO_RUN = {"describe": ("precision",), "train": UNTRACKED, "edits": PHASES}


class Compared(NamedTuple):
    """A run as a row of a table: its label there, its seed, its name."""

    label: str
    seed: int
    run: str


def changed(config: Mapping[str, Any], changes: Mapping[str, Any], by: str = "") -> Config:
    """Return a config with the values of dotted keys (`train.qk.temperature`) changed.

    What the method that it then names changes of it is changed, too; the network of the ready
    model stands in it where training starts from that.

    Args:
        config: a complete one.
        changes: values by key.
        by: the key of the config that says so, if one does: then they are looked at, too.

    Raises:
        UserError: there is no such key, the settings forbid a value; there is no network, no ready
            model, or that is another network.
    """
    try:
        return _changed(config, changes, is_said=bool(by))
    except UserError as error:
        if not by:
            raise
        raise UserError(f"config: {by}: {str(error).removeprefix('config: ')}") from None


def _changed(config: Mapping[str, Any], changes: Mapping[str, Any], is_said: bool) -> Config:
    result = copy.deepcopy(dict(config))
    for key, value in changes.items():
        _put(result, key, copy.deepcopy(value))  # whose defaults are filled in
    if is_said:
        complete_changed(result, {key.partition(".")[0] for key in changes})
        _refuse_shared(result["train"]["method"], changes)
    for key, value in METHODS[result["train"]["method"]].changes.items():
        _put(result, key, copy.deepcopy(value))
    result["model"] = with_network(result["model"])
    return result


def _refuse_shared(method: str, changes: Mapping[str, Any]) -> None:
    """Refuse to change what is made once for all runs: they would differ in nothing but name."""
    own = {*_OF_A_RUN, *(_OF_A_FRESH_RUN if METHODS[method].makes_own_copies else ())}
    for key, value in changes.items():
        section, _, rest = key.partition(".")
        inside = [rest.partition(".")[0]] if rest else value if isinstance(value, dict) else []
        shared = [name for name in inside if name in _OF_NO_RUN.get(section, ())]
        if section not in own or shared:
            name = f"{section}.{shared[0]}" if shared else key
            what = "all runs share it; change it in another folder, and set report.compare to this"
            raise UserError(f"config: {name}: {what}")


def _refuse_other_methods(
    config: Config, ablation: str, settings: Collection[Mapping[str, Any]]
) -> None:
    """Refuse to change a method that no run of an ablation learns by: all would be alike.

    SimCLR is how Q/K warms up, and what else has a warm-up.
    """
    methods = {str(changes.get(_METHOD, "qk")) for changes in settings}
    for method in methods & METHODS.keys():
        warm_up = config["train"].get(method, {}).get("warm_up_images", 0)
        key = f"train.{method}.warm_up_images"
        if any(changes.get(key, warm_up) for changes in settings):
            methods = {*methods, "simclr"}
    for key in sorted({key for changes in settings for key in changes}):
        section, _, rest = key.partition(".")
        method = rest.partition(".")[0]
        if section == "train" and method in METHODS and method not in methods:
            what = f"{key} says nothing to {' or '.join(sorted(methods))}; set {_METHOD}"
            raise UserError(f"config: study.ablations.{ablation}: {what}: {method}, too")


def _put(config: Config, key: str, value: Any) -> None:
    *sections, last = key.split(".")
    place: Any = config
    for section in sections:
        place = place.get(section) if isinstance(place, dict) else None
    if not isinstance(place, dict) or not (last in place or is_key(key)):
        raise UserError(f"config: {key}: no such key to change; name it as in config.yaml")
    place[last] = value


def submission_run(config: Config) -> str:
    """Return the name of the run that is submitted."""
    return f"{config['train']['method']}-{config['seed']}"


def benchmarked_run(config: Config) -> str:
    """Return the name of the run of Q/K whose first half-round `snakemake benchmarks` times."""
    return f"benchmarks-{config['seed']}"


def study_rows(config: Config) -> list[Compared]:
    """Return the runs that the study compares: every method from every seed."""
    study = config["study"]
    return [Compared(m, s, f"{m}-{s}") for m in study["methods"] for s in study["seeds"]]


def ablation_rows(config: Config, ablation: str) -> list[Compared]:
    """Return the runs of an ablation: every set of values from every seed."""
    return [
        Compared(label, seed, f"{ablation}-{in_names(label)}-{seed}")
        for label in ablation_settings(config, ablation)
        for seed in config["study"]["seeds"]
    ]


def unbalanced_rows(config: Config) -> list[Compared]:
    """Return the runs on the unbalanced images."""
    section = config["unbalanced"]
    return [
        Compared(m, s, f"{_UNBALANCED}-{m}-{s}")
        for m in section["methods"]
        for s in section["seeds"]
    ]


def runs_of(config: Config, targets: Collection[str]) -> list[str]:
    """Return the names of the runs that targets of Snakemake are of: the submission's, at least.

    Raises:
        UserError: as `all_runs`, or two settings of an ablation among the targets come to the same.
    """
    named = {f"ablation_{name}": [name] for name in config["study"]["ablations"]}
    named["ablations"] = list(config["study"]["ablations"])
    ablations = [name for target in targets for name in named.get(target, [])]
    compared = {name: ablation_rows(config, name) for name in ablations}
    made = all_runs(config) if compared else {}
    for name, some in compared.items():
        refuse_alike(name, {row.label: made[row.run] for row in some})
    rows = [row for some in compared.values() for row in some]
    rows += study_rows(config) if "study" in targets else []
    rows += unbalanced_rows(config) if "unbalanced" in targets else []
    besides = [benchmarked_run(config)] if "benchmarks" in targets else []
    return list(dict.fromkeys([submission_run(config), *(row.run for row in rows), *besides]))


def all_runs(config: Config) -> dict[str, Config]:
    """Return the config of every run by its name, the submission's first.

    Raises:
        UserError: an ablation has a name that is taken, lists of unequal length or twice the same,
            or changes what is not there or to what may not be.
    """
    _refuse_taken(config["study"]["ablations"])
    runs = {submission_run(config): changed(config, {})}
    rows = [*study_rows(config), *unbalanced_rows(config)]
    runs |= _of_rows(config, rows, {row.label: {_METHOD: row.label} for row in rows})
    for ablation in config["study"]["ablations"]:
        settings = ablation_settings(config, ablation)
        _refuse_other_methods(config, ablation, settings.values())
        changes = {label: {_METHOD: "qk", **own} for label, own in settings.items()}
        rows = ablation_rows(config, ablation)
        runs |= _of_rows(config, rows, changes, f"study.ablations.{ablation}")
    runs[benchmarked_run(config)] = changed(config, _BENCHMARKED)
    for run in list(runs.values()):
        if run["describe"]["gist"]:
            if (name := gist_run(run)) not in runs:
                runs[name] = changed(config, {_METHOD: _GIST, "seed": run["seed"]})
    return runs


def _refuse_taken(ablations: Iterable[str]) -> None:
    """Refuse names of ablations that something else has: other runs, columns of their own table."""
    taken = dict.fromkeys(COLUMNS, "its table has a column of that name")
    taken[_UNBALANCED] = f"`snakemake {_UNBALANCED}` calls its own runs so"
    for name in ablations:
        if name in taken:
            raise UserError(f"config: study.ablations.{name}: {taken[name]}; rename it")


def _of_rows(
    config: Config, rows: Iterable[Compared], changes: Mapping[str, Config], by: str = ""
) -> dict[str, Config]:
    """Return the configs of runs by name.

    Those of one label differ in nothing but their seed: one of them is made and looked at.

    Args:
        config: a complete one.
        rows: the runs.
        changes: what each label changes of it, as `changed` takes it.
        by: as `changed` takes it.
    """
    made: dict[str, Config] = {}
    found: dict[str, Config] = {}
    for label, seed, run in rows:
        own = {"seed": seed, **changes[label]}
        if label not in made:
            made[label] = changed(config, own, by)
        found[run] = {**made[label], "seed": own["seed"]}
    return found


def gist_run(config: Config) -> str:
    """Return the name of the run whose GIST is joined to a run's descriptors."""
    return f"{_GIST}-{config['seed']}"


def is_gist_run(name: str) -> bool:
    """Return whether a run of this name is GIST's, from whatever seed."""
    return name.rpartition("-")[0] == _GIST


def split_of_run(name: str) -> str:
    """Return the split of images that a run of this name learns from."""
    return _UNBALANCED if name.startswith(f"{_UNBALANCED}-") else "training"


def ablation_settings(config: Config, ablation: str) -> dict[str, dict[str, Any]]:
    """Return an ablation's changes by label: as given, or keys' values that stand at one place."""
    keys, name = config["study"]["ablations"][ablation], f"config: study.ablations.{ablation}"
    are_labels = {isinstance(changes, dict) for changes in keys.values()}
    if are_labels == {True}:
        return dict(keys)
    if True in are_labels:
        what = "labels and lists of values, as a file laid over another adds to its ablations"
        raise UserError(f"{name}: {what}; give yours another name")
    if len({len(values) for values in keys.values()}) > 1:
        has = ", ".join(f"{key} has {len(values)}" for key, values in keys.items())
        what = f"give each key as many values ({has}; a file laid over another adds its keys)"
        raise UserError(f"{name}: {what}")
    rows = list(zip(*keys.values(), strict=True))
    found = {_label(values): dict(zip(keys, values, strict=True)) for values in rows}
    if len(found) < len(rows):
        raise UserError(f"{name}: two settings are alike; leave one")
    return found


def _label(values: tuple[Any, ...]) -> str:
    return "-".join(map(_text, values))


def changes_in_words(changes: Mapping[str, Any]) -> str:
    """Return what a setting changes: its keys with their values."""
    return ", ".join(f"{key}: {_text(value)}" for key, value in changes.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def in_names(label: str) -> str:
    """Return a label as names of files and commands can have it, each another one."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", label)[:64]
    if plain == label:
        return label
    return f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"

"""In which order the workflow's own presets are laid over each other, and what needs one."""

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.results import Results
from iscqk.models.ready import READY
from iscqk.schema.plain_yaml import read_keys

_HARDER = ("ready-training", "ready-harder")
_OVER_ALL = "untrained"  # leaves out the training that the files before it say
# What each needs below it, as its comment says; others are laid over config.yaml alone.
LAID_OVER = {
    **dict.fromkeys(("disc21-imagenet", "disc21-ready", "disc21-sscd"), ("disc21",)),
    **dict.fromkeys(("isd-resnet18", "isd-resnet50"), ("from-nothing",)),
    **dict.fromkeys(("photos-best", "photos-imagenet", "photos-learning"), ("photos",)),
    **dict.fromkeys(("ready-longer", "ready-larger", "ready-harder"), ("ready-training",)),
    **dict.fromkeys(("ready-settled", "ready-steadied"), _HARDER),
}
# What each may have below it, too.
MAY_LIE_OVER = dict.fromkeys(
    ("photos", "photos-best", "photos-imagenet", "photos-learning", "unbalanced"),
    ("from-nothing",),
)


def refuse_disorder(workflow_folder: str | Path, files: Sequence[str | Path]) -> None:
    """Refuse a preset after one that is laid over it: it would take back what that says.

    Args:
        workflow_folder: where the Snakefile is.
        files: those of `--configfile`, in order.

    Raises:
        UserError: one of the workflow's presets comes so.
    """
    own = _presets_among(workflow_folder, files)
    for place, over in enumerate(own):
        below = (*LAID_OVER.get(over.stem, ()), *MAY_LIE_OVER.get(over.stem, ()))
        for path in own[place + 1 :]:
            if over.stem == _OVER_ALL or path.stem in below:
                what = f"{path} comes after {over}, which is laid over it"
                raise UserError(f"--configfile: {what}; name {path} first")


def refuse_missing_below(workflow_folder: str | Path, files: Sequence[str | Path]) -> None:
    """Refuse a preset without one that it is laid over: half of what it is would be missing.

    Args:
        workflow_folder: where the Snakefile is.
        files: those of `--configfile`, in order.

    Raises:
        UserError: one of the workflow's presets comes so.
    """
    own = {path.stem: path for path in _presets_among(workflow_folder, files)}
    for stem, over in own.items():
        for name in LAID_OVER.get(stem, ()):
            if name not in own:
                below, complete = over.with_name(f"{name}.yaml"), _completed(own, files)
                what = f"{_from_here(over)} is laid over {below.name}, which is not named"
                command = shlex.join(map(_from_here, complete))
                raise UserError(f"--configfile: {what}; type --configfile {command}")


def _completed(own: Mapping[str, Path], files: Sequence[str | Path]) -> list[str]:
    """Return the files with all that presets among them need, which comes before the user's."""
    needed = {name for stem in own for name in (stem, *LAID_OVER.get(stem, ()))}
    all_below = dict.fromkeys(name for names in LAID_OVER.values() for name in names)
    beside = next(iter(own.values()))
    below = [
        str(own.get(name, beside.with_name(f"{name}.yaml"))) for name in all_below if name in needed
    ]
    base = [str(path) for path in files[:1] if Path(path).name == "config.yaml"]
    rest = [str(path) for path in files if str(path) not in (*base, *below)]
    return [*base, *below, *rest]


def _from_here(path: str | Path) -> str:
    """Return a path as people would type it, where Snakemake has made it a whole one."""
    here = Path.cwd()
    return os.path.relpath(path) if Path(path).absolute().is_relative_to(here) else str(path)


def _presets_among(workflow_folder: str | Path, files: Sequence[str | Path]) -> list[Path]:
    presets = Path(workflow_folder, "workflow/presets").resolve()
    return [path for path in map(Path, files) if path.resolve().parent == presets]


def refuse_without_preset(
    workflow_folder: str | Path, config: Mapping[str, Any], targets: Collection[str]
) -> None:
    """Refuse targets that take a preset which the config is without.

    These are what methods learn of classes, from the ready model, which knows some; and ablations
    that only a preset has.

    Args:
        workflow_folder: where the Snakefile is.
        config: a complete one.
        targets: of Snakemake.

    Raises:
        UserError: one is asked for.
    """
    files = f"{Results().unbalanced.folder}/"
    is_asked = any(one == "unbalanced" or one.startswith(files) for one in targets)
    if is_asked and config["model"]["weights"] == READY:
        what = "ready comes from weights that know classes, which `unbalanced` has methods learn"
        remedy = "add --configfile workflow/presets/unbalanced.yaml"
        raise UserError(f"config: model.weights: {what}; {remedy}")
    for target in targets:
        name = target.removeprefix("ablation_")
        if name != target and name not in config["study"]["ablations"]:
            _refuse_ablation_of_preset(workflow_folder, name)


def _refuse_ablation_of_preset(workflow_folder: str | Path, ablation: str) -> None:
    """Refuse an ablation that a preset has: the first of them, of those that need no other."""
    presets = sorted(Path(workflow_folder, "workflow/presets").glob("*.yaml"))
    for path in sorted(presets, key=lambda path: len(LAID_OVER.get(path.stem, ()))):
        if ablation in read_keys(path).get("study", {}).get("ablations", {}):
            stems = [*LAID_OVER.get(path.stem, ()), path.stem]
            files = " ".join(f"workflow/presets/{stem}.yaml" for stem in stems)
            raise UserError(
                f"ablation_{ablation}: config.yaml has no such ablation, and "
                f"{stems[-1]}.yaml has; add --configfile {files}"
            )

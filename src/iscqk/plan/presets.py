"""In which order the workflow's own presets are laid over each other, and what needs one."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.results import Results
from iscqk.models.ready import READY

_FOR_PHOTOS = ("from-nothing", "photos")
_HARDER = ("ready-training", "ready-harder")
_OVER_ALL = "untrained"  # leaves out the training that the files before it say
# What each is laid over, as its comment says; others are laid over config.yaml alone.
LAID_OVER = {
    **dict.fromkeys(("disc21-imagenet", "disc21-ready", "disc21-sscd"), ("disc21",)),
    **dict.fromkeys(("isd-resnet18", "isd-resnet50", "photos", "unbalanced"), ("from-nothing",)),
    **dict.fromkeys(("photos-best", "photos-imagenet", "photos-learning"), _FOR_PHOTOS),
    **dict.fromkeys(("ready-longer", "ready-larger", "ready-harder"), ("ready-training",)),
    **dict.fromkeys(("ready-settled", "ready-steadied"), _HARDER),
}


def refuse_disorder(workflow_folder: str | Path, files: Sequence[str | Path]) -> None:
    """Refuse a preset after one that is laid over it: it would take back what that says.

    Args:
        workflow_folder: where the Snakefile is.
        files: those of `--configfile`, in order.

    Raises:
        UserError: one of the workflow's presets comes so.
    """
    presets = Path(workflow_folder, "workflow/presets").resolve()
    own = [path for path in map(Path, files) if path.resolve().parent == presets]
    for place, over in enumerate(own):
        for path in own[place + 1 :]:
            if over.stem == _OVER_ALL or path.stem in LAID_OVER.get(over.stem, ()):
                what = f"{path} comes after {over}, which is laid over it"
                raise UserError(f"--configfile: {what}; name {path} first")


def refuse_without_preset(config: Mapping[str, Any], targets: Collection[str]) -> None:
    """Refuse to compare what methods learn of classes from the ready model, which knows some.

    Args:
        config: a complete one.
        targets: of Snakemake.

    Raises:
        UserError: it is asked for.
    """
    files = f"{Results().unbalanced.folder}/"
    is_asked = any(one == "unbalanced" or one.startswith(files) for one in targets)
    if is_asked and config["model"]["weights"] == READY:
        what = "ready comes from weights that know classes, which `unbalanced` has methods learn"
        remedy = "add --configfile config.yaml workflow/presets/unbalanced.yaml"
        raise UserError(f"config: model.weights: {what}; {remedy}")

"""The ready model: trained once, and part of the package.

It lies in `iscqk/ready/model`, a model's folder as `iscqk pack` writes it. Nothing imports
`iscqk.ready`, so that other weights there rerun only what is made from them (`iscqk.plan.run`).
"""

from pathlib import Path

from iscqk.errors import UserError

READY = "ready"  # as `model.weights`
_FOLDER = Path(__file__).parent.parent / "ready/model"


def ready_folder() -> Path:
    """Return the folder of the ready model.

    Raises:
        UserError: there is none in this installation.
    """
    if not _FOLDER.is_dir():
        raise UserError(
            "no ready model: this installation carries none; name a model's folder (--model), or "
            "weights to start from (model.weights)"
        )
    return _FOLDER

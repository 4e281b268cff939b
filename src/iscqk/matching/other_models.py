"""Descriptions by another model than that of a call: what is refused, so that none are lost."""

from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.described_shards import encoder_of, shards_there, told_maker
from iscqk.formats.printable_names import printable
from iscqk.matching.cache import files_there
from iscqk.matching.model import Model
from iscqk.matching.views import View

# It saves the work that is in descriptions by a ready model that an update has replaced.
_THAT_MODEL = (
    "name with --model the model that made it (of the ready one: src/iscqk/ready/model of that "
    "version)"
)


def refuse_other_model(path: str | Path, model: Model, view: View) -> None:
    """Raise UserError where a file of `iscqk describe` is of another model or side."""
    side, encoder = encoder_of(path)
    if encoder == view.digest(model):
        return
    refuse_turned(path, view)
    if side != view.side:
        what = f"describes {side}, and {view.side} are needed"
        raise UserError(f"{printable(path)}: {what}; run `iscqk describe --side {view.side}`")
    what = f"of another model or side, or an earlier version of it{told_maker(path)}"
    remedy = "or remove it and run `iscqk describe` with this --model, or name another --output"
    raise UserError(f"{printable(path)}: {what}; {_THAT_MODEL}, {remedy}")


def refuse_turned(path: str | Path, view: View) -> None:
    """Raise UserError where several orientations are asked for: `iscqk describe` writes but one."""
    if view.orientations > 1:
        what = f"of images as they are, and {view.orientations} orientations are asked for"
        raise UserError(f"{printable(path)}: {what}; name the images themselves")


def refuse_over_others(path: str | Path, model: Model, view: View) -> None:
    """Refuse to write over descriptions by another model or of another side: hours made them.

    Raises:
        UserError: there are some at `path`, or beside it of a call that was stopped.
    """
    own = view.side, view.digest(model)
    named = {file: file for file in files_there(path)} | {s: s.parent for s in shards_there(path)}
    others = [file for file in named if encoder_of(file) != own]
    if others:
        places = ", ".join(dict.fromkeys(printable(named[file]) for file in others))
        what = "made by another model, or of another side, and would be lost"
        remedy = f"name another --output, or remove what is there; or {_THAT_MODEL}"
        raise UserError(f"{places}: {what}{told_maker(others[0])}; {remedy}")

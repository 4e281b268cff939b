"""Networks that teach Q/K: each describes the training images once, whatever runs learn by it."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from iscqk.errors import UserError
from iscqk.formats.model_files import is_encoder, is_teaching_network
from iscqk.formats.named_files import is_named_hdf5
from iscqk.plan.jobs import job
from iscqk.plan.names import all_shards
from iscqk.plan.runs import in_names

if TYPE_CHECKING:
    from iscqk.plan.run import Run

_PAGE = "docs/how-to/weights.md"


def teaching_network(own: Mapping[str, Any]) -> str:
    """Return the file of the network that teaches, by a section on a bank; "" without one."""
    teacher = own["teacher"] or ""
    return teacher if is_teaching_network(teacher) else ""


def teaching_networks(runs: Iterable["Run"]) -> dict[str, str]:
    """Return the files of the networks that teach runs, by the names that folders have of them."""
    return {in_names(file): file for run in runs if (file := run.teaching_network)}


def teaching_jobs(network: str, shards: int) -> list[str]:
    """Return the names of the jobs by which a network describes the training images."""
    named = {"teacher": in_names(network), "images": "training"}
    return [job("embed_teacher", **named, shard=n) for n in all_shards(shards)]


def refuse_unfit_teacher(teacher: str) -> None:
    """Refuse a teacher that is of no form that can be learned by.

    Raises:
        UserError: so it is, of what its name and the first bytes of a network tell.
    """
    if is_teaching_network(teacher):
        if os.path.isfile(teacher) and not is_encoder(teacher):
            raise UserError(
                f"teacher: {teacher} is no network of iscqk; make one of it: iscqk import-weights "
                f"{teacher} --backbone NAME --output FILE.safetensors ({_PAGE})"
            )
    elif not is_named_hdf5(teacher):
        raise UserError(
            f"teacher: {teacher} is neither a network of iscqk (.safetensors) nor descriptors "
            "(.h5); make that of weights by iscqk import-weights, or write these by the model's "
            f"own program ({_PAGE})"
        )

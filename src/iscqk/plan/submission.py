"""The files of a submission: what its last rule makes, and what others have given for it."""

import os

from iscqk.formats.results import SPLITS
from iscqk.plan.plan import Plan


def submission_files(plan: Plan, phase: str) -> list[str]:
    """Return all files of the submission of a phase, or of any: `{phase}`."""
    files = plan.results.submission(phase)
    return [
        files.descriptors,
        files.predictions,
        files.score,
        files.validation,
        files.provenance,
        files.card,
        *files.model_files(plan.submitted_model()),
    ]


def given_files(plan: Plan, phase: str) -> list[str]:
    """Return the files that others have given of a phase's submission, those that lie here.

    They are the weights that its training starts from, what is said of training images, lists of
    images, and the ground truth.
    """
    named = [*plan.submitted.start(), *plan.storage.here(_of_images(plan, phase))]
    return list(dict.fromkeys(filter(os.path.isfile, named)))


def given_in_storage(plan: Plan, phase: str) -> list[str]:
    """Return those of them that are to be fetched, as they lie in a storage."""
    if not plan.storage.plugin:
        return []
    return list(dict.fromkeys([*plan.submitted.given_weights, *_of_images(plan, phase)]))


def _of_images(plan: Plan, phase: str) -> list[str]:
    of_phase = plan.images.given_with(phase) if phase in plan.images.sources.phases else []
    return [*plan.submitted.given_of_images, *plan.images.lists(*SPLITS).values(), *of_phase]

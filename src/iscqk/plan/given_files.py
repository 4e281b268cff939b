"""What a submission comes from that this workflow has not made."""

import os

from iscqk.plan.plan import Plan


def given_files(plan: Plan, phase: str) -> list[str]:
    """Return the files that others have given of a phase's submission, those that lie here.

    They are the weights that its training starts from, what is said of training images, lists of
    images, and the ground truth.
    """
    run = plan.submitted
    of_images = run.given_of_images if run.last.is_half_round else []
    of_phase = plan.given_with(phase) if phase in plan.images.phases else []
    named = [*run.start(), *of_images, *plan.lists().values(), *of_phase]
    return list(dict.fromkeys(filter(os.path.isfile, named)))

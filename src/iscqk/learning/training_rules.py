"""What the settings of a training must keep to, told of a config before any job or by the training.

Each error begins with the key; where that stands in a config, the plan says. It needs no torch.
"""

from collections.abc import Mapping

from iscqk.errors import UserError


def refuse_uneven_batch(batch: int, processes: int, accumulate: int) -> None:
    """Refuse a batch that processes, and the parts that each takes of its share, do not divide.

    Raises:
        UserError: they do not.
    """
    if batch % (parts := processes * accumulate):
        raise UserError(
            f"batch_size: {batch} is no multiple of train.processes times accumulate, {parts}; "
            "change one of them"
        )


def refuse_norms_of_parts(accumulate: int, takes_statistics: bool) -> None:
    """Refuse parts of a batch whose norms would take statistics of fewer images than its own.

    Raises:
        UserError: there are several parts, and batch norms take statistics.
    """
    if accumulate > 1 and takes_statistics:
        raise UserError(
            "accumulate: batch norms would take the statistics of each part; set batch_norm: "
            "frozen, or accumulate: 1"
        )


def refuse_few_at_once(batch: int, accumulate: int, takes: Mapping[str, int]) -> None:
    """Refuse a batch, or parts of it, too small for what is of several images.

    Args:
        batch: items.
        accumulate: parts of it, one after the other.
        takes: items that each of some things takes at once, by what it is called.

    Raises:
        UserError: they are, for what takes the most.
    """
    what, count = max(takes.items(), key=lambda item: item[1])
    if batch < accumulate * count:
        given = f"{batch} in {accumulate} parts" if accumulate > 1 else batch
        raise UserError(
            f"batch_size: {given} is too few for {what}, which takes {count} at once; raise it to "
            f"{accumulate * count}"
        )


def refuse_short_queue(queue: int, batch: int) -> None:
    """Refuse a queue that does not hold a batch.

    Raises:
        UserError: it holds fewer.
    """
    if queue < batch:
        raise UserError(f"queue: {queue} is shorter than a batch of {batch}; raise it")


def steps_of(images: int, images_per_step: int) -> int:
    """Return how many steps a budget of images makes: one at least."""
    return max(1, images // images_per_step)


def refuse_few_steps(images: int, steps: int, of: str, parts: int) -> None:
    """Refuse a training of fewer steps than the parts that its models are kept after.

    Args:
        images: of its budget.
        steps: that these make.
        of: what a step is of, in words: a method, or so many images.
        parts: of the training.

    Raises:
        UserError: there are fewer.
    """
    if steps < parts:
        raise UserError(
            f"study.points: {images} images make {steps} steps of {of}, too few for {parts} parts; "
            "raise train.images_per_half_round or lower it"
        )


def refuse_idle_teacher(soft_targets: float) -> None:
    """Refuse a teacher where nothing is learned from it.

    Raises:
        UserError: soft targets have no share.
    """
    if not soft_targets:
        raise UserError("teacher: says nothing at soft_targets 0; raise these")

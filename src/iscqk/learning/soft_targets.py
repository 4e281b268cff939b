"""What a teacher's softmax over the bank expects, as the loss's target: ISD over an exact bank.

A soft target p^T over the bank, as ISD distils it (arXiv:2012.09259), is the bank loss with another
vector in the place of the positive k_{y_i}: its expectation m_i = sum_j p^T_ij k_j
(`expected_bank_loss`). So is any mix of both.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from iscqk.learning import distributed
from iscqk.learning.attention import BLOCK, mask_excluded
from iscqk.learning.attention_dispatch import attention
from iscqk.learning.live_head import live_log_partition
from iscqk.learning.precision import upcast


def soft_targets(
    teachers: Tensor,
    bank: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
    values: Tensor | None = None,
    project: Callable[[Tensor], Tensor] = upcast,
) -> Tensor:
    """Return the bank row that each teacher's softmax over the bank expects.

    The softmax is a constant for the gradient. The rows that it weighs are not, where a live head
    makes them: block by block, recomputed in the backward pass as in `live_head.py`.

    Args:
        teachers: (B, C) unit rows, what the teacher makes of the same images.
        bank: (N, C) unit rows, what it makes of the bank's.
        temperature: of the teacher, positive.
        excluded: what the loss leaves out, as in `log_partition`: a target that gave it a share
            would be no distribution over the rows that there are.
        shared: whether `bank` is this process's part.
        values: the N rows of which one is expected, where these are not the teacher's own: (N, D),
            or what `project` takes.
        project: the live head, (n, C') to (n, D) unit rows; its parameters get gradients.

    Returns:
        (B, D) float32, or float64 where teachers are; differentiable in what `project` learns.
    """
    with torch.no_grad():
        log_z, expected = attention(teachers, bank, temperature, excluded, shared)
    if values is None:
        return expected
    pairs = zip(bank.split(BLOCK), values.split(BLOCK), strict=True)

    def seen_and_weighed(seen: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return seen, project(rows)

    return _expected(log_z, pairs, seen_and_weighed, teachers, temperature, excluded, shared)


def live_soft_targets(
    teachers: Tensor,
    features: Tensor,
    project: Callable[[Tensor], Tensor],
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
) -> Tensor:
    """Return `soft_targets` of a live head that is the teacher, too, of its bank's own rows.

    Neither what it sees nor what it weighs is ever there whole: a block is projected for log Z,
    for the weighed sum, and once more in the backward pass.

    Args:
        teachers: (B, D) unit rows, what the head makes of the same images.
        features: (N, C) cached backbone features.
        project: the head, (n, C) to (n, D) unit rows; its parameters get gradients by the rows
            that are weighed, not by the softmax.
        temperature: of the teacher, positive.
        excluded: as in `soft_targets`.
        shared: whether `features` are this process's part.

    Returns:
        (B, D) float32, or float64 where teachers are; differentiable in what `project` learns.
    """
    with torch.no_grad():
        log_z = live_log_partition(
            *(upcast(teachers), features, project), temperature, excluded, shared
        )
    blocks = ((block,) for block in features.split(BLOCK))

    def seen_and_weighed(block: Tensor) -> tuple[Tensor, Tensor]:
        rows = project(upcast(block))
        return rows, rows

    return _expected(log_z, blocks, seen_and_weighed, teachers, temperature, excluded, shared)


def _expected(
    log_z: Tensor,
    blocks: Iterable[tuple[Tensor, ...]],
    seen_and_weighed: Callable[..., tuple[Tensor, Tensor]],
    teachers: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None,
    shared: bool,
) -> Tensor:
    """Return sum_j p_ij v_j (B, D), of which rows v get gradients and the softmax p gets none.

    Args:
        log_z: (B,), of the teachers' softmax.
        blocks: of `BLOCK` rows each, what the next makes rows of.
        seen_and_weighed: returns the rows that teachers see, and those of which one is expected.
        teachers: as in `soft_targets`, and so are the others.
        temperature: of the teacher.
        excluded: pairs that have no share.
        shared: whether the blocks are of this process's part.
    """

    def block_expected(number: int, *block: Tensor) -> Tensor:
        seen, weighed = seen_and_weighed(*block)
        with torch.no_grad():
            logits = upcast(teachers) @ upcast(seen).T / temperature
            kept = mask_excluded(logits, number * BLOCK, excluded)
            weights = (kept - log_z[:, None]).exp()
        return weights @ weighed.to(weights.dtype)

    expected = log_z.new_zeros(())
    for number, block in enumerate(blocks):
        expected = expected + checkpoint(block_expected, number, *block, use_reentrant=False)
    return distributed.all_reduce_sum(expected) if shared else expected

"""What ways to the loss over a bank are compared on: needs torch alone."""

import torch
from torch import Tensor
from torch.nn import functional

from iscqk.learning.attention import BLOCK, blockwise

TEMPERATURE = 0.05

LossAndGradient = tuple[Tensor, Tensor]  # () and (B, D)


class Problem:
    """Queries near their positives, as half-trained ones are, and a bank of unit rows.

    Attributes:
        bank: (N, D) float32.
        rounded: the same in bfloat16.
        targets: (B,) the row of each query's positive.
        queries: (B, D) unit rows, float32.
    """

    def __init__(
        self, batch_size: int, rows: int, dimension: int, device: torch.device | str = "cpu"
    ) -> None:
        """Draw it, the same on every device."""
        generator = torch.Generator().manual_seed(0)
        bank = torch.empty(rows, dimension)
        for block in bank.split(BLOCK):
            block.copy_(functional.normalize(torch.randn(block.shape, generator=generator), dim=1))
        targets = torch.randint(rows, (batch_size,), generator=generator)
        noise = torch.randn(batch_size, dimension, generator=generator) * dimension**-0.5
        self.queries = functional.normalize(bank[targets] + noise, dim=1).to(device)
        self.bank, self.targets = bank.to(device), targets.to(device)
        self.rounded = self.bank.to(torch.bfloat16)

    def blocked(self, queries: Tensor, bank: Tensor) -> LossAndGradient:
        """Compute in the precision of the queries, by the definition."""
        positives = bank[self.targets].to(queries.dtype)
        log_z, mean = blockwise(queries / TEMPERATURE, bank)
        loss = (log_z - (queries * positives).sum(1) / TEMPERATURE).mean()
        return loss, (mean - positives) / (TEMPERATURE * len(queries))

    def exact(self, precision: str) -> LossAndGradient:
        """Return both in float64, over the bank as it is in that precision, fp32 or bf16."""
        return self.blocked(
            self.queries.double(), self.bank if precision == "fp32" else self.rounded
        )


def bare_products(queries: Tensor, bank: Tensor, block: int = BLOCK) -> None:
    """Do the arithmetic that no exact way can do without, and nothing else."""
    for rows in bank.split(block):
        (queries @ rows.T) @ rows


def errors(found: LossAndGradient, exact: LossAndGradient) -> tuple[float, float]:
    """Return relative errors of loss and gradient, the latter in the Euclidean norm."""
    (loss, gradient), (true_loss, true_gradient) = found, exact
    difference = (gradient.double() - true_gradient).norm() / true_gradient.norm()
    return abs(loss.item() / true_loss.item() - 1), difference.item()

"""In-batch contrastive learning: NT-Xent of SimCLR (Chen et al., arXiv:2002.05709, eq. 1)."""

from torch import Tensor

from iscqk.learning import distributed
from iscqk.learning.ntxent import ntxent_loss
from iscqk.learning.objectives import Objective, Outcome, ProjectionHead, pair_health
from iscqk.methods.simclr import Settings
from iscqk.models.encoder import Encoder


class InBatch(Objective):
    """SimCLR: both images of a pair through one encoder; the batch's others are the negatives."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.projection = ProjectionHead(encoder, settings.head)
        self.temperature = settings.temperature

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return NT-Xent of pairs."""
        images = self.image_of(distributed.all_gather(indices))
        rows = self.projection(encoder, pixels.flatten(0, 1))
        first, second = rows[0::2], rows[1::2]
        loss = ntxent_loss(first, second, self.temperature, images)
        told = pair_health(first, second, second, images) if health else None
        return Outcome(loss, told)

"""Iterative similarity distillation: ISD (Tejankar et al., arXiv:2012.09259, eq. 1 to 3)."""

from torch import Tensor
from torch.nn import functional

from iscqk.learning.isd import isd_loss
from iscqk.learning.momentum import Momentum
from iscqk.learning.objectives import Outcome, mlp, pair_health
from iscqk.methods.isd import Settings
from iscqk.models.encoder import Encoder


class SelfDistillation(Momentum):
    """ISD (arXiv:2012.09259): the student sees the copy, the slow teacher its partner.

    The student predicts the teacher's similarities to the queue through an MLP of its own. The
    teacher is what is shipped.
    """

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__(encoder, settings.head, settings.queue, settings.momentum)
        size = self.projection.size
        hidden = 8 * size if settings.head == "mlp_bn" else size  # of ISD's ResNet-50, ResNet-18
        self.predictor = mlp(size, hidden, size, batch_norm=True)
        self.temperature = settings.student_temperature
        self.teacher_temperature = settings.teacher_temperature

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return the divergence of the student's similarities from the teacher's."""
        projected = self.projection(encoder, pixels[:, 0])
        student = functional.normalize(self.predictor(projected), dim=1)
        teacher, rows = self.slow_rows(pixels[:, 1]), self.queue.rows
        loss = isd_loss(student, teacher, rows, self.temperature, self.teacher_temperature)
        return Outcome(loss, pair_health(student, teacher, rows) if health else None)

    def shipped(self, encoder: Encoder) -> Encoder:
        """Return the teacher."""
        return self.slow_encoder

"""Iterative similarity distillation: ISD (Tejankar et al., arXiv:2012.09259, eq. 1 to 3)."""

from torch import Tensor
from torch.nn import functional

from iscqk.learning.precision import upcast


def isd_loss(
    student: Tensor,
    teacher: Tensor,
    queue: Tensor,
    student_temperature: Tensor | float,
    teacher_temperature: Tensor | float,
) -> Tensor:
    """Return the mean KL divergence of the student's similarities from the teacher's.

    Both similarities are softmaxes over a queue of random images' teacher embeddings. There is no
    positive pair: what is distilled is how alike an image is to all the others.

    Args:
        student: (B, D) unit rows.
        teacher: (B, D) unit rows; row i is of the image of the student's row i; no gradient.
        queue: (K, D) unit rows, teacher embeddings of earlier batches; may be empty: the loss is 0.
        student_temperature: positive scalar.
        teacher_temperature: positive scalar, at most the student's where targets shall be sharper.

    Returns:
        Scalar, the mean over B of KL(teacher || student), differentiable in student.
    """
    student, teacher, rows = upcast(student), upcast(teacher.detach()), upcast(queue)
    targets = functional.log_softmax(teacher @ rows.T / teacher_temperature, dim=1)
    logs = functional.log_softmax(student @ rows.T / student_temperature, dim=1)
    return functional.kl_div(logs, targets, reduction="batchmean", log_target=True)

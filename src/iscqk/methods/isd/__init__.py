"""ISD: iterative similarity distillation, whose teacher is submitted."""

from dataclasses import dataclass

from iscqk.learning.method_interface import Head, LearningOnPairs, Method
from iscqk.schema.kinds import Count, Fraction, Temperature
from iscqk.schema.section import key


@dataclass(frozen=True, kw_only=True)
class Settings(LearningOnPairs):
    """ISD's settings."""

    student_temperature: Temperature = key(0.1, "of the student's softmax over the queue")
    teacher_temperature: Temperature = key(0.01, "of the teacher's")
    head: Head = key("descriptor", "published: none, mlp_bn")
    queue: Count = key(4096, "published: 128000")
    momentum: Fraction = key(0.99, "published: 0.99 (ResNet-50), 0.999 (ResNet-18)")


METHOD = Method(
    card="An encoder of images: the teacher of similarity distillation (ISD, arXiv:2012.09259).",
    learns_from="pairs",
    settings=Settings,
    comment="arXiv:2012.09259; similarity distillation, the teacher is submitted",
    objective="iscqk.methods.isd.objective:SelfDistillation",
    smallest_batch=2,  # the predictor has batch norm
)

"""`train`: how SGD is done, and by which method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from iscqk.learning.method_interface import Learning
from iscqk.methods import METHODS
from iscqk.schema.kinds import PRECISION, Count, Fraction, Limits, Precision, within
from iscqk.schema.section import Section, key, sections

MethodName = Annotated[str, Limits("method", enum=list(METHODS))]


@dataclass(frozen=True, kw_only=True)
class Train(Section):
    """How SGD is done, and by which method; each has a section of its own in this one.

    Attributes:
        methods: that section by the name of the method, which it is found under in the config.
    """

    method: MethodName = key(
        "qk",
        "or solo, simclr, moco, isd, or gist, the challenge's baseline, which learns only a PCA",
    )
    rounds: Annotated[int, within(0, 1000)] = key(
        1, "of Q/K, each a Q-step, then a K-step; 0 submits the network that it starts from"
    )
    images_per_half_round: Count = key(
        5000,
        "that SGD's gradient goes through; other methods see as many as all half-rounds together",
    )
    optimizer: Literal["adamw", "sgd"] = key("adamw", "or sgd")
    weight_decay: Annotated[float, within(0)] = key(0.0001, "of the optimiser")
    warmup: Fraction = key(0.1, "fraction of every training in which the rate rises")
    schedule: Literal["cosine", "constant"] = key("cosine", "after it, to zero; or constant")
    precision: Precision = key("auto", PRECISION)
    log_every: Count = key(50, "steps")
    checkpoint_every: Count = key(200, "steps, and every minute")
    compile: bool = key(False, "torch.compile of the backbone; pays on a GPU or in long trainings")
    processes: Annotated[int, within(1, 1024)] = key(
        1, "that share batch, bank and images, on one machine: docs/how-to/gpu-and-processes.md"
    )
    methods: Mapping[str, Learning] = sections(
        {name: (one.settings, one.comment) for name, one in METHODS.items() if one.settings}
    )

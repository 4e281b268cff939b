"""What a training is set up with, beside its encoder: images, objective, and where it goes."""

import argparse
from abc import ABC, abstractmethod
from typing import Any

import pandas as pd
import torch

from iscqk.formats.csv_tables import write_table
from iscqk.learning import distributed
from iscqk.learning.data_loading import Images
from iscqk.learning.objectives import Objective
from iscqk.learning.training import Training
from iscqk.learning.validation import Validation
from iscqk.models.encoder import Encoder
from iscqk.models.weights import save_encoder


class Setup(ABC):
    """What one training learns from, made of the options of `iscqk train`.

    Attributes:
        settings: the section of the method.
        budget: images that the gradient goes through.
        number: of this training among those of its seed.
        workers: processes that read images ahead; without any this one reads.
        torch_threads: that torch may use in this process.
        facts: what the weights will say of how they were made; see `trainings.descent`.
    """

    budget: int
    number: int

    def __init__(self, arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
        """Take the options, where to compute, and the threads of this process."""
        self.arguments = arguments
        # Reading is hardly any work: who reads may have a core of torch's, too.
        self.workers, self.torch_threads = threads - 1, threads
        self.facts: dict[str, Any] = {}
        self.settings: Any = arguments.config.methods[arguments.method]

    @abstractmethod
    def prepare(self, encoder: Encoder, objective: type[Objective]) -> tuple[Images, Objective]:
        """Return the images to learn from, and what is minimised.

        Raises:
            UserError: files that do not belong together.
        """

    def validation(self) -> Validation | None:
        """Return how to look at the training while it runs, if at all; `prepare` comes before."""
        return None

    @abstractmethod
    def write(self, training: Training) -> None:
        """Write the weights and the history of a training that is done."""


class OneEncoder(Setup):
    """What trains one encoder for both sides, which is kept after every part of its training."""

    number = 0

    def __init__(self, arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
        super().__init__(arguments, device, threads)
        self.budget = arguments.images

    def finish(self, encoder: Encoder) -> None:
        """Do what is left to do to an encoder that has learned; all processes call it."""

    def write(self, training: Training) -> None:
        """Write the encoder as both sides, and the history up to there, after every part."""
        arguments, encoder = self.arguments, training.encoder
        files = zip(arguments.q_output, arguments.k_output, arguments.history, strict=True)
        for (q, k, history), (step, weights) in zip(files, training.snapshots.items(), strict=True):
            encoder.load_state_dict(weights)
            self.finish(encoder)
            if distributed.rank() == 0:
                for path in (q, k):
                    save_encoder(path, encoder, self.facts)
                rows = [row for row in training.history if row["step"] <= step]
                write_table(history, pd.DataFrame(rows))

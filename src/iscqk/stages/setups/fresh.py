"""One encoder for both sides, from copies that are made while it learns."""

import argparse
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from iscqk.formats.csv_tables import write_table
from iscqk.formats.manifest import listed_paths, read_training
from iscqk.images.copier import Copier
from iscqk.images.edit_chains import EditPool
from iscqk.learning import distributed
from iscqk.learning.data_loading import FreshCopies, OriginalImages
from iscqk.learning.embedding import embed
from iscqk.learning.objectives import Objective
from iscqk.learning.training import Training
from iscqk.models.encoder import Encoder
from iscqk.models.weights import save_encoder
from iscqk.stages.setups.setup import Setup


class OnFreshCopies(Setup):
    """Every training image edited anew in every epoch, and a bank of the originals."""

    number = 0

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        self.budget = arguments.images
        rows = read_training(arguments.training)
        self._workers = min(1, arguments.threads - 1)
        self.ids, self.paths = rows["id"].tolist(), listed_paths(rows)

    def prepare(
        self, encoder: Encoder, objective: type[Objective]
    ) -> tuple[FreshCopies, Objective]:
        """Return the copies, and the method's loss over the bank that its snapshots describe."""
        arguments, side = self.arguments, encoder.config.image_size
        # Making copies is work, as reading them is not: what makes them is no core of torch's too.
        torch.set_num_threads(max(1, torch.get_num_threads() - self._workers))
        copies = arguments.fresh_copies
        copier = Copier(
            EditPool(**arguments.edits.values()), tuple(self.paths), copies.side, copies.quality
        )
        images = FreshCopies(self.ids, self.paths, copier, arguments.seed, side)
        originals = OriginalImages(self.paths, side)

        def describe(snapshot: Encoder) -> Tensor:
            blocks = embed(snapshot, originals, self._workers)
            return torch.cat([vectors for _, vectors in blocks]).clone()

        return images, objective(encoder, self.settings, describe)

    def write(self, training: Training) -> None:
        """Write the encoder as both sides, after every part of the training."""
        if distributed.rank() > 0:
            return
        arguments, encoder = self.arguments, training.encoder
        files = zip(arguments.q_output, arguments.k_output, arguments.history, strict=True)
        facts = {"method": arguments.method, "train": arguments.config.given}
        for (q, k, history), (step, weights) in zip(files, training.snapshots.items(), strict=True):
            encoder.load_state_dict(weights)
            for path in (q, k):
                save_encoder(path, encoder, facts)
            rows = [row for row in training.history if row["step"] <= step]
            _write_history(history, rows)


def _write_history(path: Path, rows: list[dict[str, float]]) -> None:
    write_table(path, pd.DataFrame(rows))

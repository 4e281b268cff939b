"""One encoder for both sides, from copies that are made while it learns."""

import argparse
from functools import partial

import numpy as np
import torch
from torch import Tensor

from iscqk.formats.manifest import listed_paths, read_training
from iscqk.images.copier import Copier
from iscqk.images.edit_chains import EditPool
from iscqk.learning.data_loading import FreshCopies, OriginalImages
from iscqk.learning.embedding import embed
from iscqk.learning.objectives import Objective
from iscqk.learning.validation import Validation
from iscqk.models.encoder import Encoder
from iscqk.plan.held_out import HeldOut, refuse_too_few
from iscqk.retrieval.average_precision import average_precision, hit_ranks
from iscqk.stages.trainings.setup import OneEncoder


class OnFreshCopies(OneEncoder):
    """Every training image edited anew in every epoch, and a bank of the originals."""

    def __init__(self, arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
        super().__init__(arguments, device, threads)
        # Making copies is work, as reading them is not: what makes them is no core of torch's too.
        # A GPU waits for who makes them, and leaves torch hardly anything to do here.
        self.workers = threads // 2 if device.type == "cpu" else threads - 1
        self.torch_threads = threads - self.workers
        rows = read_training(arguments.training)
        held_out = self.settings.validation_images
        refuse_too_few([HeldOut(arguments.method, held_out)], len(rows))
        ids, paths = rows["id"].tolist(), listed_paths(rows)
        order = np.random.default_rng((arguments.seed, held_out)).permutation(len(rows)).tolist()
        learned, held = sorted(order[held_out:]), sorted(order[:held_out])
        self.ids, self.paths = [ids[i] for i in learned], [paths[i] for i in learned]
        self._held = [ids[i] for i in held], [paths[i] for i in held]

    def prepare(
        self, encoder: Encoder, objective: type[Objective]
    ) -> tuple[FreshCopies, Objective]:
        """Return the copies, and the method's loss over the bank that its snapshots describe."""
        side = encoder.config.image_size
        originals = OriginalImages(self.paths, side)
        made = objective(encoder, self.settings, partial(self._describe, originals))
        self._side = side
        return self._copies(self.ids, self.paths), made

    def validation(self) -> Validation | None:
        """Look at copies of the images that are held out: half of these are to be found."""
        ids, paths = self._held
        if not ids:
            return None
        references = OriginalImages(paths[::2], self._side)
        copies = self._copies(ids, paths)
        queries = OriginalImages([copies.edited(i) for i in range(len(ids))], self._side)
        # Copy 2 i is of reference i; what the others are of is not there.
        correct = np.arange(len(ids))[:, None] == 2 * np.arange(len(references))

        def measure(encoder: Encoder) -> float:
            found = self._describe(queries, encoder) @ self._describe(references, encoder).T
            ranks = hit_ranks(found.double().numpy().ravel(), correct.ravel())
            return average_precision(ranks, len(references))

        every = max(1, self.settings.validate_every // self.settings.batch_size)
        return Validation(measure, every, self.settings.patience)

    def _copies(self, ids: list[str], paths: list[str]) -> FreshCopies:
        arguments, copies = self.arguments, self.arguments.fresh_copies
        pool = EditPool(**arguments.edits.values())
        # No JPEG is made of them, whose quality that would be.
        copier = Copier(pool, tuple(self.paths), copies.side, copies.quality)
        return FreshCopies(ids, paths, copier, arguments.seed, self._side)

    def _describe(self, images: OriginalImages, encoder: Encoder) -> Tensor:
        blocks = embed(encoder, images, self.workers)
        return torch.cat([vectors for _, vectors in blocks]).clone()

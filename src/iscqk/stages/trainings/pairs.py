"""One encoder for both sides, from pairs of a copy and its original (or another copy).

Where the loss did not look at the descriptors themselves, or where asked to, the head is fitted
again afterwards, as the PCA of what was learned.
"""

import argparse

import torch

from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import listed_paths, read_training
from iscqk.formats.provenance import check_parts
from iscqk.learning.data_loading import CopyImages, Images, OriginalImages, Pairs, Rounds
from iscqk.learning.initialization import fit_head, head_images
from iscqk.learning.objectives import Objective
from iscqk.models.encoder import Encoder
from iscqk.stages.trainings.setup import OneEncoder


class OnPairs(OneEncoder):
    """Every copy of all rounds with its partner."""

    def __init__(self, arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
        super().__init__(arguments, device, threads)
        self.images = read_training(arguments.training)

    def prepare(self, encoder: Encoder, objective: type[Objective]) -> tuple[Images, Objective]:
        """Return the pairs, and the method's loss."""
        made = objective(encoder, self.settings)
        side = encoder.config.image_size
        pairs = Rounds([self._round(shards, side) for shards in self.arguments.copies])
        made.image_of = pairs.image_of
        return pairs, made

    def finish(self, encoder: Encoder) -> None:
        """Fit the head again where that is due; all processes describe the images for it."""
        if self.settings.refit_head or self.settings.head != "descriptor":
            model, paths = self.arguments.model, listed_paths(self.images)
            size, seed = encoder.config.image_size, self.arguments.seed
            images = head_images(paths, size, model.head_images, seed)
            fit_head(encoder, images, model.whitening)

    def _round(self, paths: list[str], side: int) -> Pairs:
        """Return the pairs of a round's copies."""
        shards = CopyShards(paths)
        images = {"manifest_sha256": sha256_of(self.arguments.training)}
        check_parts(shards.provenances, "make it again", images)
        if shards.ids != self.images["id"].tolist():
            raise UserError(f"{paths[0]}: of other images; make them anew")
        copies = CopyImages(shards, side, shards.views)
        if self.settings.partner == "copy":
            return Pairs(copies, None)
        return Pairs(copies, OriginalImages(listed_paths(self.images), side))

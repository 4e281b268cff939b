"""Half a round: one side learns against the frozen bank of the other."""

import argparse
import shutil
from dataclasses import replace
from typing import Any

import pandas as pd
import torch

from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import atomic_file, sha256_of
from iscqk.formats.manifest import listed_paths, read_training, refuse_untrainable
from iscqk.formats.provenance import Provenance, check_parts
from iscqk.learning import distributed
from iscqk.learning.bank import read_bank
from iscqk.learning.data_loading import CopyImages, Images, OriginalImages
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.given_of_images import read_near_duplicates, read_teacher
from iscqk.learning.method_interface import LearningOnBank
from iscqk.learning.objectives import Objective
from iscqk.learning.training import Training
from iscqk.learning.training_rules import refuse_idle_teacher
from iscqk.models.encoder import Encoder
from iscqk.models.weights import load_encoder, read_provenance, save_encoder
from iscqk.stages.trainings.setup import Setup


class HalfRound(Setup):
    """Side q learns from the copies of a round, side k from the originals."""

    settings: LearningOnBank

    def __init__(self, arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
        super().__init__(arguments, device, threads)
        self.budget = arguments.config.images_per_half_round
        self.number = 2 * arguments.round + (arguments.side == "k")
        self.frozen = load_encoder(arguments.frozen)
        if arguments.teacher:
            refuse_idle_teacher(self.settings.soft_targets)

    def prepare(self, encoder: Encoder, objective: type[Objective]) -> tuple[Images, Objective]:
        """Return the round's images, and the loss over the bank."""
        self._check_sizes(encoder)
        images, ids, provenance = self._images(encoder.config.image_size)
        live, head = self.settings.live_head, self.frozen.head
        expected = {**provenance, "content": "features" if live else "descriptors"}
        rows, first = read_bank(
            self.arguments.bank,
            ids,
            sha256_of(self.arguments.frozen),
            self.settings.bank_precision,
            expected,
            head.in_features if live else head.out_features,
        )
        path, shards = self.arguments.near_duplicates, self.arguments.teacher
        side = FrozenSide(
            rows,
            first,
            images.views,
            encoder=self.frozen if live else None,
            near_duplicates=read_near_duplicates(path, ids) if path else None,
            teacher=read_teacher(shards, ids, first, first + len(rows)) if shards else None,
        )
        return images, objective(side, self._settings())

    def write(self, training: Training) -> None:
        """Write both sides' weights: a live head changes the frozen side too."""
        if distributed.rank() > 0:
            return
        arguments, settings = self.arguments, self.settings
        sides = {"q": arguments.q_output[0], "k": arguments.k_output[0]}
        trained = sides.pop(arguments.side)
        (other,) = sides.values()
        facts: dict[str, Any] = {
            **self.facts,
            "half_round": f"round{arguments.round}-{arguments.side}",
            "temperature": training.objective.temperature,
        }
        save_encoder(trained, training.encoder, facts)
        if settings.sides == "one":
            save_encoder(other, training.encoder, facts)
        elif settings.live_head:
            save_encoder(other, self.frozen, facts)
        else:
            with atomic_file(other) as temporary:
                shutil.copyfile(arguments.frozen, temporary)
        write_table(arguments.history[0], pd.DataFrame(training.history))

    def _check_sizes(self, encoder: Encoder) -> None:
        """Refuse two sides whose descriptors cannot be compared."""
        ours, theirs = encoder.head.out_features, self.frozen.head.out_features
        if ours != theirs:
            raise UserError(
                f"{self.arguments.frozen}: descriptors of {theirs} dimensions, and {ours} in "
                f"{self.arguments.start}; name two sides of one run"
            )

    def _settings(self) -> Any:
        """Return how to learn; a learned temperature goes on from the last half-round."""
        settings = self.settings
        if not settings.learn_temperature:
            return settings
        last = read_provenance(self.arguments.frozen).get("temperature", settings.temperature)
        return replace(settings, temperature=float(last))

    def _images(self, side: int) -> tuple[OriginalImages | CopyImages, list[str], Provenance]:
        """Return the images, the id of each bank row that is a positive of one, its provenance."""
        arguments = self.arguments
        if arguments.training:
            rows = read_training(arguments.training)
            ids = rows["id"].tolist()
            provenance = {
                "round": arguments.round,
                "views": self.settings.bank_views,
                "manifest_sha256": sha256_of(arguments.training),
            }
            return OriginalImages(listed_paths(rows), side, ids), ids, provenance
        (shards,) = arguments.copies
        copies = CopyShards(shards)
        refuse_untrainable(copies.ids, shards[0])
        check_parts(copies.provenances, "make it again", {"round": arguments.round})
        provenance = {"manifest_sha256": copies.provenances[0][1].get("manifest_sha256")}
        return CopyImages(copies, side, copies.views), copies.ids, provenance

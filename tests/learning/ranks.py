"""What test_distributed.py runs under torchrun: everything that processes share, once each.

python -m torch.distributed.run --nproc-per-node P ranks.py FOLDER
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from small_training import CONFIG, FlippedPairs
from torch.nn.functional import normalize

from iscqk.errors import UserError
from iscqk.formats.manifest import shard_bounds
from iscqk.learning import distributed
from iscqk.learning.checkpoint import Checkpoint
from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.embedding import embed
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.training import Training
from iscqk.methods import isd, moco, qk, simclr, solo
from iscqk.methods.isd.objective import SelfDistillation
from iscqk.methods.moco.objective import MomentumContrast
from iscqk.methods.qk.objective import FrozenBank
from iscqk.methods.simclr.objective import InBatch
from iscqk.methods.solo.objective import OwnBank
from iscqk.models.encoder import Encoder, EncoderConfig

BANK = {
    "plain": qk.Settings(temperature=0.1),
    "learned temperature": qk.Settings(temperature=0.1, learn_temperature=True),
    "few negatives": qk.Settings(temperature=0.1, negatives=9),
    "soft targets": qk.Settings(temperature=0.1, soft_targets=0.5),
}
SOLO = solo.Settings(temperature=0.1, koleo=1)
ISD = isd.Settings(head="none", queue=32, momentum=0.9, teacher_temperature=0.05)


def new_encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(EncoderConfig("test_efficientnet", 32, "gem", 16))  # smooth all over


def bank(
    kind: str, near_duplicates: bool = False, live: bool = False, taught: bool = False
) -> FrozenBank:
    frozen = new_encoder()
    size = frozen.head.in_features if live else 16
    rows = normalize(torch.randn(24, size, generator=torch.Generator().manual_seed(5)), dim=1)
    first, last = shard_bounds(24, distributed.rank(), distributed.world_size())
    pairs = torch.tensor([[1, 2], [2, 1], [2, 9], [9, 2]]) if near_duplicates else None
    other = normalize(torch.randn(24, 6, generator=torch.Generator().manual_seed(6)), dim=1)
    teacher = other[first:last] if taught else None
    head = frozen if live else None
    side = FrozenSide(rows[first:last], first, 1, head, pairs, teacher)
    return FrozenBank(side, BANK[kind])


def train(encoder, objective, images):
    config = replace(
        CONFIG, images=64, batch_norm="batch", log_every=1, checkpoint_every=99, optimizer="sgd",
        learning_rate=0.003, head_learning_rate=0.003,
    )  # fmt: skip
    training = Training(encoder, objective, config)
    training.run(images, 0, Checkpoint("none.pt", ""))
    names = ("loss", "positive_similarity", "nearest_negative_similarity")
    curve = torch.tensor([[row[name] for name in names] for row in training.history])
    return curve, torch.cat([p.detach().flatten() for p in encoder.parameters()])


def everything(images) -> dict[str, object]:
    found: dict[str, object] = {}
    for kind in BANK:
        found[kind] = train(new_encoder(), bank(kind), images)
    found["near duplicates"] = train(new_encoder(), bank("plain", near_duplicates=True), images)
    found["teacher"] = train(new_encoder(), bank("soft targets", taught=True), images)
    found["live head"] = train(new_encoder(), bank("plain", live=True), images)
    soft = bank("soft targets", near_duplicates=True, live=True)
    found["live head, softly"] = train(new_encoder(), soft, images)
    rows = normalize(torch.randn(24, 16, generator=torch.Generator().manual_seed(5)), dim=1)
    encoder = new_encoder()
    found["solo"] = train(encoder, OwnBank(encoder, SOLO, lambda _: rows), images)
    pairs = FlippedPairs(images)
    for name, make in {
        "simclr": lambda encoder: InBatch(
            encoder, simclr.Settings(head="descriptor", temperature=0.1)
        ),
        "moco": lambda encoder: MomentumContrast(
            encoder, moco.Settings(head="mlp", queue=32, momentum=0.9)
        ),
        "isd": lambda encoder: SelfDistillation(
            encoder,
            isd.Settings(
                head="none",
                queue=32,
                momentum=0.9,
                student_temperature=0.1,
                teacher_temperature=0.05,
            ),
        ),
    }.items():
        encoder = new_encoder()
        found[name] = train(encoder, make(encoder), pairs)
    encoder = new_encoder().eval()
    found["embed"] = [torch.cat(kind) for kind in zip(*embed(encoder, images, 0), strict=True)]
    return found


def found_by_each(folder: Path) -> str:
    """Return what is found where the first process alone sees a resume state."""
    count = distributed.world_size()
    checkpoint = Checkpoint(folder / f"{distributed.rank()} of {count}.pt", "run")
    if distributed.rank() == 0:
        checkpoint.save({"step": 7})
    try:
        return str(checkpoint.load())
    except UserError as error:
        return str(error)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    images = OriginalImages(sorted(map(str, folder.glob("*.png"))), 32)
    with distributed.process_group(torch.device("cpu")):
        found = everything(images) | {"state": found_by_each(folder)}
        found["as the first"] = distributed.is_same(distributed.of_first(distributed.rank() == 0))
        if distributed.rank() == 0:
            torch.save(found, folder / f"{distributed.world_size()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

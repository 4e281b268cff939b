"""A training of a few steps, and pairs to learn from that need no copies."""

import torch

from iscqk.learning.training import TrainConfig

CONFIG = TrainConfig(
    images=48,
    batch_size=8,
    optimizer="adamw",
    learning_rate=1e-3,
    head_learning_rate=1e-3,
    weight_decay=0.0,
    warmup=0.1,
    schedule="cosine",
    batch_norm="frozen",
    log_every=2,
    checkpoint_every=2,
    compile=False,
    seed=3,
)


class FlippedPairs:
    """Upside-down copies with their originals."""

    def __init__(self, images):
        self.images, self.views = images, 1

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        original = self.images[index]
        return torch.stack([original.flip(1), original])

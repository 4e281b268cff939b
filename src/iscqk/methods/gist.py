"""GIST: the challenge's baseline, of 32 x 32 pixels with plain PCA; no network is trained."""

from iscqk.learning.method_interface import Method
from iscqk.models.timm_names import GIST

METHOD = Method(
    card="GIST with PCA, the challenge's baseline; no network is trained.",
    learns_from="nothing",
    changes={
        "model.backbone": GIST,
        "model.weights": "none",
        "model.image_size": 32,
        "model.pooling": "average",
        "model.whitening": 0,
        "model.mean": [0, 0, 0],  # it takes pixels from 0 to 255
        "model.std": [1 / 255, 1 / 255, 1 / 255],
        "model.backbone_options": {},
        "train.rounds": 0,
        # It has one size, and is no part of itself.
        "describe.sizes": [],
        "describe.orientations": 1,
        "describe.gist": 0,
    },
)

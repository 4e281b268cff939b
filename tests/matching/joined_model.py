"""A small model that has all that one may have: GIST, a projection, a bank, settings."""

import torch

from iscqk.formats.model_files import ROLES
from iscqk.matching.model_folder import write_settings
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.hub import save_hub_folder
from iscqk.retrieval.refining import fit_projection, save_projection
from unit_rows import unit_array
from written_shards import write_descriptors

SETTINGS = {
    **{"sizes": [24, 32], "orientations": 2, "trimmed": False, "gist": 0.5, "whitening": 0.5},
    **{"subtract": 0.5, "subtract_nearest": 3, "ranking": "similarity", "temperature": 0.1},
}


def write(folder, **changes):
    """Write a model of 8 + 4 dimensions joined to 6, and a bank of 10 rows."""
    torch.manual_seed(0)
    for side in ROLES:
        encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 8)).eval()
        save_hub_folder(folder / side, encoder, {}, "")
    save_hub_folder(folder / "gist", Encoder(EncoderConfig("gist", 32, "average", 4)), {}, "")
    save_projection(folder / "p.safetensors", fit_projection([unit_array(40, 12)], 6, 0.5))
    write_descriptors(folder / "b.h5", [f"T{n:06}" for n in range(10)], unit_array(10, 6, 1), {})
    settings = {**SETTINGS, **changes}
    write_settings(folder, settings, [folder / "b.h5"], folder / "p.safetensors")

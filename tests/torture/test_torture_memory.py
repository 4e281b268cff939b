"""Peak memory of the stages that read images, as the images grow from 1,000 to 100,000."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from iscqk.formats.files import sha256_of
from iscqk.formats.ids import REFERENCE
from iscqk.formats.manifest import write_manifest
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder

pytestmark = pytest.mark.torture
COUNTS = (1_000, 10_000, 100_000)
LINKS = 10_000  # of one file; a file system allows 65,000


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.png"
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


# The kernel's own peak of this process; `wait4` would begin with pytest's, of which it is a fork.
STAGE = """\
import sys
from pathlib import Path
from iscqk.cli import main
code = main(sys.argv[1:])
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
sys.exit(code)
"""


def peak_mb(*arguments):
    """Run a stage in a process of its own; return the most memory it had."""
    command = [sys.executable, "-c", STAGE, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


def test_a_description_takes_as_much_of_many_images_as_of_few(image, tmp_path):
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 256)).eval()
    save_encoder(tmp_path / "k.safetensors", encoder, {})
    peaks = {}
    for count in COUNTS:
        ids = [REFERENCE.make(number) for number in range(count)]
        facts = {"path": str(image), "sha256": sha256_of(image), "width": 32, "height": 32}
        write_manifest(tmp_path / "rows.csv", pd.DataFrame({"id": ids, **facts}))
        peaks[count] = peak_mb(
            "embed", "--weights", tmp_path / "k.safetensors", "--manifest", tmp_path / "rows.csv",
            "--output", tmp_path / f"{count}.h5", "--threads", 2,
        )  # fmt: skip
    print(f"embed, MB: {peaks}")
    # The manifest itself: a few hundred bytes an image. A descriptor has 1,024.
    assert peaks[COUNTS[-1]] - peaks[COUNTS[0]] < 0.0005 * COUNTS[-1]


def test_preparing_takes_less_than_two_kilobytes_an_image(image, tmp_path):
    peaks = {}
    for count in COUNTS:
        for split in ("training", "references"):
            fill(tmp_path / split, image, count if split == "references" else 1)
        peaks[count] = peak_mb(
            "prepare", "--training", tmp_path / "training", "--references",
            tmp_path / "references", "--workers", 1, "--output",
            *(tmp_path / f"{name}.csv" for name in ("training", "references", "others", "bad")),
        )  # fmt: skip
    print(f"prepare, MB: {peaks}")
    assert peaks[COUNTS[-1]] - peaks[COUNTS[0]] < 0.002 * COUNTS[-1]


def fill(folder, image, count):
    """Let a folder hold an image `count` times; training's differs, as it must be no reference."""
    folder.mkdir(exist_ok=True)
    if folder.name == "training":
        Image.open(image).rotate(90).save(folder / "0.png")
        return
    for number in range(count):
        path = folder / f"{number:06}.png"
        if number % LINKS == 0:
            path.write_bytes(image.read_bytes())
            source = path
        elif not path.exists():
            path.hardlink_to(source)


def test_matching_takes_some_bytes_a_reference_and_not_its_descriptor(tmp_path):
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 256)).eval()
    for side in "qk":
        save_encoder(tmp_path / f"{side}.safetensors", encoder, {})
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(30):
        pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64)).save(tmp_path / f"photos/{number}.png")
    here, model = tmp_path / "photos", ("--model", tmp_path, "--threads", 1)
    peak_mb("describe", here, *model, "--output", tmp_path / "real.h5")
    peaks = {}
    for count in (10_000, 100_000, 1_000_000):
        made = tmp_path / f"{count}.h5"
        peak_mb("synthesize-images", tmp_path / "real.h5", "--count", count, "--output", made)
        out = tmp_path / f"out{count}"
        peaks[count] = peak_mb("match", here, "--against", made, *model, "--output", out)
    print(f"match, MB by references: {peaks}")
    # A descriptor has 1,024 bytes. Beyond a shard of them, what is known of each image: its
    # identity, and whether it is flat, gone, and among the references.
    assert peaks[1_000_000] - peaks[100_000] < 200e-6 * 900_000

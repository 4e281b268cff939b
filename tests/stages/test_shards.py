"""`iscqk shards`: images of folders in tar files, as they are, in the order of their ids."""

import signal
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from iscqk.cli import main
from iscqk.formats.image_shards import SUFFIX
from iscqk.images.finding import find_images
from iscqk.images.ingestion import SPLIT_IDS, manifest_of
from iscqk.runtime.shutdown import Stopped
from iscqk.stages import shards


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Five images in the folders of two archives, of which a shell names the later first."""
    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(["train_10", "train_2/train"] * 2 + ["train_2"]):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        image = Image.new("L", (32, 32), 40 * number)
        image.save(tmp_path / folder / f"T{number:06d}.jpg", quality=30 + number)
    (tmp_path / "train_2/note.txt").write_text("no image")
    return ["train_10", "train_2"]


def packed(path):
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_images_are_packed_as_they_are_in_the_order_of_their_ids(folders, capsys):
    assert main(["shards", *folders, "--output", "tars", "--each", "2"]) == 0
    assert capsys.readouterr().out == "tars/{000..002}.tar: 5 images\n"
    found = [packed(f"tars/{number:03}{SUFFIX}") for number in range(3)]
    assert [[name[-11:-4] for name in one] for one in found] == [
        ["T000000", "T000001"],
        ["T000002", "T000003"],
        ["T000004"],
    ]
    for name, content in {**found[0], **found[1], **found[2]}.items():
        with open(name, "rb") as file:
            assert file.read() == content
    tars = [f"tars/{number:03}.tar" for number in range(3)]
    rows = manifest_of(find_images(tars), SPLIT_IDS["training"], 1)
    assert rows["id"].tolist() == [f"T{number:06d}" for number in range(5)]
    assert main(["shards", *tars, "--output", "one"]) == 0
    assert [name[-11:] for name in packed("one/000.tar")] == [f"T00000{n}.jpg" for n in range(5)]


def test_what_was_stopped_goes_on_and_other_images_are_not_written_over(
    folders, monkeypatch, capsys
):
    def stopped(path):
        if path.stem == "T000002":
            raise Stopped(signal.SIGTERM)
        return path.read_bytes()

    command = ["shards", *folders, "--output", "tars", "--each", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(shards, "bytes_of", stopped)
        assert main(command) == 128 + signal.SIGTERM
    (first,) = Path("tars").iterdir()
    before = first.stat().st_mtime_ns
    assert main(command) == 0 and first.stat().st_mtime_ns == before
    assert len([*Path("tars").iterdir()]) == 3
    assert main([*command[:-1], "3"]) == 1
    assert "tars/000.tar: holds other images; remove it, or" in capsys.readouterr().err
    with open("train_10/T000000.jpg", "ab") as image:  # another image by the same name
        image.write(b"more")
    assert main(command) == 1
    assert "tars/000.tar: holds other images; remove it, or" in capsys.readouterr().err


def test_a_name_that_no_tar_takes_is_told(tmp_path, capsys):
    Image.new("L", (32, 32)).save(tmp_path / f"{'a' * 120}.png")
    assert main(["shards", str(tmp_path), "--output", str(tmp_path / "tars")]) == 1
    assert "aa.png: name is too long; shorten its path" in capsys.readouterr().err

"""What `match`, `duplicates` and `describe` know of images that a call does not ask for."""

import os
import shutil

import pytest
from commands import run
from PIL import Image

import iscqk
from iscqk.formats.described_images import read_described
from iscqk.formats.described_shards import shards_there
from iscqk.matching import aside

DESCRIBE = "iscqk describe photos --output photos.h5"


@pytest.fixture
def described(monkeypatch):
    """Return a list that gets the name of each image that is described."""
    names, original = [], iscqk.Model.blocks

    def blocks(self, images, *rest):
        names.extend(map(os.path.basename, images))
        return original(self, images, *rest)

    monkeypatch.setattr(iscqk.Model, "blocks", blocks)
    return names


@pytest.fixture
def linked(folder):
    """Let two of the photos lie on another disk, to which a link leads."""
    os.mkdir("nas")
    for number in (1, 2):
        os.rename(f"photos/R{number:06}.jpg", f"nas/{number}.jpg")
    os.symlink("../nas", "photos/2019")
    return folder


def names(path):
    return [os.path.basename(file.path) for file in read_described(path).files]


def test_images_whose_disk_is_away_for_a_run_are_told_and_not_described_again(
    linked, model_folder, described, caplog
):
    run(DESCRIBE, model_folder)
    os.rename("nas", "off")
    described.clear()
    for times in range(2):
        caplog.clear()
        run(DESCRIBE, model_folder)
        warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
        assert warned[0].startswith("photos/2019: 1 such link leads to nothing")
        told = f"photos.h5: 2 images that it described are away with their folders, {linked}"
        assert any(told in line for line in warned) == (times == 0)  # once, and how to forget them
        (kept,) = shards_there("photos.h5")
        assert (f"to forget them, remove {kept}" in caplog.text) == (times == 0)
        assert len(names("photos.h5")) == 22
    os.rename("off", "nas")
    run(DESCRIBE, model_folder)
    assert len(names("photos.h5")) == 24 and described == []
    assert not (linked / "photos.shards").exists()


def test_images_that_are_removed_are_told_apart_from_such_as_are_away(linked, model_folder, caplog):
    run(DESCRIBE, model_folder)
    os.remove("photos/R000000.jpg")
    os.remove("photos/2019/1.jpg")
    os.rename("photos/R000005.jpg", "photos/moved.jpg")
    caplog.clear()
    run(DESCRIBE, model_folder)
    assert "photos.h5: 2 images that it described are gone" in caplog.text
    assert "away" not in caplog.text and not (linked / "photos.shards").exists()


def test_images_that_may_not_be_read_are_kept_and_told(
    folder, model_folder, described, caplog, bar
):
    run(DESCRIBE, model_folder)
    os.mkdir("closed")
    for name in sorted(os.listdir("photos"))[:4]:
        os.rename(f"photos/{name}", f"closed/{name}")
    run("iscqk describe photos closed --output photos.h5", model_folder)
    caplog.clear()
    bar("closed")
    run(DESCRIBE, model_folder)
    told = f"photos.h5: 4 images that it described may not be read (Permission denied), {folder}"
    assert told in caplog.text and "gone" not in caplog.text
    assert [len(names(shard)) for shard in shards_there("photos.h5")] == [4]


def test_match_keeps_what_other_calls_described(folder, model_folder, described):
    for name in ("a", "b"):
        os.mkdir(name)
        Image.new("RGB", (40, 40), "red" if name == "a" else "blue").save(f"{name}/{name}.jpg")
    model = iscqk.Model.load(model_folder)
    calls = [("a", "photos", 1), ("b", "scans", 1), ("a", "photos", 8)]
    for times in range(2):
        for images, against, orientations in calls:
            iscqk.match(images, against, model, folder="matches", orientations=orientations)
            assert names("matches/references.h5") == sorted(os.listdir(against))
        assert described == [] or times == 0
        described.clear()
    assert len(shards_there("matches/references.h5")) == 1
    assert len(shards_there("matches/queries.h5")) == 2


def test_of_folders_of_queries_that_are_gone_nothing_is_kept(folder, model_folder, described):
    model = iscqk.Model.load(model_folder)
    for night in range(4):  # each folder goes two nights later, by when it lies in a shard
        os.mkdir(f"in{night}")
        for side in (40, 50):
            Image.new("RGB", (side, side), (night, 0, 0)).save(f"in{night}/{side}.png")
        if night > 1:
            shutil.rmtree(f"in{night - 2}")
        iscqk.match(f"in{night}", "photos", model, folder="matches")
    assert [len(names(shard)) for shard in shards_there("matches/queries.h5")] == [2]


def test_references_that_are_away_are_told_once_and_how_to_forget_them(
    folder, model_folder, caplog
):
    model = iscqk.Model.load(model_folder)
    iscqk.match("scans", "photos", model, folder="matches")
    os.rename("photos", "off")
    caplog.set_level("INFO")
    for times in range(2):
        caplog.clear()
        iscqk.match("scans", "scans", model, folder="matches")
        (kept,) = shards_there("matches/references.h5")
        told = "references.h5: 24 images that it described are away with their folders"
        assert (told in caplog.text) == (times == 0)
        assert (f"to forget them, remove {kept}" in caplog.text) == (times == 0)


def test_what_others_know_is_joined_and_large_shards_of_it_stay_as_they_are(
    folder, model_folder, described, monkeypatch
):
    monkeypatch.setattr(aside, "ROWS", 30)
    model = iscqk.Model.load(model_folder)
    for number in range(3):
        shutil.copytree("scans", f"scans{number}")
    for against in ("photos", "scans", "scans0", "scans1", "scans2", "scans"):
        iscqk.match("scans", against, model, folder="matches")
    written = {shard: shard.stat().st_mtime_ns for shard in shards_there("matches/references.h5")}
    assert sorted(len(names(shard)) for shard in written) == [9, 24]
    iscqk.match("scans", "scans", model, folder="matches")
    again = {shard: shard.stat().st_mtime_ns for shard in shards_there("matches/references.h5")}
    assert again == written
    described.clear()
    iscqk.match("scans", "photos", model, folder="matches")
    assert described == []


def test_what_few_images_are_joined_with_is_small(folder, model_folder, described, caplog):
    model = iscqk.Model.load(model_folder)
    iscqk.match("photos", "scans", model, folder="matches")
    scans = sorted(folder.glob("scans/*"))
    iscqk.match(scans[0], "scans", model, folder="matches")
    (large,) = shards_there("matches/queries.h5")
    os.remove("photos/R000001.jpg")
    for image in (*scans[1:], "photos/R000000.jpg", scans[0]):
        iscqk.match(image, "scans", model, folder="matches")
        assert large in shards_there("matches/queries.h5")
    assert len(shards_there("matches/queries.h5")) <= 3 and len(names(large)) == 24
    assert "gone" not in caplog.text
    described.clear()
    iscqk.match(["photos", "scans"], "scans", model, folder="matches")
    assert described == [] and not os.path.exists("matches/queries.shards")


def test_what_a_stop_left_of_other_images_is_kept(folder, model_folder, described):
    run("iscqk match scans --against photos", model_folder)
    os.rename("matches/references.h5", "matches/.references.unfinished.h5")
    run("iscqk match scans --against scans", model_folder)
    described.clear()
    run("iscqk match scans --against photos", model_folder)
    assert described == [] and not list(folder.rglob(".*"))

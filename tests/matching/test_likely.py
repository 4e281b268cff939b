"""What is called a likely copy among drawn images, and by what that is judged."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from commands import run
from PIL import Image

import iscqk
from drawn_images import put_drawn
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool
from iscqk.matching import basis, duplicates, matches, views
from iscqk.matching.views import _edited
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder

SIDES = ("query", "reference")
MILD = EditPool(("brightness", "encoding_quality", "overlay_emoji", "blur"), (0.1, 0.5), (1, 2))


@pytest.fixture(scope="module")
def gist(tmp_path_factory):
    """A run's folder of GIST, which needs no training."""
    folder = tmp_path_factory.mktemp("gist")
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("gist", 32, "average", 128)).eval()
    for side in "qk":
        save_encoder(folder / f"{side}.safetensors", encoder, {})
    return folder


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """150 references; mildly edited copies of 40 of them, and 60 other images."""
    folder = tmp_path_factory.mktemp("collection")
    put_drawn(folder / "photos", "references", 150, 0, 96)
    put_drawn(folder / "others", "others", 60, 0, 96)
    (folder / "copies").mkdir()
    copier = Copier(MILD, (), 96, 80)
    for path in sorted((folder / "photos").iterdir())[:120:3]:
        jpeg, _ = copier.copy(Task(("test", path.stem), str(path)))
        (folder / "copies" / path.name).write_bytes(jpeg)
    return folder


@pytest.fixture
def here(collection, tmp_path, monkeypatch):
    for name in ("photos", "others", "copies"):
        (tmp_path / name).symlink_to(collection / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_right(table):
    """Return whether a pair's files have the same name, but for their kind."""
    query, reference = (table[side].map(lambda path: Path(path).stem) for side in SIDES)
    return query == reference


def test_nine_of_ten_likely_copies_are_right_and_told_with_their_basis(here, gist, capsys):
    run(f"iscqk match copies others --against photos --model {gist} --threads 1")
    table = pd.read_csv("matches/matches.csv")
    likely = table[table["likely"]]
    right = is_right(likely) & likely["query"].str.startswith("copies/")
    assert len(table) == 100 and len(likely) >= 20 and right.mean() >= 0.9
    assert table["likely"].is_monotonic_decreasing and (likely["chance"] < 0.05).all()
    assert "<h2>Nearest, and not likely copies</h2>" in Path("matches/matches.html").read_text()
    (told,) = set(table["basis"])
    assert told.startswith("150 edited copies of the 150 references, ")
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 13 and shown[0].startswith("likely  0.")
    assert shown[10:] == [
        f"{len(likely)} likely copies of 100 images; {100 - len(likely)} without",
        f"basis of likely: {told}",
        "matches/matches.html, matches/matches.csv",
    ]
    page = open("matches/matches.html").read()
    assert f"<h1>{shown[10]}</h1>" in page and told in page and "not likely copies</h2>" in page
    assert page.count("likely a copy") == len(likely)
    score = likely["score"].iloc[9]
    run(f"iscqk match copies others --against photos --model {gist} --threshold {score}")
    counts = f"10 likely copies of 100 images; {100 - len(likely)} without"
    assert f"{counts}; {len(likely) - 10} below the threshold" in capsys.readouterr().out


def test_images_that_copy_nothing_are_not_called_copies(here, gist):
    for queries in ("others", ["others/" + name for name in ("O000003.jpg", "O000007.jpg")]):
        found = iscqk.match(queries, "photos", gist, folder="kept")
        assert not found["likely"].any()


def test_few_queries_take_few_copies_unless_these_show_nothing(here, gist, monkeypatch):
    for few, made in [(125, 125), (basis.LEAST - 1, 150)]:
        monkeypatch.setattr(basis, "_FEW", few)
        found = iscqk.match("copies/R000003.jpg", "photos", gist, folder="kept")
        assert set(found["basis"].str.split(",").str[0]) == {
            f"{made} edited copies of the 150 references"
        }


def test_what_copies_are_made_with_is_missed_before_the_work(here, gist, monkeypatch):
    def missing():
        raise iscqk.UserError("AugLy cannot be imported")

    monkeypatch.setattr(basis, "import_augly", missing)
    for module in (matches, duplicates):
        monkeypatch.setattr(module, "complete", None)  # which describes the images
    with pytest.raises(iscqk.UserError, match="AugLy cannot be imported"):
        iscqk.match("copies", against="photos", model=gist)
    with pytest.raises(iscqk.UserError, match="AugLy cannot be imported"):
        iscqk.duplicates("photos", gist)


def test_copies_in_the_collection_do_not_hide_those_of_it(here, gist):
    """Half of the references have a copy among them."""
    found = iscqk.match("copies", ["photos", "copies"], gist)
    assert (found["likely"] & is_right(found)).sum() >= 20


@pytest.mark.parametrize("saved_again", [False, True])
@pytest.mark.parametrize("kept", [None, "kept"])
def test_a_picture_that_is_there_often_is_one_of_those_to_judge_by(
    here, gist, monkeypatch, saved_again, kept
):
    """As many as without it, each copied once: others are drawn in the place of its copies."""
    (here / "often").mkdir()
    for number in range(30):
        if saved_again:
            with Image.open("photos/R000001.jpg") as image:
                image.save(f"often/{number}.jpg", quality=95 - number % 10)
        else:
            shutil.copy("photos/R000001.jpg", f"often/{number}.jpg")
    original, edited = views._edited, []

    def watched(paths, *others):
        edited.extend(paths)
        return original(paths, *others)

    monkeypatch.setattr(views, "_edited", watched)
    for _ in range(2 if kept else 1):
        found = iscqk.match("copies/R000003.jpg", ["photos", "often"], gist, folder=kept)
        assert found["basis"][0].startswith("125 edited copies of the 180 references, ")
    assert len(edited) == len({*edited}) and (len(edited) > 125) == saved_again


def test_few_pictures_however_often_they_are_there_are_no_basis(here, gist):
    (here / "often").mkdir()
    for number in range(120):
        shutil.copy(f"photos/R{number % 12:06d}.jpg", f"often/{number}.jpg")
    found = iscqk.match("copies", "often", gist)
    what = "too few different pictures left among the references to tell copies from chance"
    assert set(found["basis"]) == {f"none, {what}, 12 of at least 100"}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("becomes", [None, b"damaged"])
def test_a_reference_that_goes_before_its_copy_is_made_is_told_and_left_out(
    here, gist, monkeypatch, caplog, threads, becomes
):
    shutil.copytree("photos", "going")
    original = views._edited

    def late(paths, *others):
        Path(paths[5]).write_bytes(becomes) if becomes else Path(paths[5]).unlink()
        return original(paths, *others)

    monkeypatch.setattr(views, "_edited", late)
    found = iscqk.match("copies", "going", gist, threads=threads)
    assert found["basis"][0].startswith("149 edited copies of the 150 references, ")
    assert "1 image cannot be read and is left out" in caplog.text


@pytest.mark.parametrize("orientations", [1, 8])
def test_where_a_disk_is_away_the_copies_that_are_kept_tell(here, gist, caplog, orientations):
    run(f"iscqk describe photos --output photos.h5 --model {gist} --threads 1")
    queries = [f"copies/R{number:06d}.jpg" for number in range(0, 120, 12)]
    before = iscqk.match(queries, "photos.h5", gist, folder="kept", orientations=orientations)
    assert before["likely"].sum() > 5
    (here / "photos").unlink()
    again = iscqk.match(queries, "photos.h5", gist, folder="kept", orientations=orientations)
    pd.testing.assert_frame_equal(again, before)
    unknown = iscqk.match(queries, "photos.h5", gist, orientations=orientations)
    assert unknown["basis"][0].endswith("0 of at least 100; 150 gone, connect their disk")
    assert "`likely` needs their disk, or the copies that an earlier call kept" in caplog.text


def test_images_in_a_folder_that_may_not_be_entered_are_not_gone(here, gist, caplog, bar):
    run(f"iscqk describe photos --output photos.h5 --model {gist} --threads 1")
    bar("photos")
    found = iscqk.match("copies/R000000.jpg", "photos.h5", gist)
    denied = "150 may not be read (Permission denied), make them and their folder readable"
    assert found["basis"][0].endswith(f"0 of at least 100; {denied}")
    told = f"photos.h5: 150 of its 150 images may not be read (Permission denied), {here}/photos/"
    assert told in caplog.text and "gone" not in caplog.text


def turned(image, number):
    return (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number > 3 else image).rotate(
        90 * (number % 4), expand=True
    )


def test_turned_and_mirrored_copies_are_found_where_asked_for(here, gist, capsys):
    (here / "turned").mkdir()
    for number in range(1, 8):
        with Image.open(f"photos/R{number:06d}.jpg") as image:
            turned(image, number).save(f"turned/R{number:06d}.png")
    command = f"iscqk match turned --against photos --model {gist} --threads 1"
    originals = Path("matches/copies.originals.h5")  # which are looked up as they are, too
    run(command)
    assert is_right(pd.read_csv("matches/matches.csv")).sum() < 4 and not originals.exists()
    run(f"{command} --orientations 8")
    assert originals.exists()
    found = pd.read_csv("matches/matches.csv")
    assert is_right(found).all() and (found["similarity"] > 0.95).all() and found["likely"].all()
    run(f"iscqk describe turned --side queries --output turned.h5 --model {gist}")
    capsys.readouterr()
    run(f"iscqk match turned.h5 --against photos --model {gist} --orientations 8", status=1)
    assert "turned.h5: of images as they are, and 8 orientations" in capsys.readouterr().err


def test_orientations_are_those_of_the_picture(here, gist):
    model = iscqk.Model.load(gist)
    with Image.open("photos/R000001.jpg") as image:
        image = image.convert("RGB").resize((32, 32))
    (block,) = model.blocks([image], "queries", 1, 8)
    each = model.describe([turned(image, number) for number in range(8)])
    np.testing.assert_allclose(block.vectors, each, atol=1e-5)
    assert len(np.unique(block.vectors.round(4), axis=0)) == 8


def test_the_groups_of_a_folder_are_found(here, gist, capsys):
    (here / "album").mkdir()
    for path in sorted((here / "photos").iterdir()):
        with Image.open(path) as image:
            image.load()
        image.save(f"album/{path.name}", quality=95)
        if path.stem in ("R000005", "R000050"):
            image.resize((50, 60)).save(f"album/{path.stem}-small.png")
            image.resize((192, 192)).save(f"album/{path.stem}-large.jpg", quality=80)
        if path.stem == "R000090":
            image.convert("L").save(f"album/{path.stem}-grey.jpg")
    Image.new("RGB", (50, 50), "red").save("album/red.png")
    Image.new("RGB", (70, 50), "red").save("album/red too.png")
    run(f"iscqk duplicates album --model {gist} --threads 1")
    table = pd.read_csv("duplicates/duplicates.csv")
    groups = {tuple(sorted(rows["image"])) for _, rows in table.groupby("group")}
    for stem in ("R000005", "R000050"):
        names = (f"album/{stem}-large.jpg", f"album/{stem}-small.png", f"album/{stem}.jpg")
        assert names in groups
    assert table["image"].is_unique and not table["image"].str.contains("red").any()
    firsts = table.groupby("group").first()
    assert firsts["largest"].all() and table["largest"].sum() == len(firsts)
    assert {"album/R000005-large.jpg", "album/R000050-large.jpg"} <= set(firsts["image"])
    shown = capsys.readouterr().out.splitlines()
    assert shown[-3] == (
        f"{len(table)} images in {len(firsts)} groups of copies; {157 - len(table)} "
        "of 157 images without"
    )
    number = firsts.index[firsts["image"] == "album/R000005-large.jpg"].item()
    first = f"{number:4}    192 x 192    album/R000005-large.jpg"
    assert any(line.startswith(first) for line in shown)
    page = open("duplicates/duplicates.html").read()
    assert page.count("<img src=") == len(table) and f"<h1>{shown[-3]}</h1>" in page


@pytest.mark.long
def test_a_picture_in_many_files_is_one_group(tmp_path):
    """Fourteen are more than five, so that each but almost equal ones counted as a picture."""
    put_drawn(tmp_path / "photos", "references", 150, 3, 96)
    often = sorted((tmp_path / "photos").iterdir())[:40]
    for path in often:
        with Image.open(path) as image:
            for quality in range(81, 94):
                image.save(path.with_stem(f"{path.stem}-{quality}"), quality=quality)
    found = iscqk.duplicates(tmp_path / "photos")  # by the ready model
    stems = found["image"].map(lambda path: Path(path).stem.split("-")[0])
    groups = found[stems.isin([path.stem for path in often])].groupby(stems)["group"]
    assert len(groups) == 40 and set(groups.size()) == {14} and set(groups.nunique()) == {1}


def test_copies_to_judge_by_are_the_same_whatever_lies_beside_and_wherever_it_lies(folder):
    """Such are made again where some are kept already, after a stop, in another folder."""
    paths = [f"photos/R{number:06d}.jpg" for number in range(24)]
    together = _edited(paths, 160, 1)
    Path("elsewhere").mkdir()
    moved = [shutil.copy(path, f"elsewhere/{n}.jpg") for n, path in enumerate(paths)]
    assert [_edited([path], 160, 1)[0] for path in moved] == together

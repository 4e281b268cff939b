"""References looked through by an index: kept, renewed, told of, and only where asked for."""

import fcntl
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run
from PIL import Image

import iscqk
from drawn_images import put_drawn
from iscqk.matching import indexes, looking_up
from iscqk.matching.collection import Collection
from iscqk.matching.describing import load_described
from iscqk.matching.views import View
from iscqk.retrieval import approximate
from iscqk.retrieval.approximate import ApproximateIndex


@pytest.fixture
def many(folder, monkeypatch):
    """Add 120 images, ten of them copies; let 60 be enough for an index."""
    put_drawn(folder / "many", "references", 110, 5, 48)
    for number in range(0, 20, 2):
        with Image.open(folder / f"many/R{number:06}.jpg") as image:
            image.save(folder / f"many/S{number:06}.jpg", quality=70)
    monkeypatch.setattr(indexes, "LEAST", 60)
    return folder


@pytest.fixture
def looks_at_all(monkeypatch):
    monkeypatch.setattr(approximate, "LOOKED_AT", 1000)


def kept(folder="."):
    return sorted(path.name for path in Path(folder).glob("*.faiss"))


def test_copies_are_found_by_it_and_what_it_misses_is_told(many, model_folder, capsys):
    run("iscqk match scans many --against photos many --index", model_folder)
    found = pd.read_csv("matches/matches.csv").set_index("query")["reference"]
    assert (found[[f"many/S{n:06}.jpg" for n in range(0, 20, 2)]].str.contains("many/R")).all()
    told = capsys.readouterr().out.splitlines()[-2]
    assert told.startswith("search: by an index; of 123 images it found the exact nearest of ")
    assert told.removeprefix("search: ") in open("matches/matches.html").read()
    run("iscqk match scans many --against photos many", model_folder)
    assert "by an index" not in capsys.readouterr().out + open("matches/matches.html").read()


@pytest.mark.parametrize("command", ["match scans --against photos", "duplicates photos"])
def test_where_none_is_made_it_is_said_and_nothing_searched_twice(
    folder, model_folder, monkeypatch, capsys, command
):
    monkeypatch.setattr(looking_up, "recall_of", None)
    run(f"iscqk {command} --index --output out", model_folder)
    told = "search: exact; an index is made from 10,000 images on"
    assert capsys.readouterr().out.splitlines()[-2] == told
    (page,) = folder.glob("out/*.html")
    assert told.removeprefix("search: ") in page.read_text()


def test_one_image_is_told_as_one(many, model_folder, capsys):
    run("iscqk match scans/3.jpg --against photos many --index", model_folder)
    assert "search: by an index; of 1 image it found" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["match scans many --against many", "duplicates many"])
def test_looking_at_all_lists_it_finds_what_an_exact_search_finds(
    many, model_folder, looks_at_all, command
):
    for name in ("--output exact", "--output index --index"):
        run(f"iscqk {command} {name}", model_folder)
    tables = [pd.read_csv(*Path(name).glob("*.csv")) for name in ("exact", "index")]
    pd.testing.assert_frame_equal(*tables, atol=1e-6)
    assert len(tables[0]) > 3 and len(kept("index")) == 1 and not kept("exact")


def test_several_sources_are_looked_through_each_image_once(many, model_folder, looks_at_all):
    """An image that two sources have, one that is small, and one that is kept nowhere."""
    run("iscqk describe many --output many.h5", model_folder)
    run("iscqk describe photos many/R000003.jpg --output photos.h5", model_folder)
    against = ["photos.h5", "many.h5", "scans"]
    exact, found = (
        iscqk.match(["scans", "many"], against, model_folder, top=7, index=index)
        for index in (False, True)
    )
    pd.testing.assert_frame_equal(found, exact, atol=1e-6)
    assert len(kept()) == 1 and kept()[0].startswith("many.")


def test_it_is_kept_and_renewed_when_descriptions_change(many, model_folder, monkeypatch):
    command = "iscqk match scans --against many.h5 --index"
    run("iscqk describe many --output many.h5", model_folder)
    run(command, model_folder)
    before = kept()
    with monkeypatch.context() as patch:
        patch.setattr(ApproximateIndex, "of", lambda *_: pytest.fail("made again"))
        run(command, model_folder)
    Image.new("RGB", (40, 40), "red").save("many/new.jpg")
    run("iscqk describe many --output many.h5", model_folder)
    (many / "many.mine.faiss").write_text("not of the program")
    left, written = (many / f".many.{digit * 16}.part.faiss" for digit in "ab")
    left.touch()  # by a kill
    with open(written, "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        run(command, model_folder)
    assert not left.exists()
    written.unlink()  # what another process is at stays
    assert len(before) == 1 and len(kept()) == 2 and before[0] not in kept()
    assert "many.mine.faiss" in kept()


def test_files_of_one_stem_have_an_index_each(many, model_folder):
    for images, name in (("many", "many.h5"), ("many scans", "many.2023")):
        run(f"iscqk describe {images} --output {name}", model_folder)
        run(f"iscqk match scans --against {name} --index", model_folder)
    assert sorted(name.startswith("many.2023-") for name in kept()) == [False, True]


def test_what_is_described_is_read_once_to_find_its_index(many, model_folder, monkeypatch):
    run("iscqk describe many --output many.h5", model_folder)
    looked, sha256_of = [], indexes.sha256_of
    monkeypatch.setattr(indexes, "sha256_of", lambda path: looked.append(path) or sha256_of(path))
    run("iscqk match scans --against many.h5 --index", model_folder)
    assert [path.name for path in looked] == ["many.h5"] and len(kept()) == 1


def test_an_index_of_descriptions_that_were_made_anew_meanwhile_is_not_kept(many, model_folder):
    run("iscqk describe many --output many.h5", model_folder)
    model = iscqk.Model.load(model_folder)
    read = Collection(load_described("many.h5", model, View("references")).sources)
    assert indexes.by_indexes(read, 1) and len(kept()) == 1
    os.remove(*kept())
    os.remove("many/R000100.jpg")
    run("iscqk describe many --output many.h5", model_folder)
    assert indexes.by_indexes(read, 1) and not kept()
    again = load_described("many.h5", model, View("references"))
    assert indexes.by_indexes(again, 1) and len(kept()) == 1


def test_a_place_that_cannot_keep_it_is_told_before_the_work(
    many, model_folder, monkeypatch, capsys
):
    run("iscqk describe many --output many.h5", model_folder)
    place = indexes._place_of(Path("many.h5"))
    place.symlink_to("nowhere")
    place.unlink()
    (many / "nowhere").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).absolute() != many)
    monkeypatch.setattr(iscqk.Model, "blocks", lambda *_: pytest.fail("images were described"))
    run("iscqk match scans --against many.h5 --index --output nowhere/x", model_folder, 1)
    assert f"{place}: cannot be written; make its folder writable" in capsys.readouterr().err
    monkeypatch.setattr(indexes, "LEAST", 121)  # of so few no index is made
    indexes.check_index_places([Path("many.h5")])


def test_recall_is_the_share_of_what_an_exact_search_finds(many, model_folder):
    model = iscqk.Model.load(model_folder)
    vectors = model.describe(sorted((many / "many").iterdir()), "references")
    exact = indexes.exactly(vectors)

    def misses_the_nearest(queries, count, threads):
        found = exact(queries, count + 1, threads)
        columns = (column.reshape(len(queries), -1)[:, 1:].ravel() for column in found)
        return type(found)(*columns)

    own = np.full(len(vectors), -1)
    for search, nearest, listed in ((exact, 1, 1), (misses_the_nearest, 0, 31 / 32)):
        found = indexes.recall_of(indexes.Lookup(model, search), vectors, vectors, own)
        assert (found.images, found.nearest, found.listed) == (120, nearest, listed)


def test_duplicates_of_what_is_described_where_one_encoder_serves_both_sides(many, model_folder):
    run("iscqk describe many --output many.h5", model_folder)
    direct = iscqk.duplicates(many / "many", model_folder)
    found = iscqk.duplicates("many.h5", model_folder)
    pd.testing.assert_frame_equal(found, direct, atol=1e-6)
    gone = direct["image"][0]
    os.remove(gone)
    found = iscqk.duplicates("many.h5", model_folder).set_index("image")
    assert found.loc[gone, ["width", "height"]].tolist() == [0, 0]

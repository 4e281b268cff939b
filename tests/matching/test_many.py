"""More images than one file of descriptors holds: shards that go on, renewed, searched alike."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run
from PIL import Image

import iscqk
from drawn_images import put_drawn
from iscqk.formats.described_images import read_described
from iscqk.formats.described_shards import listed_shards, shard_folder
from iscqk.matching import aside, basis, cache, describing, matches

DESCRIBE = "iscqk describe many --output many.h5"


@pytest.fixture
def many(folder):
    put_drawn(folder / "many", "references", 110, 5, 48)
    for number in range(0, 20, 2):  # copies, for duplicates
        with Image.open(folder / f"many/R{number:06}.jpg") as image:
            image.save(folder / f"many/S{number:06}.jpg", quality=70)
    return folder


@pytest.fixture
def few_in_a_shard(monkeypatch):
    """Let a file hold 50 images."""
    for module in (aside, describing):
        monkeypatch.setattr(module, "ROWS", 50)


@pytest.fixture
def described(monkeypatch):
    """Return a list that gets the name of each image that is described."""
    names, original = [], iscqk.Model.blocks

    def blocks(self, images, *rest):
        left = iter(images)
        for block in original(self, images, *rest):
            names.extend(os.path.basename(next(left)) for _ in block.flat)
            yield block

    monkeypatch.setattr(iscqk.Model, "blocks", blocks)
    return names


def contents(path):
    """Return the names and vectors that a list stands for."""
    parts = [read_described(shard) for shard in listed_shards(path)]
    names = [os.path.basename(file.path) for part in parts for file in part.files]
    return names, np.concatenate([part.vectors for part in parts])


def test_shards_hold_what_one_file_holds(many, model_folder, few_in_a_shard, monkeypatch, capsys):
    run(DESCRIBE, model_folder)
    assert "many.h5: 120 images in 16 dimensions" in capsys.readouterr().out
    names, vectors = contents("many.h5")
    assert len(listed_shards("many.h5")) == 3 and not list(many.rglob(".*"))
    monkeypatch.undo()
    os.chdir(many)
    run("iscqk describe many --output whole.h5", model_folder)
    whole = read_described("whole.h5")
    assert names == [os.path.basename(file.path) for file in whole.files]
    np.testing.assert_allclose(vectors, whole.vectors, atol=1e-5)


@pytest.mark.parametrize(
    "command",
    ["match scans many --against many", "duplicates many", "match scans --against many photos"],
)
def test_what_is_found_is_the_same_from_shards(many, model_folder, monkeypatch, command):
    tables = []
    monkeypatch.setattr(basis, "SAMPLE", 105)  # copies, in one file as they always are
    for rows in (110, 10_000):
        for module in (aside, describing):
            monkeypatch.setattr(module, "ROWS", rows)
        run(f"iscqk {command} --output out{rows}", model_folder)
        assert shard_folder(f"out{rows}/references.h5").exists() == (rows == 110)
        (table,) = Path(f"out{rows}").glob("*.csv")
        tables.append(pd.read_csv(table))
    pd.testing.assert_frame_equal(*tables, atol=1e-5)
    assert len(tables[0]) >= 3


def test_a_list_is_matched_against_as_one_file_is(many, model_folder, few_in_a_shard, caplog):
    run(DESCRIBE, model_folder)
    direct = iscqk.match("scans", ["many", "photos"], model_folder, top=5)
    os.mkdir("elsewhere")
    for name in ("many.h5", "many.shards"):
        shutil.move(name, "elsewhere")
    found = iscqk.match("scans", ["elsewhere/many.h5", "photos", "many"], model_folder, top=5)
    for table in (direct, found):
        table["reference"] = table["reference"].map(os.path.basename)
    columns = ["query", "reference", "rank", "similarity"]
    found, direct = (table.sort_values(columns[::2])[columns] for table in (found, direct))
    pd.testing.assert_frame_equal(*(t.reset_index(drop=True) for t in (found, direct)), atol=1e-5)
    os.remove("many/R000003.jpg")
    iscqk.match("scans", "elsewhere/many.h5", model_folder)
    assert "elsewhere/many.h5: 1 of its 120 images are gone" in caplog.text
    Image.new("RGB", (40, 40)).save("many/R000105.jpg")
    with pytest.raises(iscqk.UserError, match=r"R000105.jpg: changed after elsewhere/many.h5"):
        iscqk.match("scans", "elsewhere/many.h5", model_folder)


def test_a_list_that_is_renewed_while_it_is_matched_against_is_read_as_it_was(
    many, model_folder, few_in_a_shard, monkeypatch
):
    run(DESCRIBE, model_folder)
    whole, look_up = iscqk.match("scans", "many.h5", model_folder), matches.look_up

    def renewed(*arguments):
        found = look_up(*arguments)
        Image.new("RGB", (40, 40), "red").save("many/A.jpg")
        run(DESCRIBE, model_folder)
        return found

    monkeypatch.setattr(matches, "look_up", renewed)
    pd.testing.assert_frame_equal(iscqk.match("scans", "many.h5", model_folder), whole)


@pytest.mark.parametrize("shard", [0, 1, 2])
@pytest.mark.parametrize("leaves_time", [True, False])
def test_after_a_stop_nothing_is_described_twice_and_nothing_is_lost(
    many, model_folder, few_in_a_shard, described, monkeypatch, shard, leaves_time
):
    """Of the shard under way 19 images are kept when the process ends, if it gets to keep them."""
    original, passes = describing.digest_if_unchanged, []

    class Killed(BaseException):
        pass

    def ends(file):
        passes.append(file)
        if len(passes) == 50 * shard + 20:
            raise Killed
        return original(file)

    with monkeypatch.context() as patch:
        patch.setattr(describing, "digest_if_unchanged", ends)
        if not leaves_time:
            patch.setattr(cache.DescriptorCache, "_keep", lambda *_: None)
        with pytest.raises(Killed):
            run(f"{DESCRIBE} --model {model_folder}")
    assert not (many / "many.h5").exists()
    described.clear()
    run(DESCRIBE, model_folder)
    names, vectors = contents("many.h5")
    assert len(names) == len({*names}) == 120 and not list(many.rglob(".*"))
    done = 50 * shard + 19 * leaves_time
    assert {*described} == {*names[done:]} and len(described) == 120 - done
    whole = iscqk.Model.load(model_folder).describe([f"many/{n}" for n in names], "references")
    assert abs(vectors - whole).max() < 1e-5
    described.clear()
    run(DESCRIBE, model_folder)
    assert described == []


def test_a_new_image_is_described_alone_and_a_stop_leaves_the_old_list_whole(
    many, model_folder, few_in_a_shard, described, monkeypatch
):
    run(DESCRIBE, model_folder)
    before, shards = contents("many.h5"), listed_shards("many.h5")
    Image.new("RGB", (40, 40), "red").save("many/A.jpg")  # the first, which moves all others
    described.clear()
    with monkeypatch.context() as patch:
        patch.setattr(cache, "write_list", lambda *_: pytest.fail("stopped"))
        with pytest.raises(pytest.fail.Exception):
            run(DESCRIBE, model_folder)
    names, vectors = contents("many.h5")
    assert names == before[0] and (vectors == before[1]).all() and described == ["A.jpg"]
    run(DESCRIBE, model_folder)
    names, vectors = contents("many.h5")
    assert names == ["A.jpg", *before[0]] and (vectors[1:] == before[1]).all()
    assert described == ["A.jpg"] and listed_shards("many.h5")[1:] == shards
    Image.new("RGB", (40, 40), "blue").save("many/R000060b.jpg")  # in a full shard, which is split
    os.remove("many/R000100.jpg")
    run(DESCRIBE, model_folder)
    names = contents("many.h5")[0]
    assert names == sorted(os.listdir("many")) and described[1:] == ["R000060b.jpg"]
    assert {*listed_shards("many.h5")} & {*shards} == {shards[0]}


def test_what_a_stop_left_is_not_lost_where_other_images_come_before_it(
    many, model_folder, few_in_a_shard, described
):
    """It then belongs to another shard than the one that is described first."""
    os.mkdir("late")
    for number in range(90, 110):
        os.rename(f"many/R{number:06}.jpg", f"late/R{number:06}.jpg")
    run("iscqk describe late --output many.h5", model_folder)
    os.rename("many.h5", ".many.unfinished.h5")
    described.clear()
    run("iscqk describe many late --output many.h5", model_folder)
    assert len(contents("many.h5")[0]) == 120 and len(described) == 100
    assert not list(many.rglob(".*"))


def test_fewer_images_are_one_file_again(many, model_folder, few_in_a_shard, described):
    run(DESCRIBE, model_folder)
    described.clear()
    run("iscqk describe scans many/R000003.jpg --output many.h5", model_folder)
    assert len(read_described("many.h5").files) == 4 and len(described) == 3
    assert not (many / "many.shards").exists()


def test_what_match_keeps_begins_anew_with_another_model_beside_that_of_the_first(
    many, model_folder, few_in_a_shard, described, monkeypatch, caplog
):
    caplog.set_level("INFO")
    command = "iscqk match scans --against many --output found"
    run(command, model_folder)
    described.clear()
    with monkeypatch.context() as patch:
        patch.setattr(iscqk.Model, "digest", lambda *_: "another")
        first = listed_shards("found/references.h5")
        run(command, model_folder)
    told = ", ".join(os.path.relpath(shard) for shard in first)
    assert f"made by {model_folder}" in caplog.text
    assert f"to forget it, remove {told}" in caplog.text
    assert {f"R{number:06}.jpg" for number in range(110)} < {*described}
    assert len(list((many / "found/references.shards").iterdir())) == 2 * 3
    described.clear()
    run(command, model_folder)
    assert described == [] and len(listed_shards("found/references.h5")) == 3


@pytest.mark.parametrize("option", ["another", "--side=queries"])
@pytest.mark.parametrize(
    "kept",
    [
        "many.h5 many.shards",
        "many.shards",  # of a list that was never finished
        "small.h5",
        ".small.unfinished.h5",
    ],
)
def test_what_describe_has_written_by_another_model_is_not_written_over(
    many, model_folder, few_in_a_shard, monkeypatch, capsys, option, kept
):
    output = kept.split()[0].removeprefix(".").split(".")[0]
    command = f"iscqk describe {'many' if output == 'many' else 'scans'} --output {output}.h5"
    run(command, model_folder)
    if kept.startswith("."):
        os.rename("small.h5", kept)
    if kept == "many.shards":
        os.remove("many.h5")
    before = {path: path.read_bytes() for path in many.rglob("*.h5")}
    if option == "another":
        monkeypatch.setattr(iscqk.Model, "digest", lambda *_: "another")
        option = ""
    run(f"{command} {option}", model_folder, 1)
    told = (
        f"{kept.replace(' ', ', ')}: made by another model, or of another side, and would be lost"
    )
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert {path: path.read_bytes() for path in many.rglob("*.h5")} == before
    for place in kept.split():
        shutil.rmtree(place) if os.path.isdir(place) else os.remove(place)
    run(f"{command} {option}", model_folder)


@pytest.mark.parametrize(
    "kept", ["many.h5 many.shards", "many.shards", "scans.h5", ".scans.unfinished.h5"]
)
def test_descriptions_of_other_images_alone_are_not_written_over(
    many, model_folder, few_in_a_shard, described, capsys, caplog, kept
):
    name = kept.split()[0].removeprefix(".").split(".")[0]
    run(f"iscqk describe {name} --output {name}.h5", model_folder)
    if kept.startswith("."):
        os.rename("scans.h5", kept)
    if kept == "many.shards":
        os.remove("many.h5")
    before = {path: path.read_bytes() for path in many.rglob("*.h5")}
    described.clear()
    run(f"iscqk describe photos --output {name}.h5", model_folder, 1)
    count = {"many": 120, "scans": 3}[name]
    told = f"{name}.h5: describes {count} other images, which would be lost; name another --output"
    assert told in capsys.readouterr().err.splitlines()[-1] and described == []
    assert {path: path.read_bytes() for path in many.rglob("*.h5")} == before
    caplog.set_level("INFO")
    os.symlink(name, "again")  # the same images by other names
    first = min(os.listdir(name))
    run(f"iscqk describe again/{first} photos --output {name}.h5", model_folder)
    assert f"{name}.h5: {count - 1} images that it describes are not named" in caplog.text
    assert sorted(described) == sorted(os.listdir("photos"))


@pytest.mark.parametrize("side", ["references", "queries"])
def test_what_another_call_has_written_meanwhile_is_not_written_over(
    folder, model_folder, monkeypatch, capsys, side
):
    """A call waits a moment for one that writes the same file, and is to look at it thereafter."""
    waited_for = describing.exclusive

    def exclusive(path):
        monkeypatch.setattr(describing, "exclusive", waited_for)
        run("iscqk describe photos --output a.h5", model_folder)
        return waited_for(path)

    monkeypatch.setattr(describing, "exclusive", exclusive)
    run(f"iscqk describe scans --side {side} --output a.h5", model_folder, 1)
    told = capsys.readouterr().err.splitlines()[-1]
    assert "would be lost" in told and "; name another --output" in told
    described = {Path(file.path).parent.name for file in read_described("a.h5").files}
    assert described == {"photos"} and not [*folder.glob(".a.*")]


def test_descriptions_of_images_that_are_gone_are_no_loss(many, model_folder, described):
    run(DESCRIBE, model_folder)
    described.clear()
    os.rename("many", "moved")
    run("iscqk describe moved --output many.h5", model_folder)
    assert described == []
    shutil.rmtree("moved")
    run("iscqk describe scans --output many.h5", model_folder)


@pytest.mark.parametrize(
    ("command", "place", "message"),
    [
        ("match scans --against photos", "matches/references.h5", "not an HDF5 file"),
        ("match scans --against photos", "matches/copies.h5", "not an HDF5 file"),
        ("duplicates photos", "duplicates/queries.h5", "not an HDF5 file"),
        ("match scans --against photos", "matches/references.shards", "a file; name a folder"),
        ("describe photos --output photos.h5", "photos.shards", "a file; name a folder"),
    ],
)
def test_what_is_in_the_way_of_what_is_kept_is_told_before_the_work(
    folder, model_folder, monkeypatch, capsys, command, place, message
):
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    monkeypatch.setattr(iscqk.Model, "blocks", lambda *_: pytest.fail("images were described"))
    run(f"iscqk {command}", model_folder, 1)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ") and f"{place}: {message}" in last
    if command.startswith("match"):  # from Python, too
        with pytest.raises(iscqk.UserError, match=message):
            iscqk.match("scans", "photos", model_folder, folder="matches")
    assert path.read_text() == "mine"

"""What is named to be matched: each file once whatever its names, and all that is named."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest
import torch
from commands import run
from PIL import Image

import iscqk
from iscqk.formats.described_images import DescribedImages, File, read_described, write_described
from iscqk.formats.named_files import anchored
from iscqk.formats.path_checks import temporary_of
from iscqk.images.dataset_interface import existing_file, existing_folders
from iscqk.images.finding import find_images
from iscqk.matching import cache, inputs
from iscqk.matching.cache import Caches
from iscqk.matching.inputs import find_inputs
from iscqk.matching.left_out import LeftOut, of_other_kinds
from iscqk.matching.looking_up import left_out_of
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder

FEW = DescribedImages(
    [File("/x.jpg", 1, 1, 1, 1)], [""], np.array([False]), np.ones((1, 4), "f4"), "references", "e"
)


def names(paths):
    return [os.path.basename(path) for path in paths]


@pytest.fixture
def twins(folder):
    """Add a folder of an image, of a copy of it, and of links to both."""
    (folder / "d").mkdir()
    shutil.copy("photos/R000003.jpg", "d/a.jpg")
    shutil.copy("photos/R000003.jpg", "d/b.jpg")
    (folder / "link").symlink_to("d")
    return folder


@pytest.mark.parametrize("against", ["d", "{}/d", "link", "./d/../d", "d/a.jpg link/b.jpg d {}/d"])
def test_a_file_is_itself_under_all_its_names(twins, model_folder, against):
    places = against.format(twins).split()
    found = iscqk.match("d", places, model_folder, top=5)
    assert [*zip(names(found["query"]), names(found["reference"]), strict=True)] == [
        ("a.jpg", "b.jpg"),
        ("b.jpg", "a.jpg"),
    ]


def test_links_to_a_file_take_one_rank(twins, model_folder):
    os.symlink("../d/a.jpg", "photos/soft.jpg")
    os.link("d/b.jpg", "photos/hard.jpg")
    found = iscqk.match(["d/a.jpg", "link/a.jpg"], ["photos", "d"], model_folder, top=3)
    assert names(found["reference"])[:2] in (
        ["hard.jpg", "R000003.jpg"],
        ["R000003.jpg", "hard.jpg"],
    )
    assert found["similarity"].round(5).tolist()[:2] == [1, 1] and found["similarity"][2] < 1 - 1e-4
    assert len(found) == 3


def test_descriptors_are_matched_from_any_folder(twins, model_folder, monkeypatch, caplog):
    run(f"iscqk describe d --model {model_folder} --output d.h5")
    (twins / "elsewhere").mkdir()
    monkeypatch.chdir(twins / "elsewhere")
    found = iscqk.match(twins / "d", "../d.h5", model_folder)
    assert names(found["reference"]) in (["b.jpg", "a.jpg"], ["a.jpg", "b.jpg"])
    assert (found["query"].map(os.path.basename) != found["reference"].map(os.path.basename)).all()
    assert all(map(os.path.isfile, found["reference"]))
    os.utime(twins / "d/a.jpg", (1, 1))  # another date is no other content
    iscqk.match(twins / "d", "../d.h5", model_folder)
    Image.new("RGB", (40, 40)).save(twins / "d/a.jpg")
    with pytest.raises(
        iscqk.UserError, match=r"d/a.jpg: changed after ../d.h5 was written \(1 such"
    ):
        iscqk.match(twins / "d", "../d.h5", model_folder)
    os.remove(twins / "d/a.jpg")
    assert len(iscqk.match(twins / "d", "../d.h5", model_folder)) == 1
    assert "../d.h5: 1 of its 2 images are gone" in caplog.text and "d/a.jpg first" in caplog.text


def test_what_lies_above_the_end_of_a_link_is_not_what_lies_above_the_link(folder, model_folder):
    os.makedirs("far/deep")
    os.symlink("far/deep", "link")
    for number, place in ((3, "far/"), (11, "")):
        shutil.copy(f"photos/R{number:06}.jpg", f"{place}a.jpg")
    run(f"iscqk describe link/../a.jpg --model {model_folder} --output d.h5")
    (described,) = read_described("d.h5").files
    assert described.path == str(folder / "far/a.jpg")
    found = iscqk.match("link/../a.jpg", ["d.h5", "photos"], model_folder)
    assert found["reference"].tolist() == ["photos/R000003.jpg"]  # and not itself
    for path, whole in {"a/../b/c": "b/c", "./a//b/": "a/b", "link/c": "link/c"}.items():
        assert anchored(path) == str(folder / whole)
    assert anchored("link/..") == anchored("link/../../far") == str(folder / "far")


def test_descriptors_beside_a_folder_and_whatever_they_are_called(folder, model_folder):
    os.mkdir("more")
    os.rename("photos/R000011.jpg", "more/R000011.jpg")
    expected = iscqk.match("scans", ["photos", "more"], model_folder, top=30)
    for place, name in (("photos", "PHOTOS.H5"), ("more", "no suffix")):
        run(f"iscqk describe {place} --model {model_folder} --output '{name}'")
    run(f"iscqk describe scans --side queries --model {model_folder} --output queries.hdf5")
    for images, against in [
        ("scans", ["PHOTOS.H5", "more"]),
        ("scans", ["PHOTOS.H5", "no suffix"]),
        ("queries.hdf5", ["photos", "no suffix", "PHOTOS.H5"]),
        (["queries.hdf5", "scans"], ["more", "photos"]),
    ]:
        found = iscqk.match(images, against, model_folder, top=30)
        assert len(found) == len(expected) == 3 * 24
        for side in ("query", "reference"):
            assert names(found[side]) == names(expected[side])
        np.testing.assert_allclose(found["score"], expected["score"], atol=1e-5)


def test_a_cache_knows_files_by_their_content(folder, model_folder, caplog):
    caplog.set_level("INFO")
    os.mkdir("same")
    for name, colours in {"a": "red green", "b": "green red"}.items():
        image = Image.new("RGB", (40, 40), colours.split()[0])
        image.paste(colours.split()[1], (0, 0, 20, 30))
        image.save(f"same/{name}.bmp")
        os.utime(f"same/{name}.bmp", (1e9, 1e9))
    command = f"iscqk describe same --model {model_folder} --output same.h5"
    run(command)
    before = iscqk.match("photos", "same.h5", model_folder, top=2)
    for old, new in [("a", "c"), ("b", "a"), ("c", "b")]:
        os.rename(f"same/{old}.bmp", f"same/{new}.bmp")
    with pytest.raises(iscqk.UserError, match=r"a.bmp: changed after same.h5 .*\(2 such"):
        iscqk.match("photos", "same.h5", model_folder, top=2)
    run(command)
    assert "2 of 2 images are in same.h5" in caplog.text  # under the other's name
    after = iscqk.match("photos", "same.h5", model_folder, top=2)
    swapped = after["reference"].str.translate(str.maketrans("ab", "ba"))
    key = ["query", "reference"]
    a, b = (t.sort_values(key)["score"] for t in (before, after.assign(reference=swapped)))
    assert len(before) == 48
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_link_to_nothing_is_told_and_left_out(folder, model_folder, caplog):
    os.symlink("missing.jpg", "photos/nothing.jpg")
    assert len(iscqk.match("scans", "photos", model_folder, top=99)) == 3 * 24
    assert "photos/nothing.jpg: no such image" in caplog.text


def test_a_link_to_nothing_that_is_named_is_left_out_as_a_folders_is(
    folder, model_folder, caplog, capsys
):
    """So a shell names all that lies in a folder."""
    whole = len(list(Path("scans").iterdir()))
    for name in ("scans/nothing.jpg", "scans/2019"):
        os.symlink(f"no {Path(name).name}", name)
    for named in ("scans", "scans/*"):
        paths = " ".join(map(str, sorted(folder.glob(named))))
        run(f"iscqk match {paths} --against photos --model {model_folder} --output out --top 1")
        told = capsys.readouterr().out
        assert f"{whole} images looked up" in told and "; left out: 2 links to nothing" in told
        left = pd.read_csv("out/left_out.csv")["path"]
        assert {Path(path).name for path in left} == {"nothing.jpg", "2019"}
    assert "scans/2019: 2 such links lead to nothing" in caplog.text
    run(
        f"iscqk match scans/2019 scans/nothing.jpg --against photos --model {model_folder}",
        status=1,
    )
    assert "scans/2019: no such file or folder; correct its path" in capsys.readouterr().err


def test_each_of_several_links_to_one_nothing_is_told(folder, model_folder, capsys):
    names = ["scans/gone", "scans/gone.jpg", "scans/gone too.jpg"]
    for name in names:
        os.symlink("nowhere", name)
    run(f"iscqk match scans scans/../scans --against photos --model {model_folder} --output out")
    assert "; left out: 3 links to nothing (left_out.csv)" in capsys.readouterr().out
    left = pd.read_csv("out/left_out.csv")["path"]
    assert sorted(os.path.relpath(path) for path in left) == sorted(names)


def test_what_is_excluded_is_not_looked_at(folder, model_folder):
    whole = len(find_inputs("photos").images)
    assert len(find_inputs("photos", "R00001?.jpg").images) == whole - 10
    for command in ("match --against photos", "duplicates", "describe"):
        output = "out.h5" if "describe" in command else "out"
        images = "scans" if "match" in command else "photos"
        named = f"--output {output} --model {model_folder} --exclude R00001?.jpg --exclude R00000*"
        run(f"iscqk {command} {named} {images}")
        kept = "out.h5" if "describe" in command else "out/references.h5"
        assert len(read_described(kept).files) == whole - 20
    found = iscqk.match("scans", "photos", model_folder, top=99, exclude=["R00001?.jpg"])
    assert len(found) == 3 * (whole - 10)
    with pytest.raises(iscqk.UserError, match="^exclude a/b: no name; give that of a file or fo"):
        iscqk.duplicates("photos", model_folder, exclude="a/b")


@pytest.mark.parametrize("output", ["out", "."])
def test_what_a_command_has_written_itself_is_not_left_out(
    folder, model_folder, output, capsys, caplog
):
    (folder / "photos/.hidden.heic").touch()  # a picture all the same
    for command in ("match . --against", "duplicates"):
        for _ in range(2):
            run(f"iscqk {command} . --model {model_folder} --output {output}")
            assert "left out: 1 of other kinds" in capsys.readouterr().out
    assert "a system's own" not in caplog.text  # as a lock would be
    shutil.copy("photos/R000003.jpg", f"{output}/picture")
    Path(output, "references.csv").write_text("somebody's")
    for kept in (output, None):
        found = iscqk.duplicates(".", model_folder, folder=kept, exclude=["scans"])
        left_out = {os.path.relpath(path) for path in found.attrs["left_out"]}
        table = os.path.normpath(f"{output}/references.csv")
        assert left_out == {"photos/.hidden.heic", table}
        assert len(found) == 2  # with the picture there


def test_files_that_stopped_commands_leave_are_known_by_their_names(tmp_path):
    copies, shard = tmp_path / "copies.h5", "references.shards/00000-0123456789abcdef.h5"
    index = tmp_path / "references.0123456789abcdef.faiss"
    caches = [*Caches.of(tmp_path), cache.further_of(copies), cache.originals_of(copies)]
    written = [*caches, *map(cache._unfinished, caches), index, tmp_path / shard]
    (tmp_path / "references.shards").mkdir()
    for path in written:
        path.touch()
        temporary_of(path).touch()
    Image.new("RGB", (9, 9)).save(tmp_path / "references.shards/a", "PNG")
    found = find_inputs(tmp_path)
    assert found.images == [tmp_path / "references.shards/a"] and not found.left_out


def test_accents_of_names_are_one_letter_or_two(tmp_path):
    place = tmp_path / normalize("NFD", "größe/é.jpg")
    place.parent.mkdir()
    Image.new("RGB", (9, 9)).save(place)
    composed, folder = tmp_path / normalize("NFC", "größe"), str(place.parent)
    assert find_inputs([composed, composed / "é.jpg"]).images == [place]
    assert existing_folders("training", str(composed)) == [folder]
    assert existing_file("lists.training", str(composed / "é.jpg")) == str(place)
    with pytest.raises(iscqk.UserError, match="größe/ä: no such file or folder"):
        find_inputs(composed / "ä")


def test_what_is_excluded_and_met_nowhere_is_told(folder, model_folder, caplog):
    exclude = ["scrpas", "3.jpg", "R000001.*", "R00000[12].jpg"]  # one of each side, one of both
    iscqk.match("scans", "photos", model_folder, exclude=exclude)
    told = "exclude scrpas: passes over nothing, as nothing that is looked at is named so"
    assert [one for one in caplog.messages if one.startswith("exclude")] == [told]
    caplog.clear()
    find_inputs("photos", exclude)
    assert [one.split(":")[0] for one in caplog.messages] == [
        "exclude scrpas",
        "exclude 3.jpg",
    ]


def test_images_of_several_pages_are_told_once(folder, model_folder, caplog):
    for name in ("a.gif", "b.tif"):
        frames = [Image.open(f"scans/{number}.jpg") for number in (3, 11)]
        frames[0].save(f"photos/{name}", save_all=True, append_images=frames[1:])
    for _ in range(2):
        iscqk.match("scans", "photos", model_folder, folder="kept")
    told = "2 images have several pages or frames (photos/a.gif first); one of each is looked at"
    assert [one for one in caplog.messages if "several" in one] == [told]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("match scans --against photos none", "none: no such file or folder"),
        ("match scans none.jpg --against photos", "none.jpg: no such file or folder"),
        ("match scans --against cut.h5 photos", "cut.h5: not an HDF5 file"),
        ("match photos.h5 --against photos", "photos.h5: describes references, and queries are"),
        ("match photos.h5 --against photos --orientations 8", "photos.h5: of images as they are,"),
        ("duplicates photos.h5 --orientations 8", "photos.h5: of images as they are, and 8 orien"),
        ("match x.HEIC --against photos", "x.HEIC: of a format that is not opened (.HEIC); conv"),
        ("describe x.ppm --output p.h5", "x.ppm: of a format that is not opened (.ppm); convert"),
        ("describe x.dng --output p.h5", "x.dng: of a format that is not opened (.dng); convert"),
        ("describe t.tar.gz --output p.h5", "t.tar.gz: packed; unpack it, or make it again as a"),
        ("match --against photos scans", "no IMAGE is named: --against takes all that follows"),
        ("match scans --against notes.txt", "notes.txt: neither an image nor descriptors"),
        ("match notes.txt --against photos", "notes.txt: neither an image nor descriptors"),
        ("duplicates photos none", "none: no such file or folder"),
        ("duplicates photos --output photos/R000001.jpg", "R000001.jpg: a file; name"),
        ("duplicates photos.h5", "photos.h5: of one side only; name images"),
        ("describe notes.txt --output p.h5", "notes.txt: neither an image nor descriptors"),
        ("describe photos.h5 --output p.h5", "photos.h5: described already"),
        ("match scans --against photos --output photos/R000001.jpg", "R000001.jpg: a file; name"),
        ("match scans --against photos --output photos/R000001.jpg/x", "R000001.jpg: a file; name"),
        ("match scans --against photos --output taken", "taken/matches.html: a folder; name"),
        ("describe photos --output photos", "photos: a folder; name a file"),
        ("describe photos --output photos/R000001.jpg", "R000001.jpg: there already, and no"),
        ("describe photos --output scans/3.jpg/x.h5", "scans/3.jpg: a file; name a folder"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(
    folder, model_folder, tmp_path_factory, monkeypatch, capsys, command, message
):
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(model_folder, other, dirs_exist_ok=True)
    shutil.copy(other / "q.safetensors", other / "k.safetensors")
    os.makedirs("taken/matches.html")
    for name in ("notes.txt", "x.HEIC", "t.tar.gz"):
        (folder / name).write_text("no image")
    Image.new("RGB", (20, 20)).save(folder / "x.ppm")
    Image.new("RGB", (20, 20)).save(folder / "x.dng", "TIFF")  # as its thumbnail is
    (folder / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    if "photos.h5" in command:
        make_different(other)
        run(f"iscqk describe photos --model {other} --output photos.h5")
    monkeypatch.setattr(iscqk.Model, "blocks", lambda *_: pytest.fail("images were described"))
    kept = sorted(folder.rglob("*"))
    run(f"iscqk {command} --model {other}", status=1)
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert sorted(folder.rglob("*")) == kept


def lock(path):
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")


@pytest.mark.parametrize(
    "command",
    [
        "match locked --against photos",
        "match scans --against locked.h5",
        "match scans --against locked.tar",
        "duplicates locked.h5",
        "describe locked.txt --output d.h5",
        "describe photos --output locked.h5",
        "score locked.csv truth.csv",
        "score locked truth.csv",
    ],
)
def test_a_file_that_may_not_be_read_is_told_in_a_line(folder, capsys, command):
    (name,) = (word for word in command.split() if word.startswith("locked"))
    write_described(folder / name, FEW)
    lock(folder / name)
    (folder / "truth.csv").write_text("query_id,reference_id\nQ00001,R000001\n")
    run(f"iscqk {command}", status=1)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"error: {name}: cannot be read (Permission denied); make it readable"


@pytest.mark.parametrize(
    "command", ["match locked/a.jpg --against photos", "score t.csv locked/a.csv"]
)
def test_a_file_in_a_folder_that_may_not_be_entered_is_not_missing(folder, capsys, bar, command):
    bar("locked")
    run(f"iscqk {command}", status=1)
    told = "cannot be read (Permission denied); make its folder readable (chmod +rx)"
    assert told in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_that_may_be_listed_and_not_entered_is_left_out(folder, model_folder):
    """As `chmod -R 644` leaves one: its files have names, and nobody may look at them."""
    closed = folder / "photos/closed"
    closed.mkdir()
    for name in ("R000003.jpg", "R000004.jpg"):
        shutil.copy(f"photos/{name}", closed)
    (closed / "notes.txt").write_text("")
    (closed / "link.txt").symlink_to("/nowhere")
    closed.chmod(0o644)
    options = f"--model {model_folder} --output out --threads 1"
    program = f"{sys.executable} -m iscqk.cli duplicates photos {options}"
    done = subprocess.run([*as_nobody(), *program.split()], capture_output=True, text=True)
    closed.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert "2 images cannot be read and are left out" in done.stderr
    why = pd.read_csv("out/left_out.csv").set_index("path")["why"]
    barred = [f"photos/closed/{name}" for name in ("R000003.jpg", "R000004.jpg")]
    assert why[barred].str.contains("Permission denied").all()
    assert set(why.index) == {*barred, "photos/closed/link.txt", "photos/closed/notes.txt"}


def as_nobody():
    """Return how to start a program that folders can be closed to, also where root does."""
    if os.geteuid():
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("no setpriv, without which root may enter everything")
    rights = "-dac_override,-dac_read_search"
    return [setpriv, f"--inh-caps={rights}", f"--bounding-set={rights}"]


def test_of_two_names_of_one_file_that_is_told_by_which_it_cannot_be_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    (tmp_path / "a.txt").hardlink_to(tmp_path / "a.jpg")
    unreadable = LeftOut(str(tmp_path / "a.jpg"), "cannot read this image (damaged)")
    passed = of_other_kinds([tmp_path / "a.txt"])
    named, described = SimpleNamespace(left_out=passed), SimpleNamespace(left_out=[unreadable])
    assert left_out_of([named], described) == [unreadable]


def test_an_image_that_may_not_be_read_is_left_out_as_in_a_folder(folder, model_folder, caplog):
    lock(folder / "scans/3.jpg")
    assert len(iscqk.match(["scans/3.jpg", "scans/11.jpg"], "photos", model_folder)) == 1
    assert "scans/3.jpg: cannot read this image (Permission denied)" in caplog.text


NUMBERS = [
    *({"top": value} for value in (0, 1.5, "1", True)),
    *({"threads": value} for value in (0, "2", 1.0, True)),
    *({"threshold": value} for value in (np.nan, "0.5")),
    *({"orientations": value} for value in (4, 8.0, True)),
]


@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_numbers_that_nothing_can_be_done_with_are_told_in_python_too(folder, model_folder, number):
    (name,) = number
    with pytest.raises(iscqk.UserError, match=f"^{name} "):
        iscqk.match("scans", "photos", model_folder, **number)
    if name not in ("top", "threshold"):
        with pytest.raises(iscqk.UserError, match=f"^{name} "):
            iscqk.duplicates("photos", model_folder, **number)
    if name == "threads":
        with pytest.raises(iscqk.UserError, match="^threads "):
            iscqk.Model.load(model_folder, **number)
        with pytest.raises(iscqk.UserError, match="^threads "):
            iscqk.Model.load(model_folder).describe(["scans/3.jpg"], **number)


def test_what_is_no_path_is_told_in_python_too(folder, model_folder):
    told = "3: the path of a folder is needed$"
    for call in (
        lambda: iscqk.Model.load(3),
        lambda: iscqk.match("scans", "photos", 3),
        lambda: iscqk.match("scans", "photos", model_folder, folder=3),
        lambda: iscqk.duplicates("photos", model_folder, folder=3),
    ):
        with pytest.raises(iscqk.UserError, match=f"^(model|folder) {told}"):
            call()


def is_refused(given, model_folder, told):
    for call in (
        lambda: iscqk.match(given, "photos", model_folder),
        lambda: iscqk.match("scans", given, model_folder),
        lambda: iscqk.duplicates(given, model_folder),
    ):
        with pytest.raises(iscqk.UserError, match=told):
            call()


@pytest.mark.parametrize("given", [[], (), iter([])], ids=["list", "tuple", "iterator"])
def test_nothing_that_is_named_is_told(folder, model_folder, given):
    is_refused(given, model_folder, "^no image is named; name files or folders$")


@pytest.mark.parametrize("given", ["", ["scans", ""]])
def test_an_empty_name_is_not_this_folder(folder, model_folder, given):
    is_refused(given, model_folder, "^an empty name; name files or folders")
    with pytest.raises(iscqk.UserError, match="^an empty name; name files or folders"):
        find_images(["photos", ""])
    with pytest.raises(iscqk.UserError, match="^an empty name; name files or folders"):
        iscqk.Model.load("")
    assert len(find_inputs(".").images) == 27


@pytest.mark.parametrize("wrong", [None, 3, b"scans", [b"scans"], [None], np.zeros((8, 8, 3))])
def test_what_is_no_name_is_told(folder, model_folder, wrong):
    is_refused(wrong, model_folder, "not what is looked at; give names of files")


def test_what_is_open_or_a_table_is_told_with_what_to_give(folder, model_folder):
    content = Path("scans/3.jpg").read_bytes()
    model = iscqk.Model.load(model_folder)
    table = pd.DataFrame({"path": ["scans/3.jpg"]})
    with open("scans/3.jpg", "rb") as file, open("scans/3.jpg") as text:
        for given in (file, text, io.BytesIO(content), [io.BytesIO(content)]):
            with pytest.raises(iscqk.UserError, match=r"^\w+: not .* file, file.read\(\)$"):
                model.describe(given)
            is_refused(given, model_folder, "not what is looked at; .*; of an open file, its name$")
    is_refused(table, model_folder, "^DataFrame: not .*; of a table, one column$")
    with pytest.raises(iscqk.UserError, match="^DataFrame: not .*; of a table, one column$"):
        model.describe(table)
    for given in (np.zeros((8, 8, 3)), np.array("scans/3.jpg")):
        with pytest.raises(iscqk.UserError, match="^ndarray: not .* Pillow"):
            model.describe(given)
    is_refused(bytearray(content), model_folder, "^bytes: not what is looked at; give names")


def test_paths_and_bytes_are_taken_in_whatever_they_come(folder, model_folder):
    model = iscqk.Model.load(model_folder)
    rows = model.describe("scans/3.jpg")
    content = Path("scans/3.jpg").read_bytes()
    (entry,) = (one for one in os.scandir("scans") if one.name == "3.jpg")
    for given in (entry, [entry], bytearray(content), memoryview(content), [memoryview(content)]):
        np.testing.assert_array_equal(model.describe(given), rows)
    for given in (os.scandir("scans"), list(os.scandir("scans"))):
        assert len(iscqk.match(given, "photos", model)) == 3
    assert iscqk.match(entry, "photos", model)["query"].tolist() == ["scans/3.jpg"]


def test_names_may_come_in_anything_that_can_be_gone_through(folder, model_folder):
    whole = iscqk.match("scans", "photos", model_folder)
    names = [f"scans/{name}" for name in os.listdir("scans")]
    for given in (iter(names), np.array(names), pd.Series(names, index=[7, 8, 9]), set(names)):
        found = iscqk.match(given, "photos", model_folder)
        pd.testing.assert_frame_equal(
            found.sort_values("query", ignore_index=True),
            whole.sort_values("query", ignore_index=True),
        )


def make_different(model_folder):
    """Give the side of the references another network."""
    torch.manual_seed(1)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()
    save_encoder(model_folder / "k.safetensors", encoder, {})


def test_places_that_follow_several_against_are_all_searched(folder, model_folder):
    os.mkdir("more")
    os.rename("photos/R000011.jpg", "more/R000011.jpg")
    run(f"iscqk match scans --against photos --against more --model {model_folder}")
    assert len(set(pd.read_csv("matches/matches.csv")["reference"])) == 3
    assert len(find_inputs(["photos", "more", "photos"]).images) == 24


@pytest.mark.parametrize(
    "command",
    [
        "match scans/3.jpg --against kept/references.h5 d --output kept",
        "match link.h5 scans --against d --output kept",
        "duplicates kept/references.h5 d --output kept",
    ],
)
def test_descriptions_that_are_read_are_not_written_over(twins, model_folder, command, capsys):
    """Those of the other images would take their place, and hours of work with them."""
    run(f"iscqk describe photos --model {model_folder} --output kept/references.h5")
    run(f"iscqk describe scans --side queries --model {model_folder} --output kept/queries.h5")
    os.symlink("kept/queries.h5", "link.h5")
    before = {path: path.read_bytes() for path in (twins / "kept").iterdir()}
    capsys.readouterr()
    run(f"iscqk {command} --model {model_folder}", status=1)
    told = "would be written over by descriptions of other images; keep these elsewhere (--output)"
    assert f"s.h5: {told}" in capsys.readouterr().err.replace("link.h5", "links.h5")
    assert {path: path.read_bytes() for path in (twins / "kept").iterdir()} == before
    alone = "match kept/queries.h5 --against kept/references.h5 --output kept"
    run(f"iscqk {alone} --model {model_folder}")  # nothing else is described


def test_what_is_no_file_or_broken_is_named_and_left_out_and_never_waited_for(folder, model_folder):
    os.mkfifo("photos/pipe.jpg")
    os.symlink("/dev/zero", "photos/device.jpg")
    for number in range(12):
        Path(f"photos/broken{number}.jpg").write_bytes(b"no image")
    command = f"describe photos --model {model_folder} --output photos.h5 --threads 1"
    program = [sys.executable, "-m", "iscqk.cli", *command.split()]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout == "photos.h5: 24 images in 16 dimensions\n"
    for name in ("pipe.jpg", "device.jpg", *(f"broken{number}.jpg" for number in range(12))):
        assert f"photos/{name}: " in done.stderr
    assert "14 images cannot be read and are left out" in done.stderr


@pytest.mark.parametrize("command", ["duplicates photos", "match photos --against photos"])
def test_what_is_looked_at_twice_is_told_once(folder, model_folder, caplog, command):
    """As what may be a copy, perhaps turned, and as what may have been copied."""
    Path("photos/broken.jpg").write_bytes(b"no image")
    frames = [Image.new("RGB", (50, 50), color) for color in ("red", "blue")]
    frames[0].save("photos/moves.gif", save_all=True, append_images=frames[1:])
    run(f"iscqk {command} --model {model_folder} --orientations 8")
    told = caplog.text
    assert told.count("photos/broken.jpg: cannot read this image") == 1
    assert told.count("1 image cannot be read and is left out") == 1
    assert told.count("has several pages or frames") == 1


def test_a_file_that_is_touched_meanwhile_is_no_copy_of_itself(folder, model_folder, monkeypatch):
    described = iscqk.Model.blocks

    def touched(model, images, side, *others):
        yield from described(model, images, side, *others)
        for number, path in enumerate(sorted(Path("photos").iterdir())):
            os.utime(path, (number, 1000 + number + 100 * len(side)))

    monkeypatch.setattr(iscqk.Model, "blocks", touched)
    found = iscqk.match("photos", "photos", model_folder)
    assert len(found) == 24 and not (found["query"] == found["reference"]).any()


def test_what_takes_long_to_look_at_is_told_before(folder, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(inputs, "_MANY", len(find_inputs("photos").images) - 1)
    monkeypatch.setattr(inputs, "without_repeats", lambda _: caplog.messages.copy())
    assert "looking at " in find_inputs("photos").images[-1]
    monkeypatch.setattr(inputs, "_MANY", 10_000)
    assert find_inputs("photos").images == caplog.messages[:1]

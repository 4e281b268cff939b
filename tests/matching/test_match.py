"""`iscqk match` and `describe`, and the same from Python, on drawn images and AugLy's copies."""

import copy
import multiprocessing
import os
import pickle
import re
import shutil
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from commands import run
from PIL import Image

import iscqk
from drawn_images import put_drawn
from iscqk.images.reading_ahead import Ahead
from iscqk.matching.match_page import address
from iscqk.matching.model_folder import RankedBy
from iscqk.models.device import own_settings
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder
from iscqk.runtime.shutdown import LOST_WORKER
from written_shards import write_descriptors

COPIED = [3, 11, 20]


def test_copies_are_found_and_shown(folder, model_folder, capsys):
    run(f"iscqk match scans --against photos --model {model_folder}")
    table = pd.read_csv("matches/matches.csv")
    expected = {f"scans/{n}.jpg": f"photos/R{n:06d}.jpg" for n in COPIED}
    assert dict(zip(table["query"], table["reference"], strict=True)) == expected
    assert table.columns.tolist() == [
        *("query", "reference", "rank", "score", "similarity", "chance", "likely", "basis")
    ]
    assert table["score"].is_monotonic_decreasing and (table["similarity"] > 0.9).all()
    assert set(table["basis"]) == {
        "none, too few references to tell copies from chance, 24 of at least 100"
    }
    shown = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"-       [01]\.\d{3}  scans/\d+.jpg +photos/R\d{6}.jpg", shown[0])
    assert shown[3:] == [
        "3 images looked up, and no basis to call any a likely copy",
        f"basis of likely: {table['basis'][0]}",
        "matches/matches.html, matches/matches.csv",
    ]
    page = open("matches/matches.html").read()
    assert len(re.findall(r'<img src="data:image/jpeg;base64,', page)) == 6
    assert "<h2>Nearest, and none judged</h2>" in page
    assert not re.search(r'src="(?!data:)', page) and "scans/11.jpg" in page
    assert {*re.findall(r'href="([^"]*)"', page)} == {
        f"../{name}" for pair in expected.items() for name in pair
    }


def test_equal_images_are_copies_without_a_basis(folder, model_folder, capsys):
    shutil.copy("photos/R000005.jpg", "scans/same.jpg")
    run(f"iscqk match scans --against photos --model {model_folder}")
    table = pd.read_csv("matches/matches.csv")
    assert table["query"].tolist()[0] == "scans/same.jpg" and table["chance"].tolist()[0] == 0
    assert table["likely"].tolist()[0] and table["likely"].isna().sum() == len(COPIED)
    told = (
        "4 images looked up, 1 equal to a reference, and no basis to call any other a likely copy"
    )
    assert told in capsys.readouterr().out
    assert "Pairs called likely are of equal images;" in open("matches/matches.html").read()
    run(f"iscqk match scans --against photos --model {model_folder} --threshold 1.01")
    assert "4 images looked up, 1 equal to a reference, and no" in (out := capsys.readouterr().out)
    assert "likely copy; 1 below the threshold" in out
    for name in ("first", "second"):
        shutil.copy("photos/R000007.jpg", f"photos/{name}.jpg")
    run(f"iscqk duplicates photos scans --model {model_folder}")
    table = pd.read_csv("duplicates/duplicates.csv")
    assert sorted(table["image"]) == [
        *("photos/R000005.jpg", "photos/R000007.jpg", "photos/first.jpg", "photos/second.jpg"),
        "scans/same.jpg",
    ]
    assert table["group"].tolist() == [1, 1, 2, 2, 2] and (table["similarity"] > 0.999).all()
    assert "5 images in 2 groups of equal ones; 25 of 30 images" in capsys.readouterr().out
    assert "what are equal to it. The one" in open("duplicates/duplicates.html").read()


def test_pictures_that_differ_a_little_are_not_equal(folder, model_folder, capsys):
    """As screenshots of a telephone that differ in its clock, which a model hardly sees."""
    with Image.open("photos/R000005.jpg") as image:
        picture = image.resize((640, 640))
    for number in range(3):
        picture.paste((60 + 40 * number,) * 3, (9, 9, 12, 12))
        picture.save(f"photos/{number}.png")
    shutil.copy("photos/2.png", "photos/3.png")
    run(f"iscqk duplicates photos --model {model_folder}")
    table = pd.read_csv("duplicates/duplicates.csv")
    assert sorted(table["image"]) == ["photos/2.png", "photos/3.png"]
    (folder / "clock").mkdir()
    os.rename("photos/1.png", "clock/1.png")
    run(f"iscqk match clock --against photos --model {model_folder}")
    table = pd.read_csv("matches/matches.csv")
    assert 1 - 1e-6 < table["similarity"].max() < 1 and table["likely"].isna().all()
    assert "1 image looked up, and no basis to call any a likely copy" in capsys.readouterr().out


def test_tables_have_the_same_types_whatever_their_rows(folder, model_folder):
    put_drawn("album", "references", 120, 5, 48)
    shutil.copy("album/R000005.jpg", "same.jpg")
    few, judged, none, alone = (
        iscqk.match("scans", "photos", model_folder),
        iscqk.match(["scans", "same.jpg"], "album", model_folder, folder="kept"),
        iscqk.match("scans", "photos", model_folder, threshold=9),
        iscqk.match("same.jpg", "same.jpg", model_folder),
    )
    joined = pd.concat([few, judged, none, alone])
    assert not len(none) and not len(alone) and judged["likely"].notna().all()
    for table in (few, judged, none, alone):
        pd.testing.assert_series_equal(table.dtypes, joined.dtypes)
    assert not len(few[few["likely"]]) and len(joined[joined["likely"]]) == 1
    groups = [
        iscqk.duplicates("photos", model_folder),
        iscqk.duplicates(["same.jpg", "album"], model_folder, folder="kept"),
    ]
    for table in groups:
        pd.testing.assert_series_equal(table.dtypes, groups[1].dtypes)
    assert [len(table) for table in groups] == [0, 2]
    assert (~pd.concat(groups)["largest"]).sum() == 1


def test_of_few_images_two_networks_tell_not_even_equal_ones(folder, model_folder):
    two = Path(shutil.copytree(model_folder, "two"))
    save_encoder(two / "q.safetensors", Encoder(EncoderConfig("test_resnet", 32, "gem", 16)), {})
    with pytest.raises(iscqk.UserError, match="^no basis to tell copies by: too few references"):
        iscqk.duplicates("photos", two)


def test_names_are_text_in_the_page(folder, model_folder):
    os.rename("scans/3.jpg", "scans/<b>&.jpg")
    run(f"iscqk match 'scans/<b>&.jpg' --against photos --model {model_folder} --output out")
    page = open("out/matches.html").read()
    assert "scans/&lt;b&gt;&amp;.jpg" in page and "<b>" not in page
    assert 'href="../scans/%3Cb%3E%26.jpg"' in page


def test_a_link_is_relative_whatever_a_file_is_called(folder):
    os.makedirs("out/pages")
    for name in ("javascript:x.jpg", "#1?.jpg", "a\udce9.jpg"):
        Path(name).write_bytes(b"")
    assert address("javascript:x.jpg", "page.html") == "javascript%3Ax.jpg"
    assert address("#1?.jpg", folder / "out/pages/p.html") == "../../%231%3F.jpg"
    assert address("a\udce9.jpg", "out/../out/p.html") == "../a%E9.jpg"
    assert address("gone.jpg", "page.html") is None


def test_only_new_and_changed_images_are_described_again(folder, model_folder, caplog):
    command = f"iscqk describe photos --model {model_folder} --output photos.h5"
    caplog.set_level("INFO")
    run(command)
    Image.new("RGB", (40, 40), "red").save("photos/R000003.jpg")
    Image.new("RGB", (40, 40), "blue").save("photos/new.jpg")
    run(command)
    assert "23 of 25 images are in photos.h5" in caplog.text
    model = iscqk.Model.load(model_folder)
    paths = sorted(map(str, (folder / "photos").iterdir()))
    found = iscqk.match("scans", "photos.h5", model, top=25)
    direct = model.describe(paths, "references") @ model.describe(["scans/11.jpg"])[0]
    mine = found[found["query"] == "scans/11.jpg"].sort_values("reference")
    np.testing.assert_allclose(mine["similarity"], direct, atol=1e-5)


def test_descriptors_that_are_stale_or_of_another_model_are_refused(
    folder, model_folder, tmp_path_factory, capsys
):
    run(f"iscqk describe photos --model {model_folder} --output photos.h5")
    other = tmp_path_factory.mktemp("other")
    for side in "qk":
        save_encoder(
            other / f"{side}.safetensors", Encoder(EncoderConfig("test_resnet", 32, "gem", 16)), {}
        )
    run(f"iscqk match scans --against photos.h5 --model {other}", status=1)
    told = capsys.readouterr().err
    assert "photos.h5: of another model or side" in told
    assert f"(made by {model_folder}); name with --model the model that made it" in told
    Image.new("RGB", (40, 40)).save("photos/R000003.jpg")
    run(f"iscqk match scans --against photos.h5 --model {model_folder}", status=1)
    assert "photos/R000003.jpg: changed after photos.h5" in capsys.readouterr().err
    os.remove("photos/R000003.jpg")  # gone does no harm
    run(f"iscqk match scans --against photos.h5 --model {model_folder}")


def test_unreadable_images_are_told_and_left_out(folder, model_folder, caplog, capsys):
    (folder / "photos/broken.jpg").write_bytes(b"no image")
    (folder / "scans/empty.png").write_bytes(b"")
    run(f"iscqk match scans --against photos --model {model_folder} --threads 2")
    assert "photos/broken.jpg: cannot read this image" in caplog.text
    assert "scans/empty.png: cannot read this image" in caplog.text
    assert len(pd.read_csv("matches/matches.csv")) == 3
    run(f"iscqk match scans/empty.png --against photos --model {model_folder}", status=1)
    assert "error: scans/empty.png: no image can be read" in capsys.readouterr().err
    with pytest.raises(iscqk.UserError, match="scans/empty.png: cannot read this image"):
        iscqk.Model.load(model_folder).describe(["scans/3.jpg", "scans/empty.png"])
    for table in (
        iscqk.match("scans", ["scans/3.jpg", "photos/broken.jpg"], model_folder),
        iscqk.duplicates(["scans", "photos/broken.jpg"], model_folder),
    ):
        why = table.attrs["left_out"]
        assert table[["basis"]].attrs["left_out"] is why  # pandas would copy it with each table
        assert sorted(why) == ["photos/broken.jpg", "scans/empty.png"]
        assert why["scans/empty.png"].startswith("cannot read this image (an empty file)")
    assert iscqk.match("photos/R000001.jpg", "scans/3.jpg", model_folder).attrs["left_out"] == {}


def test_of_many_images_the_one_that_cannot_be_read_is_named_by_its_place(folder, model_folder):
    model = iscqk.Model.load(model_folder)
    content = Path("scans/3.jpg").read_bytes()
    images = [content] * 66 + [b"no image", content, Image.new("RGB", (0, 7))]
    before = torch.get_num_threads()
    with pytest.raises(iscqk.BadImage, match=r"^image in .*\(images\[66\] of 69\)$") as caught:
        model.describe(images, threads=before + 1)
    assert caught.value.index == 66 and caught.value.reason.startswith("none of the formats")
    assert pickle.loads(pickle.dumps(caught.value)).index == 66
    assert torch.get_num_threads() == before and not multiprocessing.active_children()
    rows = model.describe(images, bad_images="nan")
    assert np.flatnonzero(np.isnan(rows).any(1)).tolist() == [66, 68]
    assert rows.dtype == np.float32 and (rows[67] == rows[65]).all()
    with pytest.raises(iscqk.UserError, match="^bad_images 'skip': there is none; name"):
        model.describe(images, bad_images="skip")


@pytest.mark.parametrize(
    ("error", "told"),
    [(RuntimeError("DataLoader worker (pid 7) is killed"), LOST_WORKER), (ValueError("bug"), None)],
    ids=["lost worker", "bug"],
)
def test_what_a_command_has_a_line_for_is_an_error_for_users_in_python_too(
    folder, model_folder, monkeypatch, error, told
):
    def fail(*_):
        raise error
        yield

    monkeypatch.setattr("iscqk.matching.model.describe", fail)
    model = iscqk.Model.load(model_folder)
    for call in (
        lambda: model.describe("scans/3.jpg"),
        lambda: iscqk.match("scans", "photos", model),
        lambda: iscqk.duplicates("photos", model),
    ):
        with pytest.raises(iscqk.UserError if told else ValueError) as caught:
            call()
        assert caught.value.__cause__ is error if told else caught.value is error
        assert not told or str(caught.value) == told


@pytest.mark.parametrize(
    "command", ["match scans photos --against photos", "duplicates photos scans"]
)
def test_what_was_not_looked_at_is_in_all_that_is_kept(
    folder, model_folder, unlisted, capsys, command
):
    (folder / "photos" / unlisted).mkdir()
    names = ("photos/broken.jpg", "photos/a.jp2", "scans/b.TGA", "scans/notes, old.txt")
    for name in names:
        (folder / name).write_bytes(b"no image")
    (folder / "photos/2019").symlink_to("/nowhere")
    run(f"iscqk {command} --model {model_folder} --output out")
    told = "1 unreadable, 3 of other kinds, 1 folder that cannot be listed, 1 link to nothing"
    told += " (left_out.csv)"
    assert capsys.readouterr().out.splitlines()[-3].endswith(f"; left out: {told}")
    (page,) = folder.glob("out/*.html")
    assert f"<dt>left out</dt><dd>{told}</dd>" in page.read_text()
    why = pd.read_csv("out/left_out.csv").set_index("path")["why"]
    assert why[names[0]].startswith("cannot read this image (") and len(why) == 6
    assert why[[*names[1:3]]].str.startswith("of a format that is not opened;").all()
    assert why[names[3]] == "not named as an image"
    assert why[f"photos/{unlisted}"] == "cannot be listed (Permission denied)"
    assert why["photos/2019"] == "a link that leads to nothing, as where its disk is away"
    for name in (*names, "photos/2019"):
        (folder / name).unlink()
    (folder / "photos" / unlisted).rmdir()
    run(f"iscqk {command} --model {model_folder} --output out")
    assert "left out" not in capsys.readouterr().out + page.read_text()
    assert not Path("out/left_out.csv").exists()


def test_a_folder_against_itself_pairs_no_image_with_itself(folder, model_folder):
    found = iscqk.match("photos", folder / "photos", model_folder, top=2)
    assert len(found) == 48 and set(found["rank"]) == {1, 2}
    assert not (
        found["query"].map(os.path.basename) == found["reference"].map(os.path.basename)
    ).any()


def test_a_bank_makes_scores_comparable_and_a_threshold_cuts_them(folder, model_folder):
    model = iscqk.Model.load(model_folder)
    bank = model.describe(sorted((folder / "photos").iterdir())[:9], "references")
    plain = iscqk.match("scans", "photos", model, top=24)
    assert (plain["score"] == plain["similarity"]).all() and plain["likely"].isna().all()
    model.ranking = RankedBy(bank, temperature=0.1, name="log_partition")
    found = iscqk.match("scans", "photos", model, top=24)
    queries = model.describe(sorted((folder / "scans").iterdir()))
    levels = 0.1 * np.log(np.exp(queries.astype(float) @ bank.T / 0.1).mean(1))
    levels = dict(zip(map(str, sorted((folder / "scans").iterdir())), levels, strict=True))
    taken_off = found["query"].map(lambda name: levels[str(folder / name)])
    np.testing.assert_allclose(found["similarity"] - found["score"], taken_off, atol=1e-5)
    cut = iscqk.match("scans", "photos", model, top=24, threshold=0.03)
    assert len(cut) == (found["score"] >= 0.03).sum() and cut["score"].min() >= 0.03


def test_images_in_memory_are_described_like_files(folder, model_folder):
    model = iscqk.Model.load(model_folder)
    with Image.open("photos/R000003.jpg") as image:
        image.save("photo.png")  # a JPEG file would be decoded at a fraction of its size
        sources = ["photo.png", open("photo.png", "rb").read(), image]
        rows = model.describe(sources)
    assert rows.shape == (3, 16) and rows.dtype == np.float32
    np.testing.assert_allclose(rows, rows[:1].repeat(3, axis=0), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_images_are_described_one_by_itself_or_in_anything_that_can_be_gone_through(
    folder, model_folder
):
    model = iscqk.Model.load(model_folder)
    names = ["scans/3.jpg", "scans/11.jpg"]
    rows = model.describe(names)
    for given in (iter(names), map(Path, names), np.array(names), pd.Series(names, index=[7, 8])):
        np.testing.assert_array_equal(model.describe(given), rows)
    content = Path(names[0]).read_bytes()
    with Image.open(names[0]) as image:
        for given in (names[0], Path(names[0]), content, image):
            assert model.describe(given).shape == (1, 16)
        np.testing.assert_array_equal(model.describe(names[0]), model.describe(names[:1]))
        pixels = np.asarray(image)
    assert model.describe([]).shape == model.describe(iter([])).shape == (0, 16)
    for wrong in (None, 0, [0], [None], [content, 3], pixels, [pixels], [open(names[0], "rb")]):
        with pytest.raises(iscqk.UserError, match="not what is looked at; give paths, files' byt"):
            model.describe(wrong)


def test_torch_has_as_many_threads_afterwards_as_before(folder, model_folder):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        model = iscqk.Model.load(model_folder)
        left_early = model.blocks(["scans/3.jpg"] * 65, "queries", 1)
        assert next(left_early) and torch.get_num_threads() == 1
        left_early.close()
        assert torch.get_num_threads() == 3
        iscqk.match("scans", "photos", model_folder)
        assert torch.get_num_threads() == 3
        assert not len(iscqk.duplicates("photos", model_folder))
        with pytest.raises(iscqk.UserError, match="no such image"):
            model.describe(["scans/3.jpg", "none.jpg"])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_what_the_caller_has_set_of_torch_reaches_no_number(folder):
    settings = {"default_dtype": torch.float64, "float32_matmul_precision": "medium"}

    def numbers():
        model = iscqk.Model()
        rows = model.describe("scans/3.jpg")
        pairs = iscqk.match("scans/3.jpg", "scans/11.jpg", model)[["similarity", "score"]]
        return [rows, model.levels(rows), pairs]

    before = numbers()
    was = {name: getattr(torch, f"get_{name}")() for name in settings}
    try:
        with torch.autocast("cpu", dtype=torch.float16), torch.device("meta"):
            for name, value in settings.items():
                getattr(torch, f"set_{name}")(value)
            seen = numbers()
            assert torch.is_autocast_enabled("cpu") and torch.get_default_device().type == "meta"
        assert settings == {name: getattr(torch, f"get_{name}")() for name in settings}
    finally:
        for name, value in was.items():
            getattr(torch, f"set_{name}")(value)
    for one, other in zip(before, seen, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("at", ["", "mkldnn", "cudnn", "mkldnn.matmul", "cuda.matmul"])
def test_how_precisely_torch_multiplies_is_as_before_whoever_was_told(at):
    names = ("mkldnn", "cudnn", "mkldnn.matmul", "mkldnn.conv", "cuda.matmul")
    backends = {"": torch.backends} | {name: attrgetter(name)(torch.backends) for name in names}

    def precisions():
        return [backend.fp32_precision for backend in backends.values()]

    before, own = precisions(), backends[at].fp32_precision
    backends[at].fp32_precision = "tf32"
    try:
        told = precisions()
        with own_settings():
            assert {*precisions()} <= {"none", "ieee"}
        assert precisions() == told != before
    finally:
        backends[at].fp32_precision = own
    assert precisions() == before  # nothing else keeps what one was told


def test_a_model_computes_with_the_threads_that_it_was_loaded_with(
    folder, model_folder, monkeypatch
):
    before, seen = torch.get_num_threads(), []
    described = iscqk.Model.blocks
    monkeypatch.setattr(
        iscqk.Model, "blocks", lambda *given: seen.append(given[3]) or described(*given)
    )
    model = iscqk.Model.load(model_folder, threads=2)
    assert torch.get_num_threads() == before
    model.describe("scans/3.jpg")
    model.describe("scans/3.jpg", threads=1)
    assert seen == [2, 1]
    iscqk.match("scans/3.jpg", "scans/11.jpg", model)
    iscqk.duplicates("scans", model)
    assert set(seen[2:]) == {2} and len(seen) > 4 and torch.get_num_threads() == before
    iscqk.match("scans/3.jpg", "scans/11.jpg", model_folder)
    assert seen[-1] == 1
    try:
        run(f"iscqk match scans --against photos --model {model_folder} --threads {before + 1}")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_model_that_has_described_can_be_pickled(folder, model_folder):
    model = iscqk.Model(model_folder, ahead=Ahead([Path("scans/3.jpg")], [32]))
    rows = model.describe("scans/3.jpg")
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.describe("scans/3.jpg"), rows)


def test_an_image_that_is_not_loaded_yet_is_described_again_as_before(folder, model_folder):
    model = iscqk.Model.load(model_folder)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save("large.jpg")  # more than is read of a file at once
    with Image.open("large.jpg") as image:
        rows = model.describe([image] * 65, threads=2)
        np.testing.assert_allclose(model.describe([image]), rows[:1], atol=1e-6)


def test_a_damaged_image_has_no_descriptor_however_it_is_given(folder, model_folder):
    model = iscqk.Model.load(model_folder)
    Image.effect_noise((64, 64), 50).save("damaged.png")
    content = bytearray(Path("damaged.png").read_bytes())
    content[2000:2600] = bytes(600)
    Path("damaged.png").write_bytes(content)
    with Image.open("damaged.png") as image:
        for given in ("damaged.png", bytes(content), image, image):
            with pytest.raises(iscqk.UserError, match=r"cannot read this image \("):
                model.describe(["scans/3.jpg", given])
    for given in ("nowhere/x.jpg", "photos/nowhere.jpg"):
        told = (
            f"^{given}: no such image .gone, or a link to nothing.; restore it or correct its path$"
        )
        with pytest.raises(iscqk.UserError, match=told):
            model.describe(given)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("iscqk match none.jpg --against photos --model {}", "none.jpg: no such file or folder"),
        ("iscqk match scans --against photos --model photos", "photos: no model there; name"),
        ("iscqk match scans --against plain.h5 --model {}", "plain.h5: not written by `iscqk"),
    ],
)
def test_errors_are_one_line_with_the_remedy(folder, model_folder, capsys, command, message):
    write_descriptors("plain.h5", ["R000001"], np.zeros((1, 16), np.float32), {})
    run(command.format(model_folder), status=1)
    error = capsys.readouterr().err
    assert message in error and error.splitlines()[-1].startswith("error: ")

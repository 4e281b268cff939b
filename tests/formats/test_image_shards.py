"""Images in shards: opened as those in folders, whoever wrote the tar; nothing else is taken."""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.image_shards import (
    content_of,
    digest_of,
    is_there,
    paths_in,
    status_of,
    writing_images,
)
from iscqk.formats.manifest import listed_paths, read_manifest, read_shard, write_manifest
from iscqk.images.finding import find_images
from iscqk.images.ingestion import SPLIT_IDS, manifest_of
from iscqk.images.opening import BadImage, measure_image, open_image
from iscqk.images.verified import open_verified

LONG = f"{'long-' * 30}name.png"  # more than the 100 characters that a header has


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Some images in a folder, in a folder of it, and of names that strain a tar."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(["b.jpg", "a.png", "sub folder/c.webp", "é.png", LONG]):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + number, 10), (9 * number, 50, 80)).save(path)
    return tmp_path / "photos"


def pack(photos, how):
    """Pack the folder; return the shard."""
    shard = photos.parent / "photos.tar"
    if how in ("gnu", "ustar", "posix"):
        if not shutil.which("tar"):
            pytest.skip("no program tar here")
        folder = ["./"] if how == "gnu" else [path.name for path in photos.iterdir()]
        subprocess.run(
            ["tar", f"--format={how}", "-cf", shard, *folder], cwd=photos, check=how != "ustar"
        )
    elif how == "ours":
        with writing_images(shard) as put:
            for path in photos.rglob("*.*"):
                if len(path.name) < 100:
                    put(str(path.relative_to(photos)), path.read_bytes())
    else:
        with tarfile.open(shard, "w") as tar:  # pax, where a name asks for it
            tar.add(photos, "")
    return shard


@pytest.mark.parametrize("how", ["ours", "python", "gnu", "ustar", "posix"])
def test_an_image_is_the_same_in_a_shard_and_in_a_folder(photos, how):
    shard = pack(photos, how)
    found = find_images([shard])
    assert len(found) == (4 if how in ("ours", "ustar") else 5)  # ustar has no place for the name
    assert found == sorted(found) and set(found) == set(paths_in(shard))
    for path in found:
        file = photos / path.relative_to(shard)
        assert content_of(path) == file.read_bytes() and digest_of(path) == sha256_of(file)
        assert open_image(path).tobytes() == open_image(file).tobytes()
        assert measure_image(str(path)) == Image.open(file).size
        assert is_there(path) and status_of(path).size == file.stat().st_size
    assert len({status_of(path).inode for path in found}) == len(found)
    assert content_of(photos / "a.png") is None and is_there(photos / "a.png")
    assert not is_there(shard / "none.png")
    with pytest.raises(BadImage, match=r"photos.tar/none.png: no such image"):
        open_image(shard / "none.png")


def test_a_manifest_finds_its_shards_wherever_both_are(photos, monkeypatch):
    pack(photos, "ours")
    Path("run/data").mkdir(parents=True)
    Path("run/pictures").mkdir()
    shutil.move("photos.tar", "run/pictures/photos.tar")
    rows = manifest_of(find_images([Path("run/pictures/photos.tar")]), SPLIT_IDS["references"], 1)
    write_manifest("run/data/list.csv", rows)
    written = pd.read_csv("run/data/list.csv")["path"]
    assert written[0] == "../pictures/photos.tar/a.png"
    pd.testing.assert_frame_equal(read_manifest("run/data/list.csv"), rows)
    Path("elsewhere/deeper").mkdir(parents=True)
    shutil.move("run", "elsewhere/deeper/fetched")
    monkeypatch.chdir("elsewhere")
    moved = read_manifest("deeper/fetched/data/list.csv")
    assert moved["path"][0] == "deeper/fetched/pictures/photos.tar/a.png"
    sizes = [open_verified(path).size for path in listed_paths(moved)]
    assert sizes == list(zip(rows["width"], rows["height"], strict=True))


def test_a_manifest_finds_its_shards_from_a_folder_that_is_a_link(photos):
    shard = pack(photos, "ours")
    Path("disk/deep").mkdir(parents=True)
    Path("results").symlink_to("disk/deep")
    rows = manifest_of(find_images([Path(shard.name)]), SPLIT_IDS["references"], 1)
    write_manifest("results/list.csv", rows)
    pd.testing.assert_frame_equal(read_manifest("results/list.csv"), rows)


def test_a_manifest_finds_a_shard_above_the_end_of_a_link(photos):
    pack(photos, "ours")
    Path("disk/deep").mkdir(parents=True)
    Path("link").symlink_to("disk/deep")
    shutil.move("photos.tar", "disk/photos.tar")
    rows = manifest_of(find_images([Path("link/../photos.tar")]), SPLIT_IDS["references"], 1)
    write_manifest("list.csv", rows)
    found = read_manifest("list.csv")
    assert found["path"][0] == "disk/photos.tar/a.png"
    part = read_shard("list.csv", 0, 1, ["link/../photos.tar"])
    assert [open_verified(path).width for path in listed_paths(part)] == rows["width"].tolist()


def test_an_image_that_was_packed_anew_is_not_taken_for_the_listed_one(photos):
    shard = pack(photos, "ours")
    rows = manifest_of(find_images([shard]), SPLIT_IDS["references"], 1)
    shutil.copy(photos / "a.png", photos / "b.jpg")
    pack(photos, "ours")
    listed = {Path(path).name: path for path in listed_paths(rows)}
    assert open_verified(listed["a.png"]).size == (21, 10)
    with pytest.raises(BadImage, match="not what lay there when it was listed"):
        open_verified(listed["b.jpg"])


def test_a_shard_that_was_written_over_is_looked_through_again(tmp_path):
    """Of one size, and in one place; a disk's clock may be a slow one."""
    shard, other = tmp_path / "a.tar", tmp_path / "b.tar"
    for path, names in ((shard, "xy"), (other, "yx")):
        with writing_images(path) as put:
            for name, content in zip(names, (b"1", b"2"), strict=True):
                put(f"{name}.jpg", content)
    os.utime(shard, (1, 1))
    assert content_of(shard / "x.jpg") == b"1"
    shard.write_bytes(other.read_bytes())
    os.utime(shard, (3, 3))
    assert content_of(shard / "x.jpg") == b"2"


def test_what_is_bad_in_a_shard_is_told_by_its_name(photos):
    (photos / "b.jpg").write_bytes(b"no image")
    (photos / "a.png").write_bytes(b"")
    (photos / "note.txt").write_text("no image either, and not named as one")
    shard = pack(photos, "ours")
    with pytest.raises(
        UserError, match=r"photos.tar/a.png: cannot read this image \(an empty"
    ) as e:
        manifest_of(find_images([shard]), SPLIT_IDS["references"], 1)
    assert "(and 1 more, all in the log)" in str(e.value)


def member(name, content=b"x", **fields):
    header = tarfile.TarInfo(name)
    header.size = len(content)
    for field, value in fields.items():
        setattr(header, field, value)
    block = header.tobuf(tarfile.GNU_FORMAT)
    return block + content + bytes(-len(content) % 512)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (member("../a.png") + bytes(1024), "no name of a file in it"),
        (
            member("/etc/a.png") + bytes(1024),
            r"no name of a file in it\); make it again by names below its folder \(no -P\)$",
        ),
        (member("b/../../a.png") + bytes(1024), "no name of a file in it"),
        (member("a.png") * 2 + bytes(1024), r"twice\); make it again with one of each name$"),
        (
            member("a.png", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
            "'a.png' is no regular file, a link, for which `tar --dereference` packs the file",
        ),
        (member("a.png", b"", type=tarfile.GNUTYPE_SPARSE) + bytes(1024), "no regular file"),
        (
            member("x", b"29 path=../../etc/passwd.png\n", type=tarfile.XHDTYPE) + member("a.png"),
            "no name",
        ),
        *(
            (member("x", record, type=tarfile.XHDTYPE) + member("a.png"), "a damaged record")
            for record in (b"30 path=../../etc/passwd.png\n", b"0 path=b.png\n", b"path=b.png\n")
        ),
        (member("x", b"13 size=9999\n", type=tarfile.XHDTYPE) + member("a.png"), "lie there as it"),
        (member("x", bytes(70_000), type=tarfile.GNUTYPE_LONGNAME), "too long"),
        (
            member("a.png", b"", size=2**60) + bytes(1024),
            r"cut short\); make it again of whole, regular files$",
        ),
        (
            member("b.png", b"", type=tarfile.LNKTYPE, linkname="a.png") + bytes(1024),
            "'b.png' is a link to 'a.png', which is no file before it",
        ),
        (
            (member("a.png") + bytes(10240)) * 2,
            "more follows its end, for which `tar --concatenate` joins",
        ),
        (member("a.png"), "empty header"),
        (b"\x1f\x8b" + bytes(2000), "not compressed"),
        (b"", "not compressed"),
    ],
    ids=range(18),
)
def test_anything_but_plain_files_is_refused(tmp_path, content, complaint):
    path = tmp_path / "s.tar"
    path.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as error:
        find_images([path])
    assert str(path) in str(error.value) and str(error.value).isprintable()


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("named", ["Bücher", "long-" * 30])
def test_a_folders_long_name_is_not_that_of_the_next_image(photos, form, named):
    with tarfile.open("albums.tar", "w", format=form) as tar:
        folder = tarfile.TarInfo(f"{named}/")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in ("a.png", "b.jpg"):
            tar.add(photos / name, name)
    assert [Path(path).name for path in paths_in("albums.tar")] == ["a.png", "b.jpg"]
    assert len(find_images(["albums.tar"])) == 2


@pytest.mark.parametrize("how", ["gnu", "posix"])
@pytest.mark.parametrize("name", ["one\nother.png", "é\n9 path=other.png", f"two\n{LONG}"])
def test_a_name_may_have_line_breaks(photos, how, name):
    (photos / "a.png").rename(photos / name)
    shard = pack(photos, how)
    assert digest_of(shard / name) == sha256_of(photos / name)
    assert len(paths_in(shard)) == 5


@pytest.mark.parametrize("how", ["gnu", "posix", "python"])
@pytest.mark.parametrize("name", ["z.png", f"z-{LONG}"])
def test_a_second_name_of_a_file_is_one_of_the_same_bytes(photos, how, name):
    os.link(photos / "a.png", photos / name)
    os.link(photos / LONG, photos / f"second-{LONG}")
    shard = pack(photos, how)
    assert len(find_images([shard])) == len(find_images([photos])) == 7
    for one, other in (("a.png", name), (LONG, f"second-{LONG}")):
        assert digest_of(shard / one) == digest_of(shard / other) == sha256_of(photos / one)
        assert status_of(shard / one) == status_of(shard / other)  # one file, whatever its names


def test_a_folder_named_as_a_shard_is_a_folder(photos):
    photos.rename("photos.tar")
    path = Path("photos.tar/a.png")
    assert content_of(path) is None and open_image(path).size == (21, 10)
    assert len(find_images(["photos.tar"])) == 5


def test_copies_are_found_between_shards_as_between_folders(folder, model_folder):
    for name in ("photos", "scans"):
        with writing_images(f"{name}.tar") as put:
            for path in sorted(Path(name).iterdir()):
                put(path.name, path.read_bytes())
    command = f"--model {model_folder} --output"
    assert main([*f"match scans --against photos {command} folders".split()]) == 0
    for _ in range(2):  # the second time by what is kept beside the matches
        assert main([*f"match scans.tar --against photos.tar {command} shards".split()]) == 0
    one, two = (pd.read_csv(f"{name}/matches.csv") for name in ("folders", "shards"))
    for column in ("query", "reference"):
        assert two[column].str.contains(".tar/", regex=False).all()
        two[column] = two[column].str.replace(".tar/", "/", regex=False)
    pd.testing.assert_frame_equal(one, two)
    page = Path("shards/matches.html").read_text()
    assert page.count("data:image/jpeg") == 2 * len(two)
    with io.BytesIO(content_of("scans.tar/3.jpg")) as file:
        assert Image.open(file).size == (60, 70)

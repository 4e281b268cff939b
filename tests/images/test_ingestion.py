"""Folders to manifests: ids, order, overlaps, and every kind of bad input."""

import os
import shutil
import tarfile
from pathlib import Path
from unicodedata import normalize

import pandas as pd
import pytest
from PIL import Image
from wild import manifests, write_folders, write_image

from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.manifest import content_digest, read_manifest, read_shard, shard_bounds
from iscqk.images import finding, opening
from iscqk.images.finding import find_images, find_own_images
from iscqk.images.folder_fingerprint import fingerprint_of_images
from iscqk.images.ingestion import SPLIT_IDS, assign_ids, manifest_of
from iscqk.images.opening import FORMATS
from iscqk.images.suffixes import NOT_OPENED, SUFFIXES
from iscqk.images.walking import Exclusion


@pytest.fixture
def folders(tmp_path):
    """Return where folders of a few small images lie."""
    return write_folders(tmp_path)


def prepare(folders: Path, workers: int = 1) -> int:
    splits = [f"--{name}={folders / name}" for name in ("training", "references", "others")]
    return main(["prepare", *splits, *manifests(folders / "out"), f"--workers={workers}"])


def test_manifests_have_official_ids_sizes_and_hashes(folders):
    assert prepare(folders) == 0
    rows = read_manifest(folders / "out/references.csv")
    assert rows["id"].tolist() == [f"R{i:06d}" for i in range(5)]
    assert set(zip(rows["width"], rows["height"], strict=True)) == {(30, 20)}
    assert rows["sha256"].str.len().eq(64).all() and rows["sha256"].is_unique
    assert read_manifest(folders / "out/training.csv")["id"].iloc[0] == "T000000"


def test_any_number_of_workers_writes_the_same(folders):
    prepare(folders, 1)
    first = [path.read_bytes() for path in sorted((folders / "out").iterdir())]
    prepare(folders, 2)
    assert [path.read_bytes() for path in sorted((folders / "out").iterdir())] == first


def test_official_names_keep_their_ids_and_others_get_free_ones():
    paths = [Path("a/R000001.jpg"), Path("a/x.jpg"), Path("b/y.jpg"), Path("c/R000000.png")]
    ids = assign_ids(paths, SPLIT_IDS["references"])
    assert ids == ["R000001", "R000002", "R000003", "R000000"]
    queries = [Path("Q50007.jpg"), Path("Q00001.jpg")]
    assert assign_ids(queries, SPLIT_IDS["phase2"]) == ["Q50007", "Q50000"]


@pytest.fixture
def official(folders):
    """Return the command that lists folders that go by the challenge's ids, and references/."""
    for split, letter in (("training", "T"), ("references", "R")):
        for number, path in enumerate(sorted((folders / split).rglob("*.*g"))):
            path.rename(folders / split / f"{letter}{number:06}{path.suffix}")
    splits = [f"--{name}={folders / name}" for name in ("training", "references")]
    return ["prepare", "--official", *splits, *manifests(folders / "out")], folders / "references"


@pytest.mark.parametrize("name", ["R000003 (1).jpg", "__MACOSX/._R000000.jpg", "Q00001.jpg"])
def test_no_stray_file_gets_an_id_of_the_challenges(official, capsys, name):
    command, references = official
    (references / "R000002.jpg").unlink()
    write_image(references / name, 300)
    assert main([*command, "--bad-images=quarantine"]) == 1
    what = "named by no id of a reference image (R and 6 digits); move it away (1 such files)"
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {references / name}: {what}"


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        (["Q50000", "Q50001"], "is this the folder of the other phase? (2 such files)"),
        (["Q00003", "Q50000", "notes"], "move it away (2 such files)"),
    ],
)
def test_queries_of_the_other_phase_are_told_as_such(official, capsys, names, remedy):
    command, references = official
    for number, name in enumerate(names):
        write_image(references.parent / f"queries/{name}.jpg", 300 + number)
    assert main([*command, f"--phase1={references.parent / 'queries'}"]) == 1
    what = f"named by no id of a query image (Q00000 to Q49999); {remedy}"
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"error: {references.parent / 'queries/Q50000.jpg'}: {what}"


def test_ids_of_the_challenge_that_no_image_has_are_told_where_no_list_says_so(official, caplog):
    command, references = official
    (references / "R000002.jpg").unlink()
    assert main(command) == 0
    assert "4 of the challenge's 1000000 reference images, R000002 is the first that" in caplog.text
    assert read_manifest(references.parent / "out/references.csv")["id"].iloc[2] == "R000003"
    caplog.clear()
    (references.parent / "list").write_text("R000003\n")
    lists = [f"--lists=references={references.parent / 'list'}"]
    assert main([*command, *lists]) == 0 and "reference images" not in caplog.text


def test_two_files_of_one_id_are_refused():
    with pytest.raises(UserError, match=r"b/R000001.jpg: has the same id as a/R000001.jpg; rename"):
        assign_ids([Path("a/R000001.jpg"), Path("b/R000001.jpg")], SPLIT_IDS["references"])


def test_training_on_references_is_refused(folders, capsys):
    copy = folders / "references/copy.png"
    copy.write_bytes((folders / "training/sub 1/picture 3.png").read_bytes())
    assert prepare(folders) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert str(copy) in error and "picture 3.png" in error and "remove this training image" in error
    assert "or leave it out (dataset.bad_images: quarantine, or a list of" in error


def test_all_that_splits_have_in_common_is_told_at_once(folders, capsys, caplog):
    mine = sorted((folders / "training").rglob("*.png"))
    (folders / "queries").mkdir()
    for number, place in enumerate(("references/a.png", "others/b.png", "queries/Q00003.png")):
        shutil.copy(mine[number], folders / place)
    shutil.copy(folders / "references/ré1.jpg", folders / "others/c.jpg")
    splits = [f"--{name}={folders / name}" for name in ("training", "references", "others")]
    options = [f"--phase1={folders / 'queries'}", "--make", "phase2", "--queries", '{"count": 2}']
    assert main(["prepare", *splits, *options, *manifests(folders / "out")]) == 1
    first = capsys.readouterr().err.splitlines()[-1]
    assert str(mine[0]) in first and first.endswith(" (and 3 more, all in the log)")
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "remove this training image" in told[0] and "remove this training image" in told[1]
    assert str(mine[1]) in told[0] and str(mine[2]) in told[1] and "on phase1" in told[1]
    assert "c.jpg: has the content of the reference" in told[2] and "copies nothing" in told[2]


def test_a_folder_without_an_image_is_told(folders):
    (folders / "empty").mkdir()
    (folders / "empty/readme.txt").write_text("no image")
    with pytest.raises(UserError, match="empty: no image there; put some there"):
        find_images([folders / "empty"])
    (folders / "empty/b.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"no image there, but what is packed .*b.zip first.; unpa"):
        find_images([folders / "empty"])
    (folders / "empty/deep").mkdir()
    tarfile.open(folders / "empty/deep/A.TAR", "w").close()
    for find in (find_own_images, lambda place: find_images([place])):
        with pytest.raises(UserError, match=r"name these themselves \(.*/deep/A.TAR first\)$"):
            find(folders / "empty")
    with pytest.raises(UserError, match="none: no such folder"):
        find_images([folders / "none"])


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8\xff\xe0 cut"])
def test_a_corrupt_image_is_told_before_any_work(folders, capsys, content):
    bad = folders / "training/bad.jpg"
    bad.write_bytes(content)
    assert prepare(folders) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"error: {bad}: cannot read this image") and "replace or" in error
    assert not (folders / "out").exists()


def test_every_suffix_of_an_opened_format_is_looked_at(folders):
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    assert known <= SUFFIXES
    for suffix in (".mpo", ".JPE", ".apng", ".DIB"):
        (folders / f"training/{suffix}{suffix}").write_bytes(b"x")
    assert len(find_images([folders / "training"])) == 5 + 4


def test_an_image_that_is_named_as_another_picture_is_found(tmp_path, caplog):
    photos, shard = tmp_path / "photos", str(tmp_path / "s.tar")
    photos.mkdir()
    Image.new("RGB", (20, 20)).save(photos / "a.HEIC", "JPEG")
    first = fingerprint_of_images(str(photos))
    Image.new("RGB", (20, 20)).save(photos / "b.dng", "TIFF")  # as is the thumbnail in a real one
    fingerprint_of_images.cache_clear()
    assert fingerprint_of_images(str(photos)) != first
    with tarfile.open(shard, "w") as tar:
        tar.add(photos, "")
    found = find_images([photos, shard])
    assert found == [photos / "a.HEIC", Path(shard, "a.HEIC")]
    assert "1 picture is of a format that is not opened (.dng)" in caplog.text
    assert manifest_of(found, SPLIT_IDS["references"], 1)["width"].tolist() == [20, 20]


def test_of_pictures_that_are_not_opened_the_first_bytes_are_read_alone(tmp_path, monkeypatch):
    for name, kind in {"a.dng": "TIFF", "b.ppm": "PPM", "c.heic": "AVIF"}.items():
        Image.new("RGB", (20, 20)).save(tmp_path / name, kind)
    (tmp_path / "d.svg").write_text("<svg/>")
    os.mkfifo(tmp_path / "e.raw")
    shard = str(tmp_path / "s.tar")
    with tarfile.open(shard, "w") as tar:
        for name in "abcd":
            tar.add(next(tmp_path.glob(f"{name}.*")), next(tmp_path.glob(f"{name}.*")).name)
    read, openable = [], opening._openable
    monkeypatch.setattr(opening, "_openable", lambda path: (read.append(path), openable(path))[1])
    asked = [tmp_path / "c.heic", Path(shard, "c.heic")]
    assert find_images([tmp_path, shard]) == asked == read


def test_pictures_of_a_format_that_is_not_opened_are_told(folders, caplog):
    for name in ("one.HEIC", "two.heic", "three.CR2"):
        (folders / "others" / name).write_bytes(b"x")
    assert len(find_images([folders / "others"])) == 5
    assert "3 pictures are of a format that is not opened (.CR2 .HEIC .heic)" in caplog.text
    for path in (folders / "others").glob("-o*"):
        path.unlink()
    with pytest.raises(UserError, match=r"others: 3 pictures are of a format .* convert to"):
        find_images([folders / "others"])
    assert {".pdf", ".dds", ".sgi", ".pcx", ".qoi", ".nrw"} < NOT_OPENED
    assert {".ppm", ".pnm", ".tga", ".ico", ".j2k", ".exr", ".hdr", ".eps", ".pef"} < NOT_OPENED
    assert not NOT_OPENED & SUFFIXES


def test_images_that_are_named_as_none_are_told(folders, caplog):
    others, names = folders / "others", ("00007", "a.jpg?w=600", "b.jpg_large")
    for name, path in zip(names, sorted(others.iterdir()), strict=False):
        path.rename(others / name)
    (others / "notes.txt").write_text("BMP")
    assert len(find_images([others])) == 2
    assert f"3 files are images and not named as such ({others}/00007 first); rename" in caplog.text
    for path in others.glob("*.jpg"):
        path.unlink()
    with pytest.raises(UserError, match=r"others: 3 files are images and not named as such"):
        find_images([others])
    assert [path.name for path in find_own_images(others).images] == [*names]


def test_of_many_files_of_another_suffix_few_are_asked(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(finding, "holds_image", lambda path: asked.append(path) or path.stem == "3")
    for number in range(150):
        for suffix in (".txt", "", ".dat"):
            (tmp_path / f"{number + 10 * (suffix == '.txt')}{suffix}").touch()
    found = find_own_images(tmp_path).images
    assert [path.name for path in found] == ["3", "3.dat"] and len(asked) == 100 + 150 + 150


@pytest.fixture
def disk(tmp_path):
    """Return a folder as disks have it, of one image, and of one in each place of a system."""
    places = ("DCIM", ".Trash-1000/files", "@eaDir", "$RECYCLE.BIN", "System Volume Information")
    for number, place in enumerate(places):
        write_image(tmp_path / f"disk/{place}/{number}.png", number)
    (tmp_path / "disk/DCIM/._0.png").write_bytes(b"no image")
    return tmp_path / "disk"


def test_what_systems_keep_is_passed_over_below_what_is_named(disk, caplog):
    caplog.set_level("INFO")
    with tarfile.open(disk.with_name("disk.tar"), "w") as tar:
        tar.add(disk, "")
    for place in (disk, disk.with_name("disk.tar")):
        assert find_own_images(place).images == [place / "DCIM/0.png"]
        assert f"{place}: 5 files and folders that are hidden or a system's own are" in caplog.text
        assert len(find_images([place])) == 6  # for the workflow nothing is passed over
    assert len(find_own_images(disk / ".Trash-1000").images) == 1
    assert find_own_images(disk / "@eaDir").images == [disk / "@eaDir/2.png"]


def test_what_is_excluded_is_passed_over_below_what_is_named(disk):
    write_image(disk / "scraps/a.png", 1)
    write_image(disk / "scraps/b.gif", 1)
    assert len(find_own_images(disk).images) == 3
    assert find_own_images(disk, Exclusion(["scraps"])).images == [disk / "DCIM/0.png"]
    assert len(find_own_images(disk, Exclusion(["*.gif", "0.*"])).images) == 1
    assert len(find_own_images(disk / "scraps", Exclusion(["scraps"])).images) == 2


def test_a_name_in_brackets_that_is_excluded_is_that_name_and_accents_are_one_letter_or_two(disk):
    for folder in ("[raw]", "r", normalize("NFD", "größe"), "[2019] sea", "2 sea", "3 sea"):
        write_image(disk / folder / "1.png", 1)
    left = find_own_images(disk, Exclusion(["[raw]", "größ?", "[2019] sea"])).images
    assert left == [disk / "3 sea/1.png", disk / "DCIM/0.png", disk / "r/1.png"]


def test_a_folder_that_cannot_be_listed_is_told_and_passed_over(disk, unlisted, caplog):
    (disk / unlisted).mkdir()
    assert len(find_own_images(disk).images) == 1
    assert f"{disk}/lost+found: Permission denied; 1 such folder cannot be listed" in caplog.text
    for call in (lambda: find_own_images(disk / "lost+found"), lambda: find_images([disk])):
        with pytest.raises(UserError, match=r"lost\+found: cannot list this folder"):
            call()


def test_a_truncated_photograph_is_told(folders, capsys):
    whole = (folders / "references/ré1.jpg").read_bytes()
    (folders / "references/cut.jpg").write_bytes(whole[: len(whole) // 2])
    assert prepare(folders) == 1
    assert "cut.jpg: cannot read this image" in capsys.readouterr().err


def test_shards_cover_every_row_once():
    for count in (0, 1, 7, 100):
        bounds = [shard_bounds(count, shard, 4) for shard in range(4)]
        assert [i for first, last in bounds for i in range(first, last)] == list(range(count))
    with pytest.raises(UserError, match="shard 4 of 4 does not exist"):
        shard_bounds(10, 4, 4)


def test_a_splits_digest_is_of_its_ids_and_contents_in_order():
    rows = pd.DataFrame({"id": ["R000000", "R000001"], "sha256": ["a", "b"], "path": ["x", "y"]})
    others = [rows.assign(id=["R000000", "R000002"]), rows.assign(sha256=["a", "c"]), rows[::-1]]
    assert len({content_digest(some) for some in [rows, *others]}) == 4
    assert content_digest(rows.assign(path="elsewhere")) == content_digest(rows)


def test_a_manifest_out_of_order_is_refused(folders):
    prepare(folders)
    path = folders / "out/training.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(lines)]))
    with pytest.raises(UserError, match=r"training.csv: ids must be sorted and unique"):
        read_manifest(path)


@pytest.mark.parametrize("ending", ["", "\r"])
def test_a_shard_is_its_rows_of_the_whole(folders, ending):
    prepare(folders)
    path = folders / "out/training.csv"
    path.write_text(path.read_text().rstrip("\n").replace("\n", ending + "\n"))
    whole = read_manifest(path)
    shards = [read_shard(path, shard, 3) for shard in range(3)]
    assert [len(rows) for rows in shards] == [1, 2, 2]
    pd.testing.assert_frame_equal(pd.concat(shards, ignore_index=True), whole)


@pytest.mark.parametrize("name", ["R000003", "Q51000"])
def test_training_on_what_is_named_as_graded_is_refused(folders, capsys, name):
    write_image(folders / f"training/sub 0/{name}.jpg", 300)
    assert prepare(folders) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"{name}.jpg: named as a" in error and "against the rules" in error


def test_a_list_file_says_which_images_count(folders, capsys):
    (folders / "list").write_text("picture 1\npicture 3\r\n".replace(" ", "-"))
    for number in range(5):
        old = folders / f"training/sub {number % 2}/picture {number}.png"
        old.rename(old.with_name(f"picture-{number}.png"))
    splits = [f"--{name}={folders / name}" for name in ("training", "references", "others")]
    command = ["prepare", *splits, *manifests(folders / "out"), "--lists"]
    assert main([*command, f"training={folders / 'list'}"]) == 0
    paths = read_manifest(folders / "out/training.csv")["path"]
    assert [Path(path).stem for path in paths] == ["picture-1", "picture-3"]
    (folders / "list").write_text("picture-1\npicture-7\npicture-6\n")
    assert main([*command, f"training={folders / 'list'}"]) == 1
    assert "lists 2 images that are not there, picture-6 first" in capsys.readouterr().err


def test_a_list_file_may_name_files(folders):
    (folders / "list").write_text("picture 1.png\npicture 3.png\n")
    splits = [f"--{name}={folders / name}" for name in ("training", "references", "others")]
    command = ["prepare", *splits, *manifests(folders / "out"), "--lists"]
    assert main([*command, f"training={folders / 'list'}"]) == 0
    paths = read_manifest(folders / "out/training.csv")["path"]
    assert [Path(path).name for path in paths] == ["picture 1.png", "picture 3.png"]
    one = next((folders / "training").rglob("picture 1.png"))
    Image.new("RGB", (30, 20), (9, 80, 7)).save(one.with_suffix(".jpg"))
    assert main([*command, f"training={folders / 'list'}"]) == 0  # and no file of the same stem
    assert read_manifest(folders / "out/training.csv")["path"].tolist() == paths.tolist()


def test_folders_may_be_as_deep_as_the_system_lets_them(tmp_path, monkeypatch):
    """As a sync gone wrong nests them: before Python 3.12 os.walk ends there."""
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    Path("a.jpg").write_bytes(b"an image")
    found = find_images([tmp_path / "deep"])
    assert [len(path.parts) - len(tmp_path.parts) for path in found] == [1202]
    Path("a.jpg").unlink()
    for _ in range(1200):  # deeper than what removes folders of tests can go
        os.chdir("..")
        os.rmdir("d")


@pytest.mark.parametrize(
    "places", [["a", "a/b"], ["a/b", "a"], ["a", "a"], ["a", "link"], ["s.tar", "a", "./s.tar"]]
)
def test_what_is_named_twice_counts_once(tmp_path, monkeypatch, places):
    monkeypatch.chdir(tmp_path)
    Path("a/b").mkdir(parents=True)
    Image.new("RGB", (20, 20)).save("a/b/R000001.jpg")
    Path("link").symlink_to("a")
    with tarfile.open("s.tar", "w") as tar:
        tar.add("a/b/R000001.jpg", "R000002.jpg")
    assert len(find_images(places)) == (2 if "s.tar" in places else 1)
    Path("empty").mkdir()
    Path("empty/loop").symlink_to("../empty")
    with pytest.raises(UserError, match="^empty: no image there"):
        find_images([*places, "empty"])


def test_a_source_of_distractors_that_is_a_reference_is_refused(folders, capsys):
    splits = [f"--{name}={folders / name}" for name in ("training", "references", "others")]
    command = ["prepare", *splits, *manifests(folders / "out")]
    copied = next(path for path in (folders / "references").rglob("*") if path.is_file())
    shutil.copy(copied, folders / "others/not mine.png")
    assert main(command) == 0  # where no queries are made of them it does not matter
    assert main([*command, "--make", "phase1", "--queries", '{"count": 2}']) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert "others/not mine.png: has the content of the reference " in told

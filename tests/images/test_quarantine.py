"""Folders as they are in the wild, through `prepare`: all bad images told at once, or set aside."""

import os
from pathlib import Path

import pandas as pd
import pytest
from wild import CASES, Bad, Good, manifests, write_folders, write_image

from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.manifest import read_manifest, read_shard, write_manifest
from iscqk.images.finding import find_images
from iscqk.images.ingestion import SPLIT_IDS, listing_of
from iscqk.images.opening import open_image

NAMES = [
    *("two  spaces", " space before", "space after ", "-dash", "--option=1", "100%", "%s %d"),
    *("line\nbreak", "return\rhere", "tab\there", "'single'", '"double"', "comma,", "semi;colon"),
    *("ä ö ü", "日本語", "e\u0301", "🖼", "\u202egnp", "\ufeffmark", "$HOME", "`id`", "a;b&c|d"),
    *("{wildcard}", "*", "?", "[x]", "#comment", "NA", "null", "1e5", "=1+1", "back\\slash"),
    *(".hidden", "many.dots.in.it", "x" * 200),
]


@pytest.fixture
def folders(tmp_path):
    """Return where folders of a few small images lie."""
    return write_folders(tmp_path)


def out_of(folder: Path, name: str) -> pd.DataFrame:
    return read_manifest(folder / f"out/{name}.csv")


def run(folder: Path, *more: str) -> int:
    splits = [f"--{name}={folder / name}" for name in ("training", "references", "others")]
    return main(["prepare", *splits, *manifests(folder / "out"), *more])


def test_any_name_survives_the_manifest(folders):
    for number, name in enumerate(NAMES):
        write_image(folders / f"references/sub/{name}.png", 1000 + number)
    assert run(folders) == 0
    rows = out_of(folders, "references")
    assert {f"{name}.png" for name in NAMES} <= {Path(path).name for path in rows["path"]}
    assert all(open_image(path).size == (30, 20) for path in rows["path"])
    shards = [read_shard(folders / "out/references.csv", shard, 7) for shard in range(7)]
    pd.testing.assert_frame_equal(pd.concat(shards, ignore_index=True), rows)
    again = folders / "again.csv"
    write_manifest(again, rows)
    assert again.read_bytes() == (folders / "out/references.csv").read_bytes()


@pytest.fixture
def hostile(folders):
    """Add what is no image, or none that can be reached, to each split; return its names."""
    references, outside = folders / "references", folders / "outside"
    write_image(outside / "far.png", 500)
    (references / "link.png").symlink_to(outside / "far.png")  # leads to an image
    os.mkfifo(references / "pipe.jpg")
    (references / "device.jpg").symlink_to("/dev/zero")
    (references / "nothing.jpg").symlink_to("missing.jpg")
    (references / "itself.jpg").symlink_to("itself.jpg")
    (references / "R000900.jpg").write_bytes(b"no image")
    (references / "empty\nline.png").write_bytes(b"")
    write_image(references / "named.png", 501)
    os.rename(references / "named.png", os.fsencode(references) + b"/latin-\xe9.png")
    (folders / "training/broken.png").write_bytes(b"no image")
    (folders / "others/broken.gif").write_bytes(b"GIF89a")
    return folders


BAD_REFERENCES = {
    "R000900.jpg": "none of the formats",
    "device.jpg": "no regular file",
    "empty\nline.png": "an empty file",
    "itself.jpg": "Too many levels of symbolic links",
    "latin-\\xe9.png": "a file name that is not UTF-8",
    "nothing.jpg": "no such file",
    "pipe.jpg": "no regular file",
}


def test_all_bad_images_of_all_splits_are_told_at_once(hostile, capsys, caplog):
    (hostile / "queries").mkdir()
    (hostile / "queries/Q00003.jpg").write_bytes(b"no image")
    assert run(hostile, f"--phase1={hostile / 'queries'}") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "broken.png: cannot read this image" in error
    assert error.endswith(" (and 9 more, all in the log)")
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert sum("(a file name that is not UTF-8); rename it" in line for line in told) == 1
    assert len(told) == 9 and all("\n" not in line for line in told)
    for name in [*BAD_REFERENCES, "others/broken.gif", "queries/Q00003.jpg"]:
        assert sum(name.replace("\n", "\\n") in line for line in told) == 1
    assert not (hostile / "out").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_quarantine_keeps_what_is_graded_and_leaves_out_the_rest(hostile, workers, caplog):
    assert run(hostile, "--bad-images=quarantine", f"--workers={workers}") == 0
    assert "the content of another" not in caplog.text  # of what cannot be read nothing has
    references = out_of(hostile, "references")
    bad = references[references["width"] == 0]
    assert {Path(path).name for path in bad["path"]} == set(BAD_REFERENCES)
    assert "R000900" in set(bad["id"]) and (bad["sha256"] == "").all() and not bad["height"].any()
    assert len(references) == 5 + 1 + len(bad)  # those of the fixture, and the link that leads on
    assert len(out_of(hostile, "training")) == len(out_of(hostile, "others")) == 5
    listed = pd.read_csv(hostile / "out/quarantined.csv")
    assert [set(ids.str[0]) for _, ids in listed.groupby("id")["id"]].count({"R"}) == len(bad)
    reasons = {
        Path(path).name: reason
        for path, reason in zip(listed["path"], listed["reason"], strict=True)
    }
    assert {"broken.png", "broken.gif"} == set(reasons) - set(BAD_REFERENCES)
    assert all(reason in reasons[name] for name, reason in BAD_REFERENCES.items())


def test_a_folder_whose_name_is_not_utf8_is_the_one_to_rename(folders, capsys):
    write_image(folders / "references" / os.fsdecode(b"d\xe9") / "x.png", 501)
    assert run(folders) == 1
    told = r"d\xe9/x.png: cannot read this image (a folder name that is not UTF-8, "
    error = capsys.readouterr().err.splitlines()[-1]
    assert told in error and error.endswith(r"references/d\xe9); rename it")


def test_a_repaired_image_changes_no_other_id(hostile):
    run(hostile, "--bad-images=quarantine")
    before = out_of(hostile, "training")
    write_image(hostile / "training/broken.png", 700)
    run(hostile, "--bad-images=quarantine")
    after = out_of(hostile, "training")
    assert len(after) == len(before) + 1 and set(before["id"]) < set(after["id"])
    assert before["path"].tolist() == after.set_index("id").loc[before["id"], "path"].tolist()


def test_a_split_without_any_image_is_told(folders, capsys):
    for path in (folders / "others").iterdir():
        path.write_bytes(b"no image")
    assert run(folders, "--bad-images=quarantine") == 1
    told = "others: none of 5 images is left; the first: none of the"
    assert told in capsys.readouterr().err


def test_every_odd_image_goes_through_both_policies(tmp_path, caplog):
    kept = {name: case for name, case in CASES.items() if "bomb." not in name}
    for seed, split in enumerate(("training", "references", "others")):
        write_image(tmp_path / split / "fine.png", seed)
    for name, case in kept.items():
        (tmp_path / "references" / name).write_bytes(case.content())
    assert run(tmp_path) == 1
    told = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) + 1 == sum(isinstance(case, Bad) for case in kept.values())
    assert run(tmp_path, "--bad-images=quarantine") == 0
    rows = out_of(tmp_path, "references")
    sizes = {Path(row.path).name: (row.width, row.height) for row in rows.itertuples()}
    assert all(sizes[n] == (c.size if isinstance(c, Good) else (0, 0)) for n, c in kept.items())


def test_linked_folders_are_followed_once(folders, caplog):
    caplog.set_level("INFO")
    write_image(folders / "elsewhere/deep/far.png", 600)
    (folders / "elsewhere/deep/notes.txt").write_text("no image")
    (folders / "elsewhere/back").symlink_to(folders / "references")
    (folders / "references/out").symlink_to(folders / "elsewhere")
    (folders / "references/loop").symlink_to(".")
    (folders / "references/none").symlink_to("missing")
    (folders / "references/folder.jpg").mkdir()
    write_image(folders / "references/folder.jpg/inside.png", 601)
    names = [path.name for path in find_images([folders / "references"])]
    assert sorted(names) == sorted([f"ré{n}.jpg" for n in range(5)] + ["far.png", "inside.png"])
    assert "left out: {'': 1, '.txt': 1}" in caplog.text


def test_images_whose_disk_leaves_meanwhile_are_not_set_aside(folders):
    paths = find_images([folders / "references"])
    paths[-1].unlink()
    with pytest.raises(UserError, match="gone since its folder was listed") as error:
        listing_of(paths, SPLIT_IDS["references"], 1)
    assert str(paths[-1]) in str(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told(folders, capsys):
    (folders / "references/ré0.jpg").chmod(0)
    assert run(folders) == 1
    assert "ré0.jpg: cannot read this image (Permission denied)" in capsys.readouterr().err
    (folders / "references").chmod(0)
    assert run(folders) == 1
    assert "references: cannot list this folder (Permission denied)" in capsys.readouterr().err
    (folders / "references").chmod(0o700)


def test_duplicates_within_a_split_are_told_and_across_refused(folders, capsys, caplog):
    for split in ("training", "references"):
        source = next(path for path in (folders / split).rglob("*.*g"))
        (folders / split / "again.png").write_bytes(source.read_bytes())
    assert run(folders) == 0
    assert caplog.text.count("1 image has the content of another of their split") == 2
    rows = out_of(folders, "references")
    assert len(rows) == 6 and rows["sha256"].nunique() == 5
    (folders / "training/reference.png").write_bytes(
        (folders / "references/again.png").read_bytes()
    )
    assert run(folders) == 1
    assert "training on references is against the rules" in capsys.readouterr().err


def test_quarantine_leaves_out_training_images_that_are_graded(hostile, capsys):
    """The rule is of what is learned from; to delete from the challenge's data is no remedy."""
    mine = sorted((hostile / "training").rglob("*.png"))
    (hostile / "queries").mkdir()
    for path, place in zip(mine[-2:], ("references/a.png", "queries/Q00003.png"), strict=True):
        (hostile / place).write_bytes(path.read_bytes())
    (hostile / "queries/Q00004.png").write_bytes(b"no image")
    assert run(hostile, "--bad-images=quarantine", f"--phase1={hostile / 'queries'}") == 0
    names = {Path(path).name for path in out_of(hostile, "training")["path"]}
    listed = pd.read_csv(hostile / "out/quarantined.csv").set_index("path")["reason"]
    for path, name in zip(mine[-2:], ("references", "phase1"), strict=True):
        assert path.name not in names
        assert f"; training on {name} is against the rules" in listed[str(path)]
    assert not any("Q00004" in path for path in listed.index)  # take-queries lists it


def test_a_split_of_nothing_but_graded_images_is_not_called_unreadable(folders, capsys):
    for path in (folders / "training").rglob("*.png"):
        (folders / "references" / path.name).write_bytes(path.read_bytes())
    assert run(folders, "--bad-images=quarantine") == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert "images is left; the first: has the content of" in told and "can be read" not in told


def test_listed_names_may_have_spaces(folders):
    (folders / "list").write_text("\ufeffpicture 1\r\n\r\npicture 3\r\n")
    assert run(folders, f"--lists=training={folders / 'list'}") == 0
    paths = out_of(folders, "training")["path"]
    assert [Path(path).stem for path in paths] == ["picture 1", "picture 3"]

"""A part of the images in several tar files is made of the files that it lies in, and no other."""

import shutil

import pandas as pd
import pytest

from drawn_images import put_drawn
from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards
from iscqk.formats.image_shards import is_there, writing_images
from iscqk.formats.manifest import (
    read_manifest,
    read_shard,
    read_training_shard,
    write_manifest,
)
from iscqk.plan.names import Shard, all_shards

COUNTS = (5, 3, 4)
NUMBERS = (1, 2, 3, 4, 7)
EDITS = '{"names": ["overlay_image"], "strength": [0.1, 0.5], "length": [1, 1]}'


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    for split, count in (("training", sum(COUNTS)), ("references", 1), ("others", 1)):
        put_drawn(folder / split, split, count, 0, 48)
    return folder


def packed(drawn, folder, name="tar {}.tar"):
    """Pack the training images in tar files of a folder, with a manifest; return the files."""
    images, files = iter(sorted((drawn / "training").iterdir())), []
    for number, count in enumerate(COUNTS):
        files.append(folder / "pictures" / name.format(number))
        files[-1].parent.mkdir(exist_ok=True)
        with writing_images(files[-1]) as put:
            for image in (next(images) for _ in range(count)):
                put(image.name, image.read_bytes())
    return files


def prepare(drawn, folder, files):
    """List the images; return the manifest of training, or None where that is refused."""
    outputs = [folder / f"{name}.csv" for name in ("training", "references", "others", "bad")]
    splits = ["--references", drawn / "references", "--others", drawn / "others"]
    arguments = ["prepare", "--training", *files, *splits, "--output", *outputs]
    return None if main(list(map(str, arguments))) else outputs[0]


def elsewhere(folder, manifest, files):
    """Return a manifest and tar files where nothing else is, at the same places of each other."""
    for path in (manifest, *files):
        target = folder / path.relative_to(manifest.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder / manifest.name, [folder / "pictures" / file.name for file in files]


def parts_elsewhere(number, root, manifest, files):
    """Yield each of so many shards: it, its part, and a place with nothing but what it needs."""
    for shard in all_shards(number):
        wanted, part = shard.among(len(files))
        place = root / f"{number}-{shard}"
        yield shard, part, place, *elsewhere(place, manifest, [files[n] for n in wanted])


def copy(manifest, within, shard, output):
    """Make a shard of copies; return the exit status."""
    command = [
        *("copies", "--training", manifest, "--edits", EDITS, "--seed", 0, "--round", 1),
        *("--config", '{"per_image": 1, "side": 48}', "--within", *within, "--of", len(COUNTS)),
        *("--shard", shard.number, "--shards", shard.of, "--output", output),
    ]
    return main(list(map(str, command)))


NAMED = pytest.mark.parametrize("name", ["{}.tar", 'in "{}", quoted.tar'])


@NAMED
def test_a_part_is_read_where_the_other_files_are_not(drawn, tmp_path, name):
    files = packed(drawn, tmp_path, name)
    manifest = prepare(drawn, tmp_path, files)
    for number in NUMBERS:
        parts = []
        for shard, part, _, here, within in parts_elsewhere(number, tmp_path, manifest, files):
            parts.append(read_shard(here, *part, within))
            wanted, _ = shard.among(len(files))
            assert len(within) == max(1, -(-3 // number) if len(wanted) > 1 else 1)
            assert all(map(is_there, parts[-1]["path"]))
        ids = pd.concat(parts, ignore_index=True)[["id", "sha256"]]
        pd.testing.assert_frame_equal(ids, read_manifest(manifest)[["id", "sha256"]])


def test_copies_paste_in_images_of_the_same_file_and_do_not_depend_on_the_number_of_jobs(
    drawn, tmp_path
):
    files = packed(drawn, tmp_path)
    manifest, made = prepare(drawn, tmp_path, files), {}
    for number in NUMBERS:
        shards = []
        for shard, _, place, here, within in parts_elsewhere(number, tmp_path, manifest, files):
            shards.append(place / "copies.tar")
            assert copy(here, within, shard, shards[-1]) == 0
        copies = CopyShards(shards)
        made[number] = [(image, copies.jpeg(n, 0)) for n, image in enumerate(copies.ids)]
        assert len(made[number]) == sum(COUNTS) and made[number] == made[1]


@NAMED
def test_a_file_that_no_image_is_listed_of_has_no_copies(drawn, tmp_path, name):
    files = packed(drawn, tmp_path, name)
    manifest = prepare(drawn, tmp_path, files)
    rows = read_manifest(manifest)[COUNTS[0] :]  # as a list file leaves them
    write_manifest(manifest, rows)
    for number in NUMBERS:
        shards = [tmp_path / f"{number}-{shard}.tar" for shard in all_shards(number)]
        for shard, output in zip(all_shards(number), shards, strict=True):
            within = [files[n] for n in shard.among(len(files))[0]]
            assert copy(manifest, within, shard, output) == 0
        assert CopyShards(shards).ids == rows["id"].tolist()


def test_tar_files_out_of_order_are_told_before_anything_is_made_of_them(drawn, tmp_path, capsys):
    files = packed(drawn, tmp_path)
    assert prepare(drawn, tmp_path, files[::-1]) is None
    told = capsys.readouterr().err
    assert f"T000005, in {files[1]}, comes after T000004, in {files[0]}, which is named" in told
    assert "name tar files in the order of the ids" in told


@NAMED
def test_what_is_asked_for_must_be_there(drawn, tmp_path, name):
    files = packed(drawn, tmp_path, name)
    manifest = prepare(drawn, tmp_path, files)
    with pytest.raises(UserError, match="lists no image of .*none.tar; name tar files"):
        read_shard(manifest, 0, 1, [tmp_path / "none.tar"])
    with pytest.raises(UserError, match="do not stand together; name tar files in the order"):
        read_shard(manifest, 0, 1, [files[0], files[2]])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--within", "a.tar", "--of", 4, "--shards", 2], "1 tar files where shard 0-of-2 is made"),
        (["--shard", 2, "--shards", 2], "shard 2 of 2 does not exist"),
    ],
)
def test_files_that_do_not_go_with_a_shard_are_told(options, told, tmp_path, capsys):
    command = ["copies", "--training", "t.csv", "--edits", EDITS, "--seed", 0, "--round", 1]
    command += ["--config", "{}", "--output", tmp_path / "c.tar", *options]
    assert main(list(map(str, command))) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("files", range(1, 9))
def test_all_parts_together_are_all_images_once(files):
    for number in range(1, 25):
        found = [(n, part) for s in all_shards(number) for n, part in _pieces(s.among(files))]
        assert [n for n, _ in found] == sorted(n for n, _ in found)
        for n in range(files):
            parts = [part for file, part in found if file == n]
            assert parts == all_shards(parts[0].of)


def _pieces(among: tuple[range, Shard]):
    return [(n, among[1]) for n in among[0]]


def test_an_empty_line_in_a_manifest_is_no_image(drawn, tmp_path):
    manifest = prepare(drawn, tmp_path, packed(drawn, tmp_path))
    rows, paths = read_training_shard(manifest, 1, 3)
    head, *lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join([head, *lines[:4], "\n", *lines[4:]]))
    others, other_paths = read_training_shard(manifest, 1, 3)
    pd.testing.assert_frame_equal(rows, others)
    assert list(paths) == list(other_paths) and len(paths) == sum(COUNTS)

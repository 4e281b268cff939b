"""Chains and copies: pure functions of their key, for any number of workers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image
from wild import manifests

from drawn_images import put_drawn
from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards
from iscqk.formats.files import sha256_of
from iscqk.formats.listed import Listed
from iscqk.formats.manifest import listed_paths, read_manifest
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool, make_copy
from iscqk.images.edits import EDIT_NAMES
from iscqk.images.opening import measure_image
from iscqk.images.sources import first_pictures
from iscqk.runtime.shutdown import Stopped
from iscqk.stages import queries

POOL = EditPool(EDIT_NAMES[:20], (0.2, 0.6), (1, 3), EDIT_NAMES[20:24])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    for split, count in (("training", 24), ("references", 24), ("others", 24)):
        put_drawn(folder / split, split, count, 0, 64)
    splits = [f"--{split}={folder / split}" for split in ("training", "references", "others")]
    assert main(["prepare", *splits, *manifests(folder)]) == 0
    return folder


def test_chains_keep_to_their_pool():
    image = Image.new("RGB", (40, 30), "teal")
    for number in range(60):
        edits = make_copy(image, POOL, (0, "x", number), lambda rng: image)[1]
        names = [edit["name"] for edit in edits]
        assert 1 <= len(names) <= 3 and len(set(names)) == len(names)
        assert set(names) <= set(EDIT_NAMES[:24]) and set(names) & set(EDIT_NAMES[20:24])
        assert all(0.2 <= edit["strength"] <= 0.6 for edit in edits)


def test_a_copy_is_the_same_in_another_process(folder, tmp_path):
    path = str(next((folder / "training").iterdir()))
    code = (
        "import random, numpy, hashlib; random.seed(9); numpy.random.seed(9)\n"
        "from iscqk.images.copier import Copier, Task\n"
        "from iscqk.images.edit_chains import EditPool\nfrom iscqk.images.edits import EDIT_NAMES\n"
        f"copier = Copier(EditPool(EDIT_NAMES, (0.1, 0.9), (3, 5)), ({path!r},), 64, 90)\n"
        f"copies = [copier.copy(Task((1, 'r', i), {path!r}))[0] for i in range(20)]\n"
        "print(hashlib.sha256(b''.join(copies)).hexdigest())"
    )
    digests = set()
    for hash_seed in ("0", "123"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_workers_and_order_change_no_byte(folder):
    paths = sorted(str(path) for path in (folder / "training").iterdir())
    copier = Copier(POOL, tuple(paths), 64, 90)
    tasks = [Task((0, "r", path), path) for path in paths]
    one = list(copier.copies(tasks, len(tasks), 1))
    assert list(copier.copies(tasks, len(tasks), 2)) == one
    assert list(copier.copies(tasks[::-1], len(tasks), 1)) == one[::-1]


TABLES = ("ground_truth.csv", "edits.csv", "edits.jsonl")
CONFIG = '{"per_image": 2, "side": 64, "quality": 90}'
EDITS = '{"names": ["blur", "crop", "overlay_image"], "strength": [0.1, 0.5], "length": [1, 2]}'


def shard_arguments(folder, output, shard, shards, workers):
    return [
        *("copies", f"--training={folder / 'training.csv'}", f"--config={CONFIG}"),
        *(f"--edits={EDITS}", "--seed=0", "--round=1", f"--shard={shard}"),
        *(f"--shards={shards}", f"--output={output}", f"--workers={workers}"),
    ]


def test_shards_hold_the_same_copies_however_many_there_are(folder, tmp_path):
    assert main(shard_arguments(folder, tmp_path / "whole.tar", 0, 1, 2)) == 0
    for shard in range(3):
        assert main(shard_arguments(folder, tmp_path / f"{shard}.tar", shard, 3, 1)) == 0
    whole = CopyShards([tmp_path / "whole.tar"])
    parts = CopyShards([tmp_path / f"{shard}.tar" for shard in range(3)])
    assert whole.ids == parts.ids and whole.views == parts.views == 2 and len(whole) == 48
    for image in range(len(whole.ids)):
        for view in range(2):
            assert whole.jpeg(image, view) == parts.jpeg(image, view)
    assert whole.jpeg(0, 0) != whole.jpeg(0, 1)
    again = tmp_path / "again.tar"
    main(shard_arguments(folder, again, 0, 1, 1))
    assert again.read_bytes() == (tmp_path / "whole.tar").read_bytes()


def make_queries(folder, output, workers, phase="phase1", count=20, images="images.tar"):
    splits = [f"--{name}={folder / name}.csv" for name in ("training", "references", "others")]
    config = f'{{"count": {count}, "copies": 0.5, "side": 64, "quality": 90}}'
    return main(
        [
            *("queries", f"--phase={phase}", *splits, f"--config={config}", "--seed=0"),
            *(f"--edits={EDITS}", "--output", str(output / images)),
            *(str(output / name) for name in ("queries.csv", *TABLES)),
            f"--workers={workers}",
        ]
    )


def test_queries_are_the_same_for_any_number_of_workers(folder, tmp_path):
    for workers in (1, 2):
        assert make_queries(folder, tmp_path / str(workers), workers) == 0
    for name in ("images.tar", "queries.csv", *TABLES):
        one, two = ((tmp_path / str(workers) / name).read_bytes() for workers in (1, 2))
        assert one == two
    with tarfile.open(tmp_path / "1/images.tar") as tar:
        assert tar.getnames() == [f"Q{i:05d}.jpg" for i in range(20)]
    truth = (tmp_path / "1/ground_truth.csv").read_text().splitlines()
    assert truth[0] == "query_id,reference_id" and sum(line.endswith(",") for line in truth) == 10


def test_queries_in_a_folder_are_what_they_are_in_a_shard_and_a_stop_leaves_none(
    folder, tmp_path, monkeypatch
):
    def stopped(*_):
        raise Stopped(signal.SIGTERM)

    assert make_queries(folder, tmp_path / "shard", 1) == 0
    with monkeypatch.context() as patch:
        patch.setattr(queries, "write_text", stopped)  # of the last table
        assert make_queries(folder, tmp_path, 1, images="images") == 128 + signal.SIGTERM
    assert make_queries(folder, tmp_path, 1, images="images") == 0
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (tmp_path / "shard" / name).read_bytes()
    shard, found = (
        read_manifest(place / "queries.csv") for place in (tmp_path / "shard", tmp_path)
    )
    assert found["path"].tolist() == [f"{tmp_path}/images/{image}.jpg" for image in found["id"]]
    assert found.drop(columns="path").equals(shard.drop(columns="path"))
    assert [*map(sha256_of, found["path"])] == found["sha256"].tolist()
    assert list(zip(found["width"], found["height"], strict=True)) == [
        *map(measure_image, found["path"])
    ]


@pytest.fixture
def doubled(folder, tmp_path):
    """12 references and others, of which 4 are there twice, and a blank one of each."""
    for split, colour in (("references", "white"), ("others", "black")):
        (tmp_path / split).mkdir()
        for number, path in enumerate(sorted((folder / split).iterdir())[:12]):
            shutil.copy(path, tmp_path / split)
            if number < 4:
                shutil.copy(path, tmp_path / split / f"again {number}.jpg")
        Image.new("RGB", (64, 48), colour).save(tmp_path / split / "blank.png")
    splits = [f"--{name}={tmp_path / name}" for name in ("references", "others")]
    splits.append(f"--training={folder / 'training'}")
    assert main(["prepare", *splits, *manifests(tmp_path)]) == 0
    many = ["--make", "phase2", "--queries", '{"count": 10}']
    assert main(["prepare", *splits, *manifests(tmp_path / "none"), *many]) == 1
    return tmp_path


def test_no_query_is_made_of_what_is_there_twice_or_of_one_colour(doubled):
    sources = []
    for phase in ("phase1", "phase2"):
        assert make_queries(doubled, doubled / phase, 1, phase, count=6) == 0
        lines = (doubled / phase / "edits.jsonl").read_text().splitlines()
        sources += [json.loads(line)["source_id"] for line in lines]
    copied = {name for name in sources if name[0] == "R"}
    assert len(copied) == 6 and copied <= {f"R{number:06d}" for number in range(4, 12)}
    others = read_manifest(doubled / "others.csv").set_index("id")
    distractors = others.loc[[name for name in sources if name[0] == "O"]]
    assert distractors["sha256"].is_unique and len(distractors) == 6
    assert "blank.png" not in {*map(os.path.basename, distractors["path"])}


def test_too_few_images_that_a_query_can_be_made_of_are_told(doubled, capsys):
    assert make_queries(doubled, doubled, 1, "phase2", count=10) == 1
    told = "half of the 9 there are; lower it to 9, or add 1 image unlike all others to "
    assert told + "dataset.references" in capsys.readouterr().err
    assert make_queries(doubled, doubled, 1, "phase2", count=8) == 1
    told = "8 take 4 references in phase2, whose half has 3 of more than one colour; lower it, or"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_images_are_looked_at_than_it_takes(doubled, workers):
    rows = read_manifest(doubled / "references.csv")
    pictures = listed_paths(rows[rows["path"].str.endswith("jpg")])
    blank = listed_paths(rows[rows["path"].str.endswith("png")])[0]
    gone = Listed("gone.jpg")
    order = [blank, pictures[0], blank, blank, *pictures[1:3], gone]
    assert first_pictures(order, 3, 64, workers) == [1, 4, 5]
    assert first_pictures(order[:5], 3, 64, workers) == [1, 4]
    assert first_pictures(order, 0, 64, workers) == []


def test_too_many_queries_are_refused_before_any_image_is_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    splits = ("training", "references", "others")
    for split in splits:
        os.mkdir(split)
        for number in range(6):
            (tmp_path / split / f"{number}.jpg").write_bytes(b"no image")
    listing = ["prepare", *(f"--{split}={split}" for split in splits), *manifests(tmp_path / "out")]
    assert main([*listing, "--make", "phase2", "--queries", '{"count": 8}']) == 1
    assert capsys.readouterr().err == (
        "error: config: queries.count: 8 take 4 references in phase2, which has 3, half of the 6 "
        "there are; lower it to 6, or add 2 images to dataset.references\n"
    )
    assert not (tmp_path / "out").exists()


def test_images_that_cannot_be_read_make_no_queries(folder, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    shutil.copytree(folder / "references", tmp_path / "references")
    next((tmp_path / "references").iterdir()).write_bytes(b"no image")
    splits = [f"--{split}={folder / split}" for split in ("training", "others")]
    splits.append(f"--references={tmp_path / 'references'}")
    assert main(["prepare", *splits, "--bad-images=quarantine", *manifests(tmp_path)]) == 0
    assert make_queries(tmp_path, tmp_path / "out", 1, "phase2", count=24) == 1
    told = "queries.count: 24 take 12 references in phase2, which has 11, half of the 23 there are"
    assert told in capsys.readouterr().err


def test_too_many_queries_for_the_images_are_refused(folder, tmp_path, capsys):
    assert make_queries(folder, tmp_path, 1, count=40) == 1
    assert capsys.readouterr().err.startswith(
        "error: config: queries.count: 40 take 20 references in phase1, which has "
    )


def test_a_pool_with_an_unknown_edit_is_refused():
    with pytest.raises(UserError, match="blurry"):
        EditPool(("blurry",), (0, 1), (1, 1))


def test_no_shard_and_no_tar_are_told(tmp_path):
    (tmp_path / "x.tar").write_bytes(np.random.default_rng(0).bytes(2000))
    for name in ("x.tar", "none.tar"):
        with pytest.raises(UserError, match=f"{name}: no shard of copies"):
            CopyShards([tmp_path / name])

"""Images written over after they were listed: they are listed anew, and never pass for others."""

import errno
import json
import os
import pickle
import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.listed import Listed
from iscqk.formats.manifest import image_paths, listed_paths, write_manifest
from iscqk.images.finding import find_images
from iscqk.images.folder_fingerprint import fingerprint_of_images
from iscqk.images.ingestion import SPLIT_IDS, manifest_of
from iscqk.images.verified import open_verified, put_verified
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder

CONFIG = """\
dataset:
  kind: folders
  training: own/training
  references: own/references
  phase1: {queries: own/phase1, ground_truth: own/phase1.csv}
  phase2: {queries: own/phase2, ground_truth: own/phase2.csv}
unbalanced: {training: own/classes, evaluation: own/others}
"""
FIRST = {"phase1": "Q00000", "phase2": "Q50000"}
LISTS = (
    "results/data/phase1/queries.csv results/data/phase2/queries.csv results/data/unbalanced.csv"
)
OPTIONS = "--cores 2 --configfile config.yaml tiny.yaml own.yaml"


def draw(path, seed, size=(24, 16)):
    """Write an image into the file that is there, if one is, as `cp` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    with open(path, "wb") as file:
        Image.fromarray(pixels).resize(size).save(file, "BMP")  # of one size, whatever it shows


@pytest.fixture
def own(project):
    """Return a project with folders of images that are listed."""
    places = ["training", "references", "classes/one", "others/one", *FIRST]
    for place, folder in enumerate(places):
        for number in range(2):
            name = FIRST[folder][:-1] + str(number) if folder in FIRST else f"{number}"
            draw(project.folder / f"own/{folder}/{name}.bmp", 10 * place + number)
    for phase, query in FIRST.items():
        (project.folder / f"own/{phase}.csv").write_text(f"{query},R000000\n")
    (project.folder / "own.yaml").write_text(CONFIG)
    project.run(f"snakemake {LISTS} {OPTIONS}")
    return project


def listing_again(project, more=""):
    """Return which rules Snakemake would run."""
    done = project.run(f"snakemake {LISTS} {more} {OPTIONS} --dry-run")
    return set(re.findall(r"^(?:local)?rule (\w+):$", done.stdout + done.stderr, re.MULTILINE))


@pytest.mark.long
def test_an_image_that_is_written_over_is_listed_again(own):
    assert listing_again(own) == set()
    for written, rules in (
        ("references/1", {"prepare", "take_queries"}),  # which looks at references, too
        ("phase1/Q00001", {"take_queries"}),
        ("classes/one/0", {"prepare_labelled"}),
    ):
        path = own.folder / f"own/{written}.bmp"
        folder = os.stat(path.parent).st_mtime_ns
        draw(path, 99)
        assert os.stat(path.parent).st_mtime_ns == folder
        assert listing_again(own) == rules
        own.run(f"snakemake {LISTS} {OPTIONS}")
        assert listing_again(own) == set()
    (own.folder / "own/references/.notes").write_text("no image")
    os.utime(own.folder / "own/references", ns=(folder, folder))
    assert listing_again(own) == set()


@pytest.mark.long
@pytest.mark.parametrize(
    ("then", "now"),
    [
        (["[own/references, own/a]", "own/b", "{}"], ["own/references", "[own/a, own/b]", "{}"]),
        (["own/a", "own/b", "{references: own/names}"], ["own/a", "own/b", "{others: own/names}"]),
    ],
    ids=["folder", "list"],
)
def test_what_moves_from_one_split_to_another_is_listed_again(own, then, now):
    """Snakemake sees the same files, and in the same order the same images."""
    shutil.copytree(own.folder / "own/classes/one", own.folder / "own/a")
    shutil.copytree(own.folder / "own/others/one", own.folder / "own/b")
    (own.folder / "own/names").write_text("0\n1\n")
    for said in (then, now):
        keys = "references: {}\n  others: {}\n  lists: {}".format(*said)
        text = CONFIG.replace("references: own/references", keys)
        (own.folder / "own.yaml").write_text(text)
        assert listing_again(own) == {"prepare", "take_queries"}
        own.run(f"snakemake {LISTS} {OPTIONS}")
        assert listing_again(own) == set()


@pytest.mark.long
def test_what_is_learned_from_is_made_anew_for_an_image_to_learn_from_alone(own):
    for_training = {"prepare", "prepare_training", "take_queries", "copies"}
    copies = "results/copies/training/round1/0-of-1.tar"
    manifest = own.folder / "results/data/training.csv"

    def run(more=""):
        own.run(f"snakemake {LISTS} {copies} {OPTIONS} {more}")
        assert listing_again(own, copies) == set()
        return manifest.stat().st_mtime_ns

    before = run()
    draw(own.folder / "own/references/2.bmp", 98)
    assert listing_again(own, copies) == {"prepare", "take_queries"}
    assert run() == before
    assert (own.folder / "results/data/references.csv").read_text().count("\n") == 4
    # another reason to make the copies anew is none the less
    draw(own.folder / "own/references/3.bmp", 96)
    config = (own.folder / "own.yaml").read_text()
    (own.folder / "own.yaml").write_text(f"{config}copies: {{quality: 80}}\n")
    assert listing_again(own, copies) == {"prepare", "take_queries", "copies"}
    (own.folder / "own.yaml").write_text(config)
    (own.folder / "own/references/3.bmp").write_bytes(b"no image")
    own.run(f"snakemake {LISTS} {OPTIONS}", check=False)
    (own.folder / "own/references/3.bmp").unlink()
    assert listing_again(own, copies) == {"prepare", "take_queries"}
    assert run() == before
    training = own.folder / "own/training/0.bmp"
    training.touch()
    assert listing_again(own, copies) == for_training
    own.run(f"snakemake {LISTS} {copies} {OPTIONS} --touch")
    assert listing_again(own, copies) == set()
    draw(own.folder / "own/references/4.bmp", 95)
    assert listing_again(own, copies) == {"prepare", "take_queries"}
    training.touch()
    before = run()
    # what was asked for by name counts, whatever the state of the folder says
    assert listing_again(own, f"{copies} --forcerun prepare") == for_training
    time = training.stat().st_mtime_ns
    draw(training, 97)
    os.utime(training, ns=(time, time))
    assert listing_again(own, copies) == set()
    own.run(f"snakemake prepare --force {OPTIONS}")
    assert listing_again(own, copies) == for_training - {"prepare"}
    assert run() > before


@pytest.mark.long
def test_the_list_of_what_is_learned_from_can_be_asked_for_on_any_day(own):
    manifest = own.folder / "results/data/training.csv"
    before = manifest.stat().st_mtime_ns
    for change in (False, True):
        if change:  # lists all anew, but for this
            draw(own.folder / "own/references/2.bmp", 98)
        for named in ("results/data/training.csv", "prepare_training", "all -U prepare_training"):
            done = own.run(f"snakemake {named} {OPTIONS}")
            assert "Nothing to be done" in done.stderr and manifest.stat().st_mtime_ns == before
    forced = own.run(f"snakemake prepare_training --force {OPTIONS} --dry-run")
    assert "rule prepare_training" in forced.stdout + forced.stderr
    draw(own.folder / "own/training/0.bmp", 97)
    own.run(f"snakemake results/data/training.csv {OPTIONS}")
    assert manifest.stat().st_mtime_ns > before


@pytest.mark.long
def test_by_quarantine_a_reference_may_take_away_what_is_learned_from(own):
    text = (own.folder / "own.yaml").read_text()
    ways = text.replace("kind: folders", "kind: folders\n  bad_images: quarantine")
    (own.folder / "own.yaml").write_text(ways)
    own.run(f"snakemake {LISTS} {OPTIONS}")
    shutil.copy(own.folder / "own/training/0.bmp", own.folder / "own/references/2.bmp")
    own.run(f"snakemake {LISTS} {OPTIONS}")
    assert (own.folder / "results/data/training.csv").read_text().count("\n") == 2


def replace(path, content):
    """Put another file in the place of one, with a date of before it, as `mv` and `cp -p` do."""
    date = path.stat().st_mtime_ns - 10**12
    path.write_bytes(content)
    os.utime(path, ns=(date, date))


@pytest.mark.long
def test_a_given_file_that_an_older_one_takes_the_place_of_is_read_again(own):
    names = own.folder / "own/names"
    names.write_text("0\n1\n")
    lists = "lists: {references: own/names, phase1: own/names1}"
    (own.folder / "own/names1").write_text("Q00000\nQ00001\n")
    text = (own.folder / "own.yaml").read_text()
    (own.folder / "own.yaml").write_text(text.replace("kind: folders", f"kind: folders\n  {lists}"))
    own.run(f"snakemake {LISTS} {OPTIONS}")
    for written, content, rules in (
        ("phase1.csv", b"Q00001,R000000\n", {"take_queries"}),
        ("names1", b"Q00001\n", {"take_queries"}),
        ("names", b"0\n", {"prepare", "take_queries"}),
    ):
        replace(own.folder / "own" / written, content)
        assert listing_again(own) == rules
        own.run(f"snakemake {LISTS} {OPTIONS}")
        assert listing_again(own) == set()
    assert "Q00001" in (own.folder / "results/data/phase1/ground_truth.csv").read_text()
    (own.folder / "own/names").touch()
    assert listing_again(own) == set()


def test_a_shard_that_an_older_one_takes_the_place_of_changes_the_fingerprint(tmp_path):
    place = str(tmp_path / "a.tar")
    assert fingerprint_of_images(place).startswith("0 images, ")  # it is in a storage
    fingerprint_of_images.cache_clear()
    (tmp_path / "a.tar").write_bytes(b"one")
    first = fingerprint_of_images(place)
    replace(tmp_path / "a.tar", b"two")
    fingerprint_of_images.cache_clear()
    assert fingerprint_of_images(place) != first


def test_a_fingerprint_is_of_names_sizes_and_times_that_a_copy_keeps(tmp_path):
    for place in ("own/1", "own/a/2"):
        draw(tmp_path / f"{place}.bmp", 0)
    (tmp_path / "own/a/back").symlink_to("..")
    (tmp_path / "own/gone.bmp").symlink_to("nowhere")
    (tmp_path / os.fsdecode(b"own/caf\xe9.jpg")).write_bytes(b"")
    first = fingerprint_of_images(str(tmp_path / "own"))
    assert first.startswith("3 images, ")
    shutil.copytree(tmp_path / "own", tmp_path / "copy", symlinks=True)
    (tmp_path / "copy/notes.txt").write_text("no image")
    assert fingerprint_of_images(str(tmp_path / "copy")) == first
    (tmp_path / "copy/1.bmp").rename(tmp_path / "copy/3.bmp")
    fingerprint_of_images.cache_clear()
    assert fingerprint_of_images(str(tmp_path / "copy")) != first


def test_an_image_that_moves_to_the_folder_beside_it_changes_the_fingerprint(tmp_path):
    places = [str(tmp_path / place) for place in ("references", "others", "empty")]
    for number in range(4):  # in one series
        draw(tmp_path / places[number // 2] / f"images/{number}.bmp", number)
    first = fingerprint_of_images(*places)
    (tmp_path / "others/images/2.bmp").rename(tmp_path / "references/images/2.bmp")
    fingerprint_of_images.cache_clear()
    assert fingerprint_of_images(*places) != first
    assert fingerprint_of_images(*places[1:], places[0]) != fingerprint_of_images(*places)


def rows_of(folder, count=2):
    for number in range(count):
        draw(folder / f"{number}.bmp", number)
    return manifest_of(find_images([folder]), SPLIT_IDS["references"], 1)


def test_images_that_swap_names_are_noticed_whatever_their_size_and_time(tmp_path):
    rows = rows_of(tmp_path / "own")
    first, second = (tmp_path / f"own/{number}.bmp" for number in range(2))
    paths = pickle.loads(pickle.dumps(listed_paths(rows)))  # as a worker gets them
    assert [open_verified(path).size for path in paths] == [(24, 16)] * 2
    times = [os.stat(path).st_mtime_ns for path in (first, second)]
    os.rename(first, tmp_path / "kept")
    os.rename(second, first)
    os.rename(tmp_path / "kept", second)
    for path, time in zip((first, second), times, strict=True):
        os.utime(path, ns=(time, time))
        with pytest.raises(UserError, match="not what lay there when it was listed; put") as error:
            open_verified(Listed(str(path), rows["sha256"][int(path.stem)]))
        assert str(path) in str(error.value)
    assert image_paths(pd.concat([rows, rows.assign(width=0)]))[2:] == [None, None]
    first.unlink()
    with pytest.raises(UserError, match="no such image .*; restore it or prepare the data again$"):
        open_verified(paths[0])


@pytest.mark.parametrize("answer", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOSPC])
def test_where_there_are_no_links_an_image_is_put_as_a_file(answer, tmp_path, monkeypatch):
    path = listed_paths(rows_of(tmp_path / "own", 1))[0]
    put_verified(path, tmp_path / "link")

    def refuse(*_, **__):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(os, "symlink", refuse)
    if answer == errno.ENOSPC:
        with pytest.raises(OSError, match="No space"):
            put_verified(path, tmp_path / "file")
        return
    put_verified(path, tmp_path / "file")
    assert [(tmp_path / name).is_symlink() for name in ("link", "file")] == [True, False]
    assert (tmp_path / "file").read_bytes() == (tmp_path / "link").read_bytes()


@pytest.fixture
def changed(tmp_path):
    """A manifest of references, of which one was written over since, in a folder with weights."""
    write_manifest(tmp_path / "r.csv", rows_of(tmp_path / "own"))
    training = rows_of(tmp_path / "own")
    write_manifest(tmp_path / "t.csv", training.assign(id=training["id"].str.replace("R", "T")))
    draw(tmp_path / "own/1.bmp", 99)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 7))
    save_encoder(tmp_path / "k.safetensors", encoder, {})
    return tmp_path


EDITS = json.dumps({"names": ["blur"], "strength": [0, 0.1], "length": [1, 1]})
COPIES = json.dumps({"per_image": 1, "side": 32, "quality": 90})


@pytest.mark.parametrize(
    "command",
    [
        "embed --weights k.safetensors --manifest r.csv --output made",
        f"copies --training t.csv --config '{COPIES}' --edits '{EDITS}' --seed 0 --round 1 "
        "--output made",
    ],
    ids=["described", "copied"],
)
def test_no_new_pixels_go_by_an_old_hash(changed, monkeypatch, capsys, command):
    monkeypatch.chdir(changed)
    assert main(shlex.split(command)) == 1
    error = capsys.readouterr().err
    assert "own/1.bmp: not what lay there when it was listed; put the old file back" in error
    assert not (changed / "made").exists()

"""`iscqk validation-queries`: sets say the truth, share nothing, are the same every time."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iscqk.bench.independent.catalogue import CLASSES, PHASES
from iscqk.bench.independent.query_sets import Maker
from iscqk.bench.independent.set_folder import Query, read_set, read_sources
from iscqk.cli import main
from iscqk.formats.manifest import read_manifest, write_manifest
from iscqk.images.demo_scenes import draw_split
from iscqk.images.finding import find_images
from iscqk.images.ingestion import SPLIT_IDS, manifest_of

COPIES, DISTRACTORS = 26, 3  # a copy for each class that leads a chain, and some more
CONFIG = f'{{"references": 60, "copies": {COPIES}, "distractors": {DISTRACTORS}, "side": 96}}'
SMALL = '{"references": 8, "copies": 2, "distractors": 1, "side": 96}'


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name, count in (("references", 70), ("others", 12)):
        draw_split(folder / name, name, count, 0, 72, 2)
        rows = manifest_of(find_images([folder / name]), SPLIT_IDS[name], 2)
        write_manifest(folder / f"{name}.csv", rows)
    return folder


def make(images, output, config=CONFIG, *options, seed=0):
    arguments = ["--references", images / "references.csv", "--others", images / "others.csv"]
    arguments += ["--config", config, "--seed", seed, "--output", output, *options]
    return main(["validation-queries", *map(str, arguments)])


@pytest.fixture(scope="module")
def made(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "set"
    assert make(images, folder, CONFIG, "--workers", 2) == 0
    return folder


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_seed_decides_every_byte_and_the_number_of_workers_none(images, made, tmp_path):
    assert make(images, tmp_path / "alone", CONFIG, "--workers", 1) == 0
    assert files_of(tmp_path / "alone") == files_of(made)
    assert make(images, tmp_path / "other", CONFIG, "--workers", 2, seed=1) == 0
    assert files_of(tmp_path / "other") != files_of(made)


def test_a_query_is_made_of_the_reference_that_the_ground_truth_names(made):
    """Of chains that leave the layout alone, the picture itself tells."""
    found = read_set(made)
    references = np.stack([_small(path) for path in found.references])
    mild = {"grey", "light", "colour", "noise", "sharpened", "small", "jpeg", "text", "watermark"}
    chains = pd.read_csv(made / "edits.csv", index_col="query_id")["edits"].str.split(";")
    looked_at = 0
    for phase in found.phases.values():
        paths = dict(zip(phase.ids, phase.paths, strict=True))
        truth = phase.ground_truth
        assert len(truth) == COPIES and len(truth.distractors) == DISTRACTORS
        for query, reference in zip(truth.query_ids, truth.reference_ids, strict=True):
            if set(chains[query]) <= mild:
                far = np.corrcoef(_small(paths[query]), references)[0, 1:]
                assert found.reference_ids[far.argmax()] == reference, chains[query]
                looked_at += 1
    assert looked_at >= 5


def _small(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize((12, 12)), np.float64).ravel()


def test_every_image_is_the_source_of_one_query_at_most(images, made):
    found = read_set(made)
    truths = [phase.ground_truth for phase in found.phases.values()]
    copied = np.concatenate([truth.reference_ids for truth in truths])
    assert len(set(copied)) == len(copied) == 2 * COPIES
    others = pd.read_csv(made / "paths_of_others.csv")["path"].tolist()
    assert len(set(others)) == len(others) == 2 * DISTRACTORS
    assert all(Path(path).parent == images / "others" for path in others)


def test_references_are_linked_by_the_id_that_their_line_gives_them(made):
    lines = pd.read_csv(made / "paths_of_references.csv")["path"].tolist()
    assert len(lines) == 60 == len(list((made / "references").iterdir()))
    for number, line in enumerate(lines):
        assert (made / f"references/R{number:06d}.jpg").resolve() == Path(line).resolve()


def test_every_class_of_a_phase_leads_a_copy(made):
    found = read_set(made)
    for phase, given in found.phases.items():
        copies = set(given.ground_truth.query_ids)
        carried = {name for name, queries in found.classes.items() if copies & {*queries}}
        assert PHASES[phase].classes.keys() <= carried
    assert found.classes.keys() <= CLASSES.keys()


def test_a_query_without_edits_is_its_source(images):
    source = str(images / "references/R000003.jpg")
    jpeg = Maker(0, (), 72, 100).make(Query("Q00000", "phase1", source, "", []))
    path = images / "copy.jpg"
    path.write_bytes(jpeg)
    assert np.abs(_small(path) - _small(source)).max() < 3


def test_a_second_set_shares_neither_references_nor_distractors_with_the_first(images, tmp_path):
    assert make(images, tmp_path / "first", SMALL) == 0
    assert make(images, tmp_path / "second", SMALL, "--besides", tmp_path / "first", seed=1) == 0
    for name in ("references", "others"):
        taken = [read_sources(tmp_path / one, name) for one in ("first", "second")]
        assert all(taken) and not taken[0] & taken[1]


def test_a_set_whose_list_of_what_it_took_has_lost_a_line_is_told(images, tmp_path, capsys):
    assert make(images, tmp_path / "first", SMALL) == 0
    taken = tmp_path / "first/paths_of_others.csv"
    taken.write_text("".join(taken.read_text().splitlines(keepends=True)[:-1]))
    assert make(images, tmp_path / "second", SMALL, "--besides", tmp_path / "first", seed=1) == 1
    told = "paths_of_others.csv: not what was written to this query set; remove the set"
    assert told in capsys.readouterr().err


def test_a_set_is_left_out_wherever_its_images_lie_by_now(images, tmp_path):
    assert make(images, tmp_path / "first", SMALL) == 0
    for split in ("references", "others"):
        shutil.copytree(images / split, tmp_path / split)
        rows = manifest_of(find_images([tmp_path / split]), SPLIT_IDS[split], 1)
        write_manifest(tmp_path / f"{split}.csv", rows)
    assert make(tmp_path, tmp_path / "second", SMALL, "--besides", tmp_path / "first", seed=1) == 0
    for name in ("references", "others"):
        first, second = (
            {path.sha256 for path in read_sources(tmp_path / one, name)}
            for one in ("first", "second")
        )
        assert first and second and not first & second


def test_no_query_is_made_of_what_is_there_twice_or_of_one_colour(images, tmp_path, capsys):
    for split, count in (("references", 9), ("others", 5)):
        (tmp_path / split).mkdir()
        for number, path in enumerate(sorted((images / split).iterdir())[:count]):
            shutil.copy(path, tmp_path / split)
            if number < 3:
                shutil.copy(path, tmp_path / split / f"again {number}.jpg")
        Image.new("RGB", (72 + count, 54)).save(tmp_path / split / "blank.png")
        rows = manifest_of(find_images([tmp_path / split]), SPLIT_IDS[split], 1)
        write_manifest(tmp_path / f"{split}.csv", rows)
    config = '{"references": 60, "copies": 3, "distractors": 2, "side": 96}'
    assert make(tmp_path, tmp_path / "set", config) == 0
    found, references = read_set(tmp_path / "set"), read_manifest(tmp_path / "references.csv")
    assert len(found.references) == 13
    copied = {i for phase in found.phases.values() for i in phase.ground_truth.reference_ids}
    once = ~references["sha256"].duplicated(keep=False) & ~references["path"].str.endswith("png")
    assert copied == {*references["id"][once]} and len(copied) == 6
    others = read_sources(tmp_path / "set", "others")
    assert len({path.sha256 for path in others}) == len(others) == 4
    assert not any(path.endswith("blank.png") for path in others)
    assert make(tmp_path, tmp_path / "more", config.replace('"copies": 3', '"copies": 4')) == 1
    told = "8 references of more than one colour and a content of their own are needed, and there"
    assert f"{told} are 6" in capsys.readouterr().err


def test_names_with_line_breaks_are_shared_no_more_than_others(tmp_path):
    counts, breaks = {"references": 8, "others": 6}, ("\n", "\r", "\r\n", ",\n", '"\n"')
    for split, count in counts.items():
        draw_split(tmp_path / split, split, count, 0, 72, 2)
        for number, path in enumerate(sorted((tmp_path / split).iterdir())):
            path.rename(path.with_name(f"a{breaks[number % len(breaks)]}{number}.jpg"))
        rows = manifest_of(find_images([tmp_path / split]), SPLIT_IDS[split], 1)
        write_manifest(tmp_path / f"{split}.csv", rows)
    config = SMALL.replace('"references": 8', '"references": 4')
    assert make(tmp_path, tmp_path / "first", config) == 0
    assert len(read_sources(tmp_path / "first", "references")) == 4
    assert make(tmp_path, tmp_path / "second", config, "--besides", tmp_path / "first", seed=1) == 0
    for name in ("references", "others"):
        taken = [read_sources(tmp_path / one, name) for one in ("first", "second")]
        assert all(map(os.path.isfile, taken[0] | taken[1])) and not taken[0] & taken[1]


def test_a_set_takes_all_references_where_there_are_fewer_than_asked_for(images, tmp_path):
    config = SMALL.replace('"references": 8', '"references": 500')
    assert make(images, tmp_path / "set", config) == 0
    assert len(read_set(tmp_path / "set").references) == 70


def test_a_reference_that_has_changed_is_in_no_set_though_no_query_copies_it(
    images, tmp_path, capsys
):
    for split in ("references", "others"):
        shutil.copytree(images / split, tmp_path / split)
        rows = manifest_of(find_images([tmp_path / split]), SPLIT_IDS[split], 1)
        write_manifest(tmp_path / f"{split}.csv", rows)
    assert make(tmp_path, tmp_path / "before", SMALL) == 0
    found = read_set(tmp_path / "before")
    copied = {i for phase in found.phases.values() for i in phase.ground_truth.reference_ids}
    paths = dict(zip(found.reference_ids, found.references, strict=True))
    changed = Path(next(path for name, path in paths.items() if name not in copied)).resolve()
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert make(tmp_path, tmp_path / "set", SMALL) == 1
    told = capsys.readouterr().err
    assert f"{changed}: not what lay there when it was listed; put the old" in told
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ('{"references": 60, "copies": 40}', "80 references are needed, and there are 60"),
        ('{"copies": 30, "distractors": 6}', "13 others are needed, and there are 12"),
    ],
)
def test_too_few_images_are_told(images, tmp_path, capsys, config, told):
    assert make(images, tmp_path / "set", config) == 1
    assert told in capsys.readouterr().err and not (tmp_path / "set").exists()


def test_what_other_sets_have_taken_is_told(images, tmp_path, capsys):
    config = SMALL.replace('"references": 8', '"references": 500')
    assert make(images, tmp_path / "first", config) == 0
    assert make(images, tmp_path / "second", SMALL, "--besides", tmp_path / "first") == 1
    told = "4 references are needed, and there are 0 beside the 70 in the sets of --besides; make"
    assert told in capsys.readouterr().err
    assert make(images, tmp_path / "few", SMALL) == 0
    many = SMALL.replace('"distractors": 1', '"distractors": 5')
    assert make(images, tmp_path / "third", many, "--besides", tmp_path / "few") == 1
    told = "with a lower validation.distractors, add images, or lower the numbers in --config"
    assert told in capsys.readouterr().err


def test_no_distractor_is_made_of_a_reference(images, tmp_path, capsys):
    references, others = (
        read_manifest(images / f"{name}.csv") for name in ("references", "others")
    )
    others.loc[0, "sha256"] = references["sha256"][5]
    for name, rows in (("references", references), ("others", others)):
        rows.loc[1, ["sha256", "width", "height"]] = "", 0, 0  # unreadable ones are no copies
        write_manifest(tmp_path / f"{name}.csv", rows)
    assert make(tmp_path, tmp_path / "set", SMALL) == 1
    told = capsys.readouterr().err
    assert f"{others['path'][0]}: has the content of the reference {references['path'][5]}" in told
    assert told.rstrip().endswith("remove it from what copies nothing")
    assert not (tmp_path / "set").exists()


def test_a_folder_that_is_no_set_and_one_that_is_full_are_told(images, made, capsys):
    assert make(images, made.parent / "new", CONFIG, "--besides", images) == 1
    assert "name a folder of `iscqk validation-queries`" in capsys.readouterr().err
    assert make(images, made, SMALL) == 1
    assert "not empty; remove what is in it or name another" in capsys.readouterr().err


def test_without_opencv_it_says_what_to_install(images, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    for name in [name for name in sys.modules if name.startswith("iscqk.bench.independent")]:
        monkeypatch.delitem(sys.modules, name)
    assert make(images, tmp_path / "set", SMALL) == 1
    assert "pip install opencv-python-headless scikit-image" in capsys.readouterr().err

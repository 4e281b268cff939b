"""Where images come from: DISC21 under any of its names, folders, shards."""

from pathlib import Path

import pytest

from iscqk.datasets import find_sources
from iscqk.errors import UserError


def disc21(root):
    for folder in ("train_50k_0", "train_50k_1", "refs_50k_0", "dev_queries_50k_0"):
        (root / folder).mkdir()
    (root / "test_queries_50k_0").mkdir()
    for phase in ("dev", "test"):
        (root / f"{phase}_queries_groundtruth.csv").write_text("Q00000,R000000\n")
    return {"kind": "disc21", "root": str(root)}


def test_disc21_is_found_under_its_official_names(tmp_path):
    sources = find_sources(disc21(tmp_path))
    assert sources.training == [str(tmp_path / f"train_50k_{i}") for i in range(2)]
    assert sources.references == [str(tmp_path / "refs_50k_0")] and sources.others == []
    given = sources.phases["phase2"]
    assert given.queries == [str(tmp_path / "test_queries_50k_0")]
    assert given.ground_truth == str(tmp_path / "test_queries_groundtruth.csv")


@pytest.mark.parametrize("root", [".", "images"])
def test_disc21_is_found_as_its_evaluator_and_its_archives_have_it(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    for folder in ("train", "references", "queries", "final_queries"):
        (tmp_path / "images" / folder).mkdir(parents=True)
    (tmp_path / "list_files").mkdir()
    for file in ("list_files/train", "train_50k_0.zip"):
        (tmp_path / file).touch()
    for phase in ("dev", "test"):
        (tmp_path / f"{phase}_queries_groundtruth.csv").write_text("Q00000,R000000\n")
    sources = find_sources({"kind": "disc21", "root": root})
    assert sources.training == ["images/train"] and sources.references == ["images/references"]
    assert sources.lists == {"training": "list_files/train"}
    for phase, folder, name in (("phase1", "queries", "dev"), ("phase2", "final_queries", "test")):
        given = sources.phases[phase]
        assert given.queries == [f"images/{folder}"]
        assert given.ground_truth == f"{name}_queries_groundtruth.csv"


@pytest.mark.parametrize(
    ("truth", "halves"),
    [
        ("Q00000,R000000\nQ25000,R000000\n", ("public", "private")),
        ("query_id,reference_id\nQ00000,R000000\nQ25000,\n", ("public",)),
        ("Q25000,R000000\n", ("private",)),
    ],
)
def test_the_halves_of_phase_1_are_those_of_which_the_ground_truth_has_a_pair(
    tmp_path, truth, halves
):
    dataset = disc21(tmp_path)
    (tmp_path / "dev_queries_groundtruth.csv").write_text(truth)
    found = find_sources(dataset).phases
    assert found["phase1"].halves == halves and found["phase2"].halves == ()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", r"truth.csv: .*empty"),
        ("query_id,reference_id\nq1.jpg,R000000\n", "row 1 .*: the query is not Q and 5 digits"),
        ("Q00000,\n", "truth.csv: no true pair"),
    ],
)
@pytest.mark.parametrize("kind", ["disc21", "folders", "shards"])
def test_a_ground_truth_that_is_none_is_told_at_the_start(tmp_path, kind, content, complaint):
    truth, place = tmp_path / "test_queries_groundtruth.csv", str(tmp_path / "a.tar")
    dataset = disc21(tmp_path)
    if kind != "disc21":
        dataset = {"kind": kind, **dict.fromkeys(("training", "references", "others"), place)}
        dataset["phase2"] = {"queries": place, "ground_truth": str(truth)}
        Path(place).mkdir()
    truth.write_text(content)
    with pytest.raises(UserError, match=complaint):
        find_sources(dataset)


def test_a_missing_part_of_disc21_is_named(tmp_path):
    dataset = disc21(tmp_path)
    (tmp_path / "refs_50k_0").rmdir()
    with pytest.raises(UserError, match="no references; DISC21 calls it one of reference_images"):
        find_sources(dataset)


def test_a_list_of_what_there_is_not_is_refused(tmp_path):
    list_file = tmp_path / "list"
    list_file.write_text("Q00000\n")
    own = {"kind": "folders", **dict.fromkeys(("training", "references", "others"), str(tmp_path))}
    for name, dataset in (("phase1", own), ("others", disc21(tmp_path))):
        with pytest.raises(UserError, match=rf"^config: dataset\.lists\.{name}: says nothing"):
            find_sources({**dataset, "lists": {name: str(list_file)}})


def test_an_archive_of_disc21_that_was_not_unpacked_is_named(tmp_path):
    dataset = disc21(tmp_path)
    for archive in ("train_50k_1.zip", "train_50k_1.tar.gz"):
        (tmp_path / archive).touch()  # unpacked, and kept
    assert len(find_sources(dataset).training) == 2
    (tmp_path / "train_50k_2.zip").touch()
    with pytest.raises(UserError, match=r"train_50k_2\.zip: not unpacked, as .*train_50k_0 is; un"):
        find_sources(dataset)


@pytest.mark.parametrize("suffix", [".ZIP", ".7z", ".tar", ".tar.bz2", ".zip.part"])
def test_whatever_an_archive_of_disc21_is_packed_by_it_is_named(tmp_path, suffix):
    dataset = disc21(tmp_path)
    archive = tmp_path / "images" / f"refs_50k_1{suffix}"
    archive.parent.mkdir()
    archive.touch()
    with pytest.raises(UserError, match=f"{archive}: not unpacked, as .*refs_50k_0 is; unpack it"):
        find_sources(dataset)
    (tmp_path / "refs_50k_0").rmdir()
    with pytest.raises(UserError, match=f"{archive}: not unpacked, and references is nowhere els"):
        find_sources(dataset)


def test_folders_of_disc21_may_lie_in_both_places(tmp_path):
    dataset = disc21(tmp_path)
    (tmp_path / "images/train_50k_2").mkdir(parents=True)
    names = ["train_50k_0", "train_50k_1", "images/train_50k_2"]
    assert find_sources(dataset).training == [str(tmp_path / name) for name in names]


def test_a_brace_in_a_name_is_no_range(tmp_path):
    root = tmp_path / "of {2021}"
    root.mkdir()
    with pytest.raises(UserError, match=r"root: .*2021} has a brace in its name, a wildcard to Sn"):
        find_sources(disc21(root))


def test_phases_without_queries_need_sources_of_distractors(tmp_path):
    folders = {"kind": "folders", "training": str(tmp_path), "references": str(tmp_path)}
    with pytest.raises(UserError, match=r"dataset.others: missing"):
        find_sources(folders)
    assert find_sources({**folders, "others": str(tmp_path)}).phases == {}

"""`iscqk challenge-layout`: its images are taken as the challenge's own, and are the same."""

import tarfile

import pytest
from PIL import Image

from iscqk.cli import main
from iscqk.datasets import find_sources
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.image_shards import digest_of
from iscqk.formats.manifest import read_manifest, write_manifest
from iscqk.formats.results import Results
from iscqk.images.finding import only_listed
from iscqk.images.ingestion import SPLIT_IDS, manifest_of


def laid_out(finished, output, *options):
    results = Results(str(finished.folder / "results"))
    command = ["challenge-layout", results.data.folder, "--output", str(output), *options]
    assert main(command) == 0
    return results


def digests(path):
    rows = read_manifest(path)
    return dict(zip(rows["id"], rows["sha256"], strict=True))


def by_id(folders):
    return {path.stem: digest_of(path) for folder in folders for path in folder.iterdir()}


def test_it_is_taken_as_the_challenges_own(finished, tmp_path):
    root = tmp_path / "disc21"
    results = laid_out(finished, root, "--images", "25")
    found = find_sources({"kind": "disc21", "root": str(root)})
    assert [len(found.training), len(found.references)] == [3, 2]
    assert found.phases["phase1"].halves == ("public", "private")
    for split, folders in (("training", found.training), ("references", found.references)):
        assert by_id(map(root.joinpath, folders)) == digests(results.manifest(split))
        paths = [path for folder in folders for path in root.joinpath(folder).iterdir()]
        assert sorted(only_listed(paths, found.lists[split])) == sorted(paths)


@pytest.mark.parametrize(("phase", "name"), [("phase1", "dev"), ("phase2", "test")])
def test_queries_copy_what_they_copied(finished, tmp_path, phase, name):
    root = tmp_path / "disc21"
    results = laid_out(finished, root)
    before = digests(results.manifest(phase))
    after = by_id([root / f"{name}_queries_50k_0"])
    assert list(before.values()) == [after[query] for query in sorted(after)]  # in their order
    moved = [query for query in after if query not in before]
    private = [query for query in after if phase == "phase1" and query >= "Q25000"]
    assert moved == private and len(moved) == (10 if phase == "phase1" else 0)
    official = dict(zip(before, sorted(after), strict=True))
    truth = read_ground_truth(results.phase(phase).ground_truth)
    now = read_ground_truth(root / f"{name}_queries_groundtruth.csv", after)
    assert now.positives_only and len(now) == len(truth) == 10
    pairs = {(official[q], r) for q, r in zip(truth.query_ids, truth.reference_ids, strict=True)}
    assert pairs == set(zip(now.query_ids, now.reference_ids, strict=True))


def test_tar_files_hold_the_same(finished, tmp_path):
    laid_out(finished, tmp_path / "folders", "--images", "25")
    laid_out(finished, tmp_path / "tars", "--images", "25", "--tars")
    names = {path.name for path in (tmp_path / "folders").iterdir() if "50k" in path.name}
    assert len(names) == 7
    for name in names:
        with tarfile.open(tmp_path / "tars" / f"{name}.tar") as tar:
            inside = {member.name: tar.extractfile(member).read() for member in tar}
        folder = tmp_path / "folders" / name
        assert inside == {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("options", [[], ["--tars"]], ids=["folders", "tars"])
def test_an_image_that_has_changed_is_not_laid_out(tmp_path, capsys, options):
    """The ground truth would be of another one."""
    image, data = tmp_path / "a.png", tmp_path / "data"
    Image.new("L", (32, 32)).save(image)
    write_manifest(data / "training.csv", manifest_of([image], SPLIT_IDS["training"], 1))
    Image.new("L", (32, 32), 9).save(image)
    command = ["challenge-layout", str(data), *options, "--output", str(tmp_path / "disc21")]
    assert main(command) == 1
    assert "a.png: not what lay there when it was listed; put the old" in capsys.readouterr().err
    image.unlink()
    assert main(command) == 1
    assert "a.png: cannot read this image (No such file" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == [data]

"""A submission of refined descriptors, made by the real Snakemake from models that are there."""

import json
import shutil

import h5py
import numpy as np
import pytest

import iscqk
from conftest import Project
from iscqk.formats.descriptor_shards import descriptor_blocks
from iscqk.formats.manifest import image_paths, read_manifest
from iscqk.formats.predictions import read_predictions
from iscqk.retrieval.refining import read_projection_facts
from unit_rows import unit
from written_shards import write_descriptors

pytestmark = pytest.mark.long

REFINED = """\
describe:
  {sizes: [24, 32], orientations: 8, trimmed: true, gist: 0.5, whitening: 0.5, subtract: 0.5,
   subtract_nearest: 3}
score: {rankings: [log_partition]}
"""
RUN = "results/runs/qk-0/round1-k"
WAYS = "24-32-orientations8-trimmed"
SEEN = {"seen": WAYS}
GIST = "results/runs/gist-0/initial/descriptors-trimmed"


@pytest.fixture(scope="module")
def refined(finished, tmp_path_factory):
    """Return a project whose submission of phase 2 is made with every refinement."""
    folder = tmp_path_factory.mktemp("refined") / "project"
    shutil.copytree(finished.folder, folder)
    project = Project(folder)
    (folder / "refined.yaml").write_text(REFINED)
    done = project.run(
        "snakemake submission_phase2 --cores -p --configfile config.yaml tiny.yaml refined.yaml"
    )
    return project, done.stdout + done.stderr


def rows(folder, path):
    found = list(descriptor_blocks(sorted(folder.glob(f"{path}-[0-9]-of-*.h5"))))
    return np.concatenate([vectors for _, vectors in found]).astype(float)


def slowly_refined(folder):
    """Queries, references and training images, refined in float64 by the formulas."""
    seen = f"{RUN}/descriptors-{WAYS}"
    parts = {"training": "k", "references": "k", "phase2": "q"}
    joined = {
        images: np.hstack(
            [rows(folder, f"{seen}/{s}/{images}"), 0.5 * rows(folder, f"{GIST}/{s}/{images}")]
        )
        for images, s in parts.items()
    }
    centre = joined["training"].mean(0)
    _, values, directions = np.linalg.svd(joined["training"] - centre, full_matrices=False)
    scale = np.sqrt(values / len(joined["training"]) ** 0.5)
    white = {
        images: unit((vectors - centre) @ directions[:63].T / scale[:63], float)
        for images, vectors in joined.items()
    }
    training = white.pop("training")
    for images, vectors in white.items():
        order = np.argsort(-vectors @ training.T, axis=1)[:, :3]
        white[images] = unit(vectors - 0.5 * training[order].mean(1), float)
    return white["phase2"], white["references"], training


def test_refined_descriptors_are_those_of_the_formulas(refined):
    project, _ = refined
    queries, references, training = slowly_refined(project.folder)
    log_z = np.log(np.exp(queries @ training.T / 0.05).sum(1))
    wanted = queries @ references.T - 0.05 * log_z[:, None]
    with h5py.File(project.folder / "results/submission_phase2/descriptors.h5") as file:
        assert file["query"].shape == (20, 64) and file["reference"].shape == (32, 64)
        found = file["query"][:].astype(float), file["reference"][:].astype(float)
    distances = ((found[0][:, None] - found[1][None]) ** 2).sum(2)
    assert np.ptp(-distances / 2 - wanted) < 1e-4  # one constant for all pairs


def test_refining_trains_nothing_anew_and_tells_what_it_used(refined):
    project, output = refined
    assert "rule refine" in output and "rule train_" not in output
    folder = project.folder / "results/submission_phase2"
    assert json.loads((folder / "validation.json").read_text())["valid"] is True
    provenance = json.loads((folder / "provenance.json").read_text())
    assert set(provenance["weights"]) == {"queries", "references", "gist", "projection"}


def test_the_models_folder_describes_and_ranks_as_the_submission_does(refined, monkeypatch):
    project, _ = refined
    monkeypatch.chdir(project.folder)
    model = iscqk.Model.load("results/submission_phase2")
    described = {}
    for side, images, manifest in (
        ("queries", "phase2", "results/data/phase2/queries.csv"),
        ("references", "references", "results/data/references.csv"),
    ):
        described[side] = model.describe(image_paths(read_manifest(manifest)), side)
        submitted = rows(project.folder, f"{RUN}/refined/{side}/{images}")
        np.testing.assert_allclose(described[side], submitted, rtol=0, atol=1e-4)
    levels = model.levels(described["queries"])
    scores = described["queries"].astype(float) @ described["references"].T - levels[:, None]
    found = read_predictions("results/submission_phase2/predictions.csv")
    pairs = zip(found.query_ids, found.reference_ids, strict=True)
    mine = [scores[int(query[1:]) - 50_000, int(reference[1:])] for query, reference in pairs]
    np.testing.assert_allclose(found.scores / 2 + 2, mine, rtol=0, atol=1e-3)


def test_a_reference_is_refined_on_its_own(refined, tmp_path):
    project, _ = refined
    options, among = [], rows(project.folder, f"{RUN}/refined/references/references")
    for number, part in enumerate((f"{RUN}/descriptors-{WAYS}/k", f"{GIST}/k")):
        vectors = rows(project.folder, f"{part}/references")[5:6].astype(np.float32)
        write_descriptors(tmp_path / f"{number}.h5", ["R000005"], vectors, SEEN)
        options.append(f"--part {tmp_path}/{number}.h5")
    training = project.folder / RUN / "refined/references"
    project.run(
        f"iscqk refine {' '.join(options)} --weights 1 0.5 --nearest 3 --share 0.5 "
        f"--projection {RUN}/refined/projection.safetensors "
        f"--training {training}/training-0-of-2.h5 {training}/training-1-of-2.h5 "
        f"--output {tmp_path}/a.h5"
    )
    _, alone = next(descriptor_blocks([tmp_path / "a.h5"]))
    np.testing.assert_allclose(alone[0], among[5], rtol=0, atol=1e-6)


def test_parts_of_other_images_are_refused(refined, tmp_path):
    project, _ = refined
    sizes = read_projection_facts(project.folder / RUN / "refined/projection.safetensors")
    for name, image, size in zip("ab", ["R000000", "R000001"], sizes["dimensions"], strict=True):
        write_descriptors(tmp_path / f"{name}.h5", [image], np.ones((1, size), np.float32), {})
    done = project.run(
        f"iscqk refine --part {tmp_path}/a.h5 --part {tmp_path}/b.h5 --weights 1 0.5 "
        f"--projection {RUN}/refined/projection.safetensors --output {tmp_path}/c.h5",
        check=False,
    )
    assert done.returncode == 1 and "not of the same images; describe them again" in done.stderr

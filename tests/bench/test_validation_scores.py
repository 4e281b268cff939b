"""The validation's table against sums done slowly, its hashes, and `snakemake validation`."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import iscqk
from iscqk.bench.independent.contenders import HASHES, Described, gist_model, of_model
from iscqk.bench.independent.scoring import nearest, recall_by_class, score
from iscqk.bench.independent.set_folder import Query, read_set, write_set
from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.listed import Listed
from iscqk.formats.predictions import Predictions
from iscqk.matching.model import Model
from iscqk.retrieval.metrics import judge, recall_at_precision
from iscqk.retrieval.rankings import RANKINGS
from iscqk.retrieval.refining import fit_projection, without_negatives
from written_shards import write_descriptors


def slow_recalls(rows, true, classes):
    """Walk down the list, wrong pairs first where scores are equal, as far as 90 % are right."""
    ordered = sorted(rows, key=lambda row: (-row[2], (row[0], row[1]) in true))
    hits, found, sure = 0, [], []
    for rank, (query, reference, _) in enumerate(ordered, start=1):
        if (query, reference) in true:
            hits += 1
            found.append(query)
        if hits >= 0.9 * rank and (query, reference) in true:
            sure = list(found)
    copies = {query for query, _ in true}
    carriers = {name: [q for q in ids if q in copies] for name, ids in classes.items()}
    shares = {
        name: (len(queries), sum(q in sure for q in queries) / len(queries))
        for name, queries in carriers.items()
        if queries
    }
    return shares, len(sure) / len(true)


@pytest.mark.parametrize("seed", range(20))
def test_recall_by_class_is_what_a_walk_down_the_list_gives(seed):
    rng = np.random.default_rng(seed)
    queries = [f"Q{number:05d}" for number in range(30)]
    true = {(query, f"R{number:06d}") for number, query in enumerate(queries[:18])}
    rows = [
        (
            query,
            f"R{reference:06d}",
            float(rng.integers(0, 12) + 9 * ((query, f"R{reference:06d}") in true)),
        )
        for query in queries
        for reference in range(25)
    ]  # few different scores, so that many are equal
    classes = {
        name: np.array(sorted(rng.choice(queries, 9, replace=False))) for name in ("a", "b", "c")
    }
    truth = GroundTruth(
        *(np.array(column) for column in zip(*sorted(true), strict=True)), np.array(queries[18:])
    )
    judged = judge(Predictions(*(np.array(one) for one in zip(*rows, strict=True))), truth)
    expected, overall = slow_recalls(rows, true, classes)
    found = recall_by_class(judged, truth.query_ids, classes)
    assert {name: (count, pytest.approx(share)) for name, count, share in found} == expected
    whole = recall_by_class(judged, truth.query_ids, {"all": np.array(queries)})
    assert whole[0][2] == pytest.approx(overall) == pytest.approx(recall_at_precision(judged))


def test_where_nothing_reaches_90_percent_no_class_is_found():
    truth = GroundTruth(np.array(["Q00000"]), np.array(["R000000"]), np.array(["Q00001"]))
    rows = np.array(["Q00001", "Q00000"]), np.array(["R000000", "R000000"]), np.array([2.0, 1.0])
    judged = judge(Predictions(*rows), truth)
    assert recall_by_class(judged, truth.query_ids, {"a": np.array(["Q00000"])}) == [("a", 1, 0.0)]


@pytest.mark.parametrize("count", [1, 7, 60, 1000])
def test_a_pair_is_as_far_as_its_nearest_orientation(count):
    rng = np.random.default_rng(0)
    ways = [rng.integers(0, 2, (9, 24)).astype(np.float32) for _ in range(4)]
    references = rng.integers(0, 2, (11, 24)).astype(np.float32)
    found = nearest(Described(ways, references), 2, count)
    far = np.min([((way[:, None] - references) ** 2).sum(2) for way in ways], axis=0)
    np.testing.assert_array_equal(found.squared_distance, np.sort(far, axis=None)[:count])
    assert (far[found.query_index, found.reference_index] == found.squared_distance).all()
    assert len({*zip(found.query_index, found.reference_index, strict=True)}) == min(count, 99)


@pytest.fixture(scope="module")
def queries(tmp_path_factory):
    """8 references; a copy of each as it is in phase 1, mirrored in phase 2; 2 distractors."""
    folder = tmp_path_factory.mktemp("validation")
    pictures = []
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3)).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((96, 72), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.png")
        pictures.append(picture)
    made, files = [], []
    for phase, first in (("phase1", 0), ("phase2", 50_000)):
        for number in range(10):
            reference = f"R{number:06d}" if number < 8 else ""
            source, shown = Listed(str(folder / f"{number}.png")), pictures[number]
            if phase == "phase2":
                shown = shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            made.append(Query(f"Q{first + number:05d}", phase, source, reference, [f"of_{phase}"]))
            shown.save(folder / "query.jpg", quality=95)
            files.append((folder / "query.jpg").read_bytes())
    paths = [folder / f"{number}.png" for number in (*range(8), 10, 11)]
    references = [Listed(str(path), sha256_of(path)) for path in paths]
    write_set(folder / "set", made, files, references)
    return folder / "set"


def test_hashes_find_copies_and_only_orientations_find_mirrored_ones(queries):
    pytest.importorskip("imagehash", reason="pHash is of this package")
    scores, by_class = score(read_set(queries), {"pHash": HASHES["pHash, 64 bit"]}, 1)
    assert scores["micro_ap"].tolist()[0] == 1 and scores["micro_ap"].tolist()[1] < 0.5
    assert by_class[["phase", "class", "copies"]].to_numpy().tolist() == [
        *(["phase1", "of_phase1", 8], ["phase2", "of_phase2", 8])
    ]
    assert by_class["recall"].tolist()[0] == 1


def test_pdq_in_eight_orientations_finds_mirrored_copies(queries):
    pytest.importorskip("pdqhash", reason="PDQ is of this package, which is compiled where it goes")
    contenders = {name: HASHES[name] for name in ("PDQ", "PDQ, 8 orientations")}
    scores, _ = score(read_set(queries), contenders, 1)
    plain, turned = (group["micro_ap"].tolist() for _, group in scores.groupby("method"))
    assert plain[0] == 1 and plain[1] < 0.5 and turned == [1, 1]


def lose_a_line(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


DAMAGES = {
    "references/R000003.png": Path.unlink,
    "references/R000004.png": lambda path: (path.unlink(), path.write_bytes(b"another")),
    "phase1/Q00002.jpg": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "ground_truth_phase2.csv": lose_a_line,
    "edits.csv": lose_a_line,
}


@pytest.mark.parametrize(("name", "damage"), DAMAGES.items(), ids=DAMAGES)
def test_a_set_that_has_lost_or_changed_a_file_is_refused(queries, tmp_path, name, damage):
    damaged = shutil.copytree(queries, tmp_path / "set", symlinks=True)
    damage(damaged / name)
    with pytest.raises(UserError, match=f"/{name}: .*; remove the set and make it again"):
        read_set(damaged)


def test_what_lies_beside_the_images_of_a_set_is_none_of_them(queries, tmp_path):
    beside = shutil.copytree(queries, tmp_path / "set", symlinks=True)
    shutil.copy(beside / "phase1/Q00000.jpg", beside / "references/R000099.jpg")
    ids = read_set(beside).reference_ids
    np.testing.assert_array_equal(ids, read_set(queries).reference_ids)


def test_a_hash_whose_package_is_missing_has_a_row_that_says_so(queries, tmp_path, monkeypatch):
    for name in ("imagehash", "pdqhash"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["validation-scores", str(queries), "--output", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "table.csv")
    assert set(table["note"]) == {
        f"not measured: pip install {n}" for n in ("imagehash", "pdqhash")
    }
    assert table["micro_ap"].isna().all() and len(table) == 6
    assert "pip install pdqhash" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(("orientations", "top"), [(1, 10), (8, 1)])
def test_a_model_ranks_as_match_does(queries, model_folder, orientations, top):
    """Beyond the nearest, `match` goes on in the orientation in which that one was found."""
    model, found = Model.load(model_folder), read_set(queries)
    paths = found.phases["phase2"].paths  # mirrored
    rows, columns, far = nearest(of_model(model, 1, orientations)(paths, found.references), 1)
    pairs = [(paths[q], found.references[r]) for q, r in zip(rows, columns, strict=True)]
    names = ["query", "reference"]
    scores = RANKINGS[model.ranking.name].offset - far / 2
    ranked = pd.Series(scores, pd.MultiIndex.from_tuples(pairs, names=names))
    table = iscqk.match(paths, found.references, model, top, orientations=orientations)
    matched = table.set_index(names)["score"]
    assert len(matched) == len(paths) * top
    np.testing.assert_allclose(ranked[matched.index], matched, atol=1e-5)
    best = [one.groupby("query").max() for one in (ranked, matched)]
    np.testing.assert_allclose(*best, atol=1e-5)


def test_in_eight_orientations_the_nearest_of_each_pair_counts(queries, model_folder):
    model, found = Model.load(model_folder), read_set(queries)
    paths = found.phases["phase2"].paths  # mirrored
    turned = of_model(model, 1, 8)(paths, found.references)
    np.testing.assert_array_equal(
        turned.queries[0], of_model(model, 1)(paths, found.references).queries[0]
    )
    rows, columns, far = nearest(turned, 1)
    vectors = model.describe(found.references, "references")
    turns = [[], *([Image.Transpose[f"ROTATE_{angle}"]] for angle in (90, 180, 270))]
    turns += [[*turn, Image.Transpose.FLIP_LEFT_RIGHT] for turn in turns]
    scores = []
    for turn, level in zip(turns, model.levels_of_orientations(8), strict=True):
        images = [Image.open(path).convert("RGB") for path in paths]
        for step in turn:
            images = [image.transpose(step) for image in images]
        looked = model.describe(images)
        scores.append(looked @ vectors.T - model.levels(looked)[:, None] - level)
    offset = RANKINGS[model.ranking.name].offset
    best = np.max(scores, axis=0)
    np.testing.assert_allclose(-far / 2 + offset, best[rows, columns], atol=2e-3)
    assert np.median(np.ptp(scores, axis=0)) > 0.01  # so that another orientation is seen


def test_gist_is_whitened_and_what_training_images_have_in_common_is_subtracted(
    queries, model_folder, tmp_path
):
    """An encoder is an encoder; a random network stands in for GIST's."""
    model, found = Model.load(model_folder), read_set(queries)
    ids = np.array([f"T{number:06d}" for number in range(40)])
    rows = np.random.default_rng(0).standard_normal((40, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    shards = [tmp_path / "0.h5", tmp_path / "1.h5"]
    of_gist = {"weights_sha256": sha256_of(model_folder / "q.safetensors"), "shards": 2}
    for number, part in enumerate((slice(25), slice(25, 40))):
        write_descriptors(shards[number], ids[part], rows[part], {**of_gist, "shard": number})
    with pytest.raises(UserError, match="number 1 is missing"):
        gist_model(model_folder / "q.safetensors", shards[:1])
    refined = gist_model(model_folder / "q.safetensors", shards)
    projection = fit_projection([rows], 16, 0.5)
    described = model.describe(found.references, "references")
    expected = without_negatives(projection(described), projection(rows), 10, 0.5)
    np.testing.assert_allclose(
        refined.describe(found.references, "references"), expected, atol=1e-5
    )
    assert of_model(refined, 1)(found.references, found.references).references.shape == (10, 17)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--models", "results"], "write NAME=DIR"),
        (["--models", "a=x", "a, 8 orientations=y"], "the table has a a, 8 orientations"),
        (["--gist", "q.safetensors"], "--gist needs --training"),
    ],
)
def test_wrong_options_are_told(queries, tmp_path, capsys, options, told):
    arguments = [str(queries), "--output", str(tmp_path / "out"), *options]
    assert main(["validation-scores", *arguments]) == 1
    assert told in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.long
def test_the_workflow_makes_the_table_of_the_submitted_model_and_gist(finished_copy):
    small = "validation: {references: 20, copies: 5, distractors: 3, side: 96}\n"
    (finished_copy.folder / "small.yaml").write_text(small)
    command = "snakemake validation --cores --configfile config.yaml tiny.yaml small.yaml"
    told = finished_copy.run(command).stderr
    assert re.search(r"validation +results/validation/table.md", told)
    folder = finished_copy.folder / "results/validation"
    table = pd.read_csv(folder / "table.csv")
    models = ["submission", "submission, 8 orientations", "GIST, whitened and subtracted"]
    assert [*table["method"].unique()] == [*models, *HASHES]
    measured = table[table["note"].isna()]
    assert measured["micro_ap"].between(0, 1).all() and len(measured) >= 4
    classes = pd.read_csv(folder / "by_class.csv")
    assert set(classes["phase"]) == {"phase1", "phase2"}
    assert "nothing to be done" in finished_copy.run(command).stderr.lower()

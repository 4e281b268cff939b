"""`iscqk score --half`: a half of phase 1 as either official evaluator would score it alone."""

import json

import h5py
import numpy as np
import pytest

from iscqk.cli import main
from iscqk.formats.submission import write_submission

# More pairs in a half than the budget of 500,000, so that the nearest pairs of a half are not the
# half's part of the nearest pairs of all.
PER_HALF, REFERENCES, DIMENSION = 600, 1000, 16
BUDGETS = {"fb": 500_000, "drivendata": 10 * PER_HALF}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A submission with queries of both halves, copies from near to unlike; its ground truths."""
    folder, random = tmp_path_factory.mktemp("halves"), np.random.default_rng(0)
    numbers = [*range(25_000 - PER_HALF, 25_000 + PER_HALF)]
    ids = [f"Q{number:05d}" for number in numbers]
    reference_ids = [f"R{number:06d}" for number in range(REFERENCES)]
    references = random.normal(size=(REFERENCES, DIMENSION)).astype(np.float32)
    copied = random.integers(REFERENCES, size=len(ids))
    noise = random.normal(size=(len(ids), DIMENSION))
    queries = references[copied] + random.uniform(0.05, 2, size=(len(ids), 1)) * noise
    queries[np.arange(len(ids)) % 5 > 0] = random.normal(size=(len(ids) * 4 // 5, DIMENSION))
    write_submission(
        folder / "s.h5",
        DIMENSION,
        (len(ids), [(ids, queries.astype(np.float32))]),
        (REFERENCES, [(reference_ids, references)]),
    )
    true = [reference_ids[r] if i % 5 == 0 else "" for i, r in enumerate(copied)]
    rows = [f"{query},{reference}" for query, reference in zip(ids, true, strict=True)]
    (folder / "gt.csv").write_text("\n".join(["query_id,reference_id", *rows]) + "\n")
    (folder / "public.csv").write_text("\n".join(["query_id,reference_id", *rows[:PER_HALF]]))
    positives = [row for row in rows if not row.endswith(",")]
    (folder / "released.csv").write_text("\r\n".join(positives))
    return folder


def expected(folder, half, convention):
    """Micro-AP and recall at 90 % precision from the definitions, over every pair in float64."""
    with h5py.File(folder / "s.h5") as file:
        kept = slice(0, PER_HALF) if half == "public" else slice(PER_HALF, None)
        queries, references = file["query"][kept].astype(float), file["reference"][:].astype(float)
        ids = file["query_ids"][kept].astype(str)
        reference_ids = file["reference_ids"][:].astype(str)
    lines = (folder / "gt.csv").read_text().splitlines()[1:]
    truth = dict(line.split(",") for line in lines)
    right = np.array([[truth[q] == r for r in reference_ids] for q in ids]).ravel()
    distances = np.concatenate([((q - references) ** 2).sum(1) for q in queries])
    nearest = np.lexsort((right, distances))[: BUDGETS[convention]]
    found = area = recall = 0
    positives = right.sum()
    for rank, is_right in enumerate(right[nearest], 1):
        found += is_right
        area += is_right * found / rank / positives
        if found / rank >= 0.9:
            recall = max(recall, found / positives)
    return area, recall


def score(folder, capsys, file, truth, *options):
    assert main(["score", str(folder / file), str(folder / truth), *options]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("convention", ["fb", "drivendata"])
@pytest.mark.parametrize("half", ["public", "private"])
def test_a_half_is_scored_as_if_the_file_held_no_other_queries(folder, capsys, half, convention):
    options = ["--half", half, "--convention", convention]
    result = score(folder, capsys, "s.h5", "gt.csv", *options)
    area, recall = expected(folder, half, convention)
    assert result["micro_ap"] == pytest.approx(area, abs=1e-9)
    assert result["recall_at_p90"] == pytest.approx(recall, abs=1e-9) and recall > 0
    assert (result["queries"], result["positives"], result["half"]) == (PER_HALF, 120, half)
    assert result["predictions"] == result["max_results"] == BUDGETS[convention]


def test_a_half_has_pairs_that_the_whole_leaves_out(folder, capsys):
    whole = ["search", str(folder / "s.h5"), "--output", str(folder / "p.csv")]
    assert main(whole) == 0
    cut = score(folder, capsys, "p.csv", "gt.csv", "--half", "private")
    assert cut["predictions"] < BUDGETS["fb"] and cut["queries"] == PER_HALF
    area, _ = expected(folder, "private", "fb")
    assert cut["micro_ap"] != pytest.approx(area, abs=1e-9)


def test_the_forms_of_the_ground_truth_agree(folder, capsys):
    whole = score(folder, capsys, "s.h5", "gt.csv", "--half", "public")
    for truth in ("public.csv", "released.csv"):
        assert score(folder, capsys, "s.h5", truth, "--half", "public") == whole


def test_a_half_that_the_ground_truth_does_not_tell_of_is_an_error(folder, capsys):
    files = [str(folder / "s.h5"), str(folder / "public.csv")]
    assert main(["score", *files, "--half", "private"]) == 1
    assert "public.csv: no true pair of the private half" in capsys.readouterr().err

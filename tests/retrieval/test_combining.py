"""Searches of parts of the references, put together, against one search of all."""

import h5py
import numpy as np
import pytest

from iscqk.cli import main
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.predictions import read_predictions
from iscqk.formats.submission import write_submission


@pytest.fixture
def submission(tmp_path):
    """Vectors of few values, so that many pairs are equally near, also across the parts."""
    rng = np.random.default_rng(0)
    queries, references = (rng.integers(0, 3, (n, 4)).astype(np.float32) for n in (20, 90))
    sides = [
        (len(rows), [([form.make(number) for number in range(len(rows))], rows)])
        for form, rows in ((QUERY, queries), (REFERENCE, references))
    ]
    write_submission(tmp_path / "s.h5", 4, *sides)
    return tmp_path / "s.h5"


def search(submission, output, *options):
    assert main(["search", str(submission), "--output", str(output), *options]) == 0
    return output.read_bytes()


def combined(submission, tmp_path, shards, limit, *options):
    """Return what parts give together, the last of them first."""
    parts = [tmp_path / f"{shard}.csv" for shard in range(shards)]
    for shard, part in enumerate(parts):
        search(submission, part, *limit, "--shard", str(shard), "--shards", str(shards))
    names = [str(part) for part in reversed(parts)]
    output = ["--output", str(tmp_path / "all.csv")]
    assert main(["combine", *names, *output, *limit, *options]) == 0
    return (tmp_path / "all.csv").read_bytes()


@pytest.mark.parametrize("shards", [1, 3, 7])
@pytest.mark.parametrize("max_results", [1, 40, 333, 5000])
def test_parts_together_are_the_whole_to_the_byte(submission, tmp_path, shards, max_results):
    limit = ["--max-results", str(max_results)]
    whole = search(submission, tmp_path / "whole.csv", *limit)
    assert combined(submission, tmp_path, shards, limit) == whole


@pytest.mark.parametrize("max_results", [1, 40, 333, 5000])
def test_parts_of_a_file_in_any_order_are_the_whole_too(submission, tmp_path, max_results):
    with h5py.File(submission, "r+") as file:
        for ids in (file["query_ids"], file["reference_ids"]):
            ids[:] = np.random.default_rng(1).permutation(ids[:])
    limit = ["--max-results", str(max_results)]
    whole = search(submission, tmp_path / "whole.csv", *limit)
    assert combined(submission, tmp_path, 3, limit, "--file", str(submission)) == whole


def test_more_parts_than_references_are_the_whole(submission, tmp_path):
    """Some of them are lists without a pair."""
    whole = search(submission, tmp_path / "whole.csv")
    assert combined(submission, tmp_path, 100, [], "--file", str(submission)) == whole


def test_a_part_names_references_of_that_part_alone(submission, tmp_path):
    search(submission, tmp_path / "1.csv", "--shard", "1", "--shards", "3")
    found = read_predictions(tmp_path / "1.csv")
    assert set(REFERENCE.numbers(found.reference_ids)) == set(range(30, 60))


def test_a_shard_that_there_is_not_is_refused(submission, tmp_path, capsys):
    options = ["--output", str(tmp_path / "x.csv"), "--shard", "3", "--shards", "3"]
    assert main(["search", str(submission), *options]) == 1
    assert "shard 3 of 3 does not exist" in capsys.readouterr().err

"""`snakemake rehearsal` at a tiny size, and sharded searches in the workflow."""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.long

SMALL = """\
search: {max_results: 50} # the rehearsal has the challenge's
rehearsal: {queries: 300, references: 2000, repeats: 1, slice: {queries: 200, references: 1000}}
"""


@pytest.fixture
def rehearsed(finished_copy):
    (finished_copy.folder / "small.yaml").write_text(SMALL)
    finished_copy.run("snakemake rehearsal --cores --configfile config.yaml tiny.yaml small.yaml")
    return finished_copy.folder / "results/rehearsal"


def test_a_rehearsal_finds_what_was_planted_and_so_do_its_peers(rehearsed):
    expected, score = (
        json.loads((rehearsed / name).read_text()) for name in ("expected.json", "score.json")
    )
    assert score["micro_ap"] == pytest.approx(expected["micro_ap"], abs=1e-9)
    assert score["predictions"] == 500_000 and score["positives"] == 60
    assert json.loads((rehearsed / "validation.json").read_text())["valid"] is True
    peers = pd.read_csv(rehearsed / "peers.csv")
    assert len(peers) == 6 and (peers["seconds"] > 0).all()
    assert (peers[peers["task"] == "search"]["all_pairs_seconds"] > 0).all()
    for _, ways in peers.groupby("task"):
        assert ways["micro_ap"].max() - ways["micro_ap"].min() <= 1e-9
    table = (rehearsed / "table.md").read_text()
    rules = ("synthesize-phase", "merge", "validate", "search", "score")
    assert all(f"| {rule} |" in table for rule in rules)


def test_a_wrong_score_fails_the_rehearsal(rehearsed, finished_copy):
    score = json.loads((rehearsed / "score.json").read_text())
    score["micro_ap"] += 1e-6
    (rehearsed / "score.json").write_text(json.dumps(score))
    done = finished_copy.run(
        "iscqk rehearsed --usage search=results/usage/rehearsal/search.tsv --output x.md "
        "--expected results/rehearsal/expected.json --score results/rehearsal/score.json "
        "--search-speed results/rehearsal/peers.csv",
        check=False,
    )
    assert done.returncode == 1 and "the search or the scoring is wrong" in done.stderr


def test_a_search_in_shards_gives_the_same_submission(finished, finished_copy):
    (finished_copy.folder / "shards.yaml").write_text("shards: {search: 3}\n")
    finished_copy.run(
        "snakemake submission_phase2 --cores --configfile config.yaml tiny.yaml shards.yaml"
    )
    found, whole = (
        (project.folder / "results/submission_phase2/predictions.csv").read_bytes()
        for project in (finished_copy, finished)
    )
    assert found == whole

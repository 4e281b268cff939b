"""Queries of one's own: a ground truth that scores nothing, images that are trained on."""

import tarfile

import pytest

from drawn_images import put_drawn
from iscqk.cli import main


def test_a_ground_truth_of_no_pair_is_told_with_the_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number, split in enumerate(("training", "references", "others")):
        put_drawn(tmp_path / split, split, 4, number, 48)
    lists = [f"{name}.csv" for name in ("training", "references", "others", "bad")]
    splits = [word for name in ("training", "references", "others") for word in (f"--{name}", name)]
    assert main(["prepare", *splits, "--output", *lists]) == 0
    (tmp_path / "queries").mkdir()
    for number, path in enumerate(sorted((tmp_path / "others").iterdir())):
        path.rename(tmp_path / f"queries/Q{number:05}.jpg")
    (tmp_path / "truth.csv").write_text("query_id,reference_id\nQ00000,\n")
    command = "take-queries --phase phase1 --queries queries --ground-truth truth.csv --training "
    command += "training.csv --references references.csv --output q.csv g.csv e.csv b.csv"
    assert main(command.split()) == 1
    what = "truth.csv: no true pair, so there is no score; take a file that lists them"
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {what}"
    assert not (tmp_path / "g.csv").exists()
    complete = "query_id,reference_id\nQ00000,R000001\nQ00001,\nQ00002,\nQ00003,\n"
    # what is left out copies nothing
    for rows in ("Q00000,R000001\n", "Q00000,R000001\nQ00002,\n"):
        (tmp_path / "truth.csv").write_text(f"query_id,reference_id\n{rows}")
        assert main(command.split()) == 0
        assert (tmp_path / "g.csv").read_text() == complete
    (tmp_path / "truth.csv").write_text("Q00000,R000001\nQ00001,R000009\n")
    (tmp_path / "queries/Q00001.jpg").write_bytes(b"no image")  # nor is it looked at
    prepare = (
        "prepare --training training --references references --phase1 queries --output".split()
    )
    prepare += [*lists, "--ground-truths", "phase1=truth.csv"]
    for words in (command.split(), prepare):
        assert main(words) == 1
        told = capsys.readouterr().err.splitlines()[-1]
        what = "no image of the references is named R000009 (1 of 2 listed); name its file "
        what += "R000009.jpg and put it there"
        assert told.startswith(f"error: truth.csv, row 2 (Q00001,R000009): {what}")
        assert told.endswith(" or take the row out")


@pytest.mark.parametrize("strays", [["q00002", "q00003"], ["Q00002.jpg"], ["aaa"]])
def test_a_ground_truth_speaks_of_no_file_that_no_id_names(tmp_path, monkeypatch, capsys, strays):
    """It would get a free id, and be another query than the one that is meant."""
    monkeypatch.chdir(tmp_path)
    for number, split in enumerate(("training", "references", "others")):
        put_drawn(tmp_path / split, split, 2 + len(strays), number, 48)
    names = ["Q00000", *strays, "Q00004"]
    (tmp_path / "others").rename("queries")
    for name, path in zip(names, sorted((tmp_path / "queries").iterdir()), strict=True):
        path.rename(tmp_path / f"queries/{name}.jpg")
    (tmp_path / "truth.csv").write_text("Q00000,R000000\nQ00001,R000001\nQ00002,R000002\n")
    listing = "prepare --training training --references references "
    made = "--output t.csv r.csv o.csv b.csv"
    assert main((listing + made).split()) == 0
    taking = "take-queries --phase phase1 --queries queries --ground-truth truth.csv --training "
    taking += "t.csv --references r.csv --output q.csv g.csv e.csv b.csv"
    beforehand = f"{listing} --phase1 queries --ground-truths phase1=truth.csv {made}"
    for command in (taking, beforehand):
        assert main(command.split()) == 1
        told = capsys.readouterr().err.splitlines()[-1]
        what = "no image of the queries is named Q00001 (2 of 3 listed); name its file "
        what += "Q00001.jpg and put it there"
        assert told.startswith(f"error: truth.csv, row 2 (Q00001,R000001): {what}")
    (tmp_path / "truth.csv").write_text("Q00000,R000000\n")  # the others copy nothing
    assert main(taking.split()) == 0


def test_where_no_file_is_named_by_an_id_their_order_counts_and_is_told(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    for number, split in enumerate(("training", "references", "others")):
        put_drawn(tmp_path / split, split, 3, number, 48)
    for split in ("references", "others"):
        for name, path in zip("abc", sorted((tmp_path / split).iterdir()), strict=True):
            path.rename(tmp_path / f"{split}/{name}.jpg")
    (tmp_path / "truth.csv").write_text("Q00002,R000001\n")
    made = "prepare --training training --references references --phase1 others "
    made += "--ground-truths phase1=truth.csv --output t.csv r.csv o.csv b.csv"
    assert main(made.split()) == 0
    told = [
        record.getMessage() for record in caplog.records if "by its place" in record.getMessage()
    ]
    assert [line.partition(":")[0] for line in told] == ["others/a.jpg", "references/a.jpg"]
    assert "(Q00000 here)" in told[0] and "(R000000 here)" in told[1]


@pytest.mark.parametrize(
    ("place", "mode", "remedy", "vain"),
    [
        ("queries", "error", "dataset.bad_images: quarantine, or a list of", "--forcerun"),
        ("queries", "quarantine", "snakemake with --forcerun prepare", "dataset.bad_images"),
        ("queries.tar", "error", "as dataset.lists.training", "dataset.bad_images"),
        ("queries.tar", "quarantine", "as dataset.lists.training", "dataset.bad_images"),
    ],
)
def test_the_remedy_for_a_query_to_be_trained_on_is_one_that_helps(
    tmp_path, monkeypatch, capsys, place, mode, remedy, vain
):
    """Of queries in shards, and of those that were not there yet, `prepare` is not told."""
    monkeypatch.chdir(tmp_path)
    for number, split in enumerate(("training", "references")):
        put_drawn(tmp_path / split, split, 2, number, 48)
    made = "prepare --training training --references references --output t.csv r.csv o.csv b.csv"
    assert main(made.split()) == 0
    (tmp_path / "queries").mkdir()
    for number, path in enumerate(sorted((tmp_path / "training").iterdir())):
        path.rename(tmp_path / f"queries/Q{number:05}.jpg")
    with tarfile.open("queries.tar", "w") as tar:
        tar.add("queries", ".")
    (tmp_path / "truth.csv").write_text("query_id,reference_id\nQ00000,R000001\n")
    command = f"take-queries --phase phase1 --queries {place} --bad-images {mode} --training t.csv "
    command += "--ground-truth truth.csv --references r.csv --output q.csv g.csv e.csv b.csv"
    assert main(command.split()) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert "training on phase1 is against the rules" in told
    assert remedy in told and vain not in told

"""`whiten`, `refine` and `merge` of shards, and what of them does not belong together."""

from pathlib import Path

import numpy as np
import pytest

from iscqk.cli import main
from iscqk.formats.descriptor_shards import descriptor_blocks, stacked
from iscqk.retrieval.refining import load_projection
from unit_rows import unit_array
from written_shards import write_descriptors

IDS = {"Q": [f"Q{n:05}" for n in range(6)], "R": [f"R{n:06}" for n in range(9)]}
SIZES = {"a": 8, "b": 5}  # of two models' descriptors


@pytest.fixture(autouse=True)
def shards(tmp_path, monkeypatch):
    """Training images and queries by two models, references by the first one."""
    monkeypatch.chdir(tmp_path)
    training = [f"T{n:06}" for n in range(40)]
    for seed, (model, size) in enumerate(SIZES.items()):
        write_descriptors(f"t{model}.h5", training, unit_array(40, size, seed), {})
        write_descriptors(f"q{model}.h5", IDS["Q"], unit_array(6, size, seed + 2), {})
    write_descriptors("r.h5", IDS["R"], unit_array(9, SIZES["a"], 5), {})
    made = "whiten --part ta.h5 --part tb.h5 --weights 1 0.5 --whitening 1 --size 6 --output p.st"
    assert main(made.split()) == 0


def refused(command, capsys):
    assert main(command.split()) == 1
    return capsys.readouterr().err.splitlines()[-1].removeprefix("error: ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "--part qa.h5 --part qb.h5 --weights 5 1",
            "whose weights are [1, 0.5], and here they are [5, 1];",
        ),
        ("--part qb.h5 --part qa.h5 --weights 1 0.5", "whose dimensions are [8, 5], and here they"),
        ("--part qa.h5", "whose weights are [1, 0.5], and here they are [1.0];"),
    ],
)
def test_parts_are_joined_as_those_that_the_projection_was_learned_of(given, told, capsys):
    line = refused(f"refine {given} --projection p.st --output o.h5", capsys)
    assert line.startswith("p.st: learned of parts ") and told in line
    assert line.endswith("; give parts and weights as to `iscqk whiten`")
    alike = "--part qa.h5 --part qb.h5 --weights 1 0.5 --projection p.st --output o.h5"
    assert main(["refine", *alike.split()]) == 0


def test_training_images_of_other_dimensions_are_not_subtracted(capsys):
    line = refused("refine --part qa.h5 --training tb.h5 --share 0.5 --output o.h5", capsys)
    assert line == (
        "tb.h5: 5 dimensions, and 8 are refined here; refine training images alike, or name those"
    )


LEARN_FROM = pytest.mark.parametrize(
    "command",
    [
        "whiten --whitening 1 --size 4 --output o.h5 --part",
        "refine --part qa.h5 --share 0.5 --output o.h5 --training",
        "merge --queries qa.h5 --references r.h5 --ranking log_partition --output o.h5 --training",
    ],
)


@pytest.mark.parametrize("graded", ["qa", "r"])
@LEARN_FROM
def test_nothing_is_learned_from_what_is_graded(command, graded, capsys):
    """The rules forbid descriptors that depend on references, or on other queries."""
    line = refused(f"{command} {graded}.h5", capsys)
    first = {"qa": "Q00000", "r": "R000000"}[graded]
    assert line.startswith(f"{graded}.h5: {first} is no training image; training on references or")
    assert not Path("o.h5").exists()


@LEARN_FROM
def test_no_training_image_counts_twice(command, capsys):
    line = refused(f"{command} ta.h5 ta.h5", capsys)
    assert line == "ta.h5: T000000 is there for the second time; name each shard once"
    assert not Path("o.h5").exists()


def scaled(path, source, scale, row=slice(None)):
    """Write a shard anew, some rows of it times a number."""
    ((ids, rows),) = descriptor_blocks([f"{source}.h5"])
    rows[row] *= np.float32(scale)
    write_descriptors(f"{path}.h5", ids, rows, {})


@pytest.mark.parametrize("scale", [0, 1e-20, 0.99, 1.01, 2, 1e20])
@pytest.mark.parametrize("role", ["queries", "references", "training"])
def test_a_ranking_by_a_bank_is_of_unit_rows(role, scale, capsys):
    given = {"queries": "qa", "references": "r", "training": "ta"}
    scaled("s", given[role], scale, row=3)
    given[role] = "s"
    shards = " ".join(f"--{name} {file}.h5" for name, file in given.items())
    command = f"merge {shards} --output o.h5 --ranking"
    line = refused(f"{command} log_partition", capsys)
    third = {"queries": "Q00003", "references": "R000003", "training": "T000003"}[role]
    told = f"s.h5: {third} is of length {scale:.4g}, and 1 is needed; divide each row by its length"
    assert line.endswith(told)
    assert main([*command.split(), "similarity"]) == 0


@pytest.mark.parametrize("part", ["qa", "ta"])
def test_what_is_subtracted_is_of_unit_rows(part, capsys):
    scaled("s", part, 1e-13)
    shards = {"qa": "--part s.h5 --training ta.h5", "ta": "--part qa.h5 --training s.h5"}[part]
    line = refused(f"refine {shards} --share 0.5 --output o.h5", capsys)
    assert "s.h5: " in line and "00000 is of length 1e-13, and 1 is needed; divide each" in line


@pytest.mark.parametrize("scale", [1e-30, 1e-13, 1e20])
def test_rows_of_any_length_are_whitened_to_unit_rows(scale):
    whiten, refine = "whiten --whitening 0 --size 4 --output", "refine --projection"
    for name, times in (("one", 1), ("other", scale)):
        scaled(f"t{name}", "ta", times)
        scaled(f"q{name}", "qa", times)
        assert main(f"{whiten} {name}.st --part t{name}.h5".split()) == 0
        assert main(f"{refine} {name}.st --part q{name}.h5 --output {name}.h5".split()) == 0
    ours, theirs = (stacked([f"{name}.h5"]).astype(float) for name in ("one", "other"))
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, rtol=0, atol=1e-6)


def test_a_row_that_is_the_mean_of_all_has_no_direction(capsys):
    rows = np.eye(2, dtype=np.float32)
    write_descriptors("t.h5", ["T000000", "T000001"], rows, {})
    write_descriptors("q.h5", ["Q00000", "Q00001"], np.stack([rows[0], rows.mean(0)]), {})
    assert main("whiten --part t.h5 --whitening 0 --size 2 --output z.st".split()) == 0
    line = refused("refine --part q.h5 --projection z.st --output o.h5", capsys)
    assert line.startswith("q.h5: nothing is left of Q00001, so that it has no direction; mend")


@pytest.mark.parametrize("sizes", ["--whitening 1 --size 6", "--whitening 1 0 --size 4 2"])
@pytest.mark.parametrize(
    ("weights", "largest"), [("0 0", "0"), ("1e39 1", "1e+39"), ("1 1e31", "1e+31")]
)
def test_weights_by_which_nothing_counts_are_refused(weights, largest, sizes, capsys):
    command = f"whiten --part ta.h5 --part tb.h5 --weights {weights} {sizes} --output o.st"
    line = f"weights: {largest} is the largest; give one above 0, and none above 1e+30"
    assert refused(command, capsys) == line


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ("14 --whitening 1", "--size 14: 13 dimensions are in ta.h5 and tb.h5; name no more"),
        ("8 6 --whitening 1 1", "--size 6: 5 dimensions are in tb.h5; name no more"),
    ],
)
def test_no_more_dimensions_remain_than_there_are(sizes, told, capsys):
    command = "whiten --part ta.h5 --part tb.h5 --weights 1 0.5 --output o.st --size"
    assert refused(f"{command} {sizes}", capsys) == told and not Path("o.st").exists()
    sizes = sizes.replace("14", "13").replace("6", "5")
    assert main(f"{command} {sizes}".split()) == 0


@pytest.mark.parametrize("sizes", ["--whitening 1 --size 6", "--whitening 1 0 --size 4 2"])
@pytest.mark.parametrize("images", [[], range(1), range(35), range(5, 45)])
def test_parts_of_other_images_are_not_whitened_together(images, sizes, capsys):
    ids = [f"T{n:06}" for n in images]
    write_descriptors("other.h5", ids, unit_array(len(ids), SIZES["b"], 9), {})
    command = f"whiten --part ta.h5 --part other.h5 --weights 1 0.5 {sizes} --output o.st"
    line = "ta.h5 and other.h5: not of the same images; describe them again"
    assert refused(command, capsys) == line


def test_a_projection_is_that_of_the_same_images_however_their_shards_are_split():
    ((ids, rows),) = descriptor_blocks(["ta.h5"])
    for name, some in (("0", slice(25)), ("1", slice(25, None))):
        write_descriptors(f"t{name}.h5", ids[some], rows[some], {})
    made = "whiten --part t0.h5 t1.h5 --part tb.h5 --weights 1 0.5 --whitening 1 --size 6 --output"
    assert main([*made.split(), "o.st"]) == 0
    ours, theirs = (load_projection(path).weight for path in ("o.st", "p.st"))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("role", ["queries", "references"])
def test_a_side_without_an_image_is_not_submitted(role, capsys):
    """A shard of it may be, as some are where there are more shards than images."""
    write_descriptors("none.h5", [], unit_array(0, SIZES["a"]), {})
    for beside in ("", "qa.h5" if role == "queries" else "r.h5"):
        given = {"queries": "qa.h5", "references": "r.h5", role: f"none.h5 {beside}"}
        shards = " ".join(f"--{name} {files}" for name, files in given.items())
        command = f"merge {shards} --ranking similarity --output o.h5"
        if beside:
            assert main(command.split()) == 0
        else:
            line = refused(command, capsys)
            assert line == "none.h5: describes no image, and some are needed; name another file"
            assert not Path("o.h5").exists()


def test_manifests_of_the_other_side_are_refused(capsys):
    """An image that cannot be read would keep its descriptor, and could be matched."""
    for letter, ids in IDS.items():
        rows = [f"{i},{i}.jpg,{'0' * 64},9,9" for i in ids]
        if letter == "Q":
            rows[3] = f"{ids[3]},{ids[3]}.jpg,{'0' * 64},0,0"
        lines = ["id,path,sha256,width,height", *rows]
        with open(f"{letter}.csv", "w") as file:
            file.write("\n".join(lines) + "\n")
    command = "merge --queries qa.h5 --references r.h5 --ranking similarity --output s.h5 "
    line = refused(f"{command} --manifests R.csv Q.csv", capsys)
    assert line.endswith(
        "R.csv: does not list Q00000, a query that is described; name --manifests of queries, "
        "then of references"
    )
    assert main([*command.split(), "--manifests", "Q.csv", "R.csv"]) == 0

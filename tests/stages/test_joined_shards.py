"""`whiten`, `refine` and `merge` of shards, and what of them does not belong together."""

import pytest

from iscqk.cli import main
from iscqk.formats.descriptor_shards import write_descriptors
from unit_rows import unit_array

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

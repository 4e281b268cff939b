"""Made-up descriptions are like real ones, and kinds of indexes are compared over them."""

import shlex

import numpy as np
import pandas as pd
import pytest

from iscqk.bench.stages import synthesize_images
from iscqk.cli import main
from iscqk.formats.described_images import DescribedImages, File, read_described, write_described
from iscqk.formats.described_shards import listed_shards
from unit_rows import unit


@pytest.fixture
def real(tmp_path, monkeypatch):
    """Descriptors of which three directions matter most."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = unit(rng.standard_normal((400, 16)) * np.geomspace(1, 0.05, 16) + 0.2)
    files = [File(f"/x/{n}", n, n, n, n) for n in range(400)]
    index = DescribedImages(files, ["a" * 64] * 400, np.zeros(400, bool), rows, "references", "e")
    write_described("real.h5", index)
    return rows


def run(command, status=0):
    assert main(shlex.split(command)) == status


def made(path):
    return np.concatenate([read_described(shard).vectors for shard in listed_shards(path)])


def test_what_made_up_descriptions_are_like_may_be_a_list_and_is_more_than_one(real, capsys):
    run("synthesize-images real.h5 --count 50 --output list.h5")  # always a list
    run("synthesize-images list.h5 --count 50 --output a.h5")
    assert made("a.h5").shape == (50, 16)
    run("synthesize-images list.h5 --count 1 --output one.h5")
    assert main(shlex.split("synthesize-images one.h5 --count 5 --output b.h5")) == 1
    assert "one.h5: of one image; name two at least" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(shlex.split("synthesize-images real.h5 --count 0 --output d.h5"))


def test_made_up_descriptions_are_spread_as_real_ones(real, monkeypatch):
    monkeypatch.setattr(synthesize_images, "ROWS", 2000)
    run("synthesize-images real.h5 --count 5000 --output a.h5")
    run("synthesize-images real.h5 --count 5000 --seed 1 --output b.h5")
    rows = made("a.h5")
    assert len(listed_shards("a.h5")) == 3 and rows.shape == (5000, 16)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    spreads = (np.linalg.eigvalsh(np.cov(side.T))[-4:] for side in (rows, real))
    np.testing.assert_allclose(*spreads, rtol=0.3)
    before = [shard.name for shard in listed_shards("a.h5")]
    run("synthesize-images real.h5 --count 5000 --output a.h5")
    assert [shard.name for shard in listed_shards("a.h5")] == before
    assert (made("a.h5") == rows).all() and (made("b.h5") != rows).any()


def test_kinds_of_indexes_are_compared_by_what_an_exact_search_finds(real):
    run("synthesize-images real.h5 --count 3000 --output a.h5")
    run("benchmark-index a.h5 --queries 50 --similarity 0.95 --threads 1 --output index.csv")
    table = pd.read_csv("index.csv").set_index(["kind", "looked_at"])
    assert table.loc[("exact", "all"), ["originals", "of_the_32"]].tolist() == [1, 1]
    for kind in ("ours", "IVF{lists},SQ8", "IVF{lists},Flat"):
        assert table.loc[(kind, "nprobe 256"), "of_the_32"] > 0.9
    by_lists = table.loc["IVF{lists},Flat", "of_the_32"]
    assert by_lists["nprobe 32"] <= by_lists["nprobe 256"] == 1  # all lists there are
    sizes = table["bytes"].groupby("kind").first()
    assert sizes["ours"] < sizes["IVF{lists},SQ8"] < sizes["IVF{lists},Flat"] < sizes["HNSW32_SQ8"]
    command = "benchmark-index a.h5 --rows 1000 --queries 50 --threads 1 --output few.csv"
    run(f"{command} --ours-only")
    assert {*pd.read_csv("few.csv")["kind"]} == {"exact", "ours"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("--queries 201", "real.h5: 400 images, and 201 queries need 402; take more, or"),
        ("--rows 40 --queries 5", "real.h5: 40 images, and 5 queries need 64; take more, or"),
        (
            "--queries 20 --similarity 1.5",
            "--similarity 1.5: no similarity of a changed copy; name one",
        ),
        (
            "--queries 20 --similarity 0",
            "--similarity 0.0: no similarity of a changed copy; name one",
        ),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_line(real, capsys, command, message):
    run(f"benchmark-index real.h5 --output index.csv {command}", 1)
    assert message in capsys.readouterr().err.splitlines()[-1]

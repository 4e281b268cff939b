"""`iscqk duplicates` of files that are the same to the byte, which edits are no test of."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import iscqk
from drawn_images import put_drawn
from iscqk.cli import main
from iscqk.matching.basis import Basis
from iscqk.matching.duplicates import COLUMNS, Duplicates
from iscqk.matching.match_page import write_groups
from iscqk.matching.telling import first_groups

GUIDE = Path(__file__).parents[2] / "docs/how-to/find-copies.md"


def listing():
    """Return the guide's code that lists what can be deleted."""
    (code,) = re.findall(r"```python\n(import csv.*?)```", GUIDE.read_text(), re.DOTALL)
    return code


@pytest.mark.parametrize("edited", [0, 10], ids=["alone", "beside edited ones"])
def test_every_file_that_is_there_twice_is_found(folder, model_folder, edited):
    """Their similarity is 1 by one way to reckon it, and by another a little less or more."""
    put_drawn("album", "references", 120, 5, 48)
    pairs = {f"album/R{number:06}.jpg": f"album/Copy{number:06}.jpg" for number in range(60)}
    for number, (path, other) in enumerate(pairs.items()):
        shutil.copy(path, other)
        if number < edited:
            with Image.open(path) as image:
                image.save(other, quality=60)
    found = iscqk.duplicates("album", model_folder)
    group = found.set_index("image")["group"]
    assert [
        path for path, other in pairs.items() if group.get(path, -1) != group.get(other, -2)
    ] == []
    largest = set(found["image"][found["largest"]])
    assert edited == 0 or largest & {*list(pairs)[:edited]}
    assert not largest & {*list(pairs.values())[:edited]}  # of as many pixels, and fewer bytes


def test_what_is_described_as_queries_is_not_again_to_tell_chance(folder, model_folder):
    put_drawn("album", "references", 150, 5, 48)
    shutil.copy("album/R000000.jpg", "album/other.jpg")
    found = iscqk.duplicates("album", model_folder, folder="found", orientations=8)
    assert {"album/R000000.jpg", "album/other.jpg"} <= set(found["image"])
    kept = {path.name for path in (folder / "found").glob("*.h5")}
    assert kept >= {"queries.h5", "copies.h5"} and "copies.originals.h5" not in kept


def groups_of(*sides):
    """Return a table of groups, each given by the sides of its images."""
    rows = [
        [number, f"{number}-{place}.jpg", place == 0, False, side, side, 1.0, 0.0, ""]
        for number, group in enumerate(sides, 1)
        for place, side in enumerate(group)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_a_large_group_is_told_in_a_few_lines():
    lines = [*first_groups(groups_of([64] * 5000, [32] * 5, *[[16, 8]] * 20))]
    assert len(lines) == 5 + 1 + 5 + 8 * 2
    assert lines[5] == "      and 4,995 more" and lines[6] == "   2     32 x 32     2-0.jpg"


def test_the_page_calls_the_largest_what_has_more_pixels_than_the_others(tmp_path):
    for sides, said in (([8, 4], 1), ([8, 8], 0)):
        found = Duplicates(groups_of(sides), 2, Basis(2, np.zeros(0), None, 1.0, "none"))
        write_groups(tmp_path / "page.html", found, {})
        page = (tmp_path / "page.html").read_text()
        assert page.count("<strong>the largest</strong>") == said and "1-1.jpg" in page


def test_groups_come_by_how_sure_they_are_and_equal_files_are_told(folder, model_folder):
    put_drawn("album", "references", 120, 5, 48)
    shutil.copy("album/R000001.jpg", "album/B of R1.jpg")
    for number, quality in ((2, 90), (3, 40)):
        with Image.open(f"album/R00000{number}.jpg") as image:
            image.save(f"album/saved{number}.jpg", quality=quality)
    shutil.copy("album/saved3.jpg", "album/saved3 again.jpg")
    assert main(["duplicates", "album", f"--model={model_folder}", "--threads=1"]) == 0
    found = pd.read_csv("duplicates/duplicates.csv")
    names = found.groupby("group")["image"].agg(lambda images: images.str[6:].tolist()).tolist()
    assert names[-1] == ["B of R1.jpg", "R000001.jpg"]
    assert found.groupby("group")["chance"].max().is_monotonic_decreasing
    assert (found.groupby("group")["chance"].count() == found.groupby("group").size() - 1).all()
    # Of equal ones the first by name is not among them.
    equal = found["image"][found["same_file"]].tolist()
    assert equal == ["album/saved3.jpg", "album/R000001.jpg"]
    exec(listing())
    assert Path("equal.txt").read_text() == "".join(f"{name}\0" for name in equal)
    page = open("duplicates/duplicates.html").read()
    assert page.count("the same file<") == 2 and page.count("the one compared with") == len(names)
    shown = "<bdi>album</bdi>/<bdi>B of R1.jpg</bdi>"
    assert f'<a href="../album/B%20of%20R1.jpg">{shown}</a>' in page


def test_what_is_deleted_leaves_one_of_each_content(folder, model_folder, monkeypatch):
    """Names are numbers, nothing, more than a line or no text to some that read them."""
    monkeypatch.chdir("photos")
    content = {path.name: path.read_bytes() for path in sorted(Path().iterdir())[:4]}
    names = (["007", "07", "1e5"], ["7", "NA"], ["cr\rx.jpg"], ["\\xe9.jpg", "\udce9.jpg"])
    for raw, copies in zip(content.values(), names, strict=True):
        for name in copies:
            Path(name).write_bytes(raw)
    command = ["duplicates", ".", f"--model={model_folder}", "--output=../out", "--threads=1"]
    assert main(command) == 0
    Path("duplicates").symlink_to("../out")
    names = pd.read_csv("../out/duplicates.csv")["image"]
    assert {"./007", "./7", "./NA", "cr\rx.jpg"} <= set(names)
    exec(listing())
    for name in Path("equal.txt").read_bytes().split(b"\0")[:-1]:
        os.unlink(name)
    left = [path.read_bytes() for path in Path().iterdir() if path.is_file()]
    assert all(left.count(raw) == 1 for raw in [*content.values()][:3])
    assert left.count([*content.values()][3]) >= 1


def test_a_picture_that_is_there_very_often_is_one_group(folder, model_folder):
    put_drawn("album", "references", 120, 5, 48)
    for number in range(70):
        shutil.copy("album/R000007.jpg", f"album/again{number:02}.jpg")
    found = iscqk.duplicates("album", model_folder)
    group = found[found["image"] == "album/R000007.jpg"]["group"].item()
    assert found[found["group"] == group]["image"].str.contains("again").sum() == 70
    one = "scans/again.jpg"
    shutil.copy("album/R000007.jpg", one)
    for top in (1, 100):
        nearest = iscqk.match(one, "album", model_folder, top=top).iloc[0]
        assert nearest["likely"] and nearest["similarity"] == pytest.approx(1)

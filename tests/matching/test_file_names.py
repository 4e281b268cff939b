"""File names that are no text, in places that want text."""

import os
import re
import shutil
import subprocess
import sys
import tarfile

import h5py
import numpy as np
import pandas as pd
import pytest

import iscqk
from conftest import long
from iscqk.cli import main
from iscqk.errors import escaped
from iscqk.formats.described_images import read_described
from iscqk.formats.manifest import read_manifest
from iscqk.formats.printable_names import printable

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LATIN = b"caf\xe9"  # in Latin-1, and no UTF-8
NAMES = {
    "not UTF-8": (LATIN, "caf\\xe9"),
    "UTF-8": ("cafè 日本".encode(), "cafè 日本"),
    "line break": (b"one\nother,\x1b[8m\t\xe2\x80\xae", "one\nother,\x1b[8m\t\u202e"),
}


def rename(old: str, new: bytes) -> None:
    os.rename(os.fsencode(old), os.fsencode(os.path.dirname(old)) + b"/" + new + b".jpg")


def run(environment, *commands):
    """Run `iscqk` in a process of its own, as in a shell of these variables; it prints lines."""
    code = """
import shlex, sys
from iscqk.cli import main
sys.exit(any([main(shlex.split(command)) for command in sys.argv[1:]]))
"""
    environment = {**os.environ, **environment}
    command = [sys.executable, "-c", code, *commands]
    done = subprocess.run(command, env=environment, capture_output=True)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert all(map(str.isprintable, told.decode().split("\n")))


@pytest.mark.parametrize("environment", [long({}), ASCII], ids=["UTF-8", "ASCII"])
@pytest.mark.parametrize(("raw", "text"), NAMES.values(), ids=NAMES)
def test_any_name_is_matched_described_and_shown(folder, model_folder, raw, text, environment):
    rename("photos/R000003.jpg", raw)
    rename("scans/3.jpg", raw)
    described = f"match scans --model {model_folder} --against photos.h5 --output again"
    run(
        environment,
        f"match scans --against photos --model {model_folder}",
        f"describe photos --output photos.h5 --model {model_folder}",
        *[described, described],  # the second time from what the first has kept
    )
    table = pd.read_csv("matches/matches.csv").set_index("query")
    assert table.loc[f"scans/{text}.jpg", "reference"] == f"photos/{text}.jpg"
    page = re.sub("</?bdi>", "", (folder / "matches/matches.html").read_text("utf-8"))
    assert f"photos/{escaped(text)}.jpg" in page and "no longer readable" not in page
    again = pd.read_csv("again/matches.csv").set_index("query")
    reference = again.loc[f"scans/{text}.jpg", "reference"]
    assert os.path.basename(reference) == f"{text}.jpg" and os.path.isabs(reference)
    np.testing.assert_allclose(again["score"], table.loc[again.index, "score"], atol=1e-5)


@pytest.mark.parametrize("form", [long(tarfile.GNU_FORMAT), tarfile.PAX_FORMAT], ids=["GNU", "pax"])
@pytest.mark.parametrize("raw", [raw for raw, _ in NAMES.values()], ids=NAMES)
def test_any_name_in_a_shard_is_described_where_python_runs_in_ascii(
    folder, model_folder, raw, form
):
    rename("photos/R000003.jpg", raw)
    with tarfile.open("photos.tar", "w", format=form) as tar:
        tar.add("photos")
    run(ASCII, f"describe photos.tar --output photos.h5 --model {model_folder}")
    paths = {os.fsencode(file.path) for file in read_described("photos.h5").files}
    assert os.fsencode(folder) + b"/photos.tar/photos/" + raw + b".jpg" in paths


def test_names_that_python_is_given_open_the_files(folder, model_folder):
    rename("photos/R000003.jpg", LATIN)
    found = iscqk.match("scans", "photos", model_folder, top=24)
    assert all(map(os.path.isfile, found["reference"]))
    assert sum(LATIN in os.fsencode(name) for name in found["reference"]) == 3


def test_bad_images_of_any_name_are_told(folder, model_folder, capsys, caplog):
    (folder / "scans/3.jpg").write_bytes(b"no image")
    rename("scans/3.jpg", LATIN)
    assert main(["match", "scans", "--against", "photos", f"--model={model_folder}"]) == 0
    assert "scans/caf\\xe9.jpg: cannot read this image" in caplog.text


def test_an_output_of_any_name(folder, model_folder, capsys):
    output = os.fsdecode(LATIN)
    command = ["match", "scans", "--against", "photos", f"--model={model_folder}"]
    assert main([*command, f"--output={output}"]) == 0
    assert "caf\\xe9/matches.html, caf\\xe9/matches.csv" in capsys.readouterr().out
    assert main(["describe", "scans", f"--model={model_folder}", f"--output={output}.h5"]) == 0
    assert "caf\\xe9.h5: 3 images in 16 dimensions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "shown"), [("a\ud800é.jpg", r"a\ud800é.jpg"), ("a\udce9\udfff", r"a\xe9\udfff")]
)
def test_a_name_that_no_file_can_have_is_told_in_a_line(folder, model_folder, name, shown):
    """As of text that was cut between two halves of a character."""
    model = iscqk.Model.load(model_folder)
    for call in (
        lambda: model.describe(name),
        lambda: iscqk.match(name, "photos", model),
        lambda: iscqk.match("scans", name, model),
        lambda: iscqk.match("scans", "photos", model, folder=name),
        lambda: iscqk.duplicates(name, model),
    ):
        with pytest.raises(iscqk.UserError) as told:
            call()
        assert str(told.value).startswith(shown) and str(told.value).isprintable()


def test_a_model_below_a_folder_of_any_name_describes(folder, model_folder, monkeypatch):
    place = folder / os.fsdecode(LATIN)
    shutil.copytree(model_folder, place / "model")
    os.rename("photos", place / "photos")
    monkeypatch.chdir(place)
    assert main("describe photos --model model --output photos.h5".split()) == 0
    with h5py.File("photos.h5") as file:
        assert file.attrs["made_by"].endswith(rb"caf\xe9/model")


def test_a_manifest_of_utf8_names_is_read_where_python_runs_in_ascii(folder):
    rename("photos/R000003.jpg", "cafè".encode())
    run(
        ASCII,
        "prepare --training scans --references photos --output {}".format(
            " ".join(f"out/{name}.csv" for name in ("training", "references", "others", "bad"))
        ),
    )
    assert "photos/cafè.jpg" in list(read_manifest("out/references.csv")["path"])
    code = """
import os, sys
from iscqk.formats.manifest import image_paths, read_manifest
sys.exit(not all(map(os.path.isfile, image_paths(read_manifest("out/references.csv")))))
"""
    for environment in ({}, ASCII):
        environment = {**os.environ, **environment}
        assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_spaces_and_joiners_that_people_have_in_names_are_shown_as_they_are():
    named = (
        "Screenshot 9.41\u202fAM \u3000\u00a0 \U0001f469\u200d\U0001f52c \u0645\u06cc\u200c\u062e"
    )
    assert escaped(named) == printable(named) == named
    assert escaped("\u2028\u2029\u200b\u202e\u2066\x85\t") == (
        r"\u2028\u2029\u200b\u202e\u2066\x85\t"
    )

"""The README and the tutorial, command by command as printed, in a folder of sources only."""

import re
import shutil

import pytest
from PIL import Image

from conftest import ROOT

pytestmark = pytest.mark.torture


def blocks(page):
    """Return (language, text) of each block of code on a page."""
    return re.findall(r"^```(bash|yaml)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_the_tutorial_works_as_printed(project):
    page = (ROOT / "docs/tutorial.md").read_text()
    commands = 0
    for language, text in blocks(page):
        if language == "yaml":
            name = re.match(r"# (\S+\.yaml)\n", text)
            assert name, f"no name of a file above\n{text}"
            (project.folder / name[1]).write_text(text)
        elif "git clone" not in text:  # that block sets up what runs this test
            for command in filter(None, text.splitlines()):
                print(command, flush=True)
                project.run(command)
                commands += 1
    assert commands == 7
    for made in ("results/report.html", "found/matches.html", "found/matches.csv"):
        assert (project.folder / made).stat().st_size > 1000


def test_the_readme_works_as_printed(project):
    """What sets up, which ran before this test, is left out; DISC21 is not there, and is missed."""
    project.run(
        "iscqk draw --training 400 --references 200 --others 100 "
        "--output pictures/training pictures/references pictures/others"
    )
    shutil.copytree(project.folder / "pictures/references", project.folder / "photos")
    for number, path in enumerate(sorted((project.folder / "photos").iterdir())[:20]):
        with Image.open(path) as image:  # what `duplicates` is to find
            image.save(path.with_name(f"copy{number}.jpg"), quality=60)
    shutil.copytree(project.folder / "pictures/others", project.folder / "scans")
    commands = 0
    for language, text in blocks((ROOT / "README.md").read_text()):
        if language == "yaml":
            (project.folder / re.match(r"# (\S+\.yaml)\n", text)[1]).write_text(text)
            continue
        for command in text.splitlines():
            if command.startswith(("git ", "make install")):
                continue
            command = re.sub(r"^make (\w+)", r"snakemake \1 --cores", command)
            print(command, flush=True)
            done = project.run(command, check="disc21" not in command)
            if done.returncode:
                assert "no folder ../disc21" in done.stdout + done.stderr
            commands += 1
    assert commands == 9
    for made in ("matches/matches.html", "found/matches.csv", "duplicates/duplicates.csv"):
        assert (project.folder / made).stat().st_size > 1000

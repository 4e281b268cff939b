"""The tutorial, command by command as it is printed, in a folder that holds the sources only."""

import re

import pytest

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

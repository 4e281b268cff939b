"""The README: short, with what people look for at its top, and true to the pages that it names."""

import re
from pathlib import Path

import pytest

from conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
LINES = TEXT.splitlines()
PAGES = sorted((ROOT / "docs").rglob("*.md"))


def links(text):
    """Return what a page's links and pictures lead to, without those of the net."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def slug(heading):
    """Return what GitHub and myst call a heading in an address."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_it_is_read_in_minutes():
    assert len(LINES) <= 150 and len(TEXT.split()) <= 1300


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [(25, "make submission_phase2"), (25, "iscqk match "), (60, "micro-AP 0."), (60, "not for")],
)
def test_what_people_look_for_is_on_its_first_screen(lines, wanted):
    assert wanted in "\n".join(LINES[:lines])


def test_its_links_lead_somewhere():
    headings = {slug(line.lstrip("# ")) for line in LINES if line.startswith("#")}
    for link in links(TEXT):
        path, _, part = link.partition("#")
        assert (ROOT / path).exists(), link
        assert path or part in headings, link


def test_its_scores_are_those_of_the_page_of_measurements():
    tables = "\n".join(line for line in LINES if line.startswith("|"))
    told = re.search(r"submitted +micro-AP (\S+), recall at P90 (\S+)", TEXT)
    scores = [*re.findall(r"\b0\.\d{3}\b", tables), *told.groups()]
    measured = "".join(page.read_text() for page in (ROOT / "docs/measured").glob("*.md"))
    assert len(scores) >= 12
    assert [score for score in scores if score not in measured] == []


def test_pages_that_are_built_are_said_to_be():
    """Who reads the pages as they are finds none of these: git leaves them out."""
    ignored = (ROOT / ".gitignore").read_text()
    built = {Path(line).name for line in ignored.splitlines() if line.endswith(".md")}
    for page in PAGES:
        if page.name not in built:
            for block in page.read_text().split("\n\n"):
                named = {Path(link).name for link in links(block)} & built
                assert not named or "`make docs`" in block, (page.name, named)


def test_no_page_is_empty_as_a_file():
    for page in PAGES:
        text = re.sub(r"^```\{.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        assert len(text.split()) > 10 or links(text), page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_takes_a_part_of_another_by_its_headings(page):
    assert "start-after" not in page.read_text() and "end-before" not in page.read_text()


def test_the_picture_is_small():
    assert 1000 < (ROOT / "docs/images/found.jpg").stat().st_size < 60_000

"""The README: short, with what people look for at its top, and true to the pages that it names."""

import re
from pathlib import Path

import pytest

from conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
LINES = TEXT.splitlines()
PAGES = sorted((ROOT / "docs").rglob("*.md"))
OTHERS = [
    ROOT / name
    for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "src/iscqk/ready/model/MODEL_CARD.md")
]
IGNORED = (ROOT / ".gitignore").read_text().splitlines()
BUILT = {Path(line).name for line in IGNORED if line.endswith(".md")}  # pages


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


def headings(page):
    """Return what can be named of a page after a `#`: its headings, which stand in no code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE)}


@pytest.mark.parametrize("page", [*OTHERS, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page.read_text()):
        path, _, part = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists() or target.name in BUILT, link
        assert not part or target.name in BUILT or part in headings(target), link


def test_its_scores_are_those_of_the_page_of_measurements():
    tables = "\n".join(line for line in LINES if line.startswith("|"))
    told = re.search(r"submitted +micro-AP (\S+), recall at P90 (\S+)", TEXT)
    scores = [*re.findall(r"\b0\.\d{3}\b", tables), *told.groups()]
    measured = "".join(page.read_text() for page in (ROOT / "docs/measured").glob("*.md"))
    assert len(scores) >= 12
    assert [score for score in scores if score not in measured] == []


def test_pages_that_are_built_are_said_to_be():
    """Who reads the pages as they are finds none of these: git leaves them out."""
    for page in PAGES:
        if page.name not in BUILT:
            for block in page.read_text().split("\n\n"):
                named = {Path(link).name for link in links(block)} & BUILT
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

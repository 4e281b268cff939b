"""The report of the tiny project, made by the real Snakemake and opened in a real browser."""

import json
import os
import re
import shutil
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import Project
from iscqk import cli
from iscqk.formats.phases import PHASES
from iscqk.reporting.pairs import KINDS

# Would break out of HTML, of an attribute, of the shell, or be taken for a formula.
TITLE = """<script>alert(1)</script> "quoted" 'single' & $(touch pwned) $x$"""
SECTIONS = ["scores", "curves", "edits", "gallery", "training", "cost", "rules", "provenance"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Page(HTMLParser):
    """What a page has: its elements with their attributes, its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.title = [], "", ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data
        if self.elements and self.elements[-1][0] == "title" and not self.title:
            self.title = data

    def all(self, attribute, tag=None):
        """Return the values of an attribute, in order."""
        return [a[attribute] for t, a in self.elements if attribute in a and tag in (None, t)]


def rules_in(output):
    """Return the rules that Snakemake says it runs."""
    return set(re.findall(r"^(?:local)?rule (\w+):$", output, re.MULTILINE))


@pytest.fixture(scope="module")
def reported(finished, tmp_path_factory):
    """Return a project with a report, and what Snakemake said."""
    folder = tmp_path_factory.mktemp("reported") / "project"
    shutil.copytree(finished.folder, folder)  # with times, which Snakemake looks at
    project = Project(folder)
    project.replace("config.yaml", "title: iscqk demo", f"title: {json.dumps(TITLE)}")
    done = project.run("snakemake report --cores -p --configfile config.yaml tiny.yaml")
    shutil.unpack_archive(project.folder / "results/report.zip", project.folder / "results")
    return project, done.stdout + done.stderr


@pytest.fixture(scope="module")
def html(reported):
    return (reported[0].folder / "results/report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_only_the_report_is_made(reported):
    assert rules_in(reported[1]) == {"draw_rules", "report"}


def test_the_report_reads_nothing_that_its_rule_does_not_name(reported, tmp_path, monkeypatch):
    """Else it is another one where files come from a storage; usage is shown where it is found."""
    project, told = reported
    inputs = re.search(r"^(?:local)?rule report:\n +input: (.+)$", told, re.MULTILINE)[1]
    for name in inputs.split(", "):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.folder / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    rules = "results/workflow/rules.mmd"
    assert cli.main(["report", "--title", TITLE, "--rules", rules]) == 0
    pages = [
        re.sub(r'<section id="cost">.+?</section>', "", path.read_text(), flags=re.DOTALL)
        for folder in (tmp_path, project.folder)
        for path in [folder / "results/report.html"]
    ]
    assert len(pages[0]) > 100_000 and pages[0] == pages[1]


def test_no_name_of_the_user_is_taken_for_markup(reported, page):
    assert page.title == TITLE and TITLE in page.text
    assert "script" not in {tag for tag, _ in page.elements}
    assert not (reported[0].folder / "pwned").exists()


def test_the_page_asks_for_nothing_outside_of_itself(html, page):
    wanted = [
        value
        for tag, attributes in page.elements
        for attribute in ("src", "href", "srcset", "action", "poster", "data", "xlink:href")
        if (value := attributes.get(attribute))
        and tag != "a"  # a link asks only when it is followed
    ]
    assert wanted and all(value.startswith(("data:", "#")) for value in wanted)
    assert all(url.startswith("#") for url in re.findall(r"url\(['\"]?([^)]*)", html))
    assert "@import" not in html and "http://" not in html and "https://" not in html
    assert "default-src 'none'" in page.all("content")[1]  # a browser would refuse it anyway


def test_every_section_is_there_and_reachable(page):
    ids = page.all("id")
    assert [name for name in ids if name in SECTIONS] == SECTIONS
    inside = [link for link in page.all("href", "a") if link.startswith("#")]
    assert inside == [f"#{name}" for name in SECTIONS]
    assert len(set(ids)) == len(ids)
    assert all(page.all("alt", "img")) and len(page.all("alt", "img")) == len(page.all("src"))
    plots = [a for tag, a in page.elements if tag == "svg"]
    assert len(plots) == 14 and all(plot["role"] == "img" and plot["aria-label"] for plot in plots)


def test_numbers_are_those_of_the_scores(reported, page):
    shown = {float(value) for value in page.all("value", "data")}
    results = reported[0].folder / "results"
    scores = [
        json.loads(path.read_text())
        for pattern in ("submission_*/score.json", "runs/*/*/*/*/score.json")
        for path in results.glob(pattern)
    ]
    assert len(scores) == 6 and {score["micro_ap"] for score in scores} <= shown
    assert {score["recall_at_p90"] for score in scores if "rankings" in score} <= shown


def test_plots_lie_beside_their_data(reported):
    folder = reported[0].folder / "results/report"
    plots = {path.stem for path in folder.glob("*.svg")}
    assert {"by_strength", "precision_recall_phase1", "training_loss"} <= plots
    assert plots < {path.stem for path in folder.glob("*.csv")}
    history = pd.read_csv(folder / "training_loss.csv")
    assert history["part"].unique().tolist() == ["warm-up", "round1-q", "round1-k"]
    assert history["images"].iloc[-1] == 3 * 128


def test_the_page_carries_the_data_of_its_plots_and_tables(reported, page):
    links = [a for tag, a in page.elements if tag == "a" and not a["href"].startswith("#")]
    names = [link["download"] for link in links]
    assert len(set(names)) == len(names) - 2  # a phase's edits are a plot and a table
    folder = reported[0].folder / "results/report"
    for link in links:
        with urlopen(link["href"]) as data:
            assert data.read() == (folder / link["download"]).read_bytes()
    there = {path.name for path in folder.glob("*.csv")}
    assert there - set(names) <= {f"attractors_{phase}.csv" for phase in PHASES}


def test_a_browser_saves_data_from_the_page_alone(reported, browser, tmp_path):
    results = reported[0].folder / "results"
    alone = shutil.copy(results / "report.html", tmp_path)
    context = browser.new_context(offline=True)
    tab = context.new_page()
    tab.goto(Path(alone).as_uri())
    with tab.expect_download() as started:
        tab.get_by_text("scores.csv", exact=True).click()
    saved = started.value
    assert saved.suggested_filename == "scores.csv"
    assert Path(saved.path()).read_bytes() == (results / "report/scores.csv").read_bytes()
    context.close()


@pytest.mark.long
def test_scores_and_changed_keys_beside_another_folder(reported, finished, tmp_path, monkeypatch):
    project, _ = reported
    command = "snakemake report --dry-run --configfile config.yaml tiny.yaml --config report="
    done = project.run(f"{command}'{{compare: ../nowhere}}'", check=False)
    assert (
        done.returncode and "../nowhere/submission_phase2/score.json" in done.stdout + done.stderr
    )
    other = finished.folder / "results"
    done = project.run(f"{command}'{{compare: {other}}}' -p")
    told = done.stdout + done.stderr
    assert rules_in(told) == {"draw_rules", "report"} and f"--compare={other}" in told
    monkeypatch.chdir(project.folder)
    output = tmp_path / "compared.html"
    assert cli.main(["report", "--compare", str(other), "--output", str(output)]) == 0
    compared = Page(output.read_text(encoding="utf-8"))
    assert f"Beside {other}" in compared.text and "Scores here and there" in compared.text
    assert "No key of the config, no commit and no given file differs." in compared.text


def test_another_score_to_compare_with_is_noticed_though_it_is_older(reported, finished, tmp_path):
    project = Project(shutil.copytree(reported[0].folder, tmp_path / "project"))
    for phase in ("submission_phase1", "submission_phase2"):
        shutil.copytree(finished.folder / "results" / phase, tmp_path / "other" / phase)
    options = "--configfile config.yaml tiny.yaml --config report='{compare: ../other}'"
    project.run(f"snakemake report --cores --touch {options}")
    assert "Nothing to be done" in project.run(f"snakemake report -n {options}").stdout
    score = tmp_path / "other/submission_phase2/score.json"
    score.write_text(score.read_text().replace('"micro_ap": 0.', '"micro_ap": 0.9'))
    os.utime(score, (1, 1))
    done = project.run(f"snakemake report -n {options}")
    assert rules_in(done.stdout + done.stderr) == {"report"}


def test_yardsticks_stand_beside_the_score(reported, page, tmp_path, monkeypatch):
    assert "Neither GIST nor the network at the start was scored here" in page.text
    project, _ = reported
    folder = project.folder / "results/runs/gist-0/initial"
    score = folder / "phase1/similarity/score.json"
    score.parent.mkdir(parents=True)
    try:
        (folder / "q.safetensors").touch()
        counted = json.loads((project.folder / "results/submission_phase1/score.json").read_text())
        counted |= {"micro_ap": 0.4321, "recall_at_p90": 0.1234}
        score.write_text(json.dumps(counted))
        monkeypatch.chdir(project.folder)
        assert cli.main(["report", "--output", str(tmp_path / "again.html")]) == 0
        again = (tmp_path / "again.html").read_text(encoding="utf-8")
        beside = again[again.index('<table class="beside">') :].split("</table>")[0]
        assert re.findall(r'<th scope="row">(\w+)<', beside) == ["submitted", "GIST"]
        assert ">0.4321<" in beside and ">0.1234<" in beside
        assert "was scored here" not in again
        score.write_text(json.dumps({**counted, "convention": "another"}))
        assert cli.main(["report", "--output", str(tmp_path / "again.html")]) == 0
        assert "was scored here" in (tmp_path / "again.html").read_text(encoding="utf-8")
    finally:
        shutil.rmtree(folder.parent)


def test_the_report_of_an_untrained_start_says_so(finished_copy, tmp_path, monkeypatch):
    results = finished_copy.folder / "results"
    (learned,) = {path.parents[2] for path in results.glob("runs/*/*/*/*/score.json")}
    shutil.rmtree(learned.parent / "initial")
    learned.rename(learned.parent / "initial")
    for path in results.glob("submission_*/provenance.json"):
        told = json.loads(path.read_text().replace(f"/{learned.name}/", "/initial/"))
        told["config"]["train"]["rounds"] = 0
        path.write_text(json.dumps(told))
    monkeypatch.chdir(finished_copy.folder)
    assert cli.main(["report", "--output", str(tmp_path / "start.html")]) == 0
    text = Page((tmp_path / "start.html").read_text(encoding="utf-8")).text
    assert "Image copy detection: nothing trained, " in text and "Nothing was trained:" in text
    assert "at the start, submitted" in text and "qk-0, submitted" not in text
    assert "was scored here" not in text


def test_the_gallery_shows_true_and_wrong_pairs(reported, page):
    results = reported[0].folder / "results"
    shown = pd.read_csv(results / "report/gallery.csv", keep_default_na=False)
    assert {"surest", "mistakes"} <= set(shown["kind"]) <= set(KINDS)
    for phase in PHASES:
        truth = pd.read_csv(results / f"data/{phase}/ground_truth.csv", keep_default_na=False)
        true = dict(truth.itertuples(index=False))
        rows = shown[shown["phase"] == phase]
        right = rows["kind"].isin(["surest", "least sure"])
        assert (rows["query"].map(true) == rows["reference"]).all()
        assert (rows["retrieved"] == rows["reference"])[right].all()
        assert (rows["retrieved"] != rows["reference"])[~right].all()
        assert set(rows["query"]) <= {alt.split()[-1] for alt in page.all("alt")}
        assert all(f"{edit}" in page.text for edit in ";".join(rows["edits"]).split(";"))


@pytest.mark.long
def test_a_study_is_shown_where_it_is_and_not_made(reported, tmp_path, monkeypatch):
    project, _ = reported
    dry = "snakemake report --dry-run --configfile config.yaml tiny.yaml"
    assert "Nothing to be done" in project.run(dry).stdout
    study = project.folder / "results/study/table.csv"
    study.parent.mkdir()
    study.write_text("method,phase,micro_ap\ngist,phase1,0.123456\n")
    try:
        done = project.run(dry)
        assert rules_in(done.stdout + done.stderr) == {"report"}
        monkeypatch.chdir(project.folder)
        pages = [str(tmp_path / name) for name in ("again.html", "plots")]
        assert cli.main(["report", "--output", pages[0], "--plots", pages[1]]) == 0
        assert {path.name for path in tmp_path.iterdir()} == {"again.html", "plots"}
        with zipfile.ZipFile(pages[1]) as plots:
            assert any(re.fullmatch(r"again/.+\.svg", name) for name in plots.namelist())
        again = (tmp_path / "again.html").read_text(encoding="utf-8")
        assert '<data value="0.123456">0.1235</data>' in again
        links = [a for tag, a in Page(again).elements if a.get("download") == "study/table.csv"]
        with urlopen(links[0]["href"]) as data:
            assert data.read() == study.read_bytes()
    finally:
        shutil.rmtree(study.parent)


@pytest.fixture(scope="module")
def browser():
    """Return a headless Chromium; Playwright's own way to start it also works for root."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser to look with: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path)
        yield found
        found.close()


def test_what_is_folded_is_printed(reported, browser):
    folded = "[...document.querySelectorAll('details > :not(summary)')]"
    tab = browser.new_page()
    tab.goto((reported[0].folder / "results/report.html").as_uri())
    assert not any(tab.evaluate(f"{folded}.map(e => e.checkVisibility())"))
    tab.emulate_media(media="print")
    assert all(shown := tab.evaluate(f"{folded}.map(e => e.checkVisibility())")) and shown
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_looks_right_without_a_network(reported, browser, tmp_path, width, scheme):
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    tab, faults, requests = context.new_page(), [], []
    tab.on("console", lambda message: faults.append(message.text))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("requestfailed", lambda request: faults.append(request.url))
    tab.on("request", lambda request: requests.append(request.url))
    address = (reported[0].folder / "results/report.html").as_uri()
    tab.goto(address)
    assert faults == []
    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 9)")
    text, plot = tab.evaluate(
        "[getComputedStyle(document.body).color, "
        "getComputedStyle(document.querySelector('figure svg text')).fill]"
    )
    assert text == plot
    scrolling = tab.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(e => e.checkVisibility()).map(e => "
        "[e.scrollWidth > e.clientWidth, e.querySelector('.hint').checkVisibility()])"
    )
    assert all(scrolls == says_so for scrolls, says_so in scrolling)
    assert any(scrolls for scrolls, _ in scrolling) == (width == 390)
    path = tmp_path / f"{width}-{scheme}.png"
    tab.screenshot(path=path, full_page=True)
    context.close()
    pixels = np.asarray(Image.open(path).convert("L"))
    assert pixels.shape[1] == width and pixels.shape[0] > 3000
    assert (np.median(pixels) > 200) == (scheme == "light")
    assert all(band.std() > 5 for band in np.array_split(pixels, 8))  # none is blank

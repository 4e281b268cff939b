"""What the documentation draws when it is built: formulas and the graph of rules."""

import importlib.util
import re
from xml.etree import ElementTree

import pytest
from sphinx.application import Sphinx

from conftest import ROOT

PAGE = """# A page

Inline $k_{y_i} < 1$ and

$$
L = \\sum_{j=1}^{N} \\exp \\frac{q_i \\cdot k_j}{t}
$$

```mermaid
flowchart LR
    copies --> train_q
    train_q --> embed
```
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the HTML of a page, as the documentation's own configuration of Sphinx makes it."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "index.md").write_text(PAGE)
    source = (ROOT / "docs/conf.py").read_text()
    source = source.replace("Path(__file__).parent", repr(str(ROOT / "docs")))
    (folder / "reference").mkdir()
    (folder / "conf.py").write_text(source)
    app = Sphinx(folder, folder, folder / "out", folder / "trees", "html", status=None)
    app.build(filenames=[str(folder / "index.md")])
    return (folder / "out/index.html").read_text()


def test_formulas_and_graphs_are_in_the_page(built):
    found = re.findall(r'<svg role="img".*?</svg>', built, re.DOTALL)
    labels = [ElementTree.fromstring(svg).get("aria-label") for svg in found]
    assert labels[0] == "k_{y_i} < 1" and labels[1].startswith("L = ")
    assert labels[2] == "copies to train_q; train_q to embed"


def test_no_part_of_a_page_comes_from_the_net(built):
    assert re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="https?:', built) == []


def test_a_formula_lies_within_its_box():
    spec = importlib.util.spec_from_file_location("drawn", ROOT / "docs/drawn.py")
    drawn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawn)
    svg = ElementTree.fromstring(drawn.formula(r"\sum_{j=1}^{N} p_{ij}\, k_j"))
    _, _, width, height = map(float, svg.get("viewBox").split())
    _, _, _, _, right, down = map(float, svg[0].get("transform")[7:-1].split())
    points = re.findall(r"(-?[\d.]+) (-?[\d.]+)", svg[0].get("d"))
    across, up = (list(map(float, values)) for values in zip(*points, strict=True))
    assert 0 <= min(across) + right and max(across) + right <= width
    assert 0 <= down - max(up) and down - min(up) <= height

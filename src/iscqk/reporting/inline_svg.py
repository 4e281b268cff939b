"""A plot's SVG file as a part of a page, where it follows the page's colours."""

import re
from pathlib import Path

from iscqk.comparison.run_plots import COLOURS

# What is black takes the colour of the page's text, what is white that of its paper.
_PAINT = {"#000000": "currentColor", "#ffffff": "var(--paper)"}
_PAINT |= {
    colour.lower(): f"var(--series-{number})" for number, colour in enumerate(COLOURS) if number
}


def inline_svg(path: Path, label: str) -> str:
    """Return the `svg` element of a file that matplotlib wrote.

    Its ids get the file's name before them, as several plots in one page would share some. `label`
    is its alternative text, already escaped for an attribute.
    """
    text = path.read_text(encoding="utf-8")
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    for mark in (' id="', ' href="#', "url(#"):
        svg = svg.replace(mark, f"{mark}{path.stem}-")
    svg = re.sub("|".join(_PAINT), lambda found: _PAINT[found[0]], svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)

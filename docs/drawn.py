"""Formulas and graphs of rules as SVG, drawn when the pages are built: they need no network."""

import re
from xml.sax.saxutils import quoteattr

from docutils import nodes
from docutils.parsers.rst import Directive
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from iscqk.reporting.rule_graph import draw_rules

_SIZE = 20  # of the letters that a formula is drawn with; it is shown in the size of the text
_FONT = FontProperties(math_fontfamily="stix")
_COMMANDS = {
    Outline.MOVETO: "M",
    Outline.LINETO: "L",
    Outline.CURVE3: "Q",
    Outline.CURVE4: "C",
    Outline.CLOSEPOLY: "Z",
}


def add_to(app: Sphinx) -> None:
    """Have Sphinx draw formulas by matplotlib, and blocks of `mermaid` as the report does."""
    app.add_html_math_renderer("drawn", (_visit_inline, None), (_visit_block, None))
    app.add_directive("mermaid", _Rules)


def formula(latex: str) -> str:
    """Return a formula as an `svg` element whose baseline is that of the text around it."""
    path = TextPath((0, 0), f"${' '.join(latex.split())}$", size=_SIZE, prop=_FONT)
    box = path.get_extents()
    width, height, below = box.width + 2, box.height + 2, 1 - box.y0
    lines = "".join(
        ("Z" if code == Outline.CLOSEPOLY else _COMMANDS[code] + " ".join(map(_number, points)))
        for points, code in path.iter_segments(curves=True, simplify=False)
    )
    return (
        f'<svg role="img" aria-label={quoteattr(latex)} viewBox="0 0 {width:.2f} {height:.2f}"'
        f' style="width:{width / _SIZE:.3f}em;height:{height / _SIZE:.3f}em;'
        f'vertical-align:{-below / _SIZE:.3f}em"><path fill="currentColor"'
        f' transform="matrix(1 0 0 -1 {1 - box.x0:.2f} {height - below:.2f})" d="{lines}"/></svg>'
    )


def _number(value: float) -> str:
    return f"{value:.2f}"


def _visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(formula(node.astext()))
    raise nodes.SkipNode


def _visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    style = "text-align:center;overflow-x:auto;margin:1em 0"
    translator.body.append(f'<div style="{style}">{formula(node.astext())}</div>')
    raise nodes.SkipNode


class _Rules(Directive):
    """A graph of rules; GitHub draws the same block by itself."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        edges = re.findall(r"(\w+) --> (\w+)", "\n".join(self.content))
        style = "--raised:var(--color-background-secondary);overflow-x:auto"
        drawn = f'<div style="{style}">{draw_rules(edges)}</div>'
        return [nodes.raw("", drawn, format="html")]

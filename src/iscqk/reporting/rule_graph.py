"""The graph of rules as a drawing, without the programs that draw graphs.

Rules stand in layers, each below what it reads from. An edge that spans several layers passes each
of them at a place of its own, and the places of a layer are ordered by where their neighbours above
stand (Sugiyama, Tagawa and Toda 1981, with one sweep down).
"""

import re
from statistics import mean

from markupsafe import Markup, escape

Edge = tuple[str, str]
Node = str | tuple[str, str, int]  # a rule, or where an edge passes a layer
Places = dict[Node, tuple[float, float]]

_WIDTH, _HEIGHT, _GAP, _LAYER = 132, 26, 18, 62  # of a box and between boxes, pixels
_PASS = 20  # width of a passing edge's place


def parse_mermaid(text: str) -> list[Edge]:
    """Return the edges of what `snakemake --rulegraph mermaid-js` prints."""
    names = dict(re.findall(r"(id\d+)\[(.+?)\]", text))
    return [(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", text)]


def draw_rules(edges: list[Edge]) -> Markup:
    """Return an `svg` element; edges against the order of layers, which close a circle, dashed."""
    layers = layers_of(edges)
    paths = {edge: _path(edge, layers) for edge in edges}
    places = _places(layers, paths)
    width = max(x for x, _ in places.values()) + _WIDTH / 2 + 2
    height = max(y for _, y in places.values()) + _HEIGHT + 2
    lines = [_line(edge, paths[edge], places) for edge in edges]
    boxes = [_box(rule, places[rule]) for rule in layers]
    alternative = "; ".join(f"{a} to {b}" for a, b in sorted(edges))
    return Markup(
        f'<svg role="img" aria-label="{escape(alternative)}" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}"><defs><marker id="arrow" viewBox="0 0 8 8"'
        ' refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
        f"{''.join(lines)}{''.join(boxes)}</svg>"
    )


def layers_of(edges: list[Edge]) -> dict[str, int]:
    """Return each rule's layer from 0, in an order in which rules can run.

    Rules may form a circle, as jobs of one rule serve several rounds: of those that wait for one
    another the rule that waits for fewest goes first, and what it waits for stands below it.
    """
    rules = sorted({rule for edge in edges for rule in edge})
    followers = {rule: len(_below(rule, edges)) for rule in rules}
    layers: dict[str, int] = {}

    def place_in_line(rule: str) -> tuple[bool, int, int]:
        waits = sum(b == rule and a not in layers for a, b in edges)
        return waits > 0, -followers[rule], waits

    while len(layers) < len(rules):
        rule = min((rule for rule in rules if rule not in layers), key=place_in_line)
        above = [layers[a] for a, b in edges if b == rule and a in layers]
        layers[rule] = 1 + max(above, default=-1)
    return layers


def _below(rule: str, edges: list[Edge]) -> set[str]:
    """Return the rules that need a rule's files, by whatever way."""
    found: set[str] = set()
    waiting = {rule}
    while waiting:
        waiting = {b for a, b in edges if a in waiting} - found
        found |= waiting
    return found


def _path(edge: Edge, layers: dict[str, int]) -> list[Node]:
    """Return what an edge passes from layer to layer, from the upper rule to the lower."""
    upper, lower = sorted(edge, key=layers.__getitem__)
    between = range(layers[upper] + 1, layers[lower])
    return [upper, *((upper, lower, layer) for layer in between), lower]


def _places(layers: dict[str, int], paths: dict[Edge, list[Node]]) -> Places:
    """Return the middle of each rule's upper side, and the point where each edge passes a layer."""
    above: dict[Node, list[Node]] = {}
    rows: list[dict[Node, None]] = [{} for _ in range(max(layers.values()) + 1)]
    for rule, layer in layers.items():
        rows[layer][rule] = None
    for path in paths.values():
        for upper, lower in zip(path, path[1:], strict=False):
            above.setdefault(lower, []).append(upper)
            rows[lower[2] if isinstance(lower, tuple) else layers[lower]][lower] = None
    places: Places = {}
    for layer, row in enumerate(rows):
        wanted = {n: mean(places[u][0] for u in above[n]) if n in above else 0.0 for n in row}
        places |= _spread(wanted, layer * _LAYER + 2)
    left = min(x - _room(node) / 2 for node, (x, _) in places.items()) - 2
    return {node: (x - left, y) for node, (x, y) in places.items()}


def _spread(wanted: dict[Node, float], y: float) -> Places:
    """Return places of a layer's nodes near where they want to be, in that order, none on another.

    Each is pushed right by what is left of it; half of that goes back to the whole layer.
    """
    row = sorted(wanted, key=lambda node: wanted[node])
    places, end = [], float("-inf")
    for node in row:
        x = max(wanted[node], end + _GAP + _room(node) / 2)
        places.append(x)
        end = x + _room(node) / 2
    shift = mean(x - wanted[node] for x, node in zip(places, row, strict=True))
    return {node: (x - shift, y) for x, node in zip(places, row, strict=True)}


def _room(node: Node) -> int:
    return _PASS if isinstance(node, tuple) else _WIDTH


def _line(edge: Edge, path: list[Node], places: Places) -> str:
    """Return the curve of an edge, which leaves and enters each layer straight down."""
    points = [places[node] for node in path]
    x, y = points[0][0], points[0][1] + _HEIGHT
    curve = f"M{x:.1f} {y:.1f}"
    for node, (right, below) in zip(path[1:], points[1:], strict=True):
        middle = (y + below) / 2
        curve += f"C{x:.1f} {middle:.1f} {right:.1f} {middle:.1f} {right:.1f} {below:.1f}"
        x, y = right, below + _HEIGHT
        if isinstance(node, tuple):
            curve += f"V{y:.1f}"
    # against the layers the curve is the same, and its arrow at the upper end
    ends = 'marker-end="url(#arrow)"'
    if edge[0] != path[0]:
        ends = 'marker-start="url(#arrow)" stroke-dasharray="4 3"'
    return f'<path d="{curve}" fill="none" stroke="currentColor" stroke-opacity=".45" {ends}/>'


def _box(rule: str, place: tuple[float, float]) -> str:
    x, y = place
    return (
        f'<rect x="{x - _WIDTH / 2:.1f}" y="{y:.1f}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"'
        ' fill="var(--raised)" stroke="currentColor" stroke-opacity=".5"/>'
        f'<text x="{x:.1f}" y="{y + 17:.1f}" font-size="12" text-anchor="middle">{escape(rule)}'
        "</text>"
    )

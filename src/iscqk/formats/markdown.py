"""Tables as Markdown."""

from collections.abc import Iterable, Sequence

from iscqk.errors import escaped


def markdown_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], to_the_right: bool = True
) -> str:
    """Return rows of cells; `to_the_right`: all but the first column, of numbers.

    A cell stays in its row whatever a user's label in it holds.
    """
    rest = "---:" if to_the_right else "---"
    align = ["---", *[rest] * (len(head) - 1)]
    lines = ([escaped(c).replace("|", r"\|") for c in cells] for cells in (head, align, *rows))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

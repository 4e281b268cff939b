"""Tables as Markdown."""

from collections.abc import Iterable, Sequence


def markdown_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], to_the_right: bool = True
) -> str:
    """Return rows of cells; `to_the_right`: all but the first column, of numbers."""
    rest = "---:" if to_the_right else "---"
    align = ["---", *[rest] * (len(head) - 1)]
    lines = ([cell.replace("|", r"\|") for cell in cells] for cells in (head, align, *rows))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

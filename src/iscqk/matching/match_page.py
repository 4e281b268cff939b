"""Matches as a page that needs nothing but itself."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.files import utf8, write_text
from iscqk.reporting.rendering import render_template
from iscqk.reporting.thumbnails import thumbnail

SHOWN = 200  # pairs; a page of more than some megabytes is slow to open


def write_page(path: str | Path, matches: pd.DataFrame, facts: dict[str, str]) -> None:
    """Write the best matches, each query beside its reference, as HTML with thumbnails in it.

    Args:
        path: where to.
        matches: what `match` returns.
        facts: what was compared, by name, for the head of the page.
    """
    pairs = [_pair(row) for row in matches.head(SHOWN).to_dict("records")]
    page = render_template("matches.html.j2", pairs=pairs, total=len(matches), facts=facts)
    write_text(path, page)


def _pair(row: dict[Hashable, Any]) -> dict[str, Any]:
    """Return a row with the thumbnails of both images."""
    names = [row[name] for name in ("query", "reference")]
    images = [{"path": utf8(name), "shown": _shown(name)} for name in names]
    return {**{str(name): value for name, value in row.items()}, "images": images}


def _shown(path: str) -> str | None:
    """Return a thumbnail as an address; None where the image is gone by now."""
    try:
        return thumbnail(path).address
    except UserError:
        return None

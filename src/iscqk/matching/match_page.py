"""Likely copies, and what is nearest without being one, as a page that needs nothing but itself."""

import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.files import write_text
from iscqk.formats.named_files import anchored
from iscqk.formats.printable_names import printable
from iscqk.matching.chance import PROMISED
from iscqk.matching.duplicates import Duplicates
from iscqk.matching.left_out import told_of
from iscqk.matching.matches import Matches
from iscqk.matching.telling import searched, summary, summary_of_groups
from iscqk.reporting.rendering import render_template
from iscqk.reporting.thumbnails import thumbnail

SHOWN = 200  # pairs, or images in groups; a page of more than some megabytes is slow to open

_SHOWN_OF_A_GROUP = 24


def write_page(path: str | Path, found: Matches, facts: dict[str, str]) -> None:
    """Write the best pairs, each query beside its reference, as HTML with thumbnails in it.

    Args:
        path: where to.
        found: what `find_matches` returns.
        facts: what was asked for, by name, for the head of the page.
    """
    pairs = [_pair(row, path) for row in found.table.head(SHOWN).to_dict("records")]
    page = render_template(
        "matches.html.j2",
        title=summary(found),
        pairs=pairs,
        total=len(found.table),
        facts=facts | _facts(found, "basis of likely"),
        promised=PROMISED if found.basis.chance else None,
    )
    write_text(path, page)


def write_groups(path: str | Path, found: Duplicates, facts: dict[str, str]) -> None:
    """Write the first groups of copies as HTML with thumbnails in it.

    Args:
        path: where to.
        found: what `find_duplicates` returns.
        facts: what was asked for, by name, for the head of the page.
    """
    groups, left = [], SHOWN
    for number, rows in found.table.groupby("group"):
        if left <= 0:
            break
        images = [_image(row, path) for row in rows.head(_SHOWN_OF_A_GROUP).to_dict("records")]
        images[0]["largest"] = _is_alone_the_largest(rows)
        left -= len(images)
        groups.append({"number": number, "images": images, "more": len(rows) - len(images)})
    page = render_template(
        "duplicates.html.j2",
        title=summary_of_groups(found),
        groups=groups,
        total=found.table["group"].nunique(),
        judged=found.basis.chance is not None,
        facts=facts | _facts(found, "basis"),
    )
    write_text(path, page)


def _facts(found: Matches | Duplicates, basis: str) -> dict[str, str]:
    """Return how it was searched, what was left out, and what `basis` is, by name."""
    return searched(found.recall) | told_of(found.left_out) | {basis: found.basis.told()}


def _is_alone_the_largest(rows: pd.DataFrame) -> bool:
    """Return whether no other image of a group has as many pixels as the first of it."""
    pixels = (rows["width"] * rows["height"]).tolist()
    return pixels.count(pixels[0]) == 1


def _image(row: dict[Hashable, Any], page: str | Path) -> dict[str, Any]:
    """Return a row of a group with what a figure shows of it."""
    chance = None if pd.isna(row["chance"]) else row["chance"]  # of the centre
    return {**_named(row), "chance": chance, **_figure(row["image"], page)}


def _pair(row: dict[Hashable, Any], page: str | Path) -> dict[str, Any]:
    """Return a row with what figures show of both images."""
    images = [_figure(row[name], page) for name in ("query", "reference")]
    likely = None if row["likely"] is pd.NA else row["likely"]
    return {**_named(row), "likely": likely, "images": images}


def _named(row: dict[Hashable, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _figure(path: str, page: str | Path) -> dict[str, str | None]:
    """Return an image's name, its thumbnail, and where it lies as seen from a page."""
    return {"path": printable(path), "shown": shown(path), "address": address(path, page)}


def address(path: str, page: str | Path) -> str | None:
    """Return a file's address relative to a page; None where there is none, as in a shard."""
    if not os.path.isfile(path):
        return None
    relative = os.path.relpath(anchored(path), os.path.dirname(anchored(page)))
    return quote(os.fsencode(relative))


def shown(path: str) -> str | None:
    """Return a thumbnail as an address; None where the image is gone by now."""
    try:
        return thumbnail(path).address
    except UserError:
        return None

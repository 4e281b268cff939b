"""The gallery: pairs that tell what is found, what is mistaken and what is missed, as images."""

from collections.abc import Hashable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.manifest import image_paths, read_manifest
from iscqk.reporting.attractors import attracted
from iscqk.reporting.edit_groups import Records
from iscqk.reporting.pairs import telling_pairs
from iscqk.reporting.parts import Data
from iscqk.reporting.thumbnails import Thumbnail, blank, thumbnail

_ATTRACTED = 3  # queries shown beside the reference that attracts them

Row = dict[Hashable, Any]  # of a table of pairs

_TITLES = {
    "surest": ("Surest matches", "True pairs that rank highest."),
    "least sure": (
        "Least sure matches",
        "True pairs that are the best of their query, and yet rank lowest.",
    ),
    "mistakes": ("Most confident mistakes", "Wrong pairs that rank highest."),
    "missed": (
        "Missed copies",
        "Copies for which another reference is nearer than their own, or nothing was found.",
    ),
    "attracting": (
        "Hubs, references that are near to many queries",
        "Each is the nearest of many that do not copy it, which is a false pair each.",
    ),
}


class Tile(NamedTuple):
    """An image with its role: `query`, `right`, `wrong`, or `source` of a distractor."""

    role: str
    image_id: str
    label: str
    image: Thumbnail


class Card(NamedTuple):
    """A query beside its reference and what was retrieved instead."""

    tiles: list[Tile]
    edits: list[str]
    story: str


class Strip(NamedTuple):
    """Cards of one kind, and all that they are of as CSV."""

    title: str
    meaning: str
    cards: list[Card]
    data: Data | None = None


class Images:
    """Thumbnails by id: of the references, of a phase's queries, of what distractors are made of.

    Args:
        manifests: their CSV files; one that is not there has no images.
    """

    def __init__(self, manifests: Iterable[Path]) -> None:
        tables = [read_manifest(path) for path in manifests if path.is_file()]
        rows = pd.concat(tables)
        self._paths = dict(zip(rows["id"], image_paths(rows), strict=True))
        self._thumbnail = cache(thumbnail)

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._paths

    def tile(self, role: str, image_id: str, label: str) -> Tile:
        """Return an image by its id; of one that could not be read, that it could not."""
        if (path := self._paths[image_id]) is None:
            return Tile(role, image_id, f"{label}, which cannot be read", blank())
        return Tile(role, image_id, label, self._thumbnail(path))


def gallery(
    images: Images, pairs: pd.DataFrame, truth: GroundTruth, records: Records, count: int
) -> tuple[list[Strip], pd.DataFrame]:
    """Return the strips of a phase, and the pairs that they show as a table.

    Args:
        images: of queries, references and others.
        pairs: what was found, `iscqk.reporting.pairs.ranked_pairs`.
        truth: what should have been.
        records: of edits.jsonl; empty where nobody knows how queries were made.
        count: cards in a strip.

    Raises:
        UserError: an image is not where its manifest says.
    """
    made = {record["query_id"]: record for record in records}
    chains = {query: ";".join(_edits(record)) for query, record in made.items()}
    chosen = telling_pairs(pairs, truth, _names(made), count)
    varied = " No set of edits twice where there are enough." if made else ""
    meanings = {kind: (title, meaning + varied) for kind, (title, meaning) in _TITLES.items()}
    strips = [
        Strip(*meanings[kind], [_card(row, kind, made, images) for row in rows.to_dict("records")])
        for kind, rows in chosen.items()
    ]
    shown = pd.concat([rows.assign(kind=kind) for kind, rows in chosen.items()])
    shown["edits"] = [chains.get(query, "") for query in shown["query"]]
    return strips, shown.drop(columns=["correct", "first"])


def attraction_strip(
    images: Images, pairs: pd.DataFrame, found: pd.DataFrame, count: int, data: Data
) -> Strip | None:
    """Return the largest hubs, each beside some of its queries; None if none does.

    Args:
        images: of queries and references.
        pairs: `iscqk.reporting.pairs.ranked_pairs`.
        found: `iscqk.reporting.attractors.attractors`.
        count: cards in the strip.
        data: `found` as CSV.
    """
    if found.empty:
        return None
    cards = []
    for row in found.head(count).to_dict("records"):
        queries = attracted(pairs, row["reference"], _ATTRACTED)["query"]
        tiles = [images.tile("query", query, "query") for query in queries]
        story = (
            f"The nearest of {row['queries']:,} queries that do not copy it, {row['share']:.1%} of "
            f"all whose nearest is wrong; the surest at rank {row['rank']:,}."
        )
        cards.append(Card([images.tile("wrong", row["reference"], "reference"), *tiles], [], story))
    return Strip(*_TITLES["attracting"], cards, data)


def _names(made: dict[str, Any]) -> dict[str, str]:
    """Return which edits made each query, whatever their strength."""
    return {
        query: ";".join(sorted(edit["name"] for edit in record["edits"]))
        for query, record in made.items()
    }


def _edits(record: dict[str, Any]) -> list[str]:
    return [f"{edit['name']} {edit['strength']:.2f}" for edit in record["edits"]]


def _card(row: Row, kind: str, made: dict[str, Any], images: Images) -> Card:
    record = made.get(row["query"])
    tiles = [images.tile("query", row["query"], "query"), *_true_tile(row, record, images)]
    if kind in ("mistakes", "missed") and isinstance(row["retrieved"], str):
        tiles.append(images.tile("wrong", row["retrieved"], "retrieved"))
    return Card(tiles, _edits(record) if record else [], _story(row, kind))


def _true_tile(row: Row, record: dict[str, Any] | None, images: Images) -> list[Tile]:
    """Return the reference that a query copies, or the image of no split that it does."""
    if row["reference"]:
        return [images.tile("right", row["reference"], "reference")]
    if record and record["source_id"] in images:
        return [images.tile("source", record["source_id"], "its source")]
    return []


def _story(row: Row, kind: str) -> str:
    """Return what happened to a pair, in a few words."""
    if kind == "missed":
        depth = row["true_rank"]
        if pd.isna(depth):
            return "The true pair is not in the list."
        return f"The true pair is at rank {int(depth):,}."
    story = f"Rank {int(row['rank']):,}, score {row['score']:.3f}."
    if kind == "mistakes" and not row["reference"]:
        story += " The query copies no reference."
    return story

"""The report's sections, each made of the files that it tells of."""

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd

from iscqk.errors import one_line
from iscqk.formats.csv_tables import write_table
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.predictions import read_predictions
from iscqk.formats.query_edits import read_edit_records
from iscqk.formats.results import Results
from iscqk.methods import made_by
from iscqk.reporting import reading
from iscqk.reporting.attractors import attractors
from iscqk.reporting.difference import difference
from iscqk.reporting.edit_groups import table_by_group
from iscqk.reporting.gallery import Images, attraction_strip, gallery
from iscqk.reporting.page import PhaseResults, Report
from iscqk.reporting.pairs import ranked_pairs
from iscqk.reporting.parts import Data, Number, Table, data_of, share, table_of
from iscqk.reporting.reading import Scored, Submitted
from iscqk.reporting.rule_graph import draw_rules, parse_mermaid
from iscqk.reporting.score_figures import (
    curve_figure,
    edit_figure,
    group_figures,
    score_figure,
    spelt,
)
from iscqk.reporting.set_aside import set_aside_table
from iscqk.reporting.tables_beside import tables_beside
from iscqk.reporting.training_curves import training
from iscqk.retrieval.rankings import RANKINGS
from iscqk.submission.environment import told_commit
from iscqk.submission.validation import Problem


def whole_report(
    results: Results, folder: Path, title: str, rules: str, count: int, compared: str = ""
) -> Report:
    """Return all that the page tells.

    Args:
        results: what is reported on.
        folder: where plots and their data are written.
        title: of the page.
        rules: what `snakemake --rulegraph mermaid-js` prints, or "".
        count: pairs of each kind in the gallery of each phase.
        compared: another folder of results to compare these with, or "".

    Raises:
        UserError: there is no submission, here or there, or an image of the gallery is gone.
    """
    found = reading.submissions(results)
    models = reading.held_against(found, reading.scored_models(results))
    told = [_phase(one, models, folder, count) for one in found]
    shown = pd.concat([pairs for _, pairs, _ in told])
    edges = parse_mermaid(rules)
    provenance = found[-1].provenance
    usage = reading.usage(results)
    return Report(
        title=title,
        method=made_by(provenance["config"]),
        phases=[phase for phase, _, _ in told],
        runs=runs_table(models, found[-1], folder),
        difference=difference(found, compared) if compared else None,
        groups=group_figures(pd.concat([groups for _, _, groups in told]), folder),
        gallery=_written(shown, folder / "gallery.csv"),
        training=training(reading.training_history(found[-1].home, provenance["config"]), folder),
        usage=_usage_table(usage, folder),
        usage_total=_usage_total(usage),
        rules=draw_rules(edges) if edges else None,
        others=tables_beside(results, models),
        provenance=provenance,
        set_aside=set_aside_table(found, folder),
        commit=told_commit(provenance),
        config=json.dumps(provenance["config"], indent=2),
    )


def _phase(
    one: Submitted, models: list[Scored], folder: Path, count: int
) -> tuple[PhaseResults, pd.DataFrame, pd.DataFrame]:
    """Return what is told of a phase, the gallery's pairs, and scores of groups of queries."""
    results, split = one.results, one.score["split"]
    records = read_edit_records(results.phase(one.phase).edit_records)
    predictions = read_predictions(one.files.predictions)
    truth = read_ground_truth(results.phase(one.phase).ground_truth)
    groups = table_by_group(predictions, truth, one.score["convention"], records)
    pairs = ranked_pairs(predictions, truth)
    pairs["score"] = RANKINGS[one.score["ranking"]].comparable(pairs["score"].to_numpy())
    manifests = (results.manifest(images) for images in (one.phase, "references", "others"))
    images = Images(map(Path, manifests))
    strips, shown = gallery(images, pairs, truth, records, count)
    attracting = attractors(pairs, one.validation["references"])
    listed = _written(attracting, folder / f"attractors_{one.phase}.csv")
    attracted = attraction_strip(images, pairs, attracting, count, listed)
    by_edit = reading.scores(one.ranked.by_edit)
    edited = edit_figure(one, by_edit, folder) if len(by_edit) else None
    phase = PhaseResults(
        split=split,
        score=one.score,
        yardsticks=one.yardsticks,
        validation=one.validation,
        problems=[one_line(str(Problem(**problem))) for problem in one.validation["problems"]],
        curve=curve_figure(one, models, folder),
        scores=score_figure(one, pairs, one.precise_from, folder),
        by_edit=edited,
        edits=edits_table(split, by_edit, edited.data) if edited else None,
        strips=[*([attracted] if attracted else []), *strips],
    )
    return phase, shown.assign(phase=one.phase), groups.assign(phase=split)


def edits_table(split: str, by_edit: pd.DataFrame, data: Data) -> Table:
    """Return scores by edit; what is found may be far down the list, which its head says."""
    return table_of(f"{split}: by edit", by_edit.rename(columns={"found": "in the list"}), data)


def _written(table: pd.DataFrame, path: Path) -> Data:
    """Write a table, and return it for the page."""
    write_table(path, table)
    return data_of(path)


def runs_table(models: list[Scored], submitted: Submitted, folder: Path) -> Table:
    """Return the scores of all models, the submitted one first, a column for phase and ranking."""
    first = "/".join(Path(submitted.model.folder).parts[-2:])
    columns = list(dict.fromkeys((one.phase, one.ranking) for one in models))
    values = {(one.name, one.phase, one.ranking): _score(one) for one in models}
    names = sorted({one.name for one in models}, key=lambda name: (name != first, name))
    rows = [[name, *(values.get((name, *column), "") for column in columns)] for name in names]
    head = [f"{phase}, {spelt(ranking)}" for phase, ranking in columns]
    table = pd.DataFrame([one._asdict() for one in models]).drop(columns="ranked")
    data = _written(table, folder / "scores.csv")
    return Table(
        "micro-AP of every model that was scored, by ranking", ["model", *head], rows, data
    )


def _score(one: Scored) -> Number:
    """Return a score, with why it does not compare where it does not."""
    number = share(one.micro_ap)
    return number._replace(text=f"{number.text}, {one.unlike}") if one.unlike else number


def _usage_table(usage: pd.DataFrame, folder: Path) -> Table:
    """Return time and memory by stage."""
    rows = [
        [
            str(row["stage"]),
            Number(row["jobs"], f"{row['jobs']:,}"),
            Number(row["seconds"], _duration(row["seconds"])),
            Number(row["longest"], _duration(row["longest"])),
            "" if pd.isna(row["peak_mb"]) else Number(row["peak_mb"], f"{row['peak_mb']:,.0f}"),
        ]
        for row in usage.to_dict("records")
    ]
    head = ["stage", "jobs", "time in all", "longest job", "peak memory, MB"]
    data = _written(usage, folder / "usage.csv")
    return Table("All jobs that left their usage, by stage", head, rows, data)


def _usage_total(usage: pd.DataFrame) -> str:
    if usage.empty:
        return "No job left its usage here."
    return (
        f"{int(usage['jobs'].sum()):,} jobs, {_duration(usage['seconds'].sum())} one after the "
        f"other; at most {usage['peak_mb'].max():,.0f} MB in one."
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))

"""The card of a packed model, which travels without the submission that it comes from."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from iscqk.formats.markdown import markdown_table
from iscqk.methods import made_by
from iscqk.submission.environment import told_commit
from iscqk.submission.model_card import described_by, front_matter, started

_CARD = """\
---
{front_matter}
---

# A copy-detection descriptor that is ready to use

`iscqk match photo.jpg --against photos`, `iscqk describe photos --output photos.h5` and, in Python,
`iscqk.Model()` use it where no other model is named, once it lies in `iscqk/ready/model`;
`model.weights: ready` starts a training from it.

Backbone `{backbone}`, {pixels} px, pooling `{pooling}`, {descriptor_size} dimensions;
{method}; pairs are ranked by `{ranking}`. Matrices are float16 here and float32 in use.

## Training data and terms

{training} images, SHA-256 of the list `{training_digest}`.{started}

{notice}

## Scores

Of the descriptors that were submitted, before packing.

{scores}

## Where it is weak

By edit, the weakest first; a query may have several edits. Edits that training never saw are found
less often. Descriptors are comparable only with those of this model.

{edits}

## Where it comes from

Made by `snakemake ready_model` with the configuration below, commit {commit}; {versions}.

{weights}
{files}

```json
{config}
```
"""

_SCORES = ["micro_ap", "recall_at_p90"]
# What the card takes of a score, and of a provenance; that its config and images are whole is asked
# when it is made.
SCORED: dict[str, type] = {"queries": int, **dict.fromkeys(_SCORES, float)}
TOLD = {"config": dict, "versions": dict, "images": dict[str, dict], "weights": dict[str, dict]}
_EDITS = ["edit", "queries", "micro_ap", "recall_at_p90", "recall_at_1"]


def packed_card(
    scores: Mapping[str, dict[str, Any]],
    by_edit: Mapping[str, pd.DataFrame],
    provenance: dict[str, Any],
    notice: str,
    files: Mapping[str, str],
) -> str:
    """Return the card.

    Args:
        scores: what score.json holds of each phase, or what `iscqk score` printed: no `split`.
        by_edit: of each phase the scores by edit (`iscqk.retrieval.scores_by_edit`).
        provenance: what provenance.json of the submission holds that was packed.
        notice: Markdown, see `ready.notice` of the config.
        files: the SHA-256 of each by its name.

    Raises:
        KeyError: the provenance, of the kinds in `TOLD`, lacks something.
    """
    config = provenance["config"]
    phase, last = list(scores.items())[-1]
    weights = [
        f"- packed from {role}, SHA-256 `{facts['sha256']}`"
        for role, facts in provenance["weights"].items()
    ]
    sections = [f"### {phase}\n\n{_weakest(table)}" for phase, table in by_edit.items()]
    return _CARD.format(
        **described_by(config),
        front_matter=front_matter({"split": phase, **last}, config).to_yaml(),
        method=f"method `{name}`" if (name := made_by(config)) else "weights as they were given",
        ranking=config["describe"]["ranking"],
        training=provenance["images"]["training"]["count"],
        training_digest=provenance["images"]["training"]["sha256"],
        started=started(config),
        notice=notice.strip(),
        scores=markdown_table(
            ["phase", "queries", "references", *_SCORES],
            _score_rows(scores, provenance["images"]["references"]["count"]),
            to_the_right=False,
        ).strip(),
        edits="\n\n".join(sections) or "Edits of these queries are not known.",
        commit=told_commit(provenance),
        versions=", ".join(f"{name} {number}" for name, number in provenance["versions"].items()),
        weights="\n".join(weights),
        files="\n".join(f"- `{name}`, SHA-256 `{digest}`" for name, digest in files.items()),
        config=json.dumps(config, indent=2),
    )


def _score_rows(scores: Mapping[str, dict[str, Any]], references: int) -> list[list[str]]:
    return [
        [phase, str(score["queries"]), str(references), *(f"{score[key]:.4f}" for key in _SCORES)]
        for phase, score in scores.items()
    ]


def _weakest(table: pd.DataFrame) -> str:
    rows = table.sort_values(["recall_at_p90", "micro_ap"])[_EDITS].itertuples(index=False)
    cells = [[*map(str, row[:2]), *(f"{x:.3f}" for x in row[2:])] for row in rows]
    return markdown_table(_EDITS, cells, to_the_right=False).strip()

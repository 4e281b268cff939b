"""The model card of a submission."""

import json
from typing import Any

_CARD = """\
# Copy-detection descriptors, {split}

Two encoders of images, trained by alternating Q/K contrastive learning (QK Iteration,
arXiv:2111.07954): one describes edited copies, the other originals; a small squared distance
between a query's and a reference's descriptor says that the one copies the other.

## Intended use

Finding edited copies of images among references, by global ranking of all pairs. Not meant for
recognising people or for likeness in meaning: two photographs of one thing are no copies.

## Model

- backbone `{backbone}`, {image_size} px, pooling `{pooling}`, {descriptor_size} dimensions
- rounds of training: {rounds}; ranking of pairs: `{ranking}`
{weights}

## Training data

{training} images, SHA-256 of the list `{training_digest}`. No query and no reference is among them:
`trained_on_ground_truth: {trained_on_ground_truth}`.

## Evaluation

{queries} queries against {references} references, `{convention}` convention:
micro-AP **{micro_ap:.4f}**, recall at 90 % precision {recall_at_p90:.4f}.

## Limits

Edits that training never saw are found less often. Descriptors are comparable only with those of
the same pair of weights.

## Configuration

```json
{config}
```
"""


def model_card(score: dict[str, Any], provenance: dict[str, Any]) -> str:
    """Return the card in Markdown.

    Args:
        score: what score.json holds.
        provenance: what provenance.json holds.
    """
    config, images = provenance["config"], provenance["images"]
    weights = [
        f"- {role}: `{facts['path']}`, SHA-256 `{facts['sha256']}`"
        for role, facts in provenance["weights"].items()
    ]
    return _CARD.format(
        **{key: config["model"][key] for key in ("backbone", "image_size", "pooling")},
        **{split: facts["count"] for split, facts in images.items()},
        **{key: value for key, value in score.items() if key not in ("rankings", *images)},
        descriptor_size=config["model"]["descriptor_size"],
        rounds=config["train"]["rounds"],
        training_digest=images["training"]["sha256"],
        weights="\n".join(weights),
        config=json.dumps(config, indent=2),
    )

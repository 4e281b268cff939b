"""The model card of a submission."""

import json
from typing import Any

_CARD = """\
# Copy-detection descriptors, {split}

{method} A small squared distance between a query's and a reference's descriptor says that the one
copies the other.

## Intended use

Finding edited copies of images among references, by global ranking of all pairs. Not meant for
recognising people or for likeness in meaning: two photographs of one thing are no copies.

## Model

- backbone `{backbone}`, {image_size} px, pooling `{pooling}`, {descriptor_size} dimensions
- method `{method_name}`, rounds of training: {rounds}; ranking of pairs: `{ranking}`
{weights}

## Training data

{training} images, SHA-256 of the list `{training_digest}`. No query and no reference is among them:
`trained_on_ground_truth: {trained_on_ground_truth}`.{quarantined}

## Evaluation

{queries} queries against {references} references, `{convention}` convention:
micro-AP **{micro_ap:.4f}**, recall at 90 % precision {recall_at_p90:.4f}.{halves}

## Limits

Edits that training never saw are found less often. Descriptors are comparable only with those of
the same pair of weights.

## Configuration

```json
{config}
```
"""

_QUARANTINED = """

{} images could not be read; `provenance.json` lists them under `quarantined`. Those for training
were left out, queries and references of these have a descriptor that matches nothing.
"""

_METHODS = {
    "qk": "Two encoders of images, trained by alternating Q/K contrastive learning (QK Iteration,\n"
    "arXiv:2111.07954): one describes edited copies, the other originals.",
    "simclr": "An encoder of images, trained by in-batch contrast (SimCLR, arXiv:2002.05709).",
    "moco": "An encoder of images, trained by momentum contrast (MoCo v2, arXiv:2003.04297).",
    "isd": "An encoder of images: the teacher of similarity distillation (ISD, arXiv:2012.09259).",
    "gist": "GIST with PCA, the challenge's baseline; no network is trained.",
}


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
    halves = [
        f"\nOf the {half} half: {part['micro_ap']:.4f}, {part['recall_at_p90']:.4f}."
        for half, part in score.get("halves", {}).items()
    ]
    bad = len(provenance["quarantined"])
    elsewhere = ("rankings", "halves", *images)
    return _CARD.format(
        **{key: config["model"][key] for key in ("backbone", "image_size", "pooling")},
        **{split: facts["count"] for split, facts in images.items()},
        **{key: value for key, value in score.items() if key not in elsewhere},
        descriptor_size=config["model"]["descriptor_size"],
        method=_METHODS[config["train"]["method"]],
        method_name=config["train"]["method"],
        rounds=config["train"]["rounds"],
        training_digest=images["training"]["sha256"],
        weights="\n".join(weights),
        halves="".join(halves),
        quarantined=_QUARANTINED.format(bad) if bad else "",
        config=json.dumps(config, indent=2),
    )

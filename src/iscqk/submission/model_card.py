"""The model card of a submission, in the model hub's format: YAML front matter, then Markdown."""

import json
from collections.abc import Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from iscqk.datasets import SOURCES
from iscqk.methods import METHODS, made_by
from iscqk.models.ready import READY
from iscqk.models.timm_names import GIST

_CARD = """\
---
{front_matter}
---

# Copy-detection descriptors, {split}

{method} A small squared distance between a query's and a reference's descriptor says that the one
copies the other.

## Intended use

Finding edited copies of images among references, by global ranking of all pairs. Not meant for
recognising people or for likeness in meaning: two photographs of one thing are no copies.

## Use

The folders `model/queries` and `model/references` beside this card are one repository of the hub
each: `hf upload NAME model/queries`. timm loads the backbone, from the folder or by `hf-hub:NAME`;
pooling and head (`head.safetensors`) make its features a descriptor, and `describe` in the
configuration below says what more is done. iscqk does all of it, from the whole folder `model`.

```python
import timm, iscqk

backbone = timm.create_model("local-dir:model/queries", pretrained=True, num_classes=0)
model = iscqk.Model.load("model")
descriptors = model.describe(["photo.jpg"], side="queries")
matches = iscqk.match("scans", against="photos", model=model)
```

## Model

- backbone `{backbone}`, {pixels} px, pooling `{pooling}`, {descriptor_size} dimensions
- method `{method_name}`, rounds of training: {rounds}; ranking of pairs: `{ranking}`
{weights}

## Training data

{training} images, SHA-256 of the list `{training_digest}`. No query and no reference is among them:
`trained_on_ground_truth: {trained_on_ground_truth}`, of this
training only.{started}{given}{quarantined}

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

Images set aside: {} (cannot be read, or are for training and references or queries, too);
`provenance.json` lists them under `quarantined`. What was for training is left out, queries and
references among them have a descriptor that matches nothing.
"""

_GIVEN = """

It comes from these files, too, which were there before:

{}"""

_STARTED = """

{} {}. What that has learned from, and under which terms, holds here too."""

_UNTRAINED = "The network that a training would start from: nothing was trained."


def _trained_on(weights: Mapping[str, Any]) -> str:
    told = weights.get("trained_on")
    return f", trained on {told['device']} in {told['precision']}" if told else ""


def model_card(score: dict[str, Any], provenance: dict[str, Any]) -> str:
    """Return the card.

    Args:
        score: what score.json holds.
        provenance: what provenance.json holds.
    """
    config, images = provenance["config"], provenance["images"]
    weights = [
        f"- {role}: `{facts['path']}`, SHA-256 `{facts['sha256']}`{_trained_on(facts)}"
        for role, facts in provenance["weights"].items()
    ]
    halves = [
        f"\nOf the {half} half: {part['micro_ap']:.4f}, {part['recall_at_p90']:.4f}."
        for half, part in score.get("halves", {}).items()
    ]
    given = [f"- `{one['path']}`, SHA-256 `{one['sha256']}`" for one in provenance["given"]]
    bad = len(provenance["quarantined"])
    elsewhere = ("rankings", "halves", *images)
    return _CARD.format(
        **described_by(config),
        **{split: facts["count"] for split, facts in images.items()},
        **{key: value for key, value in score.items() if key not in elsewhere},
        front_matter=front_matter(score, config).to_yaml(),
        method=METHODS[name].card if (name := made_by(config)) else _UNTRAINED,
        method_name=made_by(config) or "none",
        rounds=config["train"]["rounds"],
        training_digest=images["training"]["sha256"],
        weights="\n".join(weights),
        halves="".join(halves),
        started=started(config),
        given=_GIVEN.format("\n".join(given)) if given else "",
        quarantined=_QUARANTINED.format(f"{bad:,}") if bad else "",
        config=json.dumps(config, indent=2),
    )


def described_by(config: dict[str, Any]) -> dict[str, Any]:
    """Return which network describes images, and at what sizes."""
    model = config["model"]
    pixels = config["describe"]["sizes"] or [model["image_size"]]
    facts = {key: model[key] for key in ("backbone", "pooling", "descriptor_size")}
    return {**facts, "pixels": " and ".join(map(str, pixels))}


def started(config: dict[str, Any]) -> str:
    """Return a paragraph on the weights that training went on from; nothing of random ones."""
    if (weights := config["model"]["weights"]) == "none":
        return ""
    carried = "the model that iscqk carries, whose card is `iscqk/ready/model/MODEL_CARD.md`"
    what = "Training went on from" if made_by(config) else "The network is that of"
    return _STARTED.format(what, carried if weights == READY else f"`{weights}`")


def front_matter(score: dict[str, Any], config: dict[str, Any]) -> ModelCardData:
    """Return what the hub lists models by."""
    backbone = config["model"]["backbone"]
    trained_by = list(filter(None, [made_by(config)]))
    results = [
        EvalResult(
            task_type="image-feature-extraction",
            dataset_type=config["dataset"]["kind"],
            dataset_name=score["split"],
            metric_type=name,
            metric_name=title,
            metric_value=score[name],
        )
        for name, title in (("micro_ap", "micro-AP"), ("recall_at_p90", "recall at precision 90 %"))
    ]
    return ModelCardData(
        license="mit" if _drawn(config) else "other",
        license_name=None if _drawn(config) else "that-of-the-training-images",
        library_name="timm" if backbone != GIST else "iscqk",
        pipeline_tag="image-feature-extraction",
        tags=["copy-detection", "image-similarity", "iscqk", *trained_by],
        model_name="-".join(["iscqk", *trained_by, backbone]),
        eval_results=results,
    )


def _drawn(config: dict[str, Any]) -> bool:
    """Return whether nothing of others went into the weights: then the program's licence holds."""
    return SOURCES[config["dataset"]["kind"]].drawn and config["model"]["weights"] == "none"

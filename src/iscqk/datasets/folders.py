"""Folders of your own."""

from collections.abc import Mapping
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.images.dataset_interface import (
    Given,
    Source,
    Sources,
    existing_file,
    existing_folders,
    named_lists,
)


def _find(dataset: Mapping[str, Any]) -> Sources:
    given = {
        phase: Given(
            existing_folders(f"{phase}.queries", dataset[phase]["queries"]),
            existing_file(f"{phase}.ground_truth", dataset[phase]["ground_truth"]),
        )
        for phase in PHASES
        if phase in dataset
    }
    for name in ("training", "references", "others"):
        if name not in dataset and not (name == "others" and len(given) == len(PHASES)):
            raise UserError(f"config: dataset.{name}: missing; name the folder of these images")
    training, references = (existing_folders(n, dataset[n]) for n in ("training", "references"))
    others = existing_folders("others", dataset["others"]) if "others" in dataset else []
    return Sources(training, references, others, given, named_lists(dataset))


SOURCE = Source("your own", _find, watched=True)

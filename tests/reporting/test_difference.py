"""What the report tells of another folder of results."""

import copy
import json
import os
from pathlib import Path

import pytest

from iscqk.errors import UserError
from iscqk.formats.results import Results
from iscqk.reporting.difference import difference
from iscqk.reporting.reading import submissions

EDITS = [f"edit_{n}" for n in range(20)]
CONFIG = {
    "train": {"rounds": 1, "qk": {"temperature": 0.05}},
    "edits": {"training": {"names": EDITS}, "curriculum": []},
    "model": {"weights": "none"},
}
IMAGES = {split: {"count": 9, "sha256": split} for split in ("queries", "references", "training")}


def submit(
    root,
    phase,
    micro_ap,
    config=CONFIG,
    images=IMAGES,
    commit="c0ffee" * 6,
    modified=False,
    given=(),
    convention="fb",
):
    files = Results(str(root)).submission(phase)
    (root / f"submission_{phase}").mkdir(parents=True)
    score = {
        "micro_ap": micro_ap,
        "recall_at_p90": 0.25,
        "ranking": "similarity",
        "convention": convention,
    }
    provenance = {"config": config, "images": images, "commit": commit, "modified": modified}
    provenance["given"] = [{"path": path, "sha256": digest} for path, digest in dict(given).items()]
    for path, content in (
        (files.score, score),
        (files.validation, {"valid": True}),
        (files.provenance, provenance),
    ):
        with open(path, "w") as file:
            json.dump(content, file)


def changed(**keys):
    config = copy.deepcopy(CONFIG)
    for key, value in keys.items():
        *sections, last = key.split("__")
        place = config
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return config


def compare(here, there):
    return difference(submissions(Results(str(here))), str(there))


def test_scores_and_changed_keys_of_another_folder(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for phase, score in (("phase1", 0.65), ("phase2", 0.4)):
        submit(here, phase, score)
    config = changed(
        train__qk__temperature=0.1,
        edits__training__names=[*EDITS[:-1], "another"],
        model__weights="pretrained",
        model__flip=True,
        train__solo={"koleo": 0, "patience": 3},
    )
    submit(there, "phase2", 0.5, config, commit="decade" * 6)
    told = compare(here, there)
    assert [[getattr(cell, "text", cell) for cell in row] for row in told.scores.rows] == [
        ["phase2, micro-AP", "0.4000", "0.5000", "-0.1000"],
        ["phase2, recall at 90 % precision", "0.2500", "0.2500", "+0.0000"],
    ]
    assert told.changed.rows == [
        ["commit", "c0ffeec0ff", "decadedeca"],
        ["train.qk.temperature", "0.05", "0.1"],
        ["train.solo", "–", "2 keys"],
        ["edits.training.names", "edit_19, 19 that both have", "another, 19 that both have"],
        ["model.weights", "none", "pretrained"],
        ["model.flip", "–", "true"],
    ]
    assert told.warnings == [] and told.folder == str(there)


def test_the_same_again_has_no_changes(tmp_path):
    for name in ("here", "there"):
        for phase in ("phase1", "phase2"):
            submit(tmp_path / name, phase, 0.5)
    told = compare(tmp_path / "here", tmp_path / "there")
    assert told.changed is None and len(told.scores.rows) == 4


def test_changes_that_are_not_committed_are_told(tmp_path):
    changed_there = "c0ffeec0ff, with changes that are not committed"
    submit(tmp_path / "here", "phase1", 0.5)
    submit(tmp_path / "there", "phase1", 0.5, modified=True)
    there = compare(tmp_path / "here", tmp_path / "there").changed.rows
    assert there == [["commit", "c0ffeec0ff", changed_there]]
    again = compare(tmp_path / "there", tmp_path / "there").changed.rows  # or others than here
    assert again == [["commit", changed_there, changed_there]]


@pytest.mark.parametrize("split", ["queries", "references"])
def test_scores_of_other_images_are_told_not_to_compare(tmp_path, split):
    submit(tmp_path / "here", "phase2", 0.5)
    other = {**IMAGES, split: {"count": 9, "sha256": "other"}}
    submit(tmp_path / "there", "phase2", 0.5, images=other)
    (warning,) = compare(tmp_path / "here", tmp_path / "there").warnings
    assert f"phase2: the {split} there are other images" in warning


def test_a_given_file_of_other_content_is_told_though_its_path_is_the_same(tmp_path):
    submit(tmp_path / "here", "phase2", 0.5, given={"gt.csv": "a" * 64, "w.pt": "c" * 64})
    submit(tmp_path / "there", "phase2", 0.5, given={"gt.csv": "b" * 64, "w.pt": "c" * 64})
    assert compare(tmp_path / "here", tmp_path / "there").changed.rows == [
        ["content of gt.csv", "SHA-256 aaaaaaaaaa", "SHA-256 bbbbbbbbbb"]
    ]


def test_scores_by_another_ground_truth_or_convention_are_told_not_to_compare(tmp_path):
    for name, convention in (("here", "fb"), ("there", "drivendata")):
        submit(tmp_path / name, "phase2", 0.5, convention=convention)
        truth = Path(Results(str(tmp_path / name)).phase("phase2").ground_truth)
        truth.parent.mkdir(parents=True)
        truth.write_text(f"Q00000,{name}\n")
        os.utime(truth, (1, 1))
    other_truth, other_convention = compare(tmp_path / "here", tmp_path / "there").warnings
    told = "phase2: the ground truth there is another, so its scores do not compare."
    assert other_truth == told
    told = "phase2: pairs are counted by the convention drivendata there, and fb here, so its"
    assert other_convention == f"{told} scores do not compare."
    os.utime(truth)  # made anew since, so that nobody knows by which it was scored
    assert compare(tmp_path / "here", tmp_path / "there").warnings == [other_convention]


def test_a_folder_that_cannot_be_compared_is_named(tmp_path):
    submit(tmp_path / "here", "phase2", 0.5)
    with pytest.raises(UserError, match="there: .* without a submission; make one with"):
        compare(tmp_path / "here", tmp_path / "there")
    submit(tmp_path / "there", "phase1", 0.5)
    with pytest.raises(UserError, match="there: no submission of phase2 to compare with"):
        compare(tmp_path / "here", tmp_path / "there")
    path = tmp_path / "there/submission_phase1/provenance.json"
    for content, told in (("{", "cannot be read"), ("[1]", "cannot be read"), (None, "no such")):
        path.unlink() if content is None else path.write_text(content)
        with pytest.raises(UserError, match=f"provenance.json: {told}"):
            compare(tmp_path / "here", tmp_path / "there")


def test_files_that_say_nothing_are_named(tmp_path):
    submit(tmp_path, "phase1", 0.5)
    (tmp_path / "submission_phase1/score.json").write_text("{}")
    with pytest.raises(UserError, match=r"score.json: no micro_ap; submit this phase again"):
        submissions(Results(str(tmp_path)))

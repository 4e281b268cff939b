"""`iscqk submit` takes only files that belong together."""

import json
import re
import shutil

import numpy as np
import pytest

from iscqk.formats.files import sha256_of
from iscqk.formats.predictions import Predictions, read_predictions, write_predictions
from iscqk.images.quarantine import QUARANTINED
from iscqk.models.ready import ready_folder
from iscqk.models.weights import load_encoder, save_encoder
from submitted_pieces import CONFIG, describe, iscqk, merge, merge_and_judge, score, search, submit


def other_distance(folder):
    found = read_predictions(folder / "p.csv")
    scores = found.scores - 1e-6 * (np.arange(len(found)) == 5)
    write_predictions(folder / "p.csv", Predictions(found.query_ids, found.reference_ids, scores))


def change(folder, file, **facts):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def merged_anew(folder):
    describe(folder, "references", "q.safetensors")
    merge(folder)


FAULTS = {
    "query weights trained since": (
        lambda folder: (folder / "q.safetensors").write_text("weights 2"),
        "s.h5: of something else (query_weights_sha256 is",
    ),
    "references by another model": (merged_anew, "s.h5: of something else (reference_weights"),
    "other queries": (
        lambda folder: (folder / "queries.csv").write_text(
            (folder / "queries.csv").read_text().replace("queries7", "another")
        ),
        "s.h5: of something else (query_manifest_sha256 is",
    ),
    "predictions of another file": (other_distance, "p.csv: Q0000"),
    "no prediction": (
        lambda folder: (folder / "p.csv").write_text("query_id,reference_id,score\n"),
        "p.csv: 0 predictions, where a search of",
    ),
    "predictions of some references": (
        lambda folder: search(folder, "--shard", 1, "--shards", 2),
        "p.csv: 200 predictions, where a search of",
    ),
    "another file validated": (
        lambda folder: change(folder, "v.json", validated_sha256="x"),
        "v.json: of something else (validated_sha256 is x",
    ),
    "not valid": (
        lambda folder: change(folder, "v.json", valid=False),
        "v.json: of something else (valid is False, and True here); validate the descriptors again",
    ),
    "validated as another phase": (
        lambda folder: change(folder, "v.json", phase="phase2"),
        "v.json: of something else (phase is phase2, and phase1 here)",
    ),
    "fewer references validated": (
        lambda folder: change(folder, "v.json", references=39),
        "v.json: of something else (references is 39, and 40 here)",
    ),
    "the score of another file": (
        lambda folder: change(folder, "f.json", scored_sha256="x"),
        "f.json: not the score of",
    ),
    "the half's score of another file": (
        lambda folder: change(folder, "h.json", scored_sha256="x"),
        "h.json: not the score of",
    ),
    "a half's score as the whole's": (
        lambda folder: shutil.copy(folder / "h.json", folder / "f.json"),
        "f.json: of something else (half is public, and None here); score it again",
    ),
    "the other half's score": (
        lambda folder: change(folder, "h.json", half="private"),
        "h.json: of something else (half is private, and public here); score it again",
    ),
    "the whole's score as a half's": (
        lambda folder: shutil.copy(folder / "f.json", folder / "h.json"),
        "h.json: of something else (half is None, and public here); score it again",
    ),
    "a score of text": (
        lambda folder: change(folder, "f.json", micro_ap="0.8"),
        "f.json: no score of descriptors (micro_ap is 0.8; give a number); score them again",
    ),
    "a score that is a list": (
        lambda folder: (folder / "f.json").write_text('[["micro_ap", 1]]'),
        "f.json: cannot be read as a JSON object",
    ),
    "a score cut short": (
        lambda folder: (folder / "f.json").write_text("{"),
        "f.json: cannot be read as JSON",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FAULTS.values(), ids=FAULTS)
def test_what_does_not_belong_together_is_not_submitted(pieces, capsys, spoil, message):
    spoil(pieces)
    assert submit(pieces) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert message in told
    assert told.startswith("error: ") and "again" in told
    assert not (pieces / "out").exists()


def test_a_bank_by_another_model_is_not_submitted(pieces, capsys):
    with_bank = ["--bank", pieces / "training.h5"]
    describe(pieces, "training", "q.safetensors")
    assert submit(pieces, given=with_bank) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert "training.h5: of another weights (" in told and told.endswith("; describe it again")
    assert not (pieces / "out").exists()
    describe(pieces, "training", "k.safetensors")
    assert submit(pieces, given=with_bank) == 0


def test_a_bank_of_other_images_is_not_submitted(pieces, capsys):
    with_bank = ["--bank", pieces / "training.h5"]
    describe(pieces, "training", "k.safetensors", manifest_sha256="another's")
    assert submit(pieces, given=with_bank) == 1
    assert "training.h5: of another images (another's, and " in capsys.readouterr().err
    describe(pieces, "references", "k.safetensors")
    (pieces / "references.h5").rename(pieces / "training.h5")
    assert submit(pieces, given=with_bank) == 1
    assert "training.h5: of another images (" in capsys.readouterr().err
    assert not (pieces / "out").exists()


def test_as_many_pairs_of_some_references_are_not_submitted(pieces, monkeypatch, capsys):
    monkeypatch.setitem(CONFIG["search"], "max_results", 100)
    limit = ("--max-results", 100)
    search(pieces, *limit, "--shard", 1, "--shards", 2)
    score(pieces)
    assert submit(pieces) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert (
        "p.csv: without Q0000" in told and "a part of" in told and "search all of it again" in told
    )
    search(pieces, *limit)
    score(pieces)
    assert submit(pieces) == 0


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"weights": ["queries"]}, "--weights: none of references; add references=FILE"),
        ({"weights": ["queries", "reference"]}, "reference is none of queries, references, gist"),
        ({"half": "privat"}, "privat is none of public, private; name one"),
    ],
)
def test_what_nobody_would_read_is_refused(pieces, capsys, named, told):
    assert submit(pieces, **named) == 1
    assert told in capsys.readouterr().err and not (pieces / "out").exists()


def test_what_belongs_together_is_submitted(pieces):
    assert submit(pieces) == 0
    assert (pieces / "out/descriptors.h5").read_bytes() == (pieces / "s.h5").read_bytes()
    score = json.loads((pieces / "out/score.json").read_text())
    assert score["ranking"] == "similarity" and score["trained_on_ground_truth"] is False


@pytest.mark.parametrize("split", ["queries", "references"])
def test_a_score_says_where_training_saw_an_image_that_is_graded(pieces, split):
    training = pieces / "training.csv"
    training.write_text(training.read_text().replace(",training3,", f",{split}3,"))
    assert submit(pieces) == 0
    score = json.loads((pieces / "out/score.json").read_text())
    assert score["trained_on_ground_truth"] is True


@pytest.mark.parametrize("count", [1, 1234])
def test_the_card_says_how_many_images_were_set_aside(pieces, count):
    rows = "".join(f"T{n:06d},{n}.jpg,cannot be read\n" for n in range(count))
    (pieces / "bad.csv").write_text(f"{','.join(QUARANTINED)}\n{rows}")
    assert submit(pieces, given=["--quarantined", pieces / "bad.csv"]) == 0
    card = (pieces / "out/MODEL_CARD.md").read_text()
    assert f"\nImages set aside: {count:,} (cannot be read, or are for training and ref" in card


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("train.qk.temperature", 0.3, "train_q"),
        ("model.image_size", 48, "initial"),
        ("describe.sizes", [64], "merge"),
        ("describe.subtract", 0.3, "refine"),
    ],
)
def test_what_another_config_has_made_is_not_submitted(
    pieces, capsys, monkeypatch, key, value, rule
):
    """As where `.snakemake` is lost: the files say what Snakemake knows no more."""
    told = {"method": "qk", "train": {"qk": {"temperature": CONFIG["train"]["qk"]["temperature"]}}}
    for side in "qk":
        path = pieces / f"{side}.safetensors"
        save_encoder(path, load_encoder(path), {**told, "half_round": f"round1-{side}"})
    for split, side in (("queries", "q"), ("references", "k")):
        describe(pieces, split, f"{side}.safetensors", precision="auto")
    merge_and_judge(pieces)
    assert submit(pieces) == 0
    shutil.rmtree(pieces / "out")
    *sections, last = key.split(".")
    place = CONFIG
    for section in sections:
        place = place[section]
    monkeypatch.setitem(place, last, value)
    assert submit(pieces) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: ") and told.endswith(f"; make it again: --forcerun {rule}")
    assert not (pieces / "out").exists()


def test_what_was_there_before_is_told_by_its_hash(pieces):
    truth = str(pieces / "gt.csv")
    assert submit(pieces, given=[truth]) == 0
    given = json.loads((pieces / "out/provenance.json").read_text())["given"]
    assert given == [{"path": truth, "sha256": sha256_of(truth)}]
    card = (pieces / "out/MODEL_CARD.md").read_text()
    assert f"- `{truth}`, SHA-256 `{sha256_of(truth)}`" in card and "of this\ntraining only" in card


def test_what_was_fetched_is_told_by_the_name_that_it_has_in_the_storage(pieces, capsys):
    fetched = str(pieces / "gt.csv")
    assert submit(pieces, given=[fetched, "--given-names", "truth.csv"]) == 0
    given = json.loads((pieces / "out/provenance.json").read_text())["given"]
    assert given == [{"path": "truth.csv", "sha256": sha256_of(fetched)}]
    assert submit(pieces, given=[fetched, "--given-names", "a", "b"]) == 1
    assert "--given-names: 2 for 1 of --given; name each" in capsys.readouterr().err


def test_what_iscqk_carries_is_told_by_the_same_path_on_all_machines(pieces):
    own = ready_folder() / "queries/config.json"
    assert submit(pieces, given=[str(own)]) == 0
    (given,) = json.loads((pieces / "out/provenance.json").read_text())["given"]
    assert given["path"] == "iscqk/ready/model/queries/config.json"


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ("ready", "the model that iscqk carries, whose card is"),
        ("a.safetensors", "`a.safetensors`."),
    ],
)
def test_the_card_names_what_training_went_on_from(pieces, monkeypatch, weights, told):
    assert submit(pieces) == 0
    card = pieces / "out/MODEL_CARD.md"
    assert "went on from" not in card.read_text()  # random weights
    monkeypatch.setitem(CONFIG["model"], "weights", weights)
    assert submit(pieces) == 0
    assert f"Training went on from {told}" in card.read_text()


def test_the_card_of_a_network_that_nothing_has_trained_says_so(pieces, monkeypatch):
    monkeypatch.setitem(CONFIG["train"], "rounds", 0)
    assert submit(pieces) == 0
    card = (pieces / "out/MODEL_CARD.md").read_text()
    assert "nothing was trained." in card and "method `none`" in card
    told = card.split("## Configuration")[0]
    assert not {"trained by", "qk", "went on"} & {word for word in re.findall("\\w+", told)}
    assert "trained by" not in told
    monkeypatch.setitem(CONFIG["model"], "weights", "ready")
    assert submit(pieces) == 0
    card = (pieces / "out/MODEL_CARD.md").read_text()
    assert "The network is that of the model that iscqk carries" in card


def test_whitened_descriptors_are_submitted_with_the_projection_they_were_refined_by(
    pieces, monkeypatch, capsys
):
    monkeypatch.setitem(CONFIG["describe"], "whitening", 0.5)
    describe(pieces, "training", "k.safetensors")
    part, projection = ("--part", pieces / "training.h5"), pieces / "projection.safetensors"
    whitening = ("--whitening", 0.5, "--size", 8, "--output", projection)
    assert iscqk("whiten", *part, *whitening) == 0
    trained_on = {"device": "a", "precision": "bf16"}
    query_weights = pieces / "q.safetensors"
    save_encoder(query_weights, load_encoder(query_weights), {"trained_on": trained_on})
    for split, side in (("queries", "q"), ("references", "k")):
        describe(pieces, split, f"{side}.safetensors", precision="auto")
        shard = pieces / f"{split}.h5"
        refined = ("--projection", projection, "--output", shard.with_suffix(".refined"))
        assert iscqk("refine", "--part", shard, *refined) == 0
        shard.with_suffix(".refined").rename(shard)
    merge_and_judge(pieces)
    roles = ("queries", "references", "projection")
    assert submit(pieces, roles) == 0
    weights = json.loads((pieces / "out/provenance.json").read_text())["weights"]
    assert weights["queries"]["trained_on"] == trained_on
    assert weights["projection"] == {"path": str(projection), "sha256": sha256_of(projection)}
    assert (pieces / "out/model/projection.safetensors").is_file()
    shutil.rmtree(pieces / "out")
    capsys.readouterr()
    assert iscqk("whiten", *part, "--whitening", 0.7, *whitening[2:]) == 0
    assert submit(pieces, roles) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: ") and told.endswith("; make it again: --forcerun whiten")
    assert not (pieces / "out").exists()

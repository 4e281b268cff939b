"""Stages never trust the stage before: what does not belong together is refused by name."""

import io
import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.copy_shards import write_copies
from iscqk.formats.descriptor_shards import (
    descriptor_blocks,
    open_descriptors,
    stacked,
)
from iscqk.formats.files import sha256_of
from iscqk.formats.ids import QUERY, REFERENCE, TRAINING
from iscqk.formats.manifest import write_manifest
from iscqk.formats.predictions import Predictions, read_predictions, write_predictions
from iscqk.formats.provenance import check_parts
from iscqk.formats.submission import write_submission
from iscqk.learning.bank import read_bank
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder
from iscqk.retrieval import predicting
from iscqk.retrieval.rankings import RANKINGS
from iscqk.submission import validation
from written_shards import write_descriptors

RNG = np.random.default_rng(0)
WHOLE = [
    {"manifest_sha256": "m", "weights_sha256": "w", "content": "descriptors", "shards": 3}
    | {"shard": number}
    for number in range(3)
]


def changed(number, **facts):
    return [{**made, **(facts if n == number else {})} for n, made in enumerate(WHOLE)]


MIXED = {
    "other weights": (changed(1, weights_sha256="v"), "1.h5: of another weights"),
    "other images": (changed(2, manifest_sha256="n"), "2.h5: of another images"),
    "features": (changed(1, content="features"), "1.h5: of another kind of rows"),
    "another round": (changed(2, round=4), "2.h5: of another round of copies"),
    "another seed": (changed(1, seed=1), "1.h5: of another seed of copies"),
    "another split": (changed(1, shards=4), "1.h5: of another number of shards"),
    "out of order": ([WHOLE[0], WHOLE[2], WHOLE[1]], "1.h5: of another place among the shards"),
    "one of unknown origin": ([WHOLE[0], {}, WHOLE[2]], "1.h5: of another images .nothing"),
}


@pytest.mark.parametrize(("made", "message"), MIXED.values(), ids=MIXED)
def test_shards_that_do_not_belong_together_are_refused(made, message):
    parts = [(f"{number}.h5", provenance) for number, provenance in enumerate(made)]
    with pytest.raises(UserError, match=message) as error:
        check_parts(parts, "embed it again")
    assert str(error.value).endswith("embed it again")


CHOSEN = {
    "one is missing": ([0, 2], "0.h5: one of 3 shards, of which number 1 is missing; name all 3"),
    "one twice": ([0, 0, 2], "1.h5: number 0 of 3 shards, as 0.h5 is; name each once"),
}


@pytest.mark.parametrize(("numbers", "message"), CHOSEN.values(), ids=CHOSEN)
def test_shards_that_are_only_named_wrong_need_not_be_made_again(numbers, message):
    parts = [(f"{place}.h5", WHOLE[number]) for place, number in enumerate(numbers)]
    with pytest.raises(UserError, match=message):
        check_parts(parts, "embed it again")


def test_shards_of_one_making_pass_and_so_do_those_that_say_nothing():
    parts = [(f"{number}.h5", provenance) for number, provenance in enumerate(WHOLE)]
    check_parts(parts, "embed it again", {"manifest_sha256": "m"})
    check_parts([("a.h5", {}), ("b.h5", {})], "embed it again")
    with pytest.raises(UserError, match="a.h5: of another images .nothing, and m is expected"):
        check_parts([("a.h5", {})], "embed it again", {"manifest_sha256": "m"})


def units(rows):
    made = RNG.normal(size=(rows, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def shard(path, form, count, weights="w", manifest="m", **more):
    provenance = {"weights_sha256": weights, "manifest_sha256": manifest, "shards": 1, "shard": 0}
    ids = [form.make(number) for number in range(count)]
    write_descriptors(path, ids, units(count), {**provenance, **more})
    return path


@pytest.fixture
def described(tmp_path):
    """Shards of 10 queries, 40 references and 20 training images."""
    return {
        "queries": shard(tmp_path / "q.h5", QUERY, 10, "wq"),
        "references": shard(tmp_path / "r.h5", REFERENCE, 40, "wr"),
        "training": shard(tmp_path / "t.h5", TRAINING, 20, "wr"),
    }


def merge(described, *outputs, rankings=("log_partition",)):
    shards = [part for role, path in described.items() for part in (f"--{role}", str(path))]
    return main(["merge", *shards, "--ranking", *rankings, "--output", *map(str, outputs)])


def put(path, name, row, value):
    with h5py.File(path, "r+") as file:
        file[name][row] = value


def fewer_dimensions(path, form, weights="w"):
    write_descriptors(path, [form.make(0)], units(1)[:, :4], {"weights_sha256": weights})


MERGES = {
    "a bank of the queries' model": (
        lambda files: shard(files["training"], TRAINING, 20, "wq"),
        "t.h5: of another weights .wq, and wr is expected",
    ),
    "a shard of two": (
        lambda files: shard(files["references"], REFERENCE, 40, "wr", shards=2),
        "r.h5: one of 2 shards, of which number 1 is missing; name all 2",
    ),
    "other dimensions": (
        lambda files: fewer_dimensions(files["queries"], QUERY),
        "shards of one dimension are needed: 4 in ",
    ),
    "a bank of other dimensions": (
        lambda files: fewer_dimensions(files["training"], TRAINING, "wr"),
        "of one dimension are needed: 8 in ",
    ),
    "a row that is not finite": (
        lambda files: put(files["training"], "vectors", 3, np.nan),
        "t.h5: T000003 holds NaN or infinity; describe it again",
    ),
    "other ids": (lambda files: put(files["queries"], "ids", 3, b"X"), "id 'X' is not Q"),
    "ids out of order": (
        lambda files: put(files["references"], "ids", 3, b"R000001"),
        "'R000001' does not ascend",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), MERGES.values(), ids=MERGES)
def test_merge_refuses(described, tmp_path, capsys, spoil, message):
    spoil(described)
    assert merge(described, tmp_path / "s.h5") == 1
    told = capsys.readouterr().err
    assert message.replace(" .", " (") in told and told.count("\n") == 1
    assert not (tmp_path / "s.h5").exists()


def test_merge_takes_shards_as_a_shell_lists_them(described, tmp_path):
    """Number 10 before number 2."""
    parts = [tmp_path / f"r-{number}.h5" for number in range(11)]
    for number, path in enumerate(parts):
        ids = [REFERENCE.make(number)]
        facts = {"weights_sha256": "wr", "manifest_sha256": "m", "shards": 11, "shard": number}
        write_descriptors(path, ids, units(1), facts)
    outputs = [tmp_path / "named.h5", tmp_path / "listed.h5"]
    command = ["merge", "--queries", str(described["queries"]), "--ranking", "similarity"]
    for output, names in zip(outputs, [parts, sorted(parts)], strict=True):
        named = ["--references", *map(str, names), "--output", str(output)]
        assert main([*command, *named]) == 0
    assert names != parts and outputs[0].read_bytes() == outputs[1].read_bytes()


def test_log_partition_without_a_bank_is_refused(described, tmp_path, capsys):
    del described["training"]
    assert merge(described, tmp_path / "s.h5") == 1
    assert capsys.readouterr().err == "error: log_partition needs --training; give it\n"


def test_descriptors_of_no_image_are_refused_where_some_are_needed(described, tmp_path, capsys):
    none = tmp_path / "none.h5"
    write_descriptors(none, [], units(0), {"weights_sha256": "wr"})
    assert merge({**described, "training": none}, tmp_path / "s.h5") == 1
    told = "none.h5: describes no image, and some are needed; name another file"
    assert told in capsys.readouterr().err
    with pytest.raises(UserError, match=told):
        stacked([none])


def test_files_of_several_rankings_are_those_of_each(described, tmp_path, capsys):
    alone, together = ([tmp_path / f"{way}{n}.h5" for n in range(2)] for way in ("alone", "both"))
    for ranking, path in zip(RANKINGS, alone, strict=True):
        assert merge(described, path, rankings=[ranking]) == 0
    assert merge(described, *together, rankings=RANKINGS) == 0
    assert [path.read_bytes() for path in together] == [path.read_bytes() for path in alone]
    assert merge(described, together[0], rankings=RANKINGS) == 1
    assert "--output: name a file for each --ranking" in capsys.readouterr().err
    del described["training"]
    other = [tmp_path / f"other{n}.h5" for n in range(2)]
    assert merge(described, *other, rankings=RANKINGS) == 1
    assert not list(tmp_path.glob("other*"))  # not even that of the ranking which needs no bank


@pytest.mark.parametrize("kind", [np.float16, np.float64])
@pytest.mark.parametrize("value", [np.inf, 1.0])
def test_other_floats_and_overflow_never_pass(described, tmp_path, capsys, kind, value):
    """A file of float16, where 70,000 is infinite, is refused before its numbers count."""
    with h5py.File(described["references"], "r+") as file:
        rows = file["vectors"][:].astype(kind)
        rows[2, 1] = value
        del file["vectors"]
        file["vectors"] = rows
    assert merge(described, tmp_path / "s.h5") == 1
    assert f"is {np.dtype(kind)}; write it as float32" in capsys.readouterr().err


def test_what_float32_does_not_hold_is_never_written(tmp_path):
    with pytest.raises(UserError, match="id 'R000000' has a vector that is not finite"):
        write_descriptors(tmp_path / "a.h5", ["R000000"], np.full((1, 2), 1e300), {})
    assert list(tmp_path.iterdir()) == []


def test_zero_and_equal_vectors_are_searched_and_scored(tmp_path, capsys):
    """All pairs tie; the wrong ones rank first, and the score is that of chance at worst."""
    ids = [[form.make(number) for number in range(4)] for form in (QUERY, REFERENCE)]
    sides = [(4, [(names, np.zeros((4, 8), np.float32))]) for names in ids]
    write_submission(tmp_path / "s.h5", 8, *sides)
    rows = ["query_id,reference_id", "Q00000,R000001", *(f"{name}," for name in ids[0][1:])]
    (tmp_path / "gt.csv").write_text("\n".join(rows))
    assert main(["validate", str(tmp_path / "s.h5")]) == 1
    assert capsys.readouterr().out.count("describes all images the same") == 2
    assert main(["search", str(tmp_path / "s.h5"), "--output", str(tmp_path / "p.csv")]) == 0
    found = read_predictions(tmp_path / "p.csv")
    assert len(found) == 16 and not found.scores.any()
    assert main(["score", str(tmp_path / "p.csv"), str(tmp_path / "gt.csv")]) == 0
    assert json.loads(capsys.readouterr().out)["micro_ap"] == 1 / 16


def replaced_meanwhile(monkeypatch, module, name, path):
    """Have a file replaced by another content while what is in it is worked on."""
    work = getattr(module, name)

    def replacing(*given, **named):
        path.with_name("new").write_bytes(path.read_bytes() + b"\0")
        path.with_name("new").replace(path)
        return work(*given, **named)

    monkeypatch.setattr(module, name, replacing)


@pytest.mark.parametrize(
    ("module", "name", "command"),
    [
        (predicting, "predict", "score {0}/s.h5 {0}/gt.csv --output {0}/told.json"),
        (validation, "_phase_problems", "validate {0}/s.h5 --output {0}/told.json"),
    ],
)
def test_no_score_and_no_validity_is_noted_of_a_file_that_was_replaced_meanwhile(
    described, tmp_path, capsys, monkeypatch, module, name, command
):
    assert merge(described, tmp_path / "s.h5") == 0
    (tmp_path / "gt.csv").write_text("query_id,reference_id\nQ00000,R000001\n")
    replaced_meanwhile(monkeypatch, module, name, tmp_path / "s.h5")
    assert main(command.format(tmp_path).split()) == 1
    assert "s.h5: changed while it was read; run the same" in capsys.readouterr().err
    assert not (tmp_path / "told.json").exists()


def test_predictions_that_all_tie_are_told(tmp_path, caplog):
    (tmp_path / "p.csv").write_text("Q00000,R000001,0.5\nQ00000,R000002,0.5\n")
    (tmp_path / "gt.csv").write_text("Q00000,R000001\n")
    assert main(["score", str(tmp_path / "p.csv"), str(tmp_path / "gt.csv")]) == 0
    assert "all 2 predictions have one score" in caplog.text


def test_nearly_alike_is_valid_and_warned_of(described, tmp_path, capsys):
    assert merge(described, tmp_path / "s.h5") == 0
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["reference"][:] = file["reference"][:1] + 0.01 * units(40)[:, :1]
    report = tmp_path / "v.json"
    assert main(["validate", str(tmp_path / "s.h5"), "--output", str(report)]) == 0
    told = json.loads(report.read_text())
    assert told["valid"] and "reference: describes all images alike" in told["warnings"][0]
    assert told["validated_sha256"] == sha256_of(tmp_path / "s.h5")
    assert "warning: reference: describes all images alike" in capsys.readouterr().out


def test_predictions_of_another_phase_are_refused(tmp_path, capsys):
    (tmp_path / "p.csv").write_text("Q50000,R000001,0.5\n")
    (tmp_path / "gt.csv").write_text("Q00000,R000001\n")
    assert main(["score", str(tmp_path / "p.csv"), str(tmp_path / "gt.csv")]) == 1
    assert "p.csv: Q50000 is no query of phase1, which" in capsys.readouterr().err


def searched(described, folder):
    """Merge and search in two parts; return the submission and the parts."""
    assert merge(described, folder / "s.h5") == 0
    parts = [folder / f"{number}.csv" for number in range(2)]
    for number, path in enumerate(parts):
        places = ["--shard", str(number), "--shards", "2", "--output", str(path)]
        assert main(["search", str(folder / "s.h5"), *places]) == 0
    return folder / "s.h5", parts


def other_distance(path):
    found = read_predictions(path)
    scores = found.scores - 1e-6 * (np.arange(len(found)) == 7)
    write_predictions(path, Predictions(found.query_ids, found.reference_ids, scores))


PARTS = {
    "the same part twice": (
        lambda parts: shutil.copy(parts[0], parts[1]),
        "1.csv: Q.*is there twice, here",
    ),
    "another distance": (
        lambda parts: other_distance(parts[1]),
        "1.csv: Q0000[0-9],R0000[0-9]{2} is no pair of .*s.h5 at that distance",
    ),
    "a reference that is not there": (
        lambda parts: parts[1].write_text("Q00001,R000099,-1.0\n"),
        "1.csv: Q00001,R000099 is no pair of",
    ),
    "a query that is not there": (
        lambda parts: parts[0].write_text("Q00077,R000001,-1.0\n"),
        "0.csv: Q00077,R000001 is no pair of",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), PARTS.values(), ids=PARTS)
def test_combine_refuses_parts_of_another_file(described, tmp_path, capsys, spoil, message):
    file, parts = searched(described, tmp_path)
    command = ["combine", *map(str, parts), "--file", str(file), "--output", str(tmp_path / "p")]
    assert main(command) == 0
    (tmp_path / "p").unlink()
    spoil(parts)
    assert main(command) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert re.search(message, told), told
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("most", "message"),
    [
        (
            "5000",
            r".csv: \d+ predictions, where a search of .*s.h5 for 5000 gives \d+; name the li",
        ),
        ("20", ".csv: without Q0000[0-9],R0000[0-9]{2}, which is nearer .*; name the lists of all"),
    ],
)
def test_combine_misses_a_part_that_was_forgotten(described, tmp_path, capsys, most, message):
    file, parts = searched(described, tmp_path)
    command = ["--file", str(file), "--output", str(tmp_path / "p"), "--max-results", most]
    assert main(["combine", *map(str, parts), *command]) == 0
    (tmp_path / "p").unlink()
    assert main(["combine", str(parts[0]), *command]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert re.search(message, told), told
    assert not (tmp_path / "p").exists()


BANKS = {
    "another round": ({"round": 2}, None, "b.h5: of another round of copies .1, and 2 is"),
    "other copies in a row": ({"views": 1}, None, "b.h5: of another number of copies in a row"),
    "other images": ({"manifest_sha256": "n"}, None, "b.h5: of another images .m, and n is"),
    "features": ({"content": "features"}, None, "b.h5: of another kind of rows"),
    "another size": ({}, 9, "b.h5: a bank of 8 dimensions, not 9; embed it again"),
}


@pytest.mark.parametrize(("expected", "size", "message"), BANKS.values(), ids=BANKS)
def test_a_bank_of_another_making_is_refused(tmp_path, expected, size, message):
    path = tmp_path / "b.h5"
    shard(path, TRAINING, 5, round=1, views=2, content="descriptors")
    ids = [TRAINING.make(number) for number in range(5)]
    good = {"round": 1, "views": 2, "content": "descriptors", "manifest_sha256": "m"}
    assert len(read_bank([path], ids, "w", "fp32", good, 8)[0]) == 5
    with pytest.raises(UserError, match=message):
        read_bank([path], ids, "w", "fp32", {**good, **expected}, size)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_bank_that_is_not_finite_is_refused(tmp_path, precision):
    path = shard(tmp_path / "b.h5", TRAINING, 5)
    put(path, "vectors", 3, -np.inf)
    with pytest.raises(UserError, match="b.h5: T000003 holds NaN or infinity"):
        read_bank([path], [TRAINING.make(number) for number in range(5)], "w", precision)
    with pytest.raises(UserError, match="b.h5: T000003 holds NaN or infinity"):
        list(descriptor_blocks([path]))


TRAIN = yaml.safe_load((Path(__file__).parent.parent / "config.yaml").read_text())["train"]
TRAIN["qk"]["batch_size"] = TRAIN["simclr"]["batch_size"] = 4
IDS = [TRAINING.make(number) for number in range(4)]


def encoder_file(path, size=16, bias=0.0):
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", size)).eval()
    encoder.head.bias.data.fill_(bias)
    save_encoder(path, encoder, {})
    return path


def copies_file(path, ids=IDS, **more):
    picture = io.BytesIO()
    Image.new("RGB", (32, 32), (9, 80, 200)).save(picture, "JPEG")
    made = {"manifest_sha256": sha256_of(path.with_name("training.csv")), "edits_sha256": "e"}
    provenance = {**made, "seed": 0, "round": 1, "shards": 1, "shard": 0, **more}
    write_copies(path, ((name, 0, picture.getvalue(), []) for name in ids), provenance)


@pytest.fixture
def round_one(tmp_path):
    """Four images with their manifest, weights of both sides, copies, and the bank of side k."""
    rows = []
    for number, name in enumerate(IDS):
        path = tmp_path / f"{name}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        rows.append([name, str(path), sha256_of(path), 32, 32])
    columns = ["id", "path", "sha256", "width", "height"]
    write_manifest(tmp_path / "training.csv", pd.DataFrame(rows, columns=columns))
    encoder_file(tmp_path / "q.safetensors")
    shutil.copy(tmp_path / "q.safetensors", tmp_path / "k.safetensors")
    copies_file(tmp_path / "1.tar")
    assert embed(tmp_path, "--manifest", "training.csv") == 0
    return tmp_path


def embed(folder, option, images, *more, weights="k.safetensors"):
    command = ["embed", "--weights", str(folder / weights), option, str(folder / images)]
    return main([*command, "--output", str(folder / "bank.h5"), "--precision", "fp32", *more])


def train(folder, side, **qk):
    other = "kq"[side == "k"]
    paths = {
        **{"start": f"{side}.safetensors", "frozen": f"{other}.safetensors"},
        **{"bank": "bank.h5", "history": "history.csv", "resume": "state.pt"},
        **{f"{side}-output": "one.safetensors", f"{other}-output": "other.safetensors"},
        **({"copies": "1.tar"} if side == "q" else {"training": "training.csv"}),
    }
    options = [part for name, file in paths.items() for part in (f"--{name}", str(folder / file))]
    config = {**TRAIN, "images_per_half_round": 4, "qk": {**TRAIN["qk"], "bank_views": 1, **qk}}
    more = ["--round", "1", "--seed", "0", "--config", json.dumps(config)]
    return main(["train", "--method", "qk", "--side", side, *options, *more])


def touched(folder):
    """Change the manifest: the images are no longer those that were described and copied."""
    path = folder / "training.csv"
    path.write_text(path.read_text().replace(",32,32", ",32,33"))


def copied_anew(folder):
    touched(folder)
    copies_file(folder / "1.tar")


TRAININGS = {
    "another size": (
        "q",
        lambda folder: encoder_file(folder / "k.safetensors", 8),
        "k.safetensors: descriptors of 8 dimensions, and 16 in",
    ),
    "retrained since": (
        "q",
        lambda folder: encoder_file(folder / "k.safetensors", bias=1.0),
        "bank.h5: a bank of other weights than --frozen",
    ),
    "copies of another round": (
        "q",
        lambda folder: copies_file(folder / "1.tar", round=2),
        "1.tar: of another round of copies (2, and 1 is expected); make it again",
    ),
    "a shard of copies is missing": (
        "q",
        lambda folder: copies_file(folder / "1.tar", shards=2),
        "1.tar: one of 2 shards, of which number 1 is missing; name all 2",
    ),
    "copies of other images than the bank": ("q", copied_anew, "bank.h5: of another images"),
    "features where descriptors are due": (
        "q",
        lambda folder: embed(folder, "--manifest", "training.csv", "--features"),
        "bank.h5: of another kind of rows (features, and descriptors is expected)",
    ),
    "a bank of originals for side k": ("k", lambda folder: None, "bank.h5: of another round"),
    "a bank of other copies for side k": (
        "k",
        lambda folder: (
            copies_file(folder / "1.tar", round=2),
            embed(folder, "--copies", "1.tar", weights="q.safetensors"),
        ),
        "bank.h5: of another round of copies (2, and 1 is expected)",
    ),
}


@pytest.mark.parametrize(("side", "spoil", "message"), TRAININGS.values(), ids=TRAININGS)
def test_train_refuses(round_one, capsys, side, spoil, message):
    spoil(round_one)
    assert train(round_one, side) == 1
    told = capsys.readouterr().err.splitlines()
    assert message in told[-1] and told[-1].startswith("error: ")
    assert not (round_one / "one.safetensors").exists()


def test_train_takes_what_belongs_together(round_one):
    assert train(round_one, "q") == 0
    assert embed(round_one, "--copies", "1.tar", weights="q.safetensors") == 0
    assert train(round_one, "k") == 0


def test_more_shards_than_images_leave_some_empty_and_nothing_is_learned_from_nothing(
    round_one, capsys
):
    copies_file(round_one / "1.tar", ids=[])
    assert embed(round_one, "--copies", "1.tar") == 0
    with open_descriptors(round_one / "bank.h5") as shard:
        assert len(shard.ids) == 0 and shard.vectors.shape == (0, 16)
    assert train(round_one, "q") == 1
    assert "there is no image to learn from" in capsys.readouterr().err


def train_on_pairs(folder, *more):
    command = ["train", "--method", "simclr", "--images", "8", "--start", folder / "q.safetensors"]
    command += ["--copies", folder / "1.tar", "--training", folder / "training.csv", "--seed", "0"]
    command += ["--config", json.dumps(TRAIN), "--model", "{}", "--resume", folder / "state.pt"]
    outputs = [f"--{name}={folder / 'out' / name}" for name in ("q-output", "k-output", "history")]
    return main([*map(str, command), *outputs, *more])


def test_train_refuses_copies_of_other_images(round_one, capsys):
    touched(round_one)
    assert train_on_pairs(round_one) == 1
    assert "1.tar: of another images" in capsys.readouterr().err


MIXTURES = {
    "no images": (
        ["--method=simclr"],
        "learns from pairs: give --images, --training, --model, --",
    ),
    "a bank for pairs": (
        [*("--method=moco", "--images=8", "--training=t", "--model={}", "--copies=c", "--side=q")],
        "--method moco learns from pairs: leave out --side",
    ),
    "a head for fresh copies": (
        ["--method=solo", "--images=8", "--training=t", "--fresh-copies={}", "--model={}"]
        + ['--edits={"names":["blur"],"strength":[0,1],"length":[1,1]}'],
        "--method solo learns from fresh copies: leave out --model",
    ),
    "pairs for a bank": (
        ["--method=qk", "--images=8", "--side=q", "--round=1", "--copies=c", "--frozen=f"],
        "--method qk learns from a bank: give --bank; leave out --images",
    ),
    "originals and copies": (
        [*("--method=qk", "--side=q", "--round=1", "--frozen=f", "--bank=b"), "--copies=c"]
        + ["--training=t"],
        "--copies, --training: a side learns from one of them; give one, once",
    ),
    "two rounds for a bank": (
        [*("--method=qk", "--side=q", "--round=1", "--frozen=f", "--bank=b"), "--copies=c"]
        + ["--copies=d", "--training=t"],
        "--copies, --training: a side learns from one of them; give one, once",
    ),
    "two outputs": (
        [*("--method=qk", "--side=q", "--round=1", "--frozen=f", "--bank=b"), "--copies=c"]
        + ["--history", "i"],
        "--q-output, --k-output, --history: give one of each",
    ),
    "other numbers of outputs": (
        [*("--method=isd", "--images=8", "--training=t", "--model={}", "--copies=c")]
        + ["--history", "i"],
        "--q-output, --k-output, --history: give as many of each",
    ),
}


@pytest.mark.parametrize(("options", "message"), MIXTURES.values(), ids=MIXTURES)
def test_train_refuses_options_of_another_method(capsys, options, message):
    common = ["--config={}", "--start=s", "--seed=0", "--q-output=q", "--k-output=k", "--resume=r"]
    assert main(["train", *common, "--history=h", *options]) == 1
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1


def test_gist_is_not_trained(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--method", "gist"])
    assert "invalid choice: 'gist'" in capsys.readouterr().err


def test_embed_says_what_it_was_made_of_and_warns_of_collapse(round_one, caplog):
    encoder_file(round_one / "k.safetensors", bias=1e4)
    assert embed(round_one, "--manifest", "training.csv") == 0
    assert "describes all 4 images alike (effective rank 1.00" in caplog.text
    with open_descriptors(round_one / "bank.h5") as shard:
        assert shard.attributes == {
            "content": "descriptors",
            "precision": "fp32",
            "manifest_sha256": sha256_of(round_one / "training.csv"),
            "weights_sha256": sha256_of(round_one / "k.safetensors"),
            "shard": 0,
            "shards": 1,
        }


def test_neighbours_refuses_features_of_other_images(tmp_path, capsys):
    """Two classes, a common one of three images and a rare one of one."""
    rows = [[name, f"{'ab'[n == 3]}/{n}.jpg", "x", 32, 32] for n, name in enumerate(IDS)]
    columns = ["id", "path", "sha256", "width", "height"]
    write_manifest(tmp_path / "images.csv", pd.DataFrame(rows, columns=columns))
    features = str(shard(tmp_path / "f.h5", TRAINING, 4))
    one = json.dumps([{"method": "isd", "seed": 0, "features": [features]}])
    images = [f"--{role}={tmp_path / 'images.csv'}" for role in ("training", "evaluation")]
    assert main(["neighbours", "--runs", one, *images, "--rare=2", f"--output={tmp_path}"]) == 1
    assert "f.h5: of another images (m, and" in capsys.readouterr().err

"""A model's folder: read back as it was written, and told where it is damaged."""

import json
import multiprocessing
import re

import numpy as np
import pytest
import torch
from joined_model import SETTINGS, write
from PIL import Image, ImageOps

from drawn_images import put_drawn
from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.stored_rows import JoinedRows
from iscqk.images.opening import _at_first_frame
from iscqk.learning.data_loading import ReadableImages
from iscqk.learning.embedding import describe
from iscqk.learning.loaders import Loader
from iscqk.matching.beginning import read_ahead
from iscqk.matching.model import Model
from iscqk.matching.model_bank import sample_bank, write_bank
from iscqk.matching.neighbourhoods import Lookup, Neighbourhoods, exactly
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder
from iscqk.retrieval.refining import Projection, fit_projection, save_projection
from unit_rows import unit_array
from written_shards import write_descriptors


def test_a_model_ranks_only_where_its_settings_say_so(tmp_path):
    write(tmp_path)
    model, queries = Model.load(tmp_path), unit_array(5, 6)
    assert (model.levels(queries) == 0).all()
    write(tmp_path, ranking="log_partition")
    wanted = 0.1 * np.log(np.exp(queries.astype(float) @ unit_array(10, 6, 1).T / 0.1).mean(1))
    np.testing.assert_allclose(Model.load(tmp_path).levels(queries), wanted, atol=1e-6)


def test_a_run_whose_bank_describes_no_image_is_told_in_a_line(tmp_path):
    write_descriptors(tmp_path / "training-0.h5", [], np.empty((0, 6), np.float32), {})
    with pytest.raises(UserError, match="training-0.h5: describes no image, and some are needed"):
        sample_bank([tmp_path / "training-0.h5"])


@pytest.fixture
def run(tmp_path):
    """A run's folder whose bank is of two shards of five rows, both of its side k."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 8)).eval()
    for side in "qk":
        save_encoder(tmp_path / f"{side}.safetensors", encoder, {})
    (tmp_path / "descriptors/k").mkdir(parents=True)
    for number in range(2):
        put_shard(tmp_path, number, 2)
    return tmp_path


def put_shard(run, number, shards):
    """Write a shard of five of the ten rows of a bank as `iscqk embed` does."""
    made = {"weights_sha256": sha256_of(run / "k.safetensors"), "shards": shards, "shard": number}
    path = run / f"descriptors/k/training-{number}-of-{shards}.h5"
    rows = unit_array(10, 8)[5 * number : 5 * number + 5]
    write_descriptors(path, [f"T{5 * number + n:06}" for n in range(5)], rows, made)


def test_a_run_ranks_by_the_bank_that_its_side_k_has_made(run):
    model = Model.load(run)
    assert model.ranking.name == "log_partition"
    np.testing.assert_array_equal(model.ranking.bank, unit_array(10, 8))


OTHER_BANKS = {
    "missing": lambda run: (run / "descriptors/k/training-1-of-2.h5").unlink(),
    "another number of shards": lambda run: put_shard(run, 0, 3),
    "another weights": lambda run: save_encoder(
        run / "k.safetensors", Encoder(EncoderConfig("test_resnet", 32, "gem", 8)), {}
    ),
}


@pytest.mark.parametrize(("told", "change"), OTHER_BANKS.items(), ids=OTHER_BANKS)
def test_a_bank_that_is_not_whole_or_not_of_side_k_is_told_in_a_line(run, told, change):
    change(run)
    with pytest.raises(
        UserError, match=rf"training-\d-of-\d.h5: .*{told}[^;]*; have descr"
    ) as error:
        Model.load(run)
    assert str(error.value).endswith("or remove them to rank by similarity alone")


def test_a_folder_of_before_there_were_margins_is_looked_at_as_it_was(tmp_path):
    write(tmp_path)
    now = Model.load(tmp_path).digest("queries")
    facts = json.loads((tmp_path / "matching.json").read_text())
    del facts["describe"]["trimmed"]
    (tmp_path / "matching.json").write_text(json.dumps(facts))
    assert Model.load(tmp_path).digest("queries") == now


def test_what_describes_fastest_is_found_once_and_anew_for_another_precision(tmp_path, monkeypatch):
    write(tmp_path)
    model, made = Model.load(tmp_path), []
    monkeypatch.setattr("iscqk.matching.model.fused", lambda one: made.append(one) or one)
    images = list(map(Image.fromarray, np.zeros((2, 40, 40, 3), np.uint8)))
    for _ in range(2):
        model.describe(images)
    assert made == [model.encoders["queries"], model.looks.gist]
    model.encoders["queries"].precision = "bf16"
    model.describe(images)
    assert made[2:] == [model.encoders["queries"]]


@pytest.mark.parametrize("gist", [0, 0.5])
def test_all_threads_but_one_read_images_once_for_all_encoders(tmp_path, monkeypatch, gist):
    write(tmp_path, gist=gist, whitening=gist, subtract=0)
    pixels = np.random.default_rng(0).integers(0, 256, (90, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    seen, opened = [], []

    def counted(looks, images, workers, turns):
        seen.append(workers)
        return describe(looks, images, 0, turns)

    monkeypatch.setattr("iscqk.matching.model.describe", counted)
    hook = "iscqk.images.opening._at_first_frame"
    monkeypatch.setattr(hook, lambda s: opened.append(s) or _at_first_frame(s))
    Model.load(tmp_path, 3).describe([tmp_path / "a.png"], threads=3)
    assert seen == [2] and opened == [tmp_path / "a.png"]


@pytest.mark.parametrize(("blocks", "workers", "processes"), [(1, 3, 0), (2, 3, 2), (9, 3, 3)])
def test_no_process_is_started_that_has_nothing_to_read_ahead(blocks, workers, processes):
    images = ReadableImages([b""] * blocks, [8, 4])
    loader = Loader(images, [[row] for row in range(blocks)], workers)
    assert loader.workers == processes


def test_what_starts_no_process_is_done_where_a_script_is_run_by_its_workers(monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    assert len(list(Loader([1, 2], [[0], [1]], 0))) == 2
    with pytest.raises(UserError, match="a script is run by its own workers"):
        Loader([1, 2], [[0], [1]], 1)


@pytest.mark.parametrize(
    "changes",
    [
        *({"sizes": []}, {"orientations": 8}, {"trimmed": True}, {"gist": 0.6}, {"subtract": 0.4}),
        {"subtract_nearest": 4},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_describes_otherwise_has_another_digest(tmp_path, changes):
    write(tmp_path / "a")
    write(tmp_path / "b", **changes)
    put_drawn(tmp_path / "photos", "references", 2, 0, 96)
    photos = sorted((tmp_path / "photos").iterdir())
    ImageOps.expand(Image.open(photos[0]), 30, "white").save(photos[0])
    one, other = Model.load(tmp_path / "a"), Model.load(tmp_path / "b")
    assert one.digest("queries") == Model.load(tmp_path / "a").digest("queries")
    assert one.digest("queries") != other.digest("queries")
    assert np.abs(one.describe(photos) - other.describe(photos)).max() > 1e-4


DAMAGES = {
    "no settings": lambda folder: (folder / "matching.json").write_text("{}"),
    "settings of another kind": lambda folder: (folder / "matching.json").write_text("[1]"),
    "a setting left out": lambda folder: (folder / "matching.json").write_text(
        json.dumps({"describe": {"gist": 0.5}, "likely": None})
    ),
    "no projection": lambda folder: (folder / "projection.safetensors").unlink(),
    "a projection of other descriptors": lambda folder: save_projection(
        folder / "projection.safetensors", fit_projection([unit_array(40, 11)], 6, 0.5)
    ),
    "a projection that is not finite": lambda folder: save_projection(
        folder / "projection.safetensors",
        Projection(np.full(12, np.nan, np.float32), np.ones((12, 6), np.float32)),
    ),
    "no bank": lambda folder: (folder / "bank.safetensors").unlink(),
    "a bank of other dimensions": lambda folder: write_bank(folder, unit_array(1, 7)),
    "a bank of no rows": lambda folder: write_bank(folder, unit_array(0, 6)),
    "no GIST": lambda folder: (folder / "gist/config.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_told_in_a_line(tmp_path, damage):
    write(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError) as told:
        Model.load(tmp_path)
    assert str(told.value).startswith(str(tmp_path)) and len(str(told.value).splitlines()) == 1


WRONG = {
    "temperature": [0, -1, np.nan, 1e-300, "0.1"],
    "gist": [np.nan, -1, 1e300, [1]],
    "orientations": [3, 0, -1, 1.9, True],
    "sizes": ["144", None, [32, 32], [True]],
    **{"subtract_nearest": [-5], "subtract": [np.inf], "ranking": [["similarity"]]},
    **{"whitening": ["no"], "a_newer_key": [1]},
}


def test_settings_are_those_that_a_config_may_have(tmp_path):
    write(tmp_path, ranking="log_partition")
    path = tmp_path / "matching.json"
    facts = json.loads(path.read_text())
    for key, value in [(key, value) for key, values in WRONG.items() for value in values]:
        path.write_text(json.dumps({**facts, "describe": {**facts["describe"], key: value}}))
        with pytest.raises(UserError, match=rf"{tmp_path}.*; .* again$"):
            Model.load(tmp_path)


def test_a_key_that_a_folder_lacks_and_no_model_needs_has_no_say(tmp_path):
    """As one of a newer version, whose default may describe otherwise."""
    write(tmp_path)
    assert not {"precision", "gist_size"} & SETTINGS.keys()
    assert Model.load(tmp_path).looks.sizes == (24, 32)


@pytest.mark.parametrize("std", [[0, 0, 0], [np.nan] * 3])
def test_what_no_pixels_can_be_normalised_by_is_told(tmp_path, std):
    write(tmp_path)
    config = tmp_path / "queries/config.json"
    facts = json.loads(config.read_text())
    facts["iscqk"]["encoder"]["std"] = std
    config.write_text(json.dumps(facts))
    with pytest.raises(UserError, match="queries: model.std: .*; it must be three numbers from"):
        Model.load(tmp_path)


@pytest.mark.parametrize("size", ["0", "-5", "1e999", "1e9"])
def test_sides_that_no_image_has_are_told_in_a_line(tmp_path, size):
    write(tmp_path)
    settings = tmp_path / "matching.json"
    settings.write_text(re.sub(r'("sizes": \[)[^]]*', rf"\g<1>{size}", settings.read_text()))
    assert read_ahead(tmp_path, [tmp_path / "a.png"], 2) is None
    with pytest.raises(UserError, match="copy or make the folder again"):
        Model.load(tmp_path)


def test_what_is_turned_needs_to_be_likelier_where_a_model_tells_how_likely_pairs_are(tmp_path):
    write(tmp_path)
    assert (Model.load(tmp_path).levels_of_orientations(8) == 0).all()
    write(tmp_path, ranking="log_partition")
    model = Model.load(tmp_path)
    wanted = [0, *[0.1 * np.log(5)] * 7]
    np.testing.assert_allclose(model.levels_of_orientations(8), wanted)
    queries, references = unit_array(8 * 20, 6), unit_array(30, 6, 1)
    lookup = Lookup(model, exactly(JoinedRows([references])), orientations=8)
    near = Neighbourhoods.joined(lookup.blocks(queries.reshape(20, -1), 1))
    similarities = (queries @ references.T).reshape(20, 8, 30)
    levels = model.levels(queries).reshape(20, 8) + wanted
    scores = (similarities - levels[:, :, None]).max((1, 2))
    np.testing.assert_allclose(near.similarities[:, 0] - near.levels, scores, atol=1e-6)
    upright = (similarities[:, 0] - levels[:, :1]).max(1)
    assert 0 < (scores > upright).sum() < 20

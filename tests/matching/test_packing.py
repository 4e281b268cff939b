"""A model made small: it describes and ranks as before, but for rounding."""

import json
import shutil

import numpy as np
import pytest
import torch
from joined_model import write
from safetensors import safe_open

from drawn_images import put_drawn
from iscqk.errors import UserError
from iscqk.images.drawn_kinds import drawn_kinds
from iscqk.matching import packing
from iscqk.matching.matches import match
from iscqk.matching.model import Model
from iscqk.matching.packing import pack_model
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.hub import save_hub_folder

ROUNDING = 2e-3  # of a number of a unit row
FEW_OF_EACH = 2  # drawn kinds: all of them take seconds


@pytest.fixture
def photos(tmp_path):
    put_drawn(tmp_path / "photos", "references", 6, 0, 96)
    return sorted((tmp_path / "photos").iterdir())


@pytest.fixture(autouse=True)
def few_kinds(monkeypatch):
    monkeypatch.setattr(packing, "_OF_EACH_KIND", FEW_OF_EACH)


def exact(folder):
    """Return a model that computes in float32, whatever the machine is fast at."""
    model = Model.load(folder)
    for encoder in (*model.encoders.values(), model.looks.gist):
        encoder.precision = "fp32"
    return model


def test_a_packed_model_describes_and_ranks_as_the_whole_one(tmp_path, photos):
    write(tmp_path / "whole", ranking="log_partition")
    digests = pack_model(tmp_path / "whole", tmp_path / "small", bank_rows=10)
    whole, small = exact(tmp_path / "whole"), exact(tmp_path / "small")
    for side in ("queries", "references"):
        rows = whole.describe(photos, side)
        np.testing.assert_allclose(small.describe(photos, side), rows, atol=ROUNDING)
        np.testing.assert_allclose(small.levels(rows), whole.levels(rows), atol=ROUNDING)
    assert small.ranking.bank.shape == (10, 6)
    kinds = Model.load(tmp_path / "whole").describe(drawn_kinds(FEW_OF_EACH), "references")
    np.testing.assert_allclose(small.kinds, kinds, atol=3 * ROUNDING)  # in bfloat16, where it is
    assert {"matching.json", "bank.safetensors", "kinds.safetensors"} < set(digests)


def test_matrices_are_float16_and_what_has_one_dimension_stays(tmp_path):
    write(tmp_path / "whole")
    pack_model(tmp_path / "whole", tmp_path / "small", 10)
    with safe_open(tmp_path / "small/queries/model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert {t.dtype for t in tensors.values() if t.ndim > 1} == {torch.float16}
    assert tensors["bn1.running_var"].dtype == torch.float32
    encoder = Model.load(tmp_path / "small").encoders["queries"]
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


def test_one_network_for_both_sides_is_stored_once(tmp_path, photos):
    write(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole/queries", tmp_path / "whole/references", dirs_exist_ok=True)
    pack_model(tmp_path / "whole", tmp_path / "small", 10)
    assert not (tmp_path / "small/references").exists()
    small = Model.load(tmp_path / "small")
    assert (small.describe(photos, "queries") == small.describe(photos, "references")).all()
    pack_model(tmp_path / "small", tmp_path / "again", 10)
    assert json.loads((tmp_path / "again/matching.json").read_text())["sides"] == "one"


def test_two_networks_are_both_stored(tmp_path):
    write(tmp_path / "whole")
    pack_model(tmp_path / "whole", tmp_path / "small", 10)
    small = Model.load(tmp_path / "small")
    assert small.digest("queries") != small.digest("references")


def test_the_bank_is_thinned_evenly(tmp_path):
    write(tmp_path / "whole", ranking="log_partition")
    pack_model(tmp_path / "whole", tmp_path / "small", bank_rows=4)
    whole, small = Model.load(tmp_path / "whole"), Model.load(tmp_path / "small")
    np.testing.assert_allclose(small.ranking.bank, whole.ranking.bank[::3], atol=ROUNDING)


def test_packing_again_gives_the_same_bytes(tmp_path):
    write(tmp_path / "whole")
    first, second = (pack_model(tmp_path / "whole", tmp_path / name, 5) for name in "ab")
    assert first == second and len(first) > 9


def test_weights_too_large_for_float16_are_told(tmp_path):
    write(tmp_path / "whole")
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 8)).eval()
    with torch.no_grad():
        encoder.head.weight[0, 0] = 1e6
    save_hub_folder(tmp_path / "whole/queries", encoder, {}, "")
    with pytest.raises(UserError, match="head.safetensors: weight is too large for float16"):
        pack_model(tmp_path / "whole", tmp_path / "small", 10)


def test_files_that_are_there_are_left_alone(tmp_path):
    write(tmp_path / "whole")
    (tmp_path / "small").mkdir()
    (tmp_path / "small/mine").touch()
    with pytest.raises(UserError, match="small: not empty"):
        pack_model(tmp_path / "whole", tmp_path / "small", 10)


def test_the_ready_model_is_used_where_none_is_named(tmp_path, photos, monkeypatch):
    write(tmp_path / "whole")
    monkeypatch.setattr("iscqk.models.ready._FOLDER", tmp_path / "ready")
    with pytest.raises(UserError, match="this installation carries none; name a model's folder"):
        Model()
    pack_model(tmp_path / "whole", tmp_path / "ready", 10)
    own = Model.load(tmp_path / "ready")
    assert Model().digest("queries") == Model.load().digest("queries") == own.digest("queries")
    assert Model(str(tmp_path / "ready")).digest("queries") == own.digest("queries")
    found = match(photos[:2], photos[2:])
    assert found.equals(match(photos[:2], photos[2:], own))

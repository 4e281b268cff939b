"""Files that are not a network's weights are refused, and nothing that is in them is run."""

import io
import pickle
import zipfile

import pytest
import timm
import torch
from torch import nn

from importing import imported
from iscqk.cli import main


class Evil:
    def __reduce__(self):
        return print, ("it runs",)


def torchscript():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), file)
    return file.getvalue()


def resnet(**changes):
    weights = timm.create_model("test_resnet").state_dict()
    return {name: changes.get(name, tensor) for name, tensor in weights.items()}


def packed():
    """Return a file of torch's as no torch writes it, a thousandth of what is in it."""
    plain, file = io.BytesIO(), io.BytesIO()
    torch.save({"x": torch.zeros(10**6)}, plain)
    with zipfile.ZipFile(plain) as stored, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in stored.namelist():
            made.writestr(name, stored.read(name))
    return file.getvalue()


def pickled(made, old=False):
    """Return a file of torch's in which another object's pickle is that of the weights."""
    file, content = io.BytesIO(), io.BytesIO()
    torch.save({}, file, _use_new_zipfile_serialization=not old)
    if old:
        return file.getvalue().replace(pickle.dumps({}, 2), pickle.dumps(made, 2))
    with zipfile.ZipFile(file) as plain, zipfile.ZipFile(content, "w") as changed:
        for name in plain.namelist():
            is_pickle = name.endswith("data.pkl")
            changed.writestr(name, pickle.dumps(made, 2) if is_pickle else plain.read(name))
    return content.getvalue()


class Filled:
    def __reduce__(self):
        return bytearray, (10**15,)


def endless():
    """Return dictionaries that hold themselves."""
    made = {}
    made["model"] = made
    return made


def doubled(links=60):
    """Return a dictionary that holds another twice, and that another, and so on."""
    made = {"x": 1}
    for _ in range(links):
        made = {"model": made, "teacher": made}
    return made


REFUSED = {
    "a packed archive": (packed, "bytes, unlike what torch.save makes of weights; save its st"),
    "bytes without end": (lambda: pickled(Filled()), "unlike what torch.save makes of weights"),
    "bytes without end, of old": (lambda: pickled(Filled(), old=True), "unlike what torch.save"),
    "dictionaries in themselves": (lambda: pickled(endless()), "within one another without end"),
    "a chain of dictionaries": (lambda: pickled(doubled()), "within one another without end"),
    "one number as many": (
        lambda: resnet(**{"fc.weight": torch.zeros(1, dtype=torch.half).expand(10**6, 10**6)}),
        "as one number stands for many; save them one by one, of each a .clone()",
    ),
    "a program": (torchscript, "a TorchScript file, which is a program and not only weights"),
    "an object": (lambda: pickle.dumps({"x": Evil()}), "holds more than weights, of which"),
    "an object beside weights": (lambda: {**resnet(), "x": Evil()}, "holds more than weights"),
    "a whole network": (
        lambda: {"model": timm.create_model("test_resnet")},
        "holds more than weights, of which nothing is run, or is no file of torch; save its st",
    ),
    "no file of torch": (lambda: b"nothing", "or is no file of torch"),
    "no weights": (lambda: {"epoch": 3}, "holds no weights by name"),
    "a list": (lambda: [torch.ones(2)], "holds no weights by name"),
    "another network": (
        lambda: timm.create_model("test_efficientnet").state_dict(),
        "not the weights of test_resnet, or by unknown names; name another --backbone",
    ),
    "a deeper network": (
        lambda: {**resnet(), "layer5.0.conv1.weight": torch.ones(3)},
        "not the weights of test_resnet",
    ),
    "a wider layer": (
        lambda: resnet(**{"conv1.0.weight": torch.ones(9, 3, 3, 3)}),
        "not the weights of test_resnet",
    ),
    "twice the network": (
        lambda: {"model": resnet(), "best": resnet()},
        "holds the network as model and as best; save one of them alone",
    ),
    "twice the network, by prefixes": (
        lambda: {f"{first}.{k}": v for first in ("model", "momentum") for k, v in resnet().items()},
        "holds the network as model and as momentum; save one of them alone",
    ),
    "twice the network, by prefixes of any name": (
        lambda: {f"module.encoder_{one}.{k}": v for one in "qk" for k, v in resnet().items()},
        "holds the network as encoder_q and as encoder_k; save one of them alone",
    ),
    "another network, within": (
        lambda: {"net": timm.create_model("test_efficientnet").state_dict()},
        "save the state_dict of the network alone: these names begin with net",
    ),
    "another network beside": (
        lambda: {
            "decoder.weight": torch.ones(3, 3, 1, 1),
            **{f"model.{k}": v for k, v in resnet().items()},
        },
        "holds decoder beside model, which may be another network; save the weights of one",
    ),
    "other norms, by timm's names": (
        lambda: {k.replace("layer4.0.bn1", "layer4.0.norm1"): v for k, v in resnet().items()},
        "lacks layer4.0.bn1.weight and has layer4.0.norm1.weight, layer4.0.norm1.bias; name "
        "another --backbone or its --backbone-options",
    ),
    **{
        f"{kind} numbers": (lambda tensor=tensor: {"x.weight": tensor}, "x.weight are no plain num")
        for kind, tensor in {
            "sparse": torch.eye(3).to_sparse(),
            "left out": torch.empty(3, device="meta"),
            "complex": torch.ones(3, dtype=torch.complex64),
        }.items()
    },
    "a variance below 0": (
        lambda: resnet(**{"bn1.running_var": -torch.ones(8)}),
        "bn1.running_var hold a variance below 0, of which there is no root; name other ones",
    ),
    "numbers that are none": (
        lambda: {**resnet(), "conv1.0.weight": torch.tensor([torch.nan])},
        "hold NaN or infinity",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_the_networks_weights_is_refused_and_nothing_runs(
    tmp_path, capsys, make, message
):
    assert imported(tmp_path, make(), "test_resnet", "--image-size", 32) is None
    told = capsys.readouterr()
    assert message in told.err and told.err.count("\n") == 1 and "it runs" not in told.out
    assert not (tmp_path / "made.safetensors").exists()


def test_a_spread_of_nothing_is_refused(tmp_path, capsys):
    """Images are divided by it: every descriptor would be no number."""
    words = ["a.pt", "--backbone", "resnet18", "--std", "0.2", "0", "0.2", "--output"]
    assert main(["import-weights", *words, str(tmp_path / "a.safetensors")]) == 1
    assert "--std 0: what is divided by; name more than 0" in capsys.readouterr().err


def test_a_table_is_no_checkpoint(tmp_path, capsys):
    path = tmp_path / "ground_truth.csv"
    path.write_text("query_id,reference_id\nQ00000,R000001\n")
    words = ["--backbone", "resnet18", "--output", str(tmp_path / "a.safetensors")]
    assert main(["import-weights", str(path), *words]) == 1
    assert f"{path}: holds more than weights, of which nothing is run" in capsys.readouterr().err


def test_a_mean_below_black_is_refused(tmp_path, capsys):
    words = ["a.pt", "--backbone", "resnet18", "--mean", "-1", "0", "0", "--output"]
    assert main(["import-weights", *words, str(tmp_path / "a.safetensors")]) == 1
    assert "--mean -1: channels go from 0 to 1; name none below 0" in capsys.readouterr().err


def test_a_mean_of_bytes_is_refused(tmp_path, capsys):
    """Every image would be nearly the same one."""
    words = ["a.pt", "--backbone", "resnet18", "--mean", "123.7", "116.3", "103.5", "--output"]
    assert main(["import-weights", *words, str(tmp_path / "a.safetensors")]) == 1
    assert "--mean, --std 123.7: channels go from 0 to 1; divide" in capsys.readouterr().err

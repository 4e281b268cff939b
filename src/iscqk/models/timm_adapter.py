"""timm, imported in half the time: without what it does not need.

Of torchvision timm's models need one class, `torchvision.ops.misc.FrozenBatchNorm2d`, and, where it
is there, `torchvision.models.feature_extraction`. Importing either runs torchvision's own
`__init__`, which imports its detection and video models and with them `torch._dynamo`, half of the
seconds that `import timm` takes. While timm is imported here, torchvision's packages are therefore
bare ones, from which modules can be imported and whose `__init__` does not run; and
`torch.compiler.disable`, which timm decorates functions with, waits for their first call. So does
the hub's client, which only downloads need, with all that speaks HTTP.
`tests/models/test_timm_adapter.py` says when this stops working; then all works as well, slower.
"""

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

_PACKAGES = ("torchvision", "torchvision.ops")
_UNNEEDED = "torchvision.models.feature_extraction"
_HUB = "huggingface_hub"


@contextmanager
def _bare_torchvision() -> Iterator[None]:
    """Let torchvision's packages be empty, unless it has been imported; then leave it alone."""
    spec = importlib.util.find_spec("torchvision")
    if "torchvision" in sys.modules or spec is None or not spec.submodule_search_locations:
        yield
        return
    for name in _PACKAGES:
        package = ModuleType(name)
        below = name.split(".")[1:]
        package.__path__ = ["/".join([spec.submodule_search_locations[0], *below])]
        sys.modules[name] = package
    sys.modules[_UNNEEDED] = None  # type: ignore[assignment]
    try:
        yield
    finally:  # whoever imports torchvision later gets all of it
        for name in (*_PACKAGES, _UNNEEDED):
            del sys.modules[name]


@contextmanager
def _patient_disable() -> Iterator[None]:
    """Let `torch.compiler.disable` import the compiler when a function is called, not before."""
    disable = torch.compiler.disable

    def patient(function: Callable[..., Any] | None = None, *args: Any, **options: Any) -> Any:
        if function is None:
            return functools.partial(patient, **options)

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            return disable(function, *args, **options)(*arguments, **named)

        return call

    torch.compiler.disable = patient  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable


class _PatientHub(ModuleType):
    """Stands for the hub's client until a function of it is called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name.endswith("Error"):  # none is raised before the client is there
            return type(name, (Exception,), {})

        def call(*arguments: Any, **options: Any) -> Any:
            importlib.reload(sys.modules["timm.models._hub"])  # which takes the client's own names
            return getattr(importlib.import_module(_HUB), name)(*arguments, **options)

        return call


@contextmanager
def _patient_hub() -> Iterator[None]:
    """Let timm import the hub's client when it downloads, not before."""
    names = (_HUB, f"{_HUB}.utils")
    if _HUB in sys.modules or importlib.util.find_spec(_HUB) is None:
        yield
        return
    sys.modules.update({name: _PatientHub(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


with _bare_torchvision(), _patient_disable(), _patient_hub():
    import timm
    from timm.layers import pad_same
    from timm.models import PretrainedCfg
    from timm.models._hub import save_config_for_hf
    from timm.models.vision_transformer import checkpoint_filter_fn

__all__ = ["PretrainedCfg", "checkpoint_filter_fn", "pad_same", "save_config_for_hf", "timm"]

"""timm, imported in half the time: without what it does not need.

Of torchvision timm's models need one class, `torchvision.ops.misc.FrozenBatchNorm2d`, and, where it
is there, `torchvision.models.feature_extraction`. Importing either runs torchvision's own
`__init__`, which imports its detection and video models and with them `torch._dynamo`, half of the
seconds that `import timm` takes. While timm is imported here, torchvision's packages are therefore
bare ones, from which modules can be imported and whose `__init__` does not run; and
`torch.compiler.disable`, which timm decorates functions with, waits for their first call.
`tests/models/test_timm_adapter.py` says when this stops working; then all works as well, slower.
"""

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

_PACKAGES = ("torchvision", "torchvision.ops")
_UNNEEDED = "torchvision.models.feature_extraction"


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


with _bare_torchvision(), _patient_disable():
    import timm
    from timm.layers import pad_same
    from timm.models import PretrainedCfg
    from timm.models._hub import save_config_for_hf
    from timm.models.vision_transformer import checkpoint_filter_fn

__all__ = ["PretrainedCfg", "checkpoint_filter_fn", "pad_same", "save_config_for_hf", "timm"]

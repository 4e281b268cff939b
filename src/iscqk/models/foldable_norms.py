"""Which batch norms can go into a convolution: those that alone make something of what it gives.

Modules that stand one after the other need not be called so, nor once, and something else may look
at what is between them. So it is seen on one image what becomes of a convolution's output.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from iscqk.models.modes import in_use


@torch.no_grad()
def foldable_norms(
    backbone: nn.Module, dry_run: Callable[[], object]
) -> dict[nn.Module, nn.Module]:
    """Return by convolution the batch norm that takes its output, which nothing else does.

    Args:
        backbone: a network.
        dry_run: computes with it as it will be used.
    """
    pairs = _neighbours(backbone)
    if not pairs:
        return {}
    # In use, or the look would draw random numbers, and a training that goes on others than before.
    with in_use(backbone), _Watch(pairs) as watch:
        dry_run()
    return {convolution: pairs[convolution] for convolution in pairs if watch.passed(convolution)}


def _neighbours(backbone: nn.Module) -> dict[nn.Module, nn.Module]:
    """Return the batch norm that stands after each convolution, where one does."""
    found: dict[nn.Module, nn.Module] = {}
    for parent in backbone.modules():
        children = list(parent.children())
        for module, after in zip(children, children[1:], strict=False):
            if isinstance(module, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                known = after.track_running_stats and after.affine
                if known and after.num_features == module.out_channels:
                    found[module] = after
    return found


class _Watch(TorchFunctionMode):
    """Within it is noted who takes the outputs of convolutions, and how often these are called."""

    def __init__(self, pairs: dict[nn.Module, nn.Module]) -> None:
        super().__init__()
        self._pairs, self._calls = pairs, Counter[nn.Module]()
        self._outputs: dict[int, tuple[Tensor, nn.Module]] = {}  # kept, so that no number is reused
        self._taken: set[nn.Module] = set()  # convolutions whose output their norm takes
        self._seen_elsewhere: set[nn.Module] = set()
        self._at_work: list[nn.Module] = []  # norms
        self._hooks = ExitStack()

    def __enter__(self) -> "_Watch":
        for convolution, norm in self._pairs.items():
            for hook in (
                convolution.register_forward_hook(self._gives),
                norm.register_forward_pre_hook(self._takes),
                norm.register_forward_hook(self._is_done),
            ):
                self._hooks.callback(hook.remove)
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._hooks.close()

    def passed(self, convolution: nn.Module) -> bool:
        """Return whether its output went to its norm only, and both were called once."""
        once = self._calls[convolution] == self._calls[self._pairs[convolution]] == 1
        return once and convolution in self._taken - self._seen_elsewhere

    def _gives(self, convolution: nn.Module, _: object, output: Tensor) -> None:
        self._calls[convolution] += 1
        self._outputs[id(output)] = output, convolution

    def _takes(self, norm: nn.Module, given: tuple[Any, ...]) -> None:
        self._calls[norm] += 1
        self._at_work.append(norm)
        self._taken |= {one for one in self._makers(given) if self._pairs[one] is norm}

    def _is_done(self, *_: object) -> None:
        self._at_work.pop()

    def _makers(self, given: Any) -> set[nn.Module]:
        """Return the convolutions whose outputs are among what a function is given."""
        if isinstance(given, list | tuple):
            return {maker for one in given for maker in self._makers(one)}
        return {self._outputs[id(given)][1]} if id(given) in self._outputs else set()

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Note which outputs a function takes that is no part of their norm."""
        makers = self._makers([*args, *(kwargs or {}).values()])
        is_look = getattr(function, "__name__", "") == "__get__"  # at the shape, for example
        if makers and not is_look:
            self._seen_elsewhere |= {one for one in makers if self._pairs[one] not in self._at_work}
        return function(*args, **(kwargs or {}))

"""Autograd's engine: the nodes of its graph, how it runs, and what it holds while it does."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from fxviz.tracing.torch_private.dispatch import DispatchMode
from fxviz.tracing.torch_private.fake_tensors import FakeTensorMode

__all__ = [
    "base_of",
    "current_autograd_node",
    "gradient_hooks",
    "references",
    "references_of_the_last",
    "results_of",
    "run_backward",
    "sequence_number",
    "sequence_number_of",
]


def sequence_number() -> int:
    """Return the number that the next autograd node of the forward pass gets."""
    return torch.autograd._get_sequence_nr()  # type: ignore[attr-defined]


def sequence_number_of(node: Any) -> int:
    """Return the number that an autograd node got when it was made."""
    return int(node._sequence_nr())


def results_of(node: Any) -> list[Any]:
    """Return what an autograd node keeps of each forward result, to check gradients against: shape, dtype and device."""
    return list(node._input_metadata)


def base_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return the tensor that ``tensor`` is a differentiable view of; None if it is not a view."""
    return tensor._base if tensor._is_view() else None


def gradient_hooks(leaf: torch.Tensor | None) -> int:
    """Return how many functions wait for the gradient of a leaf."""
    registered = [getattr(leaf, name, None) or {} for name in ("_backward_hooks", "_post_accumulate_grad_hooks")]
    return sum(map(len, registered))


def run_backward(scalar: torch.Tensor) -> None:
    """Run `torch.autograd.backward`, which is itself a call that modes see, without that call."""
    from torch.autograd.graph import _engine_run_backward

    # keep_graph, create_graph, inputs, allow_unreachable, accumulate_grad
    _engine_run_backward((scalar,), (torch.ones_like(scalar),), False, False, (), True, True)


def current_autograd_node() -> Any:
    """Return the autograd node whose backward is running, or None."""
    return torch._C._current_autograd_node()


def references(tensor: torch.Tensor) -> tuple[int, int]:
    """Return how many references C++ holds to a tensor and to its storage."""
    return tensor._use_count(), torch._C._storage_Use_Count(tensor.untyped_storage()._cdata)  # type: ignore[attr-defined]


@cache
def references_of_the_last() -> tuple[int, int]:
    """Return the `references` that a dispatch mode sees to a fake gradient of which autograd's engine holds the last."""
    seen: list[tuple[int, int]] = []

    class Watch(DispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.add.Tensor:
                seen.append(references(args[0]))
            return func(*args, **(kwargs or {}))

    with FakeTensorMode(), torch.enable_grad(), torch.autograd.set_multithreading_enabled(False):
        x = torch.empty(2, requires_grad=True) * 1
        result = (x.sin() * x.cos()).sum()  # the two gradients of x are made by two nodes, for it alone
        with Watch():  # type: ignore[no-untyped-call]
            result.backward()
    return seen[0]

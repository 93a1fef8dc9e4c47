"""Modules: their tables of weights, what `torch.compile` wraps, and their conversion to the dtype that they have."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "buffers_of",
    "change_weights",
    "eager_compile",
    "idle_conversions",
    "mark_as_parameter",
    "parameters_of",
    "share_members",
    "uncompiled",
]


def parameters_of(module: torch.nn.Module) -> dict[str, Any]:
    """Return the table of a module's own parameters; what is put into it is the module's."""
    return module._parameters


def buffers_of(module: torch.nn.Module) -> dict[str, Any]:
    """Return the table of a module's own buffers; what is put into it is the module's."""
    return module._buffers


def change_weights(module: torch.nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Put what ``change`` makes of each parameter and buffer in its place, as `torch.nn.Module.to` does."""
    module._apply(change)


def share_members(module: torch.nn.Module, owner: torch.nn.Module) -> None:
    """Give ``module`` the submodules, parameters and buffers of ``owner``, under the same names and in the same tables."""
    for table in ("_modules", "_parameters", "_buffers"):
        vars(module)[table] = vars(owner)[table]


def mark_as_parameter(tensor: torch.Tensor) -> None:
    """Let `isinstance` take a tensor of a subclass for a `torch.nn.Parameter`."""
    tensor._is_param = True


def uncompiled(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module that `torch.compile` was given; any other module as it is."""
    inner = getattr(module, "_orig_mod", None)
    return inner if isinstance(inner, torch.nn.Module) else module


@contextmanager
def eager_compile() -> Iterator[None]:
    """Run functions that the model has compiled as the Python they were; do nothing where none can be."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def idle_conversions() -> Iterator[None]:
    """Let code convert a module to the dtype and device that it has: torch would swap its weights, which ours refuse, being watched."""
    convert = torch.nn.Module._apply

    def _apply(module: torch.nn.Module, change: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        with torch._C.DisableTorchFunction():
            tensors = [*module.parameters(recurse), *module.buffers(recurse)]
            idle = all(change(tensor) is tensor for tensor in tensors)
        return module if idle else convert(module, change, recurse)  # type: ignore[no-untyped-call]

    with mock.patch.object(torch.nn.Module, "_apply", _apply):
        yield

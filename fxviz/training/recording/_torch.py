"""Every private part of torch that watching needs, each behind one name. Tried with torch 2.13."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hook", "inner_model", "norms", "observable"]


class Hook:
    """A hook for a module that stays behind when the module is copied or pickled, and that ``torch.compile`` passes over.

    A copy of it does nothing: it is not the copy that is watched.
    """

    def __init__(self, call: Callable[[Any], None] | None = None) -> None:
        """``call`` is given what the module gives, or takes where it runs before the module."""
        self._call = call

    def __call__(self, module: nn.Module, inputs: Any, output: Any = None) -> None:
        if torch.compiler.is_compiling() or self._call is None:
            return
        self._call(inputs if output is None else output)

    def __reduce__(self) -> tuple[type[Hook], tuple[()]]:
        return Hook, ()


def norms(tensors: list[Tensor]) -> list[Tensor]:
    """The Euclidean norm of each tensor, in few kernels for those of one device and dtype; half precision adds up in float32."""
    wide = torch.float32 if tensors[0].dtype in (torch.float16, torch.bfloat16) else None
    return list(torch._foreach_norm(tensors, 2, dtype=wide))


def inner_model(model: nn.Module) -> nn.Module:
    """The model that ``torch.compile``, `DistributedDataParallel` or `DataParallel` was given, so that names are its own."""
    while True:
        if isinstance(model, DataParallel | DistributedDataParallel):
            model = model.module
        elif isinstance(compiled := getattr(model, "_orig_mod", None), nn.Module):
            model = compiled
        else:
            return model


def observable(tensor: object) -> bool:
    """Whether it is a plain tensor with numbers to read now: no fake, sharded or meta tensor, none of a transform such as vmap."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and isinstance(tensor, Tensor)
        and tensor.device.type != "meta"
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        and not torch.compiler.is_compiling()
    )

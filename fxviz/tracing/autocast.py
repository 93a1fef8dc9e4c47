"""`torch.autocast("cuda")` for fake tensors on a GPU that this machine lacks, where torch would not cast."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

from fxviz.tracing import torch_private as _torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["cuda_autocast"]


@contextmanager
def cuda_autocast() -> Iterator[None]:
    """Let every operator that autocast knows cast its arguments, on whichever device C++ code takes them to be."""
    cache = _Cache()
    kernels = {
        name: _kernel(_overload(name), policy, cache)
        for policy, names in _torch.autocast_policies().items()
        for name in names
    }
    with _torch.autocast_kernels(kernels), mock.patch("torch.clear_autocast_cache", cache.clear):
        yield


class _Cache:
    """The casts of leaf tensors, held until the outermost autocast ends, as torch holds them."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._clear_others = torch.clear_autocast_cache

    def cast(self, tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        if tensor.dtype == dtype:
            return tensor
        if not self._keeps(tensor, dtype):
            return tensor.to(dtype)
        if id(tensor) not in self._kept:
            self._kept[id(tensor)] = tensor, tensor.to(dtype)
        return self._kept[id(tensor)][1]

    def clear(self) -> None:
        self._kept.clear()
        self._clear_others()

    def _keeps(self, tensor: torch.Tensor, dtype: torch.dtype) -> bool:
        return (
            torch.is_autocast_cache_enabled()
            and dtype == torch.get_autocast_dtype("cuda")
            and tensor.dtype == torch.float32
            and tensor.requires_grad
            and tensor.is_leaf
            and _torch.base_of(tensor) is None
        )


def _overload(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload or "default")


def _kernel(operator: Any, policy: str, cache: _Cache) -> Callable[..., Any]:
    names = [argument.name for argument in _torch.schema_of(operator).arguments]

    def kernel(*args: Any, **kwargs: Any) -> Any:
        with _torch.below_cuda_autocast():
            if policy == _torch.SETS_FLOAT32:
                given = dict(zip(names, args, strict=False)) | kwargs
                if _is_eligible(args[0]) and given.get("dtype") is None:
                    given["dtype"] = torch.float32
                return operator(**given)
            dtype = _target(policy, _torch.tree_leaves((args, kwargs)))
            args, kwargs = _torch.tree_map_only(
                torch.Tensor,
                lambda tensor: cache.cast(tensor, dtype) if _is_eligible(tensor) else tensor,
                (args, kwargs),
            )
            return operator(*args, **kwargs)

    return kernel


def _target(policy: str, given: Iterable[Any]) -> torch.dtype:
    if policy == _torch.CASTS_TO_LOWER:
        return torch.get_autocast_dtype("cuda")
    lower = torch.get_autocast_dtype("cuda")
    if policy == _torch.CASTS_TO_WIDEST and all(part.dtype == lower for part in given if _is_eligible(part)):
        return lower
    return torch.float32


def _is_eligible(part: Any) -> bool:
    return (
        isinstance(part, torch.Tensor)
        and part.device.type == "cuda"
        and part.is_floating_point()
        and part.dtype != torch.float64
    )

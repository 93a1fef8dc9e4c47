"""`torch.autocast("cuda")` for tensors on a GPU that is not there, whose own kernels torch would not cast for.

Which operators cast to what is read from the header that torch is installed with, so it is that of the torch in use.
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch.utils import _pytree as pytree

from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["cuda_autocast"]

_HEADER = "include/ATen/autocast_mode.h"
_LOWER, _FLOAT32, _OPTIONAL_DTYPE, _WIDEST = "LOWER_PRECISION_FP", "FP32", "FP32_SET_OPT_DTYPE", "PROMOTE"


@contextmanager
def cuda_autocast() -> Iterator[None]:
    """Let every operator that autocast knows cast its arguments, wherever C++ code believes them to be."""
    library = torch.library.Library("aten", "IMPL")
    cache = _Cache()
    try:
        with warnings.catch_warnings(action="ignore"):  # that a kernel is replaced
            for policy, names in _policies().items():
                for name in names:
                    library.impl(name, _kernel(_overload(name), policy, cache), "AutocastCUDA")
        with mock.patch("torch.clear_autocast_cache", cache.clear):
            yield
    finally:
        library._destroy()


class _Cache:
    """What leaves were cast to, held until the outermost autocast ends, as torch holds it."""

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
            and not tensor._is_view()
        )


@cache
def _policies() -> Mapping[str, tuple[str, ...]]:
    """Policy -> operators with overloads, as the header's lists have them."""
    path = Path(torch.__file__).parent / _HEADER
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"torch.autocast on an absent GPU needs torch's header {path}: {error.strerror}") from error
    found = {
        policy: tuple(
            f"{name}.{overload}" if overload else name
            for name, overload in re.findall(r"_\((\w+)(?:, (\w+))?\)", _list(text, policy))
            if overload != "deprecated"
        )
        for policy in (_LOWER, _FLOAT32, _OPTIONAL_DTYPE, _WIDEST)
    }
    return MappingProxyType(found)


def _list(text: str, policy: str) -> str:
    """The lines of one ``#define``, which end in a backslash but for the last."""
    match = re.search(rf"#define AT_FORALL_{policy}\(_\)((?:.*\\\n)+.*)", text)
    return match.group(1) if match else ""


def _overload(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload or "default")


def _kernel(operator: Any, policy: str, cache: _Cache) -> Callable[..., Any]:
    names = [argument.name for argument in operator._schema.arguments]
    below = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCUDA)

    def kernel(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(below):
            if policy == _OPTIONAL_DTYPE:
                given = dict(zip(names, args, strict=False)) | kwargs
                if _is_eligible(args[0]) and given.get("dtype") is None:
                    given["dtype"] = torch.float32
                return operator(**given)
            dtype = _target(policy, pytree.tree_leaves((args, kwargs)))
            args, kwargs = pytree.tree_map_only(
                torch.Tensor,
                lambda tensor: cache.cast(tensor, dtype) if _is_eligible(tensor) else tensor,
                (args, kwargs),
            )
            return operator(*args, **kwargs)

    return kernel


def _target(policy: str, given: Iterable[Any]) -> torch.dtype:
    if policy == _LOWER:
        return torch.get_autocast_dtype("cuda")
    lower = torch.get_autocast_dtype("cuda")
    if policy == _WIDEST and all(part.dtype == lower for part in given if _is_eligible(part)):
        return lower
    return torch.float32


def _is_eligible(part: Any) -> bool:
    return (
        isinstance(part, torch.Tensor)
        and part.device.type == "cuda"
        and part.is_floating_point()
        and part.dtype != torch.float64
    )

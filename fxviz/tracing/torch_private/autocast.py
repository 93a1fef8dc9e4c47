"""Autocast: whether it is on, which operators cast to what, and how to put kernels in the place of its own."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from fxviz.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "CASTS_TO_FLOAT32",
    "CASTS_TO_LOWER",
    "CASTS_TO_WIDEST",
    "SETS_FLOAT32",
    "autocast_is_on",
    "autocast_kernels",
    "autocast_policies",
    "below_cuda_autocast",
]

CASTS_TO_LOWER, CASTS_TO_FLOAT32, SETS_FLOAT32, CASTS_TO_WIDEST = (
    "LOWER_PRECISION_FP",
    "FP32",
    "FP32_SET_OPT_DTYPE",
    "PROMOTE",
)
"""The policies by which autocast treats operators, as the header names them."""

HEADER = "include/ATen/autocast_mode.h"


def autocast_is_on() -> bool:
    """Return whether this code runs under `torch.autocast`, on any device."""
    return torch._C._is_any_autocast_enabled()


@cache
def autocast_policies() -> Mapping[str, tuple[str, ...]]:
    """Return the operators of each policy, with their overloads, from the header that torch is installed with.

    Raises `TraceError` if the header is missing, or lists nothing under a policy.
    """
    path = Path(torch.__file__).parent / HEADER
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TraceError(f"{_UNREADABLE} {path} of torch {torch.__version__}: {error.strerror}") from error
    return read_policies(text, path)


_UNREADABLE = "torch.autocast on a missing GPU needs to know which operators it casts, and cannot read them from"


def read_policies(text: str, path: Path) -> Mapping[str, tuple[str, ...]]:
    """Return the operators of each policy in the text of the header at ``path``."""
    policies = {
        policy: tuple(
            f"{name}.{overload}" if overload else name
            for name, overload in re.findall(r"_\((\w+)(?:, (\w+))?\)", _list(text, policy))
            if overload != "deprecated"
        )
        for policy in (CASTS_TO_LOWER, CASTS_TO_FLOAT32, SETS_FLOAT32, CASTS_TO_WIDEST)
    }
    if empty := [policy for policy, operators in policies.items() if not operators]:
        raise TraceError(
            f"{_UNREADABLE} {path}: torch {torch.__version__} writes no list AT_FORALL_{empty[0]} there; "
            "trace without autocast, or on a device that this machine has"
        )
    return MappingProxyType(policies)


def _list(text: str, policy: str) -> str:
    """Return the lines of one ``#define``, which end in a backslash but for the last."""
    match = re.search(rf"#define AT_FORALL_{policy}\(_\)((?:.*\\\n)+.*)", text)
    return match.group(1) if match else ""


@contextmanager
def autocast_kernels(kernels: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Run these kernels, by the name of their ATen operator, where `torch.autocast` on CUDA would run its own."""
    library = torch.library.Library("aten", "IMPL")
    try:
        with warnings.catch_warnings(action="ignore"):  # that a kernel is replaced
            for name, kernel in kernels.items():
                library.impl(name, kernel, "AutocastCUDA")
        yield
    finally:
        library._destroy()


@contextmanager
def below_cuda_autocast() -> Iterator[None]:
    """Run operators as if `torch.autocast` on CUDA had done its part."""
    with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCUDA)):
        yield

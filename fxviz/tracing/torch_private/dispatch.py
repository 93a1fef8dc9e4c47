"""The modes that see what torch's API and its dispatcher are asked, and torch's C++ code taken apart in Python."""

from __future__ import annotations

import functools
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch import sym_int
from torch._dispatch.python import enable_python_dispatcher
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DispatchMode", "calls_are_seen", "enable_python_dispatcher", "is_wrapped", "symbols_kept", "unwrap"]

DispatchMode = TorchDispatchMode
"""The base of a mode whose ``__torch_dispatch__`` sees every ATen operator."""

_RESIZER = re.compile(r"_?upsample_[a-z]+(_exact)?[123]d(_aa)?")


def calls_are_seen() -> bool:
    """Return whether a torch-function mode is on, to which a call of torch's API goes first."""
    return torch._C._is_torch_function_mode_enabled()


def is_wrapped(tensor: torch.Tensor) -> bool:
    """Return whether ``tensor`` is a wrapper that `torch.vmap` or another function transform made."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def unwrap(tensor: torch.Tensor) -> torch.Tensor:
    """Return the plain tensor under every wrapper of a function transform."""
    while is_wrapped(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor


@contextmanager
def symbols_kept() -> Iterator[None]:
    """Let calls whose C++ code wants numbers for sizes, and would pin symbols, keep them: recurrent layers, FFT, `interpolate`."""
    owners = [(torch._VF, name) for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")]
    owners += [(torch.fft, name) for name in torch.fft.__all__]
    resizers = [name for name in dir(torch._C._nn) if _RESIZER.fullmatch(name)]
    with ExitStack() as stack:
        for owner, name in owners:
            stack.enter_context(mock.patch.object(owner, name, _in_python(getattr(owner, name)), create=True))
        for name in resizers:
            stack.enter_context(mock.patch.object(torch._C._nn, name, _resizer(name)))
        yield


def _in_python(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, taken apart by torch's Python code instead of its C++ code."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with enable_python_dispatcher():
            return function(*args, **kwargs)

    return call


def _resizer(name: str) -> Callable[..., Any]:
    """Return what `interpolate` calls, as one kernel; torch's Python code would take that apart, too."""
    kernel = getattr(torch.ops.aten, name).default

    def resize(input: torch.Tensor, output_size: Any, *options: Any) -> Any:
        *flags, scales = options
        size = output_size or [sym_int(n * scale) for n, scale in zip(input.shape[2:], scales, strict=True)]
        return kernel(input, size, *flags, *(scales or [None] * len(size)))

    return resize

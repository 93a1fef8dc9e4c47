"""Fake kernels of our own, for operators whose fake kernel in torch refuses what their real one takes.

Each gets the operator's arguments as fake tensors and returns fake outputs of the right type, computing nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["chooses_backend", "find_fake_kernel"]


def find_fake_kernel(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return our fake kernel for ``function``; None where torch's own is used."""
    return _KERNELS.get(function)


def chooses_backend(function: Callable[..., Any]) -> bool:
    """Return whether an operator asks for sizes only to choose among libraries that give the same result.

    A convolution on the CPU asks whether the batch is below 16; that narrows no formula.
    """
    return function in (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


def _grouped_mm(
    mat1: torch.Tensor,
    mat2: torch.Tensor,
    offs: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """Return the result of a grouped product in any dtype, where torch's own fake kernel takes bfloat16 only. Shapes: torch/_meta_registrations.py, ``_meta_grouped_mm_common``."""
    dtype = out_dtype or mat1.dtype
    rows, columns = mat1.shape[-2], mat2.shape[-1]
    if mat1.dim() == 2 and mat2.dim() == 2:  # the groups split the inner dimension
        assert offs is not None
        return mat1.new_empty((offs.shape[0], rows, columns), dtype=dtype)
    if mat1.dim() == 3 and mat2.dim() == 3:
        return mat1.new_empty((mat1.shape[0], rows, columns), dtype=dtype)
    return mat1.new_empty((rows, columns), dtype=dtype)


def _find_grouped_mm() -> dict[Callable[..., Any], Callable[..., Any]]:
    packet = getattr(torch.ops.aten, "_grouped_mm", None)  # new in torch 2.8
    return {packet.default: _grouped_mm} if packet else {}


_KERNELS: dict[Callable[..., Any], Callable[..., Any]] = _find_grouped_mm()

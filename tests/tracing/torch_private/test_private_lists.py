"""Kernels over lists give what the kernel of each tensor gives."""

from __future__ import annotations

import pytest
import torch

from fxviz.tracing import torch_private as _torch


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_norms_are_those_of_each_tensor(dtype: torch.dtype) -> None:
    tensors = [torch.tensor([3.0, -4.0], dtype=dtype), torch.zeros(2, 0, dtype=dtype), torch.ones(3, 3, dtype=dtype)]
    found = _torch.norms(tensors)
    assert [norm.item() for norm in found] == [5.0, 0.0, 3.0]  # the root of 9 + 16, of nothing, of 9 ones


def test_half_precision_is_added_up_in_float32() -> None:
    (norm,) = _torch.norms([torch.full((1000,), 100.0, dtype=torch.float16)])
    assert norm.dtype == torch.float32
    assert norm.item() == pytest.approx(100 * 1000**0.5)  # the sum of squares, 1e7, is beyond float16

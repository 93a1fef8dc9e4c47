"""Kernels that work on a list of tensors at once."""

from __future__ import annotations

import torch

__all__ = ["norms"]


def norms(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the Euclidean norm of each tensor, with few kernels for those of one device and dtype.

    Half precision is added up in float32. The tensors are one or more, all of one dtype.
    """
    wide = torch.float32 if tensors[0].dtype in (torch.float16, torch.bfloat16) else None
    return list(torch._foreach_norm(tensors, 2, dtype=wide))

"""Measure the memory of this process."""

from __future__ import annotations

from pathlib import Path

import torch

__all__ = ["memory_in_use"]

_STATM = Path("/proc/self/statm")


def memory_in_use() -> dict[str, float]:
    """Return bytes: ``memory_rss``, the resident set, if the system has /proc; and those of torch's CUDA allocator.

    ``memory_cuda`` is allocated on the current device, ``memory_cuda_peak`` is the most that ever was.
    """
    found: dict[str, float] = {}
    if _STATM.exists():
        import resource

        found["memory_rss"] = float(int(_STATM.read_text().split()[1]) * resource.getpagesize())
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        found["memory_cuda"] = float(torch.cuda.memory_allocated())
        found["memory_cuda_peak"] = float(torch.cuda.max_memory_allocated())
    return found

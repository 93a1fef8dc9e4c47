"""The memory of this process, in bytes, by the means that are there."""

from __future__ import annotations

from pathlib import Path

import torch

__all__ = ["memory_in_use"]

_STATM = Path("/proc/self/statm")


def memory_in_use() -> dict[str, float]:
    """``memory_rss``, what of the process lies in main memory, where the system tells; and torch's CUDA allocator.

    ``memory_cuda`` is what is allocated on the current device, ``memory_cuda_peak`` the most that ever was.
    """
    found: dict[str, float] = {}
    if _STATM.exists():
        import resource

        found["memory_rss"] = float(int(_STATM.read_text().split()[1]) * resource.getpagesize())
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        found["memory_cuda"] = float(torch.cuda.memory_allocated())
        found["memory_cuda_peak"] = float(torch.cuda.max_memory_allocated())
    return found

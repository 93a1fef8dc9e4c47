"""The keys of the metadata by which an ONNX view keeps what ONNX itself cannot say: written by the exporter, read back here."""

from __future__ import annotations

__all__ = ["ARGUMENTS", "KERNELS", "read_through"]

ARGUMENTS = "arguments"
"""What the author's operation takes, where a standard operator stands for it."""

KERNELS = "kernels in full"
"""The kernels of an operation that runs several."""


def read_through(name: str) -> str:
    """Return the key under which an operation names the hidden operations between its input ``name`` and the value that it reads."""
    return f"{' '.join(name.replace(',', ' ').split())} via"

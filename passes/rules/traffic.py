"""What most traffic rules are: the bytes that a kernel moves where it does not read all inputs or write all outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Traffic

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel, Value

__all__ = ["gathers", "nbytes", "overwrites", "scatters", "untouched"]


def nbytes(values: tuple[Value, ...]) -> Dim:
    """Return the bytes of values, each counted once."""
    return sum(_size(value) for value in dict.fromkeys(values))


def _size(value: Value) -> Dim:
    """Return the bytes of a tensor, at most those of the memory behind it."""
    assert value.type is not None
    size = value.type.nbytes
    if value.storage is None or not (isinstance(size, int) and isinstance(value.storage.nbytes, int)):
        return size
    return min(size, value.storage.nbytes)


def untouched(kernel: Kernel) -> Traffic:
    """Return no traffic: the rule of operators that touch no element of any tensor."""
    return Traffic()


def gathers(kernel: Kernel) -> Traffic:
    """Read the indices, and of the table only the rows that are taken."""
    written = nbytes(kernel.outputs)
    return Traffic(written + nbytes(kernel.inputs[1:]), written)


def overwrites(kernel: Kernel) -> Traffic:
    """Write a tensor without reading what it held before."""
    return Traffic(nbytes(kernel.inputs[1:]), nbytes(kernel.outputs))


def scatters(kernel: Kernel) -> Traffic:
    """Write only the elements that are replaced, as many as the source has; if they are added to, they are read first."""
    written = nbytes(kernel.inputs[-1:])
    adds = "add" in kernel.op or "reduce" in kernel.op or bool(kernel.attributes.get("accumulate"))
    return Traffic(nbytes(kernel.inputs[1:]) + (written if adds else 0), written)

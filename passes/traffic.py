"""Bytes that a kernel reads from memory and writes to it: each tensor once, as if caches were perfect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fxviz.analysis.rules import RuleTable
from fxviz.passes.rules.free import UNTOUCHED_OPS

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel, Value

__all__ = ["Traffic", "traffic_of", "traffic_rules"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes read and bytes written."""

    read: Dim = 0
    written: Dim = 0

    @property
    def total(self) -> Dim:
        """Both together."""
        return self.read + self.written


TrafficRule: TypeAlias = Callable[["Kernel"], Traffic]

traffic_rules: RuleTable[TrafficRule] = RuleTable()
"""For operators that do not read all that they are given, or do not write all that they give."""


def traffic_of(kernel: Kernel) -> Traffic | None:
    """What a kernel moves; None where a type is not known.

    A view moves nothing. Any other kernel reads each input once and writes each output once, unless a rule says
    otherwise. A tensor that is expanded over one element is read as that element.
    """
    if any(value.type is None for value in (*kernel.inputs, *kernel.outputs)):
        return None
    operator = kernel.op.rpartition(".")[0] or kernel.op
    in_place = operator.endswith("_")
    if operator in UNTOUCHED_OPS or operator.removesuffix("_") in UNTOUCHED_OPS or (_is_view(kernel) and not in_place):
        return Traffic()
    rule = traffic_rules.find(kernel.op)
    return Traffic(_nbytes(kernel.inputs), _nbytes(kernel.outputs)) if rule is None else rule(kernel)


def _is_view(kernel: Kernel) -> bool:
    given = {value.storage for value in kernel.inputs if value.storage is not None}
    return bool(kernel.outputs) and all(value.storage in given for value in kernel.outputs)


def _nbytes(values: tuple[Value, ...]) -> Dim:
    """The bytes of values, each once."""
    return sum(_size(value) for value in dict.fromkeys(values))


def _size(value: Value) -> Dim:
    """The bytes of a tensor, at most those of the memory behind it."""
    assert value.type is not None
    size = value.type.nbytes
    if value.storage is None or not (isinstance(size, int) and isinstance(value.storage.nbytes, int)):
        return size
    return min(size, value.storage.nbytes)


@traffic_rules("aten.embedding", "aten.gather", "aten.index_select", "aten.index", "aten._unsafe_index", "aten.take")
def _gathers(kernel: Kernel) -> Traffic:
    """Of the table only the rows that are taken; and the indices."""
    written = _nbytes(kernel.outputs)
    return Traffic(written + _nbytes(kernel.inputs[1:]), written)


@traffic_rules("aten.copy_", "aten.fill_", "aten.zero_", "aten.normal_", "aten.uniform_", "aten.bernoulli_")
@traffic_rules("aten.random_", "aten.exponential_")
def _overwrites(kernel: Kernel) -> Traffic:
    """What was there before is not read."""
    return Traffic(_nbytes(kernel.inputs[1:]), _nbytes(kernel.outputs))


@traffic_rules("aten.index_put_", "aten._index_put_impl_", "aten.index_copy_", "aten.scatter_", "aten.index_fill_")
@traffic_rules("aten.index_add_", "aten.scatter_add_", "aten.scatter_reduce_", "aten.masked_scatter_")
def _scatters(kernel: Kernel) -> Traffic:
    """Of the tensor only what is replaced, as much as is given; where it is added to, that is read first."""
    given = _nbytes(kernel.inputs[-1:])
    adds = "add" in kernel.op or "reduce" in kernel.op or bool(kernel.attributes.get("accumulate"))
    return Traffic(_nbytes(kernel.inputs[1:]) + (given if adds else 0), given)

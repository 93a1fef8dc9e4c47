"""Bytes that a kernel reads from memory and writes to it: each tensor once, as if caches were perfect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Traffic, TrafficRule
from fxviz.analysis.rules import RuleTable
from fxviz.passes.operators import OPERATORS
from fxviz.passes.rules.traffic import nbytes

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["Traffic", "traffic_of", "traffic_rules"]

traffic_rules: RuleTable[TrafficRule] = RuleTable(
    {
        **{name: operator.traffic for name, operator in OPERATORS.items() if operator.traffic},
        **{f"{name}_": operator.traffic_in_place for name, operator in OPERATORS.items() if operator.traffic_in_place},
    }
)
"""For operators that do not read all of their inputs, or do not write all of their outputs."""


def traffic_of(kernel: Kernel) -> Traffic | None:
    """Return what a kernel moves, None if a type is not known.

    A view moves nothing. Any other kernel reads each input once and writes each output once, unless a rule says
    otherwise. A tensor that is expanded over one element is read as that element.
    """
    if any(value.type is None for value in (*kernel.inputs, *kernel.outputs)):
        return None
    in_place = (kernel.op.rpartition(".")[0] or kernel.op).endswith("_")
    if _is_view(kernel) and not in_place:
        return Traffic()
    rule = traffic_rules.find_kernel(kernel.op)
    return Traffic(nbytes(kernel.inputs), nbytes(kernel.outputs)) if rule is None else rule(kernel)


def _is_view(kernel: Kernel) -> bool:
    read = {value.storage for value in kernel.inputs if value.storage is not None}
    return bool(kernel.outputs) and all(value.storage in read for value in kernel.outputs)

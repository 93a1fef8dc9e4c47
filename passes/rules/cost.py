"""What most FLOP rules are written with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sympy

from fxviz.analysis.ops import FREE, Cost, FlopRule
from fxviz.errors import GraphError

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel, Value

__all__ = [
    "FREE",
    "Cost",
    "FlopRule",
    "ceil_log2",
    "free",
    "members",
    "numel",
    "per_input",
    "per_output",
    "shape",
    "wanted",
]


def shape(value: Value) -> tuple[Dim, ...]:
    """Return the extents of a tensor, whose type must be known."""
    if value.type is None:
        raise GraphError(f"the shape of {value.name!r} is unknown; trace the model with inputs")
    return value.type.shape


def numel(value: Value) -> Dim:
    """Return the number of elements of a tensor, whose type must be known."""
    return math.prod(shape(value))


def members(kernel: Kernel, name: str) -> list[Value]:
    """Return the tensors of the list argument ``name``."""
    return [
        value
        for input_name, value in zip(kernel.input_names, kernel.inputs, strict=True)
        if input_name.startswith(f"{name}.")
    ]


def wanted(kernel: Kernel, gradients: int, mask: str = "output_mask") -> tuple[int, ...]:
    """Return 1 for each of its ``gradients`` that a backward kernel is asked for, else 0; all 1 if it does not say.

    Numbers, because sympy does not multiply with a bool.
    """
    flags = kernel.attributes.get(mask)
    return tuple(1 if flag else 0 for flag in flags) if isinstance(flags, tuple) else (1,) * gradients


def free(kernel: Kernel) -> Cost:
    """Return no cost: the rule of operators without arithmetic."""
    return FREE


def per_output(flops: int) -> FlopRule:
    """Return the rule of ``flops`` for each element of the first output."""

    def rule(kernel: Kernel) -> Cost:
        return Cost(pointwise=flops * numel(kernel.outputs[0]))

    return rule


def per_input(flops: int) -> FlopRule:
    """Return the rule of ``flops`` for each element of the first input."""

    def rule(kernel: Kernel) -> Cost:
        return Cost(pointwise=flops * numel(kernel.inputs[0]))

    return rule


def ceil_log2(extent: Dim) -> Dim:
    """Return the base-2 logarithm, rounded up: the depth of a binary tree with ``extent`` leaves; 0 for one leaf or none.

    >>> ceil_log2(1), ceil_log2(8), ceil_log2(9)
    (0, 3, 4)
    """
    if isinstance(extent, int):
        return max(extent - 1, 0).bit_length()
    return sympy.ceiling(sympy.log(extent, 2))

"""What a FLOP rule gives, and what most rules are written with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import sympy

from fxviz.errors import GraphError
from fxviz.ir import Dim, Kernel, Value

__all__ = ["FREE", "Cost", "FlopRule", "ceil_log2", "members", "numel", "per_input", "per_output", "shape", "wanted"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The arithmetic of a kernel in FLOPs; a multiply-add is 2.

    ``matrix`` is the work of multiply-add contractions: matrix products, convolutions, attention, recurrent layers.
    ``pointwise`` is everything else: element by element, normalisation, reduction, and the bias of a matrix product.
    ``ops`` are contractions of integers: not FLOPs, since other units do them at another speed.

    >>> Cost(matrix=8) + Cost(matrix=2, pointwise=1) * 3
    Cost(matrix=14, pointwise=3, ops=0)
    """

    matrix: Dim = 0
    pointwise: Dim = 0
    ops: Dim = 0

    @property
    def total(self) -> Dim:
        """Matrix and pointwise work together, in FLOPs: without integer ``ops``."""
        return self.matrix + self.pointwise

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.matrix + other.matrix, self.pointwise + other.pointwise, self.ops + other.ops)

    def __mul__(self, times: Dim) -> Cost:
        return Cost(self.matrix * times, self.pointwise * times, self.ops * times)


FREE = Cost()
"""No arithmetic at all."""

FlopRule: TypeAlias = Callable[[Kernel], Cost | None]
"""What a kernel costs, from its types and attributes; None where these do not say, which is counted as unknown.

A rule sees only kernels whose tensors all have types.
"""


def shape(value: Value) -> tuple[Dim, ...]:
    """The extents of a tensor, whose type must be known."""
    if value.type is None:
        raise GraphError(f"the shape of {value.name!r} is unknown; trace the model with inputs")
    return value.type.shape


def numel(value: Value) -> Dim:
    """The number of elements of a tensor, whose type must be known."""
    return math.prod(shape(value))


def members(kernel: Kernel, name: str) -> list[Value]:
    """The tensors of the list argument ``name``."""
    return [
        value for given, value in zip(kernel.input_names, kernel.inputs, strict=True) if given.startswith(f"{name}.")
    ]


def wanted(kernel: Kernel, gradients: int, mask: str = "output_mask") -> tuple[int, ...]:
    """1 for each of its ``gradients`` that a backward kernel is asked for, else 0; all of them where it does not say.

    Numbers, because sympy does not multiply with a bool.
    """
    flags = kernel.attributes.get(mask)
    return tuple(1 if flag else 0 for flag in flags) if isinstance(flags, tuple) else (1,) * gradients


def per_output(flops: int) -> FlopRule:
    """The rule of ``flops`` for each element of the first output."""

    def rule(kernel: Kernel) -> Cost:
        return Cost(pointwise=flops * numel(kernel.outputs[0]))

    return rule


def per_input(flops: int) -> FlopRule:
    """The rule of ``flops`` for each element of the first input."""

    def rule(kernel: Kernel) -> Cost:
        return Cost(pointwise=flops * numel(kernel.inputs[0]))

    return rule


def ceil_log2(extent: Dim) -> Dim:
    """The base-2 logarithm, rounded up: the depth of a binary tree with so many leaves; 0 for one leaf or none.

    >>> ceil_log2(1), ceil_log2(8), ceil_log2(9)
    (0, 3, 4)
    """
    if isinstance(extent, int):
        return max(extent - 1, 0).bit_length()
    return sympy.ceiling(sympy.log(extent, 2))

"""Pooling: a comparison or an addition for each element of each window."""

from __future__ import annotations

import math

import sympy

from fxviz.ir import Dim, Kernel
from fxviz.passes.rules.cost import Cost, FlopRule, numel, shape
from fxviz.rules import RuleTable

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable()


@flops_rules(
    "aten.max_pool2d_with_indices", "aten.max_pool3d_with_indices", "aten.mkldnn_max_pool2d", "aten.mkldnn_max_pool3d"
)
@flops_rules(
    "aten.avg_pool1d", "aten.avg_pool2d", "aten.avg_pool3d", "aten.max_pool1d", "aten.max_pool2d", "aten.max_pool3d"
)
@flops_rules("aten.quantized_max_pool1d", "aten.quantized_max_pool2d", "aten.quantized_max_pool3d")
@flops_rules("aten.fractional_max_pool2d", "aten.fractional_max_pool3d")
def _pool(kernel: Kernel) -> Cost | None:
    """Windows of w elements: w for each element of the output. An average is w − 1 additions and 1 division."""
    window = kernel.attributes.get("kernel_size")
    if isinstance(window, Dim):
        window = (window,)
    if not isinstance(window, tuple):
        return None
    sides = [side for side in window if isinstance(side, Dim)]
    # One side stands for all where only one is given.
    sides = sides * _rank(kernel.op) if len(sides) == 1 else sides
    return Cost(pointwise=math.prod(sides) * numel(kernel.outputs[0]))


@flops_rules(
    "aten._adaptive_avg_pool2d", "aten._adaptive_avg_pool3d", "aten.adaptive_max_pool2d", "aten.adaptive_max_pool3d"
)
@flops_rules(
    "aten.adaptive_avg_pool1d", "aten.adaptive_avg_pool2d", "aten.adaptive_avg_pool3d", "aten.adaptive_max_pool1d"
)
@flops_rules("aten.mkldnn_adaptive_avg_pool2d")
def _adaptive_pool(kernel: Kernel) -> Cost:
    """Windows of ⌈in / out⌉ along each pooled dimension: so many for each element of the output.

    Exact where the input divides evenly; else some windows are one longer or shorter.
    """
    rank = _rank(kernel.op)
    inputs, outputs = shape(kernel.inputs[0])[-rank:], shape(kernel.outputs[0])[-rank:]
    window = math.prod(_ceil_div(before, after) for before, after in zip(inputs, outputs, strict=True))
    return Cost(pointwise=window * numel(kernel.outputs[0]))


def _rank(op: str) -> int:
    """The number of pooled dimensions: it stands before the ``d`` in the name, ``aten.avg_pool2d``."""
    return next(rank for rank in (1, 2, 3) if f"pool{rank}d" in op)


def _ceil_div(extent: Dim, parts: Dim) -> Dim:
    if isinstance(extent, int) and isinstance(parts, int):
        return -(-extent // max(parts, 1))
    return sympy.ceiling(extent / parts)

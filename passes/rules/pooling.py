"""Pooling: a comparison or an addition for each element of each window.

Backward, a mean hands its share to every element of its window (a division, then an addition each), a maximum to one.
"""

from __future__ import annotations

import math

import sympy

from fxviz.analysis.rules import RuleTable
from fxviz.ir import Dim, Kernel, Value
from fxviz.passes.rules.cost import Cost, FlopRule, numel, per_input, shape

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable(
    {
        f"aten.{pool}_backward": per_input(1)
        for pool in (
            *("max_pool2d", "max_pool2d_with_indices", "max_pool3d_with_indices", "adaptive_max_pool2d"),
            *("adaptive_max_pool3d", "fractional_max_pool2d", "fractional_max_pool3d"),
            *("mkldnn_max_pool2d", "mkldnn_max_pool3d"),
        )
    }
)


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
    window = _window(kernel)
    return None if window is None else Cost(pointwise=window * numel(kernel.outputs[0]))


@flops_rules("aten.avg_pool2d_backward", "aten.avg_pool3d_backward")
def _avg_pool_backward(kernel: Kernel) -> Cost | None:
    """Windows of w elements: w + 1 for each element of the output's gradient."""
    window = _window(kernel)
    return None if window is None else Cost(pointwise=(window + 1) * numel(kernel.inputs[0]))


def _window(kernel: Kernel) -> Dim | None:
    """The elements of a window, None where ``kernel_size`` does not say."""
    window = kernel.attributes.get("kernel_size")
    if isinstance(window, Dim):
        window = (window,)
    if not isinstance(window, tuple):
        return None
    sides = [side for side in window if isinstance(side, Dim)]
    # One side stands for all where only one is given.
    return math.prod(sides * _rank(kernel.op) if len(sides) == 1 else sides)


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
    window = _adaptive_window(_rank(kernel.op), kernel.inputs[0], kernel.outputs[0])
    return Cost(pointwise=window * numel(kernel.outputs[0]))


@flops_rules("aten._adaptive_avg_pool2d_backward", "aten._adaptive_avg_pool3d_backward")
@flops_rules("aten.adaptive_avg_pool3d_backward", "aten.mkldnn_adaptive_avg_pool2d_backward")
def _adaptive_pool_backward(kernel: Kernel) -> Cost:
    """The same windows of w elements: w + 1 for each element of the output's gradient."""
    gradient, pooled = kernel.inputs[:2]
    window = _adaptive_window(_rank(kernel.op), pooled, gradient)
    return Cost(pointwise=(window + 1) * numel(gradient))


def _adaptive_window(rank: int, pooled: Value, result: Value) -> Dim:
    sides = zip(shape(pooled)[-rank:], shape(result)[-rank:], strict=True)
    return math.prod(_ceil_div(before, after) for before, after in sides)


def _rank(op: str) -> int:
    """The number of pooled dimensions: it stands before the ``d`` in the name, ``aten.avg_pool2d``."""
    return next(rank for rank in (1, 2, 3) if f"pool{rank}d" in op)


def _ceil_div(extent: Dim, parts: Dim) -> Dim:
    if isinstance(extent, int) and isinstance(parts, int):
        return -(-extent // max(parts, 1))
    return sympy.ceiling(extent / parts)

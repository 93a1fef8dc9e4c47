"""Pooling: a comparison or an addition for each element of each window.

Backward, a mean hands its share to every element of its window (a division, then an addition each), a maximum to one.
"""

from __future__ import annotations

import math

import sympy

from fxviz.analysis.ops import Operators
from fxviz.analysis.standard import Operation, Standard, integers, rank_of, spread
from fxviz.ir import Attribute, Dim, Kernel, Value
from fxviz.passes.rules.cost import Cost, free, numel, per_input, shape

__all__ = ["operators"]

operators = Operators("pool")

operators.declare(
    """
    max_pool2d_backward max_pool2d_with_indices_backward max_pool3d_with_indices_backward adaptive_max_pool2d_backward
    adaptive_max_pool3d_backward fractional_max_pool2d_backward fractional_max_pool3d_backward mkldnn_max_pool2d_backward
    mkldnn_max_pool3d_backward
    """,
    per_input(1),
)
operators.declare("max_unpool2d max_unpool3d", free)


def _windows(kernel: Operation) -> dict[str, Attribute] | None:
    """Return the attributes that all pools over batched images share; None where torch's rounding up differs from ONNX's."""
    attributes = kernel.attributes
    size = integers(attributes.get("kernel_size"))
    spatial = rank_of(kernel.inputs[0]) - 2
    if attributes.get("ceil_mode") or f"pool{spatial}d" not in kernel.op:
        return None
    kernel_shape = spread(size, spatial)
    padding = spread(attributes.get("padding"), spatial, (0,))
    return {
        "kernel_shape": kernel_shape,
        "strides": spread(attributes.get("stride"), spatial, kernel_shape),
        "pads": padding * 2,
    }


def _write_max_pool(kernel: Operation) -> Standard | None:
    if (attributes := _windows(kernel)) is None:
        return None
    attributes["dilations"] = spread(kernel.attributes.get("dilation"), rank_of(kernel.inputs[0]) - 2, (1,))
    # The indices count differently.
    return Standard("MaxPool", kernel.inputs, kernel.outputs[:1], attributes)


def _write_avg_pool(kernel: Operation) -> Standard | None:
    if (attributes := _windows(kernel)) is None or kernel.attributes.get("divisor_override") is not None:
        return None
    attributes["count_include_pad"] = int(bool(kernel.attributes.get("count_include_pad", True)))
    return Standard("AveragePool", kernel.inputs, kernel.outputs, attributes)


@operators("aten.max_pool2d_with_indices", "aten.max_pool3d_with_indices", onnx=_write_max_pool)
@operators("aten.avg_pool2d", "aten.avg_pool3d", onnx=_write_avg_pool)
@operators("aten.avg_pool1d", "aten.max_pool1d", "aten.max_pool2d", "aten.max_pool3d")
@operators("aten.mkldnn_max_pool2d", "aten.mkldnn_max_pool3d")
@operators("aten.quantized_max_pool1d", "aten.quantized_max_pool2d", "aten.quantized_max_pool3d")
@operators("aten.fractional_max_pool2d", "aten.fractional_max_pool3d")
def _pool(kernel: Kernel) -> Cost | None:
    """Windows of w elements: w for each element of the output. An average is w − 1 additions and 1 division."""
    window = _window(kernel)
    return None if window is None else Cost(pointwise=window * numel(kernel.outputs[0]))


@operators("aten.avg_pool2d_backward", "aten.avg_pool3d_backward")
def _avg_pool_backward(kernel: Kernel) -> Cost | None:
    """Windows of w elements: w + 1 for each element of the output's gradient."""
    window = _window(kernel)
    return None if window is None else Cost(pointwise=(window + 1) * numel(kernel.inputs[0]))


def _window(kernel: Kernel) -> Dim | None:
    """Return the elements of a window, None where ``kernel_size`` does not say."""
    window = kernel.attributes.get("kernel_size")
    if isinstance(window, Dim):
        window = (window,)
    if not isinstance(window, tuple):
        return None
    sides = [side for side in window if isinstance(side, Dim)]
    # One side stands for all where only one is given.
    return math.prod(sides * _rank(kernel.op) if len(sides) == 1 else sides)


@operators(
    "aten._adaptive_avg_pool2d", "aten._adaptive_avg_pool3d", "aten.adaptive_max_pool2d", "aten.adaptive_max_pool3d"
)
@operators(
    "aten.adaptive_avg_pool1d", "aten.adaptive_avg_pool2d", "aten.adaptive_avg_pool3d", "aten.adaptive_max_pool1d"
)
@operators("aten.mkldnn_adaptive_avg_pool2d")
def _adaptive_pool(kernel: Kernel) -> Cost:
    """Windows of ⌈in / out⌉ along each pooled dimension: so many for each element of the output.

    Exact where the input divides evenly; else some windows are one longer or shorter.
    """
    window = _adaptive_window(_rank(kernel.op), kernel.inputs[0], kernel.outputs[0])
    return Cost(pointwise=window * numel(kernel.outputs[0]))


@operators("aten._adaptive_avg_pool2d_backward", "aten._adaptive_avg_pool3d_backward")
@operators("aten.adaptive_avg_pool3d_backward", "aten.mkldnn_adaptive_avg_pool2d_backward")
def _adaptive_pool_backward(kernel: Kernel) -> Cost:
    """Count the same windows of w elements: w + 1 for each element of the output's gradient."""
    gradient, pooled = kernel.inputs[:2]
    window = _adaptive_window(_rank(kernel.op), pooled, gradient)
    return Cost(pointwise=(window + 1) * numel(gradient))


def _adaptive_window(rank: int, pooled: Value, result: Value) -> Dim:
    sides = zip(shape(pooled)[-rank:], shape(result)[-rank:], strict=True)
    return math.prod(_ceil_div(before, after) for before, after in sides)


def _rank(op: str) -> int:
    """Return the number of pooled dimensions: it stands before the ``d`` in the name, ``aten.avg_pool2d``."""
    return next(rank for rank in (1, 2, 3) if f"pool{rank}d" in op)


def _ceil_div(extent: Dim, parts: Dim) -> Dim:
    if parts == 0:
        return 0
    if isinstance(extent, int) and isinstance(parts, int):
        return -(-extent // parts)
    return sympy.ceiling(extent / parts)


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare("lp_pool1d lp_pool2d lp_pool3d max_pool1d_with_indices max_unpool1d", library="")

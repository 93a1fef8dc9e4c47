"""Pooling over windows, and reductions over whole dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.exporters.onnx.view.rules.standard import (
    Literal,
    Operation,
    OperatorRule,
    Standard,
    integers,
    rank_of,
    spread,
)

if TYPE_CHECKING:
    from fxviz.ir import Attribute

__all__ = ["operators"]

operators: RuleTable[OperatorRule] = RuleTable()


def _pool(kernel: Operation) -> dict[str, Attribute] | None:
    """What all pools over batched images have in common; None where torch's rounding up differs from ONNX's."""
    given = kernel.attributes
    size = integers(given.get("kernel_size"))
    spatial = rank_of(kernel.inputs[0]) - 2
    if given.get("ceil_mode") or f"pool{spatial}d" not in kernel.op:
        return None
    kernel_shape = spread(size, spatial)
    padding = spread(given.get("padding"), spatial, (0,))
    return {
        "kernel_shape": kernel_shape,
        "strides": spread(given.get("stride"), spatial, kernel_shape),
        "pads": padding * 2,
    }


@operators("aten.max_pool2d_with_indices", "aten.max_pool3d_with_indices")
def _max_pool(kernel: Operation) -> Standard | None:
    if (attributes := _pool(kernel)) is None:
        return None
    attributes["dilations"] = spread(kernel.attributes.get("dilation"), rank_of(kernel.inputs[0]) - 2, (1,))
    # The indices count differently.
    return Standard("MaxPool", kernel.inputs, kernel.outputs[:1], attributes)


@operators("aten.avg_pool2d", "aten.avg_pool3d")
def _avg_pool(kernel: Operation) -> Standard | None:
    if (attributes := _pool(kernel)) is None or kernel.attributes.get("divisor_override") is not None:
        return None
    attributes["count_include_pad"] = int(bool(kernel.attributes.get("count_include_pad", True)))
    return Standard("AveragePool", kernel.inputs, kernel.outputs, attributes)


@operators("aten.mean", "aten.sum", "aten.amax", "aten.amin")
def _reduce(kernel: Operation) -> Standard | None:
    x, rank = kernel.inputs[0], rank_of(kernel.inputs[0])
    axes = tuple(sorted(axis % rank for axis in integers(kernel.attributes.get("dim")))) if rank else ()
    keep = bool(kernel.attributes.get("keepdim"))
    name = kernel.op.split(".")[1]
    if name == "mean" and keep and rank > 2 and axes == tuple(range(2, rank)):
        return Standard("GlobalAveragePool", (x,), kernel.outputs)
    op_type = {"mean": "ReduceMean", "sum": "ReduceSum", "amax": "ReduceMax", "amin": "ReduceMin"}[name]
    return Standard(op_type, (x, Literal(axes)) if axes else (x,), kernel.outputs, {"keepdims": int(keep)})

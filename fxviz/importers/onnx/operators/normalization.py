"""Normalisation, softmax and pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, Step, Translation, step
from fxviz.importers.onnx.operators.elementwise import add, between

if TYPE_CHECKING:
    from fxviz.ir import Attribute

__all__ = ["rules"]

rules: RuleTable[Translation] = RuleTable()


@rules("BatchNormalization")
def _batch_norm(operation: Operation) -> list[Step] | None:
    if operation.integer("training_mode", 0):
        return None
    names = ("input", "weight", "bias", "running_mean", "running_var")
    operands = {name: operation.operand(position) for position, name in enumerate(names)}
    attributes = {"eps": operation.attributes.get("epsilon", 1e-5)}
    return [step("aten._native_batch_norm_legit_no_training.default", operands, operation.outputs[:1], attributes)]


@rules(
    "LayerNormalization",
    "SimplifiedLayerNormalization",
    "RMSNormalization",
    "com.microsoft.SimplifiedLayerNormalization",
)
@rules("GroupNormalization", "InstanceNormalization")
def _own_statistics(operation: Operation) -> list[Step]:
    kernels = {
        "LayerNormalization": "native_layer_norm",
        "GroupNormalization": "native_group_norm",
        "InstanceNormalization": "native_group_norm",
    }
    operands = {name: operation.operand(position) for position, name in enumerate(("input", "weight", "bias"))}
    attributes = {"eps": operation.attributes.get("epsilon", 1e-5)}
    return [
        step(
            f"aten.{kernels.get(operation.op_type, '_fused_rms_norm')}.default", operands, operation.outputs, attributes
        )
    ]


@rules("com.microsoft.SkipLayerNormalization", "com.microsoft.SkipSimplifiedLayerNormalization")
def _skip(operation: Operation) -> list[Step]:
    """Add a residual, and a bias, before the norm; their sum is the fourth output."""
    simplified = "Simplified" in operation.op_type
    places = {"weight": 2, "bias": None if simplified else 3}
    x, skip, bias = operation.operand(0), operation.operand(1), operation.operand(3 if simplified else 4)
    kept = operation.outputs[3] if len(operation.outputs) > 3 else None
    total = kept or between(operation)
    steps = [add(x, skip, total)]
    if bias is not None:
        partial = between(operation)
        steps = [add(x, skip, partial), add(partial, bias, total)]
    operands = {name: operation.operand(place) for name, place in places.items() if place is not None}
    kernel = "_fused_rms_norm" if simplified else "native_layer_norm"
    attributes = {"eps": operation.attributes.get("epsilon", 1e-5)}
    return [*steps, step(f"aten.{kernel}.default", {"input": total, **operands}, operation.outputs[:1], attributes)]


@rules("Softmax", "LogSoftmax")
def _softmax(operation: Operation) -> list[Step]:
    kernel = "_log_softmax" if "Log" in operation.op_type else "_softmax"
    attributes = {"dim": operation.integer("axis", -1 if operation.version >= 13 else 1)}
    return [step(f"aten.{kernel}.default", {"self": operation.operand(0)}, operation.outputs, attributes)]


@rules("MaxPool", "AveragePool")
def _pool(operation: Operation) -> list[Step] | None:
    size = operation.integers("kernel_shape")
    if size is None:
        return None
    spatial = len(size)
    attributes: dict[str, Attribute] = {
        "kernel_size": size,
        "stride": operation.integers("strides") or (1,) * spatial,
        "padding": operation.attributes.get("pads"),
    }
    if operation.op_type == "MaxPool":
        name = f"max_pool{spatial}d" + ("_with_indices" if spatial > 1 else "")
        outputs = operation.outputs
    else:
        name, outputs = f"avg_pool{spatial}d", operation.outputs
        attributes["count_include_pad"] = bool(operation.integer("count_include_pad", 0))
    return [step(f"aten.{name}.default", {"self": operation.operand(0)}, outputs, attributes)]


@rules("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(operation: Operation) -> list[Step] | None:
    if (type := operation.type(0)) is None:
        return None
    kernel = "mean.dim" if "Average" in operation.op_type else "amax.default"
    attributes = {"dim": tuple(range(2, len(type.shape))), "keepdim": True}
    return [step(f"aten.{kernel}", {"self": operation.operand(0)}, operation.outputs, attributes)]

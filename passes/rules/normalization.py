"""Normalisations. Work on whole rows only (a mean's division, a root) is of lower order and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.analysis.standard import Operation, Standard, dtype_of, is_known, rank_of, real
from fxviz.passes.rules.cost import Cost, numel, per_input, wanted

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["LAYER_NORM", "operators"]

LAYER_NORM = 5
"""FLOPs per element: sum for the mean; subtract it, square, sum for the variance; multiply by 1 / √(variance + ε)."""

operators = Operators("normalization")

operators.declare("_weight_norm_interface", per_input(3))  # g · v / ‖v‖: square, sum, scale
operators.declare("renorm", per_input(3))
operators.declare("_weight_norm_interface_backward", per_input(5))  # (g / ‖v‖) · (dw − v · (v · dw) / ‖v‖²)

# Batch normalisation over several devices, step by step
operators.declare("batch_norm_stats", per_input(4))  # sum for the mean; subtract it; square; add
operators.declare("batch_norm_elemt", per_input(2))  # x · α + β
operators.declare("batch_norm_gather_stats batch_norm_gather_stats_with_counts", per_input(4))
operators.declare("batch_norm_backward_reduce", per_input(5))  # x̂ (2); add dy; dy · x̂; add
operators.declare("batch_norm_backward_elemt", per_input(6))  # x̂ (2); subtract both sums, one scaled; scale


def _write_layer_norm(kernel: Operation) -> Standard | None:
    x, scale, bias = kernel.inputs[0], kernel.input("weight"), kernel.input("bias")
    # ONNX computes the statistics in single precision.
    if scale is None or dtype_of(x) == "float64":
        return None
    attributes = {"axis": -rank_of(scale), "epsilon": real(kernel.attributes.get("eps"))}
    return Standard("LayerNormalization", (x, scale, bias) if bias else (x, scale), kernel.outputs[:1], attributes)


def _write_group_norm(kernel: Operation) -> Standard | None:
    x, scale, bias = kernel.inputs[0], kernel.input("weight"), kernel.input("bias")
    if scale is None or bias is None or dtype_of(x) == "float64" or rank_of(x) < 3:
        return None
    attributes = {"num_groups": kernel.attributes.get("group"), "epsilon": real(kernel.attributes.get("eps"))}
    return Standard("GroupNormalization", (x, scale, bias), kernel.outputs[:1], attributes)


def _write_batch_norm(kernel: Operation) -> Standard | None:
    attributes = kernel.attributes
    names = ("weight", "bias", "running_mean", "running_var")
    operands = [kernel.input(name) for name in names]
    if attributes.get("training") or None in operands:
        return None
    epsilon = real(attributes.get("eps", attributes.get("epsilon")))
    return Standard("BatchNormalization", (kernel.inputs[0], *operands), kernel.outputs[:1], {"epsilon": epsilon})


@operators("aten.native_layer_norm", onnx=_write_layer_norm)
@operators("aten.native_group_norm", onnx=_write_group_norm)
@operators("aten.layer_norm", "aten.group_norm")
@operators("aten._batch_norm_with_update", "aten._batch_norm_with_update_functional")
def _own_statistics(kernel: Kernel) -> Cost:
    """``(x − mean) / √(variance + ε) · weight + bias``: 5 per element, and 1 each for a weight and a bias."""
    return Cost(pointwise=(LAYER_NORM + _affine(kernel)) * numel(kernel.inputs[0]))


@operators("aten._native_batch_norm_legit_no_training", "aten._batch_norm_no_update", onnx=_write_batch_norm)
@operators("aten.quantized_batch_norm")
def _running_statistics(kernel: Kernel) -> Cost:
    """``x · α + β`` with both made once for each channel: 2 per element."""
    return Cost(pointwise=2 * numel(kernel.inputs[0]))


@operators("aten._fused_rms_norm", "aten.rms_norm")
def _rms_norm(kernel: Kernel) -> Cost:
    """``x / √(mean(x²) + ε) · weight``: square, sum, scale: 3 per element, and 1 for a weight."""
    return Cost(pointwise=(3 + _affine(kernel)) * numel(kernel.inputs[0]))


@operators("aten.native_batch_norm", "aten.cudnn_batch_norm", onnx=_write_batch_norm)
@operators("aten._native_batch_norm_legit", "aten._native_batch_norm_legit_functional", "aten.miopen_batch_norm")
def _batch_norm(kernel: Kernel) -> Cost:
    """In training 5 per element, and 1 each for a weight and a bias; in evaluation ``x · α + β``: 2."""
    flops = LAYER_NORM + _affine(kernel) if kernel.attributes.get("training") else 2
    return Cost(pointwise=flops * numel(kernel.inputs[0]))


NORM_BACKWARD = 9
"""FLOPs per element of dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / σ: x̂ (2), sum, product and sum, two differences with
a product between them, and the scale."""


@operators("aten.native_layer_norm_backward", "aten.native_group_norm_backward")
def _own_statistics_backward(kernel: Kernel) -> Cost:
    """Of the input 9 per element, and 1 for dx̂ = dy · weight; of the weight Σ dy · x̂: 2; of the bias Σ dy: 1."""
    to_input, to_weight, to_bias = wanted(kernel, 3)
    scaled = kernel.input("weight") is not None
    flops = to_input * (NORM_BACKWARD + scaled) + 2 * to_weight + to_bias
    return Cost(pointwise=flops * numel(kernel.inputs[0]))


@operators("aten._fused_rms_norm_backward")
def _rms_norm_backward(kernel: Kernel) -> Cost:
    """``dx = (dx̂ − x̂ · mean(dx̂ · x̂)) / ρ``: x̂ 1, product and sum 2, product, difference, scale 3; 1 and 2 for a weight."""
    to_input, to_weight = wanted(kernel, 2)
    scaled = kernel.input("weight") is not None
    return Cost(pointwise=(to_input * (6 + scaled) + 2 * to_weight) * numel(kernel.inputs[0]))


@operators(
    *("aten.native_batch_norm_backward", "aten.batch_norm_backward", "aten._batch_norm_impl_index_backward"),
    *("aten.cudnn_batch_norm_backward", "aten.miopen_batch_norm_backward"),
)
def _batch_norm_backward(kernel: Kernel) -> Cost:
    """In training 9 per element, whose sums are the gradients of weight and bias; in evaluation ``dx = α · dy``: 1.

    In evaluation the weight's gradient is Σ dy · x̂, 4 with x̂ itself, and the bias' Σ dy: 1.
    """
    to_input, to_weight, to_bias = wanted(kernel, 3)
    train = kernel.attributes.get("train", kernel.attributes.get("update", True))
    flops = NORM_BACKWARD if train and to_input else to_input + 4 * to_weight + to_bias
    return Cost(pointwise=flops * numel(kernel.inputs[0]))


def _affine(kernel: Kernel) -> int:
    return sum(kernel.input(name) is not None for name in ("weight", "bias"))


# As authors write them ------------------------------------------------------------------------------------------------


def _write_instance_norm(node: Operation) -> Standard | None:
    x, scale, bias = node.inputs[0], node.input("weight"), node.input("bias")
    if (
        scale is None
        or bias is None
        or not node.attributes.get("use_input_stats")
        or not is_known(node)
        or rank_of(x) < 3
    ):
        return None
    return Standard(
        "InstanceNormalization", (x, scale, bias), node.outputs, {"epsilon": real(node.attributes.get("eps"))}
    )


def _write_rms_norm(node: Operation) -> Standard | None:
    x, scale, epsilon = node.inputs[0], node.input("weight"), node.attributes.get("eps")
    # Without a number of its own, torch takes one that depends on the dtype.
    if scale is None or epsilon is None or not is_known(node) or dtype_of(x) == "float64":
        return None
    attributes = {"axis": -rank_of(scale), "epsilon": real(epsilon)}
    return Standard("RMSNormalization", (x, scale), node.outputs, attributes)


operators.declare("instance_norm", library="", onnx=_write_instance_norm)
operators.declare("rms_norm", library="", onnx=_write_rms_norm)
operators.declare("local_response_norm normalize sync_batch_norm weight_norm", library="")

"""Normalisations and softmax. Work on whole rows only (a mean's division, a root) is of lower order and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.passes.rules.cost import Cost, FlopRule, numel, per_input, per_output, wanted

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["LAYER_NORM", "SOFTMAX", "flops_rules"]

LAYER_NORM = 5
"""FLOPs per element: sum for the mean; subtract it, square, sum for the variance; multiply by 1 / √(variance + ε)."""

SOFTMAX = 5
"""FLOPs per element: maximum; subtract it, exp, sum; divide. Of log-softmax: subtract the logarithm of the sum."""

flops_rules: RuleTable[FlopRule] = RuleTable(
    {
        "aten._softmax": per_output(SOFTMAX),
        "aten._log_softmax": per_output(SOFTMAX),
        "aten.softmax": per_output(SOFTMAX),
        "aten.log_softmax": per_output(SOFTMAX),
        "aten._masked_softmax": per_output(SOFTMAX + 1),  # the mask is one selection
        "aten._safe_softmax": per_output(SOFTMAX + 3),  # is it −∞, is the whole row, then 0 instead
        "aten._weight_norm_interface": per_input(3),  # g · v / ‖v‖: square, sum, scale
        "aten.renorm": per_input(3),
        "aten._softmax_backward_data": per_output(4),  # y · (dy − Σ dy · y)
        "aten._log_softmax_backward_data": per_output(4),  # dy − exp(y) · Σ dy
        "aten._masked_softmax_backward": per_output(5),
        "aten._weight_norm_interface_backward": per_input(5),  # (g / ‖v‖) · (dw − v · (v · dw) / ‖v‖²)
        # Batch normalisation over several devices, step by step
        "aten.batch_norm_stats": per_input(4),  # sum for the mean; subtract it; square; add
        "aten.batch_norm_elemt": per_input(2),  # x · α + β
        "aten.batch_norm_gather_stats": per_input(4),
        "aten.batch_norm_gather_stats_with_counts": per_input(4),
        "aten.batch_norm_backward_reduce": per_input(5),  # x̂ (2); add dy; dy · x̂; add
        "aten.batch_norm_backward_elemt": per_input(6),  # x̂ (2); subtract both sums, one scaled; scale
    }
)


@flops_rules("aten.native_layer_norm", "aten.native_group_norm", "aten.layer_norm", "aten.group_norm")
@flops_rules("aten._batch_norm_with_update", "aten._batch_norm_with_update_functional")
def _own_statistics(kernel: Kernel) -> Cost:
    """``(x − mean) / √(variance + ε) · weight + bias``: 5 per element, and 1 each for a weight and a bias."""
    return Cost(pointwise=(LAYER_NORM + _affine(kernel)) * numel(kernel.inputs[0]))


@flops_rules("aten._native_batch_norm_legit_no_training", "aten._batch_norm_no_update", "aten.quantized_batch_norm")
def _running_statistics(kernel: Kernel) -> Cost:
    """``x · α + β`` with both made once for each channel: 2 per element."""
    return Cost(pointwise=2 * numel(kernel.inputs[0]))


@flops_rules("aten._fused_rms_norm", "aten.rms_norm")
def _rms_norm(kernel: Kernel) -> Cost:
    """``x / √(mean(x²) + ε) · weight``: square, sum, scale: 3 per element, and 1 for a weight."""
    return Cost(pointwise=(3 + _affine(kernel)) * numel(kernel.inputs[0]))


@flops_rules(
    *("aten.native_batch_norm", "aten._native_batch_norm_legit", "aten._native_batch_norm_legit_functional"),
    *("aten.cudnn_batch_norm", "aten.miopen_batch_norm"),
)
def _batch_norm(kernel: Kernel) -> Cost:
    """In training 5 per element, and 1 each for a weight and a bias; in evaluation ``x · α + β``: 2."""
    flops = LAYER_NORM + _affine(kernel) if kernel.attributes.get("training") else 2
    return Cost(pointwise=flops * numel(kernel.inputs[0]))


NORM_BACKWARD = 9
"""FLOPs per element of dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / σ: x̂ (2), sum, product and sum, two differences with
a product between them, and the scale."""


@flops_rules("aten.native_layer_norm_backward", "aten.native_group_norm_backward")
def _own_statistics_backward(kernel: Kernel) -> Cost:
    """Of the input 9 per element, and 1 for dx̂ = dy · weight; of the weight Σ dy · x̂: 2; of the bias Σ dy: 1."""
    to_input, to_weight, to_bias = wanted(kernel, 3)
    scaled = kernel.input("weight") is not None
    flops = to_input * (NORM_BACKWARD + scaled) + 2 * to_weight + to_bias
    return Cost(pointwise=flops * numel(kernel.inputs[0]))


@flops_rules("aten._fused_rms_norm_backward")
def _rms_norm_backward(kernel: Kernel) -> Cost:
    """``dx = (dx̂ − x̂ · mean(dx̂ · x̂)) / ρ``: x̂ 1, product and sum 2, product, difference, scale 3; 1 and 2 for a weight."""
    to_input, to_weight = wanted(kernel, 2)
    scaled = kernel.input("weight") is not None
    return Cost(pointwise=(to_input * (6 + scaled) + 2 * to_weight) * numel(kernel.inputs[0]))


@flops_rules(
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

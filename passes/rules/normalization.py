"""Normalisations and softmax. Work on whole rows only (a mean's division, a root) is of lower order and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.passes.rules.cost import Cost, FlopRule, numel, per_input, per_output
from fxviz.rules import RuleTable

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


def _affine(kernel: Kernel) -> int:
    return sum(kernel.input(name) is not None for name in ("weight", "bias"))

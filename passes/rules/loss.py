"""Loss functions that are one kernel. With a reduction, adding up is 1 more per element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.passes.rules.cost import Cost, FlopRule, numel, shape
from fxviz.rules import RuleTable

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["flops_rules"]

_NO_REDUCTION = 0  # at::Reduction::None; 1 is the mean, 2 the sum

_PER_ELEMENT = {
    "binary_cross_entropy": 8,  # −(y · log(x) + (1 − y) · log(1 − x))
    "binary_cross_entropy_with_logits": 8,  # (1 − y) · x + max(−x, 0) + log1p(exp(−|x|)), −x shared
    "huber_loss": 7,  # d = x − y; d² / 2 if |d| < δ else δ · (|d| − δ / 2)
    "mse_loss": 2,  # (x − y)²
    "multi_margin_loss": 4,  # max(0, margin − x_y + x_i)ᵖ
    "multilabel_margin_loss_forward": 3,  # max(0, 1 − (x_y − x_i))
    "smooth_l1_loss": 7,  # d = x − y; d² / (2 · β) if |d| < β else |d| − β / 2
    "soft_margin_loss": 4,  # log1p(exp(−y · x))
}


def _elementwise(flops: int) -> FlopRule:
    def rule(kernel: Kernel) -> Cost:
        reduces = kernel.attributes.get("reduction", 1) != _NO_REDUCTION
        return Cost(pointwise=(flops + reduces) * numel(kernel.inputs[0]))

    return rule


flops_rules: RuleTable[FlopRule] = RuleTable({f"aten.{op}": _elementwise(flops) for op, flops in _PER_ELEMENT.items()})


@flops_rules("aten.nll_loss_forward", "aten.nll_loss2d_forward", "aten.nll_loss", "aten.nll_loss2d")
def _nll(kernel: Kernel) -> Cost:
    """One log-probability for each target: negate and add, 2 per target, and 2 more where classes have weights."""
    flops = 2 if kernel.input("weight") is None else 4
    return Cost(pointwise=flops * numel(kernel.inputs[1]))


@flops_rules("aten._ctc_loss", "aten._cudnn_ctc_loss")
def _ctc(kernel: Kernel) -> Cost:
    """The forward recursion over T steps and 2 · S + 1 states of a target of S labels (Graves et al., 2006).

    A state is log(eᵃ + eᵇ + eᶜ) + log p: 2 for the maximum, 3 subtractions, 3 exp, 2 additions, log, 2 additions: 13.
    """
    probabilities, targets = kernel.inputs[:2]
    steps, batch, _ = shape(probabilities)
    return Cost(pointwise=13 * steps * (2 * numel(targets) + batch))

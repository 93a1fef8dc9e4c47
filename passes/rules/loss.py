"""Loss functions that are one kernel. With a reduction, adding up is 1 more per element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, FlopRule, numel, per_output, shape

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

_NO_REDUCTION = 0  # at::Reduction::None; 1 is the mean, 2 the sum

operators = Operators("reduction")


def _elementwise(flops: int) -> FlopRule:
    def rule(kernel: Kernel) -> Cost:
        reduces = kernel.attributes.get("reduction", 1) != _NO_REDUCTION
        return Cost(pointwise=(flops + reduces) * numel(kernel.inputs[0]))

    return rule


operators.declare("binary_cross_entropy", _elementwise(8))  # −(y · log(x) + (1 − y) · log(1 − x))
# (1 − y) · x + max(−x, 0) + log1p(exp(−|x|)), −x shared
operators.declare("binary_cross_entropy_with_logits", _elementwise(8))
operators.declare("huber_loss", _elementwise(7))  # d = x − y; d² / 2 if |d| < δ else δ · (|d| − δ / 2)
operators.declare("mse_loss", _elementwise(2))  # (x − y)²
operators.declare("multi_margin_loss", _elementwise(4))  # max(0, margin − x_y + x_i)ᵖ
operators.declare("multilabel_margin_loss_forward", _elementwise(3))  # max(0, 1 − (x_y − x_i))
operators.declare("smooth_l1_loss", _elementwise(7))  # d = x − y; d² / (2 · β) if |d| < β else |d| − β / 2
operators.declare("soft_margin_loss", _elementwise(4))  # log1p(exp(−y · x))

# The gradient of x times dy, which a mean divides once.
operators.declare("binary_cross_entropy_backward", per_output(5))  # dy · (x − y) / (x · (1 − x))
operators.declare("huber_loss_backward", per_output(5))  # d = x − y; dy · (d if |d| < δ else ±δ)
operators.declare("mse_loss_backward", per_output(3))  # 2 · dy · (x − y)
operators.declare("multi_margin_loss_backward", per_output(4))
operators.declare("multilabel_margin_loss_backward", per_output(3))
operators.declare("smooth_l1_loss_backward", per_output(5))  # d = x − y; dy · (d / β if |d| < β else ±1)
operators.declare("soft_margin_loss_backward", per_output(6))  # −dy · y / (1 + exp(y · x))


@operators("aten.nll_loss_forward", "aten.nll_loss2d_forward", "aten.nll_loss", "aten.nll_loss2d")
def _nll(kernel: Kernel) -> Cost:
    """Count one log-probability for each target: negate and add, 2 per target, and 2 more where classes have weights."""
    flops = 2 if kernel.input("weight") is None else 4
    return Cost(pointwise=flops * numel(kernel.inputs[1]))


@operators("aten._ctc_loss", "aten._cudnn_ctc_loss")
def _ctc(kernel: Kernel) -> Cost:
    """Count the forward recursion over T steps and 2 · S + 1 states of a target of S labels (Graves et al., 2006).

    A state is log(eᵃ + eᵇ + eᶜ) + log p: 2 for the maximum, 3 subtractions, 3 exp, 2 additions, log, 2 additions: 13.
    """
    probabilities, targets = kernel.inputs[:2]
    steps, batch, _ = shape(probabilities)
    return Cost(pointwise=13 * steps * (2 * numel(targets) + batch))


@operators("aten.nll_loss_backward", "aten.nll_loss2d_backward")
def _nll_backward(kernel: Kernel) -> Cost:
    """−dy at each target's position and 0 elsewhere: 1 per target, and 1 more if classes have weights."""
    target = kernel.input("target") or kernel.inputs[2]
    return Cost(pointwise=(1 + (kernel.input("weight") is not None)) * numel(target))


@operators("aten._ctc_loss_backward")
def _ctc_backward(kernel: Kernel) -> Cost:
    """Count the recursion again from the end, 13 a state, α + β 1, and its logarithm of sums by label 7: 21 a state.

    Then ``dy · (exp(log p) − exp(gathered + loss − log p))`` for each label and step: 6.
    """
    _, probabilities, targets = kernel.inputs[:3]
    steps, batch, _ = shape(probabilities)
    return Cost(pointwise=21 * steps * (2 * numel(targets) + batch) + 6 * numel(probabilities))


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare(
    """
    cosine_embedding_loss cosine_similarity cross_entropy ctc_loss kl_div l1_loss pairwise_distance triplet_margin_loss
    """,
    library="",
)

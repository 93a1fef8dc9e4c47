"""What optimisers run: an operator over a list of tensors (``_foreach_add``), and whole steps as one kernel.

An operator over a list costs, for each element of each of its tensors, what its plain form costs. A fused step costs
the primitives of its update rule for each element of a parameter; what is done once per step is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, FlopRule, members, numel, per_output, shape

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel

__all__ = ["operators"]

operators = Operators("elementwise")


def _per_member(flops: int) -> FlopRule:
    def rule(kernel: Kernel) -> Cost:
        return Cost(pointwise=flops * _elements(kernel))

    return rule


operators.declare(
    """
    _foreach_abs _foreach_acos _foreach_asin _foreach_atan _foreach_ceil _foreach_clamp_max _foreach_clamp_min
    _foreach_cos _foreach_cosh _foreach_div _foreach_erf _foreach_erfc _foreach_exp _foreach_expm1 _foreach_floor
    _foreach_frac _foreach_lgamma _foreach_log _foreach_log10 _foreach_log1p _foreach_log2 _foreach_max _foreach_maximum
    _foreach_minimum _foreach_mul _foreach_neg _foreach_pow _foreach_reciprocal _foreach_round _foreach_rsqrt
    _foreach_sigmoid _foreach_sign _foreach_sin _foreach_sinh _foreach_sqrt _foreach_tan _foreach_tanh _foreach_trunc
    """,
    _per_member(1),
)
operators.declare("_foreach_lerp", _per_member(3))  # x + w · (y − x)
operators.declare("_foreach_norm _foreach_powsum", _per_member(2))  # power; add
operators.declare("_amp_foreach_non_finite_check_and_unscale", _per_member(2))  # is it finite; scale
operators.declare("_amp_update_scale", per_output(2))  # compare; scale


def _elements(kernel: Kernel) -> Dim:
    """Return the number of elements of all tensors of ``self``, or of the exponents of ``scalar ** tensors``."""
    return sum(numel(value) for value in members(kernel, "self") or members(kernel, "exponent"))


def _given(kernel: Kernel, *names: str) -> int:
    """Return how many of these factors are present and not 0."""
    return sum(kernel.input(name) is not None or bool(kernel.attributes.get(name)) for name in names)


@operators("aten._foreach_add", "aten._foreach_sub")
def _add(kernel: Kernel) -> Cost:
    """``x + alpha · y``: 1 per element, 2 with an alpha other than 1."""
    return Cost(pointwise=(1 + (kernel.attributes.get("alpha", 1) != 1)) * _elements(kernel))


@operators("aten._foreach_addcmul", "aten._foreach_addcdiv")
def _addcmul(kernel: Kernel) -> Cost:
    """``x + value · a · b`` (or ``a / b``): 2 per element, 3 with values of their own or one other than 1."""
    scaled = _given(kernel, "scalars") or kernel.attributes.get("value", 1) != 1
    return Cost(pointwise=(2 + bool(scaled)) * _elements(kernel))


@operators("aten._foreach_mm")
def _mm(kernel: Kernel) -> Cost:
    """Count the products of pairs; see matmul.py."""
    pairs = zip(members(kernel, "self"), kernel.outputs, strict=True)
    return Cost(matrix=sum(2 * shape(left)[-1] * numel(product) for left, product in pairs))


@operators("aten._fused_adam", "aten._fused_adamw")
def _adam(kernel: Kernel) -> Cost:
    """Adam (Kingma and Ba, 2015, algorithm 1): 13 per element.

    m += (1 − β₁) · (g − m): 3; v = β₂ · v + (1 − β₂) · g²: 4; p −= α · m / (√v / c + ε): 6. Decay is 2 (g += λ · p), or 1
    where it is decoupled (p ·= 1 − α · λ); the largest v so far 1; to maximise 1; a gradient's scale 1.
    """
    decay = _given(kernel, "weight_decay") * (1 if "adamw" in kernel.op else 2)
    extras = _given(kernel, "amsgrad", "maximize", "grad_scale")
    return Cost(pointwise=(13 + decay + extras) * _elements(kernel))


@operators("aten._fused_sgd")
def _sgd(kernel: Kernel) -> Cost:
    """``p −= α · g``: 2 per element; decay 2; momentum ``b = μ · b + (1 − τ) · g`` 3, none in the first step; Nesterov's 2."""
    momentum = 3 * _given(kernel, "momentum") * (not kernel.attributes.get("is_first_step"))
    flops = 2 + 2 * _given(kernel, "weight_decay", "nesterov") + momentum + _given(kernel, "maximize", "grad_scale")
    return Cost(pointwise=flops * _elements(kernel))


@operators("aten._fused_adagrad")
def _adagrad(kernel: Kernel) -> Cost:
    """``s += g²; p −= α · g / (√s + ε)``: 7 per element; decay 2."""
    flops = 7 + 2 * _given(kernel, "weight_decay") + _given(kernel, "maximize", "grad_scale")
    return Cost(pointwise=flops * _elements(kernel))

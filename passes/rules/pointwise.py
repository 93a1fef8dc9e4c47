"""Operators that compute each element of the output from the matching elements of the inputs.

Each primitive is 1 FLOP per element: ``+ - * /``, a comparison, a selection, a logical or bitwise operation, and also
exp, log, sqrt, sin, tanh, erf, pow, the logistic function and any special function. That is the convention of
``jax.experimental.roofline``. A compound function costs the primitives of its formula, which stands beside it.
Integers, booleans and complex numbers count like floating point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.passes.rules.cost import Cost, FlopRule, numel, per_output

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["flops_rules"]

_PRIMITIVES = """
    abs absolute rsub mul multiply div divide true_divide floor_divide remainder fmod neg negative
    reciprocal square sqrt rsqrt pow float_power exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2
    arcsin arccos arctan arctan2 sinh cosh tanh asinh acosh atanh arcsinh arccosh arctanh erf erfc erfinv sigmoid
    floor ceil round trunc fix frac sign sgn copysign nextafter ldexp frexp heaviside hypot sinc deg2rad rad2deg angle
    conj_physical _conj_physical _conj_copy _neg_view_copy relu maximum minimum fmax fmin clamp_min clamp_max
    eq ne lt le gt ge not_equal less less_equal greater greater_equal isfinite isinf isnan isneginf isposinf signbit
    logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift
    bitwise_right_shift __and__ __or__ __xor__ __lshift__ __rshift__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__
    where masked_fill masked_scatter threshold nan_to_num gcd lcm
    lgamma digamma polygamma mvlgamma igamma igammac i0 special_i0e special_i1 special_i1e special_zeta special_ndtri
    special_log_ndtr special_erfcx special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0
    special_bessel_y1 special_modified_bessel_i0 special_modified_bessel_i1 special_modified_bessel_k0
    special_modified_bessel_k1 special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1
    special_spherical_bessel_j0 special_chebyshev_polynomial_t special_chebyshev_polynomial_u
    special_chebyshev_polynomial_v special_chebyshev_polynomial_w special_hermite_polynomial_h
    special_hermite_polynomial_he special_laguerre_polynomial_l special_legendre_polynomial_p
    special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_u
    special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_w
"""

# A choice by a condition ("if") is one comparison; both branches are counted, since vector hardware computes both.
_COMPOUNDS = {
    "_add_relu": 2,  # max(x + y, 0)
    "celu": 4,  # x if x > 0 else α · expm1(x / α)
    "elu": 3,  # x if x > 0 else α · expm1(x)
    "glu": 2,  # a · sigmoid(b)
    "hardshrink": 2,  # x if x > λ or x < −λ else 0
    "hardsigmoid": 4,  # min(max(x + 3, 0), 6) / 6
    "hardswish": 5,  # x · hardsigmoid(x)
    "hardtanh": 2,  # min(max(x, low), high)
    "leaky_relu": 2,  # x if x > 0 else slope · x
    "lerp": 3,  # x + w · (y − x)
    "linalg_cross": 3,  # a · b − c · d
    "log_sigmoid_forward": 6,  # min(0, x) − log1p(exp(−|x|))
    "logaddexp": 7,  # max(x, y) + log1p(exp(−|x − y|))
    "logaddexp2": 7,
    "logit": 3,  # log(x / (1 − x))
    "mish": 4,  # x · tanh(log1p(exp(x)))
    "polar": 4,  # r · cos(θ), r · sin(θ)
    "_prelu_kernel": 2,  # x if x > 0 else w · x
    "relu6": 2,  # min(max(x, 0), 6)
    "rrelu": 2,
    "rrelu_with_noise": 2,
    "selu": 4,  # scale · elu(x)
    "silu": 2,  # x · sigmoid(x)
    "softplus": 5,  # x if β · x > t else log1p(exp(β · x)) / β
    "softshrink": 3,  # x − λ if x > λ else x + λ if x < −λ else 0
    "special_entr": 3,  # −x · log(x)
    "special_xlog1py": 2,  # x · log1p(y)
    "xlogy": 2,  # x · log(y)
}

# The gradient of each compound function times dy; y is its result, s = sigmoid(x).
_BACKWARD = {
    "elu": 4,  # dy if x > 0 else dy · α · exp(x)
    "glu": 3,  # of a: dy · s; of b: dy · a · s · (1 − s); both halves of one element: 6
    "hardshrink": 2,  # dy if x > λ or x < −λ else 0
    "hardsigmoid": 3,  # dy / 6 if −3 < x < 3 else 0
    "hardswish": 5,  # dy · (x / 3 + ½) if −3 < x < 3 else dy or 0
    "hardtanh": 2,  # dy if low < x < high else 0
    "leaky_relu": 2,  # dy if x > 0 else slope · dy
    "log_sigmoid": 6,  # dy · (1 or 0 ∓ z / (1 + z)), z = exp(−|x|) kept
    "logit": 3,  # dy / (x · (1 − x))
    "mish": 10,  # t = tanh(log1p(exp(x))); dy · (t + x · s · (1 − t²))
    "_prelu_kernel": 3,  # of x: dy if x > 0 else w · dy; of w: x · dy
    "rrelu_with_noise": 2,
    "sigmoid": 3,  # dy · y · (1 − y)
    "silu": 6,  # dy · s · (1 + x · (1 − s))
    "softplus": 6,  # dy if β · x > t else dy · z / (1 + z), z = exp(β · x)
    "softshrink": 2,  # dy if x > λ or x < −λ else 0
    "tanh": 3,  # dy · (1 − y²)
    "threshold": 1,  # dy if x > t else 0; of relu
}

flops_rules: RuleTable[FlopRule] = RuleTable(
    {
        **{f"aten.{op}": per_output(1) for op in _PRIMITIVES.split()},
        **{f"aten.{op}": per_output(flops) for op, flops in _COMPOUNDS.items()},
        **{f"aten.{op}_backward": per_output(flops) for op, flops in _BACKWARD.items()},
    }
)


@flops_rules("aten.add", "aten.sub", "aten.subtract")
def _add(kernel: Kernel) -> Cost:
    """``x + alpha · y``: 1 per element, 2 with an alpha other than 1."""
    return Cost(pointwise=(1 + _scaled(kernel, "alpha")) * numel(kernel.outputs[0]))


@flops_rules("aten.addcmul", "aten.addcdiv")
def _addcmul(kernel: Kernel) -> Cost:
    """``x + value · a · b`` (or ``a / b``): 2 per element, 3 with a value other than 1."""
    return Cost(pointwise=(2 + _scaled(kernel, "value")) * numel(kernel.outputs[0]))


@flops_rules("aten.clamp", "aten.clip")
def _clamp(kernel: Kernel) -> Cost:
    """``min(max(x, low), high)``: 1 per element and bound that is given."""
    bounds = sum(kernel.input(name) is not None or kernel.attributes.get(name) is not None for name in ("min", "max"))
    return Cost(pointwise=bounds * numel(kernel.outputs[0]))


@flops_rules("aten.gelu")
def _gelu(kernel: Kernel) -> Cost:
    """``x / 2 · (1 + erf(x / √2))``: 5 per element; ``x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))``: 9."""
    return Cost(pointwise=(9 if kernel.attributes.get("approximate") == "tanh" else 5) * numel(kernel.outputs[0]))


@flops_rules("aten.gelu_backward")
def _gelu_backward(kernel: Kernel) -> Cost:
    """``dy · (Φ(x) + x · φ(x))``: Φ = (1 + erf(x / √2)) / 2 is 4, φ = exp(−x² / 2) / √(2π) 4, the rest 3: 11 per element.

    With tanh, u = √(2/π) · x · (1 + 0.044715 · x²) and t = tanh(u) are 6, ``dy · ((1 + t) / 2 + x / 2 · (1 − t²) · u′)`` 9,
    and u′ = √(2/π) · (1 + 3 · 0.044715 · x²) 3: 18.
    """
    return Cost(pointwise=(18 if kernel.attributes.get("approximate") == "tanh" else 11) * numel(kernel.outputs[0]))


def _scaled(kernel: Kernel, factor: str) -> int:
    """1 where the operator multiplies by an extra factor."""
    return int(kernel.attributes.get(factor, 1) != 1)

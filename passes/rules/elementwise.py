"""Operators that compute each element of the output from the matching elements of the inputs; activations apart.

Each primitive is 1 FLOP per element: ``+ - * /``, a comparison, a selection, a logical or bitwise operation, and also
exp, log, sqrt, sin, tanh, erf, pow, the logistic function and any special function. That is the convention of
``jax.experimental.roofline``. A compound function costs the primitives of its formula, which stands beside it.
Integers, booleans and complex numbers count like floating point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators, reading
from fxviz.analysis.standard import Operation, Standard, dtype_of, operand_of, pairwise, unary
from fxviz.ir import Value
from fxviz.passes.rules.cost import Cost, numel, per_output
from fxviz.passes.rules.traffic import scatters

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

operators = Operators("elementwise")

_PAIR = ("self", "other")


# One primitive --------------------------------------------------------------------------------------------------------

operators.declare("exp", per_output(1), onnx=unary("Exp"), reads=reading("Exp"))
operators.declare("log", per_output(1), onnx=unary("Log"), reads=reading("Log"))
operators.declare("sqrt", per_output(1), onnx=unary("Sqrt"), reads=reading("Sqrt"))
operators.declare("erf", per_output(1), onnx=unary("Erf"), reads=reading("Erf"))
operators.declare("reciprocal", per_output(1), onnx=unary("Reciprocal"), reads=reading("Reciprocal"))
operators.declare("sin", per_output(1), onnx=unary("Sin"), reads=reading("Sin"))
operators.declare("cos", per_output(1), onnx=unary("Cos"), reads=reading("Cos"))
operators.declare("neg", per_output(1), onnx=unary("Neg"), reads=reading("Neg"))
operators.declare("abs", per_output(1), onnx=unary("Abs"), reads=reading("Abs"))
operators.declare("sign", per_output(1), onnx=unary("Sign"), reads=reading("Sign"))
operators.declare("floor", per_output(1), onnx=unary("Floor"), reads=reading("Floor"))
operators.declare("ceil", per_output(1), onnx=unary("Ceil"), reads=reading("Ceil"))
operators.declare("logical_not", per_output(1), onnx=unary("Not"), reads=reading("Not"))

operators.declare("mul", per_output(1), onnx=pairwise("Mul"), reads=reading("Mul", "Tensor", _PAIR))
operators.declare("maximum", per_output(1), onnx=pairwise("Max"))
operators.declare("minimum", per_output(1), onnx=pairwise("Min"))
operators.declare("logical_and", per_output(1), onnx=pairwise("And"), reads=reading("And", "Tensor", _PAIR))
operators.declare("logical_or", per_output(1), onnx=pairwise("Or"), reads=reading("Or", "Tensor", _PAIR))
operators.declare("eq", per_output(1), onnx=pairwise("Equal"), reads=reading("Equal", "Tensor", _PAIR))
operators.declare("gt", per_output(1), onnx=pairwise("Greater"), reads=reading("Greater", "Tensor", _PAIR))
operators.declare(
    "ge", per_output(1), onnx=pairwise("GreaterOrEqual"), reads=reading("GreaterOrEqual", "Tensor", _PAIR)
)
operators.declare("lt", per_output(1), onnx=pairwise("Less"), reads=reading("Less", "Tensor", _PAIR))
operators.declare("le", per_output(1), onnx=pairwise("LessOrEqual"), reads=reading("LessOrEqual", "Tensor", _PAIR))

# These are read from ONNX alone.
operators.declare("round", per_output(1), reads=reading("Round"))
operators.declare("tan", per_output(1), reads=reading("Tan"))
operators.declare("asin", per_output(1), reads=reading("Asin"))
operators.declare("acos", per_output(1), reads=reading("Acos"))
operators.declare("atan", per_output(1), reads=reading("Atan"))
operators.declare("sinh", per_output(1), reads=reading("Sinh"))
operators.declare("cosh", per_output(1), reads=reading("Cosh"))
operators.declare("asinh", per_output(1), reads=reading("Asinh"))
operators.declare("acosh", per_output(1), reads=reading("Acosh"))
operators.declare("atanh", per_output(1), reads=reading("Atanh"))
operators.declare("isnan", per_output(1), reads=reading("IsNaN"))
operators.declare("isinf", per_output(1), reads=reading("IsInf"))
operators.declare("bitwise_not", per_output(1), reads=reading("BitwiseNot"))
operators.declare("bitwise_and", per_output(1), reads=reading("BitwiseAnd", "Tensor", _PAIR))
operators.declare("bitwise_or", per_output(1), reads=reading("BitwiseOr", "Tensor", _PAIR))
operators.declare("bitwise_xor", per_output(1), reads=reading("BitwiseXor", "Tensor", _PAIR))
operators.declare("logical_xor", per_output(1), reads=reading("Xor", "Tensor", _PAIR))
operators.declare("remainder", per_output(1), reads=reading("Mod", "Tensor", _PAIR))

operators.declare(
    """
    absolute multiply divide true_divide floor_divide fmod negative square rsqrt float_power exp2 expm1 log2 log10 log1p
    atan2 arcsin arccos arctan arctan2 arcsinh arccosh arctanh erfc erfinv trunc fix frac sgn copysign nextafter ldexp
    frexp heaviside hypot sinc deg2rad rad2deg angle conj_physical _conj_physical _conj_copy _neg_view_copy fmax fmin
    ne not_equal less less_equal greater greater_equal isfinite isneginf isposinf signbit
    bitwise_left_shift bitwise_right_shift
    __and__ __or__ __xor__ __lshift__ __rshift__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__ nan_to_num gcd lcm
    lgamma digamma polygamma mvlgamma igamma igammac i0 special_i0e special_i1 special_i1e special_zeta special_ndtri
    special_log_ndtr special_erfcx special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0
    special_bessel_y1 special_modified_bessel_i0 special_modified_bessel_i1 special_modified_bessel_k0
    special_modified_bessel_k1 special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1
    special_spherical_bessel_j0 special_chebyshev_polynomial_t special_chebyshev_polynomial_u
    special_chebyshev_polynomial_v special_chebyshev_polynomial_w special_hermite_polynomial_h
    special_hermite_polynomial_he special_laguerre_polynomial_l special_legendre_polynomial_p
    special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_u
    special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_w
    """,
    per_output(1),
)
operators.declare("masked_scatter", per_output(1), kind="shape", traffic_in_place=scatters)


def _write_rsub(kernel: Operation) -> Standard | None:
    if kernel.attributes.get("alpha", 1) != 1:
        return None
    x = kernel.inputs[0]
    return Standard("Sub", (operand_of(kernel, "other", x), x), kernel.outputs)


def _write_div(kernel: Operation) -> Standard | None:
    (x, *_), y = kernel.inputs, kernel.outputs[0]
    # In torch the quotient of integers is not an integer.
    if kernel.attributes.get("rounding_mode") is not None or dtype_of(x) != dtype_of(y):
        return None
    return pairwise("Div")(kernel)


def _write_pow(kernel: Operation) -> Standard | None:
    if kernel.input("self") is None:  # a number to the power of a tensor
        return None
    x = kernel.inputs[0]
    return Standard("Pow", (x, operand_of(kernel, "exponent", x)), kernel.outputs)


def _write_where(kernel: Operation) -> Standard | None:
    return Standard("Where", kernel.inputs, kernel.outputs) if len(kernel.inputs) == 3 else None


def _write_masked_fill(kernel: Operation) -> Standard | None:
    x, mask = kernel.inputs[:2]
    return Standard("Where", (mask, operand_of(kernel, "value", x), x), kernel.outputs)


def _write_clamp(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    bounds = (operand_of(kernel, "min", x), operand_of(kernel, "max", x))
    return None if any(isinstance(bound, Value) for bound in bounds) else Standard("Clip", (x, *bounds), kernel.outputs)


operators.declare("rsub", per_output(1), onnx=_write_rsub)
operators.declare("div", per_output(1), onnx=_write_div, reads=reading("Div", "Tensor", _PAIR))
operators.declare("pow", per_output(1), onnx=_write_pow, reads=reading("Pow", "Tensor", _PAIR))
operators.declare("where", per_output(1), onnx=_write_where)
operators.declare("masked_fill", per_output(1), onnx=_write_masked_fill)
operators.declare("clamp_min clamp_max", per_output(1), onnx=_write_clamp)


# Several primitives ---------------------------------------------------------------------------------------------------
#
# A choice by a condition ("if") is one comparison; both branches are counted, since vector hardware computes both.

operators.declare("_add_relu", per_output(2))  # max(x + y, 0)
operators.declare("lerp", per_output(3))  # x + w · (y − x)
operators.declare("linalg_cross", per_output(3))  # a · b − c · d
operators.declare("logaddexp logaddexp2", per_output(7))  # max(x, y) + log1p(exp(−|x − y|))
operators.declare("logit", per_output(3))  # log(x / (1 − x))
operators.declare("logit_backward", per_output(3))  # dy / (x · (1 − x))
operators.declare("polar", per_output(4))  # r · cos(θ), r · sin(θ)
operators.declare("special_entr", per_output(3))  # −x · log(x)
operators.declare("special_xlog1py", per_output(2))  # x · log1p(y)
operators.declare("xlogy", per_output(2))  # x · log(y)


def _write_unscaled(op_type: str, kernel: Operation) -> Standard | None:
    return pairwise(op_type)(kernel) if kernel.attributes.get("alpha", 1) == 1 else None


@operators("aten.add", onnx=lambda kernel: _write_unscaled("Add", kernel), reads=reading("Add", "Tensor", _PAIR))
@operators("aten.sub", onnx=lambda kernel: _write_unscaled("Sub", kernel), reads=reading("Sub", "Tensor", _PAIR))
@operators("aten.subtract")
def _add(kernel: Kernel) -> Cost:
    """``x + alpha · y``: 1 per element, 2 with an alpha other than 1."""
    return Cost(pointwise=(1 + _scaled(kernel, "alpha")) * numel(kernel.outputs[0]))


@operators("aten.addcmul", "aten.addcdiv")
def _addcmul(kernel: Kernel) -> Cost:
    """``x + value · a · b`` (or ``a / b``): 2 per element, 3 with a value other than 1."""
    return Cost(pointwise=(2 + _scaled(kernel, "value")) * numel(kernel.outputs[0]))


@operators("aten.clamp", onnx=_write_clamp)
@operators("aten.clip")
def _clamp(kernel: Kernel) -> Cost:
    """``min(max(x, low), high)``: 1 per element and bound."""
    bounds = sum(kernel.input(name) is not None or kernel.attributes.get(name) is not None for name in ("min", "max"))
    return Cost(pointwise=bounds * numel(kernel.outputs[0]))


def _scaled(kernel: Kernel, factor: str) -> int:
    """Return 1 where the operator multiplies by an extra factor, else 0."""
    return int(kernel.attributes.get(factor, 1) != 1)


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare(
    """
    isclose truediv floordiv mod radd rmul rtruediv rpow iadd isub imul itruediv iand ior and or xor invert lshift rshift
    """,
    library="",
)

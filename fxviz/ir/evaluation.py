"""Expressions in sizes, evaluated over whole arrays of sizes at once.

An expression is walked and never turned into code: it may come from a file, and a walk does only what the heads of the
format allow.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import sympy

from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fxviz.ir.types import Dim

__all__ = ["Array", "evaluate"]

Array: TypeAlias = npt.NDArray[Any]  # of int64, or of float64 where those could overflow

_Number: TypeAlias = Any  # an array, or a number that broadcasts with one
_Ratio: TypeAlias = tuple[_Number, _Number]  # numerator and denominator, so that only a result is ever divided

_MOST_INT64 = 2**62


def evaluate(expression: Dim, sizes: Mapping[sympy.Symbol, Array]) -> Array:
    """Return the values of ``expression`` at ``sizes``, arrays of positive integers that broadcast together.

    Whole numbers are exact, int64, as long as no intermediate result can exceed 2⁶²; else they are float64, exact to 53
    bits.
    An `InputError` names a symbol that has no sizes, or a function that is not known.

    >>> B, S = sympy.symbols("B S", integer=True, positive=True)
    >>> evaluate(B * S**2 + sympy.floor(S / 2), {B: np.array([[1], [2]]), S: np.array([[3, 4]])})
    array([[10, 18],
           [19, 34]])
    """
    whole = sympy.sympify(expression)
    if missing := whole.free_symbols - sizes.keys():
        raise InputError(f"no sizes are given for {', '.join(sorted(map(str, missing)))}")
    largest = {symbol: int(values.max()) for symbol, values in sizes.items()}
    if _bound(whole, largest) >= _MOST_INT64:
        sizes = {symbol: values.astype(np.float64) for symbol, values in sizes.items()}
    above, below = _ratio(whole, sizes)
    shape = np.broadcast_shapes(*(values.shape for values in sizes.values()))
    return np.broadcast_to(_divided(above, below), shape)


def _divided(above: _Number, below: _Number) -> _Number:
    if isinstance(below, int) and below == 1:
        return above
    whole = above // below
    return whole if np.all(whole * below == above) else above / below


def _bound(expression: sympy.Expr, largest: Mapping[sympy.Symbol, int]) -> int:
    """Return a bound on every intermediate result."""
    if isinstance(expression, sympy.Symbol):
        return largest[expression]
    if isinstance(expression, sympy.Rational):
        return int(abs(expression.p) * expression.q)
    parts = [_bound(part, largest) for part in expression.args]
    if isinstance(expression, sympy.Pow) and expression.exp.is_Integer:
        power: int = max(parts[0], 1) ** int(abs(expression.exp))
        return power
    if isinstance(expression, sympy.Add | sympy.Max | sympy.Min):
        # Over their common denominator.
        return sum(parts) * math.prod(int(number.q) for number in expression.atoms(sympy.Rational))
    return math.prod(max(part, 1) for part in parts)


def _ratio(expression: sympy.Expr, sizes: Mapping[sympy.Symbol, Array]) -> _Ratio:
    """Return the values as a numerator and a denominator."""
    match expression:
        case sympy.Rational():
            return int(expression.p), int(expression.q)
        case sympy.Symbol():
            return sizes[expression], 1
        case sympy.Float() | sympy.NumberSymbol():
            return float(expression), 1
        case sympy.ceiling(args=[argument]) if (operand := _of_log2(argument)) is not None:
            return _ceil_log2(_divided(*_ratio(operand, sizes))), 1
    parts = [_ratio(part, sizes) for part in expression.args]
    match expression:
        case sympy.Add():
            above, below = _over_one(parts)
            return reduce(np.add, above), below
        case sympy.Mul():
            return reduce(np.multiply, [above for above, _ in parts]), reduce(
                np.multiply, [below for _, below in parts]
            )
        case sympy.Pow(exp=sympy.Integer()):
            power = int(expression.exp)
            above, below = parts[0] if power >= 0 else parts[0][::-1]
            return above ** abs(power), below ** abs(power)
        case sympy.Pow():
            return np.float_power(_divided(*parts[0]), _divided(*parts[1])), 1
        case sympy.Max() | sympy.Min():
            above, below = _over_one(parts)
            return reduce(np.maximum if isinstance(expression, sympy.Max) else np.minimum, above), below
        case sympy.Mod():
            (left, right), below = _over_one(parts)
            return np.mod(left, right), below
        case sympy.floor():
            return parts[0][0] // parts[0][1], 1
        case sympy.ceiling():
            return -(-parts[0][0] // parts[0][1]), 1
        case sympy.Abs():
            return np.abs(parts[0][0]), np.abs(parts[0][1])
        case sympy.log():
            return np.log(_divided(*parts[0])), 1
    raise InputError(f"cannot evaluate {expression.func.__name__} in {expression} over arrays of sizes")


def _over_one(parts: Sequence[_Ratio]) -> tuple[list[_Number], _Number]:
    """Return fractions over one common denominator."""
    if all(isinstance(below, int) for _, below in parts):
        common = math.lcm(*(below for _, below in parts))
        return [above * (common // below) for above, below in parts], common
    whole = reduce(np.multiply, [below for _, below in parts])
    return [above * (whole // below) for above, below in parts], whole


def _of_log2(expression: sympy.Expr) -> sympy.Expr | None:
    """Return x where ``expression`` is a base-2 logarithm, log(x) / log(2); else None."""
    logarithms = [part for part in expression.args if isinstance(part, sympy.log)]
    if len(logarithms) != 1 or expression != sympy.log(logarithms[0].args[0], 2):
        return None
    return logarithms[0].args[0]


def _ceil_log2(numbers: _Number) -> _Number:
    """Return ⌈log₂⌉ exactly: a number below 2⁵³ is m · 2ᵉ with ½ ≤ m < 1, and a power of two where m = ½."""
    mantissa, exponent = np.frexp(numbers)
    return (exponent - (mantissa == 0.5)).astype(np.int64)

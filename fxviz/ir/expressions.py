"""Symbolic sizes as data: an expression is a nested list that begins with the name of its head, ``["Mul", 4, ["Symbol", 0]]``.

Reading builds exactly the tree that was written. It parses no text and evaluates nothing, so a file cannot run code or
start a computation.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import sympy
from sympy.core.assumptions import _assume_defined

from fxviz.errors import FormatError, GraphError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Data", "Symbols", "decode_expression", "decode_symbol", "encode_expression"]

Data: TypeAlias = Any
"""Any JSON value; its type is unknown until it is checked."""

_MOST_NESTED = 100  # real sizes are some ten levels deep; a bound keeps hostile files from exhausting the stack

# Head -> how many arguments it takes, at least and at most.
_MANY = 1 << 30
_ARITIES: Mapping[type[sympy.Expr], tuple[int, int]] = MappingProxyType(
    {
        sympy.Add: (2, _MANY),
        sympy.Mul: (2, _MANY),
        sympy.Max: (2, _MANY),
        sympy.Min: (2, _MANY),
        sympy.Pow: (2, 2),
        sympy.Mod: (2, 2),
        sympy.floor: (1, 1),
        sympy.ceiling: (1, 1),
        sympy.Abs: (1, 1),
    }
)
_HEADS: Mapping[str, type[sympy.Expr]] = MappingProxyType({head.__name__: head for head in _ARITIES})
_DOUBLE = 53  # bits of precision of a Python float


class Symbols:
    """The symbols that the expressions of one file share, numbered in order of first use."""

    def __init__(self) -> None:
        self._numbers: dict[sympy.Symbol, int] = {}

    def number(self, symbol: sympy.Symbol) -> int:
        """Return the index of ``symbol`` in `rows`."""
        return self._numbers.setdefault(symbol, len(self._numbers))

    def rows(self) -> list[Data]:
        """Return each symbol as ``[name]`` where it stands for a size (a positive integer), else ``[name, assumptions]``."""
        return [
            [symbol.name] if symbol == _size(symbol.name) else [symbol.name, dict(sorted(symbol.assumptions0.items()))]
            for symbol in self._numbers
        ]


def _size(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, integer=True, positive=True)


def encode_expression(expression: sympy.Expr, symbols: Symbols, depth: int = 0) -> Data:
    """Return the expression as nested lists; a `GraphError` names a head that the format does not have."""
    if isinstance(expression, sympy.Integer):
        return int(expression)
    if isinstance(expression, sympy.Rational):
        return ["Rational", int(expression.p), int(expression.q)]
    if isinstance(expression, sympy.Float) and expression._prec == _DOUBLE:
        return ["Float", float(expression)]
    if type(expression) is sympy.Symbol:
        return ["Symbol", symbols.number(expression)]
    if _is_unreduced_power(expression.func, expression.args):
        raise GraphError(f"cannot save the expression {expression}: a power of two numbers is to be evaluated first")
    if expression.func not in _ARITIES:
        raise GraphError(f"cannot save the expression {expression}: {expression.func.__name__} is not among {_known()}")
    if depth == _MOST_NESTED:
        raise GraphError(f"cannot save an expression that is nested more than {_MOST_NESTED} deep")
    return [expression.func.__name__, *(encode_expression(part, symbols, depth + 1) for part in expression.args)]


def decode_expression(data: Data, symbols: list[sympy.Symbol], depth: int = 0) -> sympy.Expr:
    """Return the expression that `encode_expression` wrote; a `FormatError` says what is wrong with it."""
    if type(data) is int:
        return sympy.Integer(data)
    if not isinstance(data, list) or not data or type(data[0]) is not str:
        raise FormatError(
            f"an expression is an integer or a list that begins with one of {_known()}, not {str(data)[:80]}"
        )
    if depth == _MOST_NESTED:
        raise FormatError(f"an expression is nested more than {_MOST_NESTED} deep")
    head, *parts = data
    match head, parts:
        case "Symbol", [int(number)] if type(number) is int and 0 <= number < len(symbols):
            return symbols[number]
        case "Rational", [int(p), int(q)] if type(p) is type(q) is int and q > 1:
            return sympy.Rational(p, q)
        case "Float", [float(number)]:
            return sympy.Float(number)
    kind = _HEADS.get(head)
    if kind is None:
        raise FormatError(f"no expression begins {str(data)[:80]}; known are {_known()}")
    least, most = _ARITIES[kind]
    if not least <= len(parts) <= most:
        raise FormatError(f"{head} with {len(parts)} arguments")
    arguments = [decode_expression(part, symbols, depth + 1) for part in parts]
    if _is_unreduced_power(kind, arguments):
        raise FormatError("a power of two numbers is not written out")
    return kind(*arguments, evaluate=False)


def decode_symbol(data: Data) -> sympy.Symbol:
    """Return a row of `Symbols.rows` as a symbol."""
    match data:
        case [str(name)]:
            return _size(name)
        case [str(name), dict(assumptions)]:
            if unknown := assumptions.keys() - _assume_defined:
                raise FormatError(f"sympy does not know the assumption {min(unknown)!r}")
            if not all(type(value) is bool for value in assumptions.values()):
                raise FormatError("an assumption is true or false")
            try:
                return sympy.Symbol(name, **assumptions)
            except ValueError as error:
                raise FormatError(f"the assumptions on symbol {name!r} contradict each other") from error
    raise FormatError("a symbol is [name] or [name, assumptions]")


def _is_unreduced_power(head: type[sympy.Expr], arguments: tuple[sympy.Expr, ...] | list[sympy.Expr]) -> bool:
    """Return whether this is a power of numbers other than a root in lowest terms: evaluating it later could take forever."""
    if head is not sympy.Pow or arguments[0].free_symbols or arguments[1].free_symbols:
        return False
    base, exponent = arguments
    return not (base.is_Integer and exponent.is_Rational and not exponent.is_Integer and abs(exponent) < 1)


def _known() -> str:
    return ", ".join(["Integer", "Rational", "Float", "Symbol", *_HEADS])

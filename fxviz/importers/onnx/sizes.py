"""Arithmetic on sizes: what small tensors hold that a model computes from shapes, in numbers and symbols.

Exporters write ``x.view(x.shape[0], -1)`` as half a dozen operations. What they compute is known without running them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import sympy

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.file import SMALL
from fxviz.importers.onnx.operation import Number, Operation, numbers_of
from fxviz.ir import Dim, as_dim

__all__ = ["compute"]

Rule: TypeAlias = Callable[[Operation], "Number | None"]

rules: RuleTable[Rule] = RuleTable()
"""What the first output holds, by operator; None where that is not known."""


def compute(operation: Operation) -> Number | None:
    """Compute what the one output of ``operation`` holds: a number, or a short list of numbers; None if not known."""
    if operation.domain or len(operation.outputs) != 1 or (rule := rules.find(operation.op_type)) is None:
        return None
    try:
        found = rule(operation)
    except (TypeError, ValueError, IndexError, ArithmeticError):  # operands that do not fit: they compute nothing
        return None
    if isinstance(found, tuple):
        return tuple(map(_tidy, found)) if len(found) <= SMALL else None
    return None if found is None else _tidy(found)


def _tidy(number: Dim | float | bool) -> Dim | float | bool:
    if isinstance(number, sympy.Expr):
        number = as_dim(number)
        if isinstance(number, sympy.Expr) and not number.free_symbols:
            return float(number)
        if isinstance(number, sympy.Expr) and number.count_ops() > SMALL:
            raise ValueError
    return number


def _all(operation: Operation) -> list[Number] | None:
    found = [operation.number(position) for position in range(len(operation.operands))]
    return None if None in found else [number for number in found if number is not None]


def _by_element(combine: Callable[..., Dim | float | bool]) -> Rule:
    """Return the rule that applies ``combine`` to the matching elements of all operands."""

    def rule(operation: Operation) -> Number | None:
        if (operands := _all(operation)) is None:
            return None
        lists = [operand for operand in operands if isinstance(operand, tuple)]
        if not lists:
            return combine(*operands)
        length = max(map(len, lists)) if all(lists) else 0
        spread = [
            operand if isinstance(operand, tuple) and len(operand) == length else numbers_of(operand) * length  # type: ignore[operator]
            for operand in operands
        ]
        return tuple(combine(*members) for members in zip(*spread, strict=True))

    return rule


def _quotient(a: Dim | float, b: Dim | float) -> Dim | float:
    """Of integers rounded towards zero; sizes are positive."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    if isinstance(a, int) and isinstance(b, int):
        return int(a / b) if a % b else a // b
    return sympy.floor(sympy.sympify(a) / b)


def _compare(relation: Callable[[Dim, Dim], object]) -> Callable[[Dim, Dim], bool]:
    """Return a comparison that raises ValueError where symbols leave ``relation`` undecided."""

    def compare(a: Dim, b: Dim) -> bool:
        found = relation(a, b)
        if found in (True, False):
            return bool(found)
        raise ValueError

    return compare


def _power(a: Dim | float, b: Dim | float) -> Dim | float:
    if not isinstance(b, int | float) or abs(b) > SMALL:
        raise ValueError
    return a**b


rules("Add")(_by_element(lambda a, b: a + b))
rules("Sub")(_by_element(lambda a, b: a - b))
rules("Mul")(_by_element(lambda a, b: a * b))
rules("Div")(_by_element(_quotient))
rules("Mod")(_by_element(lambda a, b: a % b if isinstance(a, int) else sympy.Mod(a, b)))
rules("Pow")(_by_element(_power))
rules("Neg")(_by_element(lambda a: -a))
rules("Abs")(_by_element(abs))
rules("Sqrt")(_by_element(lambda a: math.sqrt(a)))
rules("Reciprocal")(_by_element(lambda a: 1 / a))
rules("Floor")(_by_element(lambda a: float(math.floor(a)) if isinstance(a, float) else sympy.floor(a)))
rules("Ceil")(_by_element(lambda a: float(math.ceil(a)) if isinstance(a, float) else sympy.ceiling(a)))
rules("Not")(_by_element(lambda a: not a))
rules("And")(_by_element(lambda a, b: bool(a) and bool(b)))
rules("Or")(_by_element(lambda a, b: bool(a) or bool(b)))
rules("Equal")(_by_element(_compare(lambda a, b: sympy.Eq(a, b))))
rules("Less")(_by_element(_compare(lambda a, b: a < b)))
rules("Greater")(_by_element(_compare(lambda a, b: a > b)))
rules("LessOrEqual")(_by_element(_compare(lambda a, b: a <= b)))
rules("GreaterOrEqual")(_by_element(_compare(lambda a, b: a >= b)))
rules("Where")(_by_element(lambda condition, a, b: a if condition else b))
rules("Min")(_by_element(lambda *members: sympy.Min(*members) if _symbolic(members) else min(members)))
rules("Max")(_by_element(lambda *members: sympy.Max(*members) if _symbolic(members) else max(members)))


def _symbolic(members: tuple[object, ...]) -> bool:
    return any(isinstance(member, sympy.Expr) for member in members)


@rules("Shape")
def _shape(operation: Operation) -> Number | None:
    type = operation.type(0)
    end = operation.attributes.get("end")
    return None if type is None else type.shape[operation.integer("start", 0) : end if isinstance(end, int) else None]


@rules("Size")
def _size(operation: Operation) -> Number | None:
    type = operation.type(0)
    return None if type is None else type.numel


@rules("Identity")
def _identity(operation: Operation) -> Number | None:
    return operation.number(0)


@rules("Cast", "CastLike")
def _cast(operation: Operation) -> Number | None:
    number, output = operation.number(0), operation.outputs[0]
    if number is None or output is None or output.type is None:
        return None
    dtype = output.type.dtype

    def cast(member: Dim | float | bool) -> Dim | float | bool:
        if dtype == "bool":
            return bool(member)
        if isinstance(member, sympy.Expr):
            return member
        return float(member) if "float" in dtype else int(member)

    return tuple(map(cast, number)) if isinstance(number, tuple) else cast(number)


@rules("Concat")
def _concat(operation: Operation) -> Number | None:
    if (operands := _all(operation)) is None or not all(isinstance(operand, tuple) for operand in operands):
        return None
    return tuple(member for operand in operands for member in numbers_of(operand) or ())


@rules("Gather")
def _gather(operation: Operation) -> Number | None:
    data, index = operation.number(0), operation.number(1)
    if not isinstance(data, tuple) or index is None:
        return None
    if isinstance(index, tuple):
        return tuple(data[place] for place in index if isinstance(place, int))
    return data[index] if isinstance(index, int) else None


@rules("Slice")
def _slice(operation: Operation) -> Number | None:
    data = operation.number(0)
    bounds = [operation.integers(name, place) for place, name in enumerate(("starts", "ends"), 1)]
    steps = operation.integers("steps", 4) or (1,)
    if not isinstance(data, tuple) or any(bound is None or len(bound) != 1 for bound in bounds):
        return None
    (start,), (end,) = (bound or () for bound in bounds)
    return data[start : end if end >= -len(data) else None : steps[0]]


@rules("Unsqueeze")
def _unsqueeze(operation: Operation) -> Number | None:
    data = operation.number(0)
    return None if data is None or isinstance(data, tuple) else (data,)


@rules("Squeeze")
def _squeeze(operation: Operation) -> Number | None:
    data = operation.number(0)
    return data[0] if isinstance(data, tuple) and len(data) == 1 else None


@rules("Reshape", "Flatten")
def _reshape(operation: Operation) -> Number | None:
    data, wanted = operation.number(0), operation.number(1)
    if data is None or operation.op_type == "Flatten" or not isinstance(wanted, tuple) or len(wanted) > 1:
        return None
    return numbers_of(data) if wanted else (numbers_of(data) or (data,))[0]


@rules("Expand", "Tile")
def _expand(operation: Operation) -> Number | None:
    data, times = operation.number(0), operation.integers("", 1)
    if data is None or times is None or len(times) != 1 or not 0 < times[0] <= SMALL:
        return None
    members = numbers_of(data) or ()
    return members * times[0] if operation.op_type == "Tile" or len(members) == 1 else members


@rules("ConstantOfShape")
def _constant_of_shape(operation: Operation) -> Number | None:
    extents = operation.integers("", 0)
    length = operation.number(0)
    if extents is None or not isinstance(length, tuple) or len(extents) != len(length) or len(extents) > 1:
        return None
    fill = operation.attributes.get("value", 0.0)
    value = numbers_of(fill)
    if value is None or len(value) != 1 or (extents and not 0 <= extents[0] <= SMALL):
        return None
    return value * extents[0] if extents else value[0]


@rules("Range")
def _range(operation: Operation) -> Number | None:
    bounds = [operation.number(position) for position in range(3)]
    start, end, by = bounds
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(by, int)) or not by:
        return None
    members = range(start, end, by)
    return tuple(members) if len(members) <= SMALL else None


def _reduce(combine: Callable[[tuple[Dim | float | bool, ...]], Dim | float | bool]) -> Rule:
    def rule(operation: Operation) -> Number | None:
        data = operation.number(0)
        if not isinstance(data, tuple) or not data:
            return None
        found = combine(data)
        return (found,) if operation.integer("keepdims", 1) else found

    return rule


rules("ReduceProd")(_reduce(lambda members: math.prod(members)))
rules("ReduceSum")(_reduce(lambda members: sum(members)))
rules("ReduceMax")(_reduce(lambda members: sympy.Max(*members) if _symbolic(members) else max(members)))
rules("ReduceMin")(_reduce(lambda members: sympy.Min(*members) if _symbolic(members) else min(members)))

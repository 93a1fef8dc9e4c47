"""An operation as a standard ONNX operator: what the rules return, and how they read arguments. Nothing here needs onnx."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from fxviz.ir import Attribute, Dim, Kernel, Node, Value

__all__ = [
    "Literal",
    "Operand",
    "Operation",
    "Standard",
    "StandardRule",
    "dtype_of",
    "integers",
    "is_known",
    "operand_of",
    "pairwise",
    "rank_of",
    "real",
    "shape_of",
    "spread",
    "unary",
]


@dataclass(frozen=True)
class Literal:
    """A constant operand: a number, or a list of numbers."""

    value: Attribute
    dtype: str = "int64"


Operand: TypeAlias = Value | Literal | None
Operation: TypeAlias = Kernel | Node


@dataclass(frozen=True)
class Standard:
    """An operation as a standard ONNX operator; an operand that is None is left out."""

    op_type: str
    inputs: tuple[Operand, ...]
    outputs: tuple[Value | None, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: MappingProxyType({}))


StandardRule: TypeAlias = Callable[[Operation], Standard | None]
"""Return the standard operator that computes the same values as an operation, None where there is none for its arguments.

Values must be equal, not only similar. Checks of dtypes and of symbolic numbers are left to the exporter.
"""


def dtype_of(operand: Operand) -> str | None:
    """Return the dtype of an operand, ``""`` for one that is left out, None for one of unknown type."""
    if operand is None:
        return ""
    if isinstance(operand, Literal):
        return operand.dtype
    return operand.type.dtype if operand.type else None


def shape_of(value: Value) -> tuple[Dim, ...]:
    """Return the extents of a tensor of known type."""
    assert value.type  # the exporter applies rules to operations of known types only
    return value.type.shape


def rank_of(value: Value) -> int:
    """Return the number of dimensions of a tensor of known type."""
    return len(shape_of(value))


def is_known(operation: Operation) -> bool:
    """Return whether every input and output of the operation has a type."""
    return all(value.type for value in (*operation.inputs, *operation.outputs))


def integers(attribute: Attribute) -> tuple[int, ...]:
    """Return an integer or a list of integers as a tuple, an empty one for anything else."""
    values = attribute if isinstance(attribute, tuple) else (attribute,)
    return tuple(value for value in values if isinstance(value, int))


def spread(attribute: Attribute, spatial: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return one integer for each spatial dimension; a single one stands for all."""
    values = integers(attribute) or default
    return values * spatial if len(values) == 1 else values


def operand_of(operation: Operation, name: str, like: Value) -> Operand:
    """Return the argument ``name``; a number becomes a constant of the dtype of ``like``."""
    if (value := operation.input(name)) is not None:
        return value
    number = operation.attributes.get(name)
    assert like.type
    return None if number is None else Literal(number, like.type.dtype)


def real(attribute: Attribute) -> Attribute:
    """Return a whole number as a real one: ONNX distinguishes them."""
    return float(attribute) if isinstance(attribute, int) else attribute


def unary(op_type: str) -> StandardRule:
    """Return the rule for an operator on the elements of one tensor, without attributes."""
    return lambda operation: Standard(op_type, operation.inputs[:1], operation.outputs)


def pairwise(op_type: str) -> StandardRule:
    """Return the rule for an operator on the elements of two tensors, or of a tensor and a number."""

    def rule(operation: Operation) -> Standard:
        x = operation.inputs[0]
        return Standard(op_type, (x, operand_of(operation, "other", x)), operation.outputs)

    return rule

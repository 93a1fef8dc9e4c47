"""An operation as a standard ONNX operator, and what the rules that make one read from its arguments."""

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
    "OperatorRule",
    "Standard",
    "dtype_of",
    "integers",
    "is_known",
    "operand_of",
    "rank_of",
    "real",
    "shape_of",
    "spread",
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


OperatorRule: TypeAlias = Callable[[Operation], Standard | None]


def dtype_of(operand: Operand) -> str | None:
    """The dtype of an operand, ``""`` for one that is left out, None for one of unknown type."""
    if operand is None:
        return ""
    if isinstance(operand, Literal):
        return operand.dtype
    return operand.type.dtype if operand.type else None


def shape_of(value: Value) -> tuple[Dim, ...]:
    """The extents of a tensor of known type."""
    assert value.type  # `fxviz.exporters.onnx.view.operators.lower` asks no rule about unknown types
    return value.type.shape


def rank_of(value: Value) -> int:
    """The number of dimensions of a tensor of known type."""
    return len(shape_of(value))


def is_known(operation: Operation) -> bool:
    """Whether all that the operation reads and makes has a type."""
    return all(value.type for value in (*operation.inputs, *operation.outputs))


def integers(attribute: Attribute) -> tuple[int, ...]:
    """An integer or a list of them as a tuple; empty where it is anything else."""
    values = attribute if isinstance(attribute, tuple) else (attribute,)
    return tuple(value for value in values if isinstance(value, int))


def spread(attribute: Attribute, spatial: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """One integer for each spatial dimension, where one may stand for all."""
    values = integers(attribute) or default
    return values * spatial if len(values) == 1 else values


def operand_of(operation: Operation, name: str, like: Value) -> Operand:
    """The argument ``name``, a number as a constant of the dtype of ``like``."""
    if (value := operation.input(name)) is not None:
        return value
    number = operation.attributes.get(name)
    assert like.type
    return None if number is None else Literal(number, like.type.dtype)


def real(attribute: Attribute) -> Attribute:
    """A whole number as a real one: ONNX keeps the two apart."""
    return float(attribute) if isinstance(attribute, int) else attribute

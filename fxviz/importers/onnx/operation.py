"""An operation of an ONNX file, with what is known of its operands: what all rules here look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from fxviz.ir import Attribute, Dim, TensorType, Value

__all__ = ["Known", "Number", "Operand", "Operation", "Step", "Translation", "numbers_of", "step"]

Number: TypeAlias = "Dim | float | bool | tuple[Dim | float | bool, ...]"
"""What a tensor holds: a number, or the numbers of a list."""


@dataclass(frozen=True, eq=False)
class Known:
    """A small tensor whose numbers are known: a size, an axis, a scale. It is an attribute, not a graph value."""

    name: str
    type: TensorType
    number: Number


Operand: TypeAlias = "Value | Known | None"
"""An input: a tensor, a number, or one that is left out."""


@dataclass(frozen=True, eq=False)
class Operation:
    """A node of a file: operands in the order of ONNX's schema, and the attributes that are given."""

    op_type: str
    domain: str
    version: int
    operands: tuple[Operand, ...]
    names: tuple[str, ...]
    outputs: tuple[Value | None, ...]
    attributes: Mapping[str, Attribute]
    weights: Mapping[Value, Number] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def op(self) -> str:
        """``Conv``; of other domains than ONNX's own, with the domain: ``com.microsoft.FusedMatMul``."""
        return f"{self.domain}.{self.op_type}" if self.domain else self.op_type

    @property
    def kernel(self) -> str:
        """The name under which an analysis finds a rule: ``onnx.Conv.22``, ``com.microsoft.FusedMatMul.1``."""
        return f"{self.domain or 'onnx'}.{self.op_type}.{self.version}"

    def operand(self, position: int) -> Operand:
        """Return the operand at ``position``, None if it is left out."""
        return self.operands[position] if position < len(self.operands) else None

    def tensor(self, position: int) -> Value | None:
        """Return the operand at ``position`` if it is a tensor, else None."""
        operand = self.operand(position)
        return operand if isinstance(operand, Value) else None

    def number(self, position: int) -> Number | None:
        """Return what the operand at ``position`` holds, None if that is not known."""
        operand = self.operand(position)
        if isinstance(operand, Known):
            return operand.number
        return self.weights.get(operand) if operand is not None else None

    def type(self, position: int) -> TensorType | None:
        """Return the type of the operand at ``position``, None if it is left out or its type is not known."""
        operand = self.operand(position)
        return operand.type if operand is not None else None

    def integer(self, name: str, default: int) -> int:
        """Return the integer attribute ``name``, or ``default`` if the operation does not have it."""
        value = self.attributes.get(name)
        return value if isinstance(value, int) else default

    def integers(self, name: str, position: int | None = None) -> tuple[int, ...] | None:
        """Return a list of integers: the attribute ``name`` or, as some opsets have it, the operand at ``position``."""
        given = self.attributes.get(name)
        if given is None and position is not None:
            given = self.number(position)
        values = numbers_of(given)
        return tuple(value for value in values if isinstance(value, int)) if values is not None else None


@dataclass(frozen=True, eq=False)
class Step:
    """One ATen kernel that computes what an operation does, or a part of it."""

    op: str
    inputs: tuple[Value, ...]
    input_names: tuple[str, ...]
    outputs: tuple[Value, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: MappingProxyType({}))


Translation: TypeAlias = Callable[[Operation], "list[Step] | None"]
"""An operation as ATen kernels, in order; None where there are none that do exactly this."""


def step(
    op: str,
    operands: Mapping[str, Operand],
    outputs: tuple[Value | None, ...],
    attributes: Mapping[str, Attribute] = MappingProxyType({}),
) -> Step:
    """Create a kernel on operands by argument name; numbers become attributes, operands that are None are left out."""
    tensors = {name: operand for name, operand in operands.items() if isinstance(operand, Value)}
    known = {name: operand.number for name, operand in operands.items() if isinstance(operand, Known)}
    made = tuple(value for value in outputs if value is not None)
    given = {name: attribute for name, attribute in {**known, **attributes}.items() if attribute is not None}
    return Step(op, tuple(tensors.values()), tuple(tensors), made, MappingProxyType(given))


def numbers_of(given: object) -> tuple[Dim | float | bool, ...] | None:
    """Return a number, or a list of numbers, as a tuple; None for anything else."""
    if given is None or isinstance(given, str | Mapping):
        return None
    return given if isinstance(given, tuple) else (given,)

"""What a file holds beside its operations, as values of the graph: weights, constants, and numbers where a tensor is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fxviz.errors import FormatError
from fxviz.importers.onnx.operation import Known, Number, Operand, numbers_of
from fxviz.importers.onnx.place import numbered
from fxviz.importers.onnx.scopes import metadata_of
from fxviz.importers.onnx.tensors import attributes_of, is_number, number_in, role_of, type_in
from fxviz.ir import Role, TensorType, Value
from fxviz.ir.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx

    from fxviz.importers.onnx.lifetimes import Draft
    from fxviz.importers.onnx.own import Own

__all__ = ["Holdings"]


@dataclass
class Holdings:
    """The values of one file; ``numbers`` is what small weights hold."""

    _draft: Draft
    _own: Own
    numbers: dict[Value, Number] = field(default_factory=dict)
    _unique: Names = field(default_factory=lambda: Names(numbered))

    def tensor(self, operand: Operand) -> Value:
        """Return the operand as a value of the graph; a number becomes a constant."""
        if isinstance(operand, Value):
            return operand
        if operand is None:
            raise FormatError("something is handed on that was left out")
        if operand not in self._draft.made_of_numbers:
            value = self.given(operand.name, operand.type, Role.CONSTANT)
            self.numbers[value] = operand.number
            self._draft.made_of_numbers[operand] = value
        return self._draft.made_of_numbers[operand]

    def value(self, name: str, type: TensorType | None, role: Role = Role.RESULT, trainable: bool = False) -> Value:
        """Create a value of the graph, with a unique name."""
        return Value(self._unique(name or "value"), type, role, trainable=trainable)

    def weight(self, tensor: onnx.TensorProto, statistics: Iterable[str]) -> Operand:
        """Return a tensor of the file as an operand: a number if it is used as one, else a weight of the graph."""
        type, number, facts = type_in(tensor), number_in(tensor), metadata_of(tensor)
        if type is not None and number is not None and is_number(type, number, facts):
            return Known(tensor.name, type, number)
        weight = self.given(tensor.name, type, role_of(tensor.name, type, facts, statistics))
        if number is not None:
            self.numbers[weight] = number
        return weight

    def given(self, name: str, type: TensorType | None, role: Role, trainable: bool = True) -> Value:
        """Add a tensor that the file holds, and that is not the result of an operation, to the graph and return it."""
        value = self.value(name, type, role, trainable and role is Role.PARAMETER)
        (self._draft.constants if role is Role.CONSTANT else self._draft.parameters).append(value)
        return value

    def constant(self, proto: onnx.NodeProto) -> Operand:
        """Return the tensor that a ``Constant`` operation holds, as an operand."""
        if len(proto.output) != 1 or len(proto.attribute) != 1:
            raise FormatError(f"the constant {proto.name or list(proto.output)!r} holds {len(proto.attribute)} tensors")
        (name,), (attribute,) = proto.output, proto.attribute
        facts = metadata_of(proto)
        if attribute.name == "value":
            attribute.t.name = name
            operand: Operand = self.weight(attribute.t, ())
            if isinstance(operand, Value) and not self._own.is_own and operand.role is Role.PARAMETER:
                self._draft.parameters.remove(operand)
                operand = self.given(name, operand.type, Role.CONSTANT)
        elif attribute.name == "sparse_value":
            type = type_in(attribute.sparse_tensor.values)
            shaped = (
                TensorType(tuple(max(extent, 0) for extent in attribute.sparse_tensor.dims), type.dtype)
                if type
                else None
            )
            operand = None
            if self._own.is_own:
                operand = self._own.weight(facts, name, shaped, self.given)
            operand = operand or self.given(name, shaped, Role.CONSTANT)
        else:
            held = attributes_of(proto).get(attribute.name)
            members = numbers_of(held)
            if members is None:
                operand = self.given(name, None, Role.CONSTANT)  # a text
            else:
                dtype = "float32" if "float" in attribute.name else "int64"
                shape = (len(members),) if isinstance(held, tuple) else ()
                operand = Known(name, TensorType(shape, dtype), held)
        return operand

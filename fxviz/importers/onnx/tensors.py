"""What stands in a file beside its operations: weights, constants and attributes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import onnx

from fxviz.errors import FormatError
from fxviz.importers.onnx.file import SMALL
from fxviz.importers.onnx.types import DTYPES
from fxviz.ir import Attribute, Role, TensorType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fxviz.importers.onnx.operation import Number

__all__ = ["attributes_of", "is_number", "number_in", "role_of", "running_statistics", "type_in"]

_KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
_ROLES = {"PARAMETER": Role.PARAMETER, "BUFFER": Role.BUFFER, "CONSTANT_TENSOR": Role.CONSTANT}


def type_in(tensor: onnx.TensorProto) -> TensorType | None:
    """Return the type of a tensor in a file; None if torch has no dtype for it, as for strings."""
    if any(extent < 0 for extent in tensor.dims):
        raise FormatError(f"the tensor {tensor.name!r} has the shape {list(tensor.dims)}")
    dtype = DTYPES.get(tensor.data_type)
    return TensorType(tuple(tensor.dims), dtype) if dtype else None


def number_in(tensor: onnx.TensorProto) -> Number | None:
    """Return what a small tensor holds: a number, or the numbers of a list. Data in other files is not opened."""
    if len(tensor.dims) > 1 or math.prod(tensor.dims) > SMALL or tensor.data_type not in DTYPES:
        return None
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    try:
        values = onnx.numpy_helper.to_array(tensor).tolist()
    except Exception as error:  # whatever numpy may say of bytes that do not fit the shape
        raise FormatError(f"the tensor {tensor.name!r} has other data than its shape and type say: {error}") from error
    members = values if isinstance(values, list) else [values]
    if not all(isinstance(member, bool | int | float) for member in members):
        return None
    return tuple(values) if isinstance(values, list) else values


def is_number(type: TensorType, number: Number | None, facts: Mapping[str, str]) -> bool:
    """Whether a tensor is a size, an axis or a factor, not a weight: a single number, or a short list of integers."""
    if number is None or _ROLES.get(facts.get(_KIND, "")) in (Role.PARAMETER, Role.BUFFER):
        return False
    return not type.shape or type.dtype in ("int64", "bool")


def role_of(name: str, type: TensorType | None, facts: Mapping[str, str], statistics: Iterable[str]) -> Role:
    """Return the role of a tensor: as torch's exporter says, else by its type; running statistics are buffers."""
    if (role := _ROLES.get(facts.get(_KIND, ""))) is not None:
        return role
    if name in statistics:
        return Role.BUFFER
    return Role.CONSTANT if type is None or type.dtype in ("int64", "bool") else Role.PARAMETER


def running_statistics(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Return the names by which batch normalisation reads its mean and variance."""
    return {name for node in nodes if node.op_type == "BatchNormalization" for name in node.input[3:5]}


def attributes_of(proto: onnx.NodeProto) -> dict[str, Attribute]:
    """Return the attributes of an operation without nested graphs; a large tensor is described by its type."""
    found = {attribute.name: _attribute(attribute) for attribute in proto.attribute}
    return {name: value for name, value in found.items() if value is not None}


def _attribute(attribute: onnx.AttributeProto) -> Attribute:
    kinds = onnx.AttributeProto
    match attribute.type:
        case kinds.INT:
            return attribute.i
        case kinds.FLOAT:
            return attribute.f
        case kinds.STRING:
            return attribute.s.decode("utf-8", "replace")
        case kinds.INTS:
            return tuple(attribute.ints)
        case kinds.FLOATS:
            return tuple(attribute.floats)
        case kinds.STRINGS:
            return tuple(text.decode("utf-8", "replace") for text in attribute.strings)
        case kinds.TENSOR:
            number = number_in(attribute.t)
            return str(type_in(attribute.t) or "tensor") if number is None else number
    return None

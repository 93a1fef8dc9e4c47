"""The type of every result: as the file has it, else from the operation's own rule for symbols, else as ONNX infers it.

One operation at a time: a file that claims monstrous shapes stops at the operation that makes the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from fxviz.importers.onnx.format import ELEMENT_TYPES
from fxviz.importers.onnx.fused import fused_types
from fxviz.importers.onnx.operation import Operation, numbers_of
from fxviz.importers.onnx.shape_rules import COMPARISONS, MOST_EXTENTS, shape_rules, sizes_of, tidy
from fxviz.importers.onnx.types import DTYPES, Extents, tensor_type_of
from fxviz.ir import TensorType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["infer"]


def infer(
    proto: onnx.NodeProto, operation: Operation, extents: Extents, opsets: Mapping[str, int]
) -> tuple[list[TensorType | None], bool]:
    """Return the types of an operation's outputs, None where not known, and whether ONNX accepts its inputs."""
    unknown: list[TensorType | None] = [None] * len(proto.output)
    if operation.domain:
        return fused_types(operation, unknown), True
    if operation.op_type == "ConstantOfShape":  # ONNX's own rule would believe any rank
        return _filled(proto, operation, unknown), True
    if (made := _infer_by_onnx(proto, operation, extents, opsets)) is None:
        return unknown, False
    rule = shape_rules.find(operation.op_type)
    shape = tidy(rule(operation)) if rule is not None else None
    if shape is None or not made:
        return [proto and tensor_type_of(proto, extents) for proto in made], True
    dtype = DTYPES.get(made[0].tensor_type.elem_type) if made[0] else _dtype_of(operation)
    first = TensorType(shape, dtype) if dtype else None
    return [first, *(proto and tensor_type_of(proto, extents) for proto in made[1:])], True


def _infer_by_onnx(
    proto: onnx.NodeProto, operation: Operation, extents: Extents, opsets: Mapping[str, int]
) -> list[onnx.TypeProto | None] | None:
    """Infer the type of each output by ONNX's own rule; return None if it refuses the inputs."""
    if not onnx.defs.has(proto.op_type, operation.version, "") or _claims_any_rank(operation):
        return [None] * len(proto.output)
    schema = onnx.defs.get_schema(proto.op_type, operation.version, "")
    types: dict[str, onnx.TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    alone = onnx.NodeProto(op_type=proto.op_type, name=proto.name, attribute=_own(proto))
    for position, operand in enumerate(operation.operands):
        name = f"i{position}" if operand is not None else ""
        alone.input.append(name)
        if operand is None:
            continue
        types[name] = extents.proto(operand.type) if operand.type else onnx.TypeProto()
        if (tensor := _data(operation, position)) is not None:
            data[name] = tensor
    alone.output.extend(f"o{position}" if name else "" for position, name in enumerate(proto.output))
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    try:
        made = onnx.shape_inference.infer_node_outputs(schema, alone, types, data, opset_imports=imports)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError, IndexError):
        return None  # what ONNX cannot infer is unknown
    return [made.get(name) for name in alone.output]


def _claims_any_rank(operation: Operation) -> bool:
    """Whether ONNX's own rule would make as many extents as a list of sizes is said to have members."""
    type = operation.type(1)
    return operation.op_type in ("Expand", "CenterCropPad") and not (
        type and len(type.shape) == 1 and isinstance(type.shape[0], int) and type.shape[0] <= MOST_EXTENTS
    )


def _own(proto: onnx.NodeProto) -> list[onnx.AttributeProto]:
    """Return the attributes except nested graphs, which are read by themselves."""
    return [attribute for attribute in proto.attribute if not (attribute.HasField("g") or attribute.graphs)]


def _data(operation: Operation, position: int) -> onnx.TensorProto | None:
    number, type = operation.number(position), operation.type(position)
    members = numbers_of(number)
    if members is None or type is None or len(type.shape) > 1:
        return None
    if not all(isinstance(member, int | float) and abs(member) < 2**63 for member in members):
        return None
    dims = [len(members)] if isinstance(number, tuple) else []
    return onnx.helper.make_tensor("", ELEMENT_TYPES[type.dtype], dims, members)


def _dtype_of(operation: Operation) -> str | None:
    """Return the dtype of a result whose shape has a rule in this package; None if it is not known."""
    if operation.op_type in COMPARISONS:
        return "bool"
    type = operation.type(1 if operation.op_type == "Where" else 0)
    return type.dtype if type else None


def _filled(proto: onnx.NodeProto, operation: Operation, unknown: list[TensorType | None]) -> list[TensorType | None]:
    shape = tidy(sizes_of(operation, 0))
    fill = next((attribute.t.data_type for attribute in proto.attribute if attribute.name == "value"), 1)
    return [TensorType(shape, DTYPES[fill])] if shape is not None and fill in DTYPES and len(unknown) == 1 else unknown

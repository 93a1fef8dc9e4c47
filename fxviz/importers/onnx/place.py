"""Where operations of a file are read: what names mean there, and which operators."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import onnx

from fxviz.errors import FormatError
from fxviz.importers.onnx.operation import Operand
from fxviz.importers.onnx.own import Own
from fxviz.importers.onnx.scopes import metadata_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fxviz.ir import Scope

__all__ = ["Place", "bound", "described", "domain_of", "numbered", "opsets_of", "schema_of"]

Names: TypeAlias = ChainMap[str, Operand]


@dataclass(frozen=True)
class Place:
    """Where operations are read: what their names mean, in which module call, of which versions their operators are."""

    names: Names
    declared: Mapping[str, onnx.TypeProto]
    opsets: Mapping[str, int]
    scope: Scope = ()
    nested: bool = False
    later: frozenset[str] = frozenset()

    def define(self, name: str, operand: Operand, who: str) -> None:
        """Give an operand its name in this graph; a `FormatError` where that is taken."""
        here = self.names.maps[0]
        if not name:
            raise FormatError(f"{who} has an input or a weight without a name")
        if name in here:
            raise FormatError(f"{who} makes {name!r}, which is already there: names are given once")
        here[name] = operand

    def find(self, name: str, who: str) -> Operand:
        """Return what a name stands for; a `FormatError` says why it stands for nothing."""
        if name in self.names:
            return self.names[name]
        if name in self.later:
            raise FormatError(f"{who} reads {name!r} before it is made: the graph has a cycle, or is out of order")
        raise FormatError(f"{who} reads {name!r}, which nothing in the file makes: a weight or an input is missing")


def domain_of(domain: str) -> str:
    """Return the domain of an operator, ``""`` for ONNX's own."""
    return "" if domain == "ai.onnx" else domain


def opsets_of(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    """Return the version of each domain's operators."""
    return {domain_of(opset.domain): opset.version for opset in imports}


def schema_of(proto: onnx.NodeProto, domain: str, opsets: Mapping[str, int], count: int) -> tuple[int, tuple[str, ...]]:
    """Since which version the operator is as it is, and the names of its inputs; of unknown ones their number."""
    version = opsets.get(domain, 1 if domain else onnx.defs.onnx_opset_version())
    names = [f"input.{position}" for position in range(count)]
    if (given := Own.input_names(metadata_of(proto))) and len(given) == count:
        return version, tuple(given)
    if not onnx.defs.has(proto.op_type, version, domain):
        return version, tuple(names)
    schema = onnx.defs.get_schema(proto.op_type, version, domain)
    for position in range(count):
        if position < len(schema.inputs):
            names[position] = schema.inputs[position].name
        if schema.inputs and schema.inputs[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic:
            last = len(schema.inputs) - 1
            if position >= last:
                names[position] = f"{schema.inputs[last].name}.{position - last}"
    return schema.since_version, tuple(names)


def bound(proto: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto]) -> onnx.NodeProto:
    """Return a node of a function, with the attributes that the call gives it."""
    if not any(attribute.ref_attr_name for attribute in proto.attribute):
        return proto
    bound = onnx.NodeProto()
    bound.CopyFrom(proto)
    del bound.attribute[:]
    for attribute in proto.attribute:
        if not attribute.ref_attr_name:
            bound.attribute.add().CopyFrom(attribute)
        elif attribute.ref_attr_name in given:
            bound.attribute.add().CopyFrom(given[attribute.ref_attr_name])
            bound.attribute[-1].name = attribute.name
    return bound


def described(proto: onnx.NodeProto) -> str:
    """Describe an operation for messages: ``the Conv 'conv1'``."""
    return f"the {proto.op_type} {proto.name!r}" if proto.name else f"a {proto.op_type}"


def numbered(wanted: str, times: int) -> str:
    """Return the alternative to a name that is taken: ``relu~2``, ``relu~3``.

    >>> numbered("relu", 1)
    'relu~2'
    """
    return f"{wanted}~{times + 1}"

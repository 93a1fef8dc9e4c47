"""ONNX for Netron: every visible thing is one node, a scope holds its content, and no weight is written.

An operation is a standard operator where one says exactly the same (see `fxviz.exporters.onnx_operators`); everything
else is a node of the domain ``fxviz`` under its author's name. A scope is such a node too; an open one has its content
as an attribute: a graph whose inputs and outputs are, in order, those of the node. Netron opens it in place and lays out
only what is open, so a view need not close anything. Above that graph it shows the attribute's name, which is why the
numbers of the scope are there; all numbers, and the rest of what is known, are metadata.

Weights are constants of their shape and dtype without data: sparse ones, of which no element is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar, TypeGuard

import numpy
import onnx

from fxviz.captions import name_range, numbers
from fxviz.errors import ExportError, GraphError
from fxviz.exporters.onnx_kernels import describe_kernels
from fxviz.exporters.onnx_metadata import (
    add_metadata,
    describe_node,
    describe_scope,
    describe_weight,
    measure,
    summarize,
)
from fxviz.exporters.onnx_operators import OPSET, Literal, OperatorRule, lower, operators
from fxviz.exporters.onnx_types import ELEMENT_TYPES, clean_text, type_proto
from fxviz.exporters.onnx_weights import weights_of
from fxviz.ir import Attribute, Node, Role, Value, format_scope
from fxviz.quantity import format_type

if TYPE_CHECKING:
    from fxviz.rules import RuleTable
    from fxviz.view import Box, View

__all__ = ["Onnx"]

_DOMAIN = "fxviz"
_IR_VERSION = 11  # the first that knows OPSET
_GIVEN = (Role.PARAMETER, Role.BUFFER, Role.CONSTANT)
_DEEPEST = 30  # protobuf reads messages that nest 100 deep, and a box takes three; deeper ones stay shut
_FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)


@dataclass(frozen=True)
class Onnx:
    """Writes a view as an ONNX model that is valid and made to be looked at, not to be run.

    ``rules`` say which operations become standard operators. ``data`` puts the data of the weights that are shown
    into the file, for Netron to look at; the graph must have been traced from a model that has them.
    """

    whole: ClassVar[bool] = True  # Netron opens and closes the boxes

    rules: RuleTable[OperatorRule] = field(default=operators, repr=False)
    data: bool = False

    def export(self, view: View) -> bytes:
        """The serialized ``ModelProto``; the same view gives the same bytes.

        Raises `ExportError` for a view that leaves operations out: in ONNX, what reads them would have no input; and for
        weights without data, or with more than the 2 GiB that one file can hold.
        """
        if view.bookkeeping:
            raise ExportError(
                "ONNX needs every operation, and this view leaves bookkeeping out: make it with hide=False"
            )
        tensors = weights_of(view) if self.data else {}
        content: bytes = _Writer(view, self.rules, tensors).write().SerializeToString(deterministic=True)
        return content


class _Names:
    """Names for the values of one file: each is given out once, whatever it is asked for."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def fresh(self, wanted: str) -> str:
        base = name = clean_text(wanted) or "value"
        while name in self._given:
            self._given[base] += 1
            name = f"{base}~{self._given[base]}"
        self._given[name] = 1
        return name


@dataclass
class _Level:
    """One ONNX graph while it is written: the names under which values are known in it."""

    proto: onnx.GraphProto
    prefix: str = ""
    depth: int = 0
    names: dict[Value, str] = field(default_factory=dict)


class _Writer:
    def __init__(self, view: View, rules: RuleTable[OperatorRule], tensors: Mapping[Value, bytes]) -> None:
        self._view = view
        self._tensors = tensors
        self._rules = rules
        self._names = _Names()
        self._output_names: dict[Value, str] = {}

    def write(self) -> onnx.ModelProto:
        model = onnx.ModelProto(ir_version=_IR_VERSION, producer_name=_DOMAIN, producer_version=version("fxviz"))
        model.opset_import.add(domain="", version=OPSET)
        model.opset_import.add(domain=_DOMAIN, version=1)
        model.graph.name = clean_text(self._view.graph.name) or "graph"
        self._write_root(_Level(model.graph))
        add_metadata(model, summarize(self._view))
        return model

    # Graphs -----------------------------------------------------------------------------------------------------------

    def _write_root(self, level: _Level) -> None:
        graph = self._view.graph
        for value in graph.inputs:
            self._write_input(level, value)
        outputs = self._outputs()
        self._output_names = {value: self._names.fresh(name) for value, name in outputs.items()}
        self._write_items(level, self._view.root)
        for value, output in self._output_names.items():
            if level.names.get(value) != output:  # an input or a weight, handed on as it is
                inputs = [self._read(level, value)]
                level.proto.node.add(op_type="Identity", domain=_DOMAIN, name=output, input=inputs, output=[output])
            _write_value(level.proto.output.add(), output, value, must_have_type=True)

    def _outputs(self) -> dict[Value, str]:
        """What is returned, by the names that callers know; what the copies of a folded scope return is one of a range."""
        graph = self._view.graph
        names: dict[Value, list[str]] = {}
        for value, name in zip(graph.outputs, graph.output_names or [v.name for v in graph.outputs], strict=True):
            names.setdefault(value, []).append(name)
        shown: dict[Value, list[str]] = {}
        for value, given in names.items():
            shown.setdefault(self._view.shown(value), []).append(", ".join(given))
        return {value: name_range(given) if len(given) > 1 else given[0] for value, given in shown.items()}

    def _write_input(self, level: _Level, value: Value) -> None:
        level.names[value] = self._names.fresh(level.prefix + value.name)
        _write_value(level.proto.input.add(), level.names[value], value, must_have_type=level.depth == 0)

    def _write_items(self, level: _Level, box: Box) -> None:
        for item in box.items:
            if isinstance(item, Node):
                self._write_node(level, item)
            else:
                self._write_box(level, item)

    def _write_box(self, level: _Level, box: Box) -> None:
        outside = _distinct(self._view.shown(value) for value in box.inputs if value.role not in _GIVEN)
        inputs = [self._read(level, value) for value in outside]
        title = self._view.title(box)
        label, _, kind = title.removesuffix(f" × {box.times}").rpartition(": ")
        op_type = f"{' '.join(label.split('.')[-2:])} × {box.times}" if box.times > 1 else title
        proto = level.proto.node.add(op_type=_title(op_type), domain=_DOMAIN, name=clean_text(label), input=inputs)
        if box.open and level.depth < _DEEPEST:
            caption = numbers(self._view.metrics, self._view.places(box)) or "body"
            body = proto.attribute.add(name=clean_text(caption), type=onnx.AttributeProto.GRAPH).g
            body.name = _title(kind)
            self._write_body(_Level(body, f"{format_scope(box.scope)}/", level.depth + 1), box, outside)
        self._write_outputs(level, proto, box.outputs)
        add_metadata(proto, _names_of_inputs([value.name for value in outside]) | self._describe_box(box))

    def _write_body(self, level: _Level, box: Box, inputs: Sequence[Value]) -> None:
        for value in inputs:
            self._write_input(level, value)
        self._write_items(level, box)
        for value in box.outputs:
            _write_value(level.proto.output.add(), self._read(level, value), value)

    # Nodes ------------------------------------------------------------------------------------------------------------

    def _write_node(self, level: _Level, node: Node) -> None:
        standard = lower(node, self._rules)
        if standard is None:
            inputs = [self._read(level, value) for value in node.inputs]
            proto = level.proto.node.add(op_type=_title(node.op), domain=_DOMAIN, input=inputs)
            names, attributes = _names_of_inputs(node.input_names) | describe_kernels(node), node.attributes
            outputs: tuple[Value | None, ...] = node.outputs
        else:
            inputs = [self._write_operand(level, operand) for operand in standard.inputs]
            proto = level.proto.node.add(op_type=standard.op_type, input=inputs)
            names, attributes, outputs = {}, standard.attributes, standard.outputs
        proto.name = clean_text(f"{format_scope(node.scope)}/{node.name}" if node.scope else node.name)
        for name, attribute in attributes.items():
            _write_attribute(proto, name, attribute)
        self._write_outputs(level, proto, outputs)
        add_metadata(proto, names | describe_node(node) | measure(self._view.metrics, node))

    def _write_outputs(self, level: _Level, proto: onnx.NodeProto, outputs: Sequence[Value | None]) -> None:
        for value in outputs:
            proto.output.append(self._define(level, value) if value else "")
        while proto.output and not proto.output[-1]:
            proto.output.pop()
        if not proto.input and not proto.output:  # ONNX has no node that stands alone
            proto.output.append(self._names.fresh(level.prefix + proto.name))

    def _define(self, level: _Level, value: Value) -> str:
        output = self._output_names.get(value) if level.depth == 0 else None
        level.names[value] = name = output or self._names.fresh(level.prefix + value.name)
        if output is None and value.type is not None:
            _write_value(level.proto.value_info.add(), name, value)
        return name

    def _read(self, level: _Level, value: Value) -> str:
        """The name of ``value`` in this graph; a weight is written down for each of its readers, so that none is an arrow."""
        value = self._view.shown(value)
        if (name := level.names.get(value)) is not None:
            return name
        if value.role in _GIVEN:
            return self._write_weight(level, value)
        raise GraphError(
            f"{level.proto.name!r} of the view reads {value}, which nothing in it makes and it does not take as input"
        )

    def _write_operand(self, level: _Level, operand: Value | Literal | None) -> str:
        if operand is None:
            return ""
        if isinstance(operand, Value):
            return self._read(level, operand)
        values = operand.value if isinstance(operand.value, tuple) else (operand.value,)
        dims = [len(values)] if isinstance(operand.value, tuple) else []
        tensor = onnx.helper.make_tensor("", ELEMENT_TYPES[operand.dtype], dims, values)
        name = self._names.fresh(f"{level.prefix}constant")
        constant = level.proto.node.add(op_type="Constant", output=[name])
        constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(tensor)
        return name

    def _write_weight(self, level: _Level, value: Value) -> str:
        name = self._names.fresh(value.name)
        shape = value.type.shape if value.type else ()
        extents = [extent for extent in shape if isinstance(extent, int)]
        element = ELEMENT_TYPES.get(value.type.dtype) if value.type else None
        data = self._tensors.get(value)
        if element is None or len(extents) < len(shape) or not (shape or data):
            # ONNX cannot say this without data: a number that is all of its tensor, a dtype of torch's own.
            proto = level.proto.node.add(op_type=value.role.value, domain=_DOMAIN, name=name, output=[name])
            add_metadata(proto, {"type": format_type(value.type)} | describe_weight(value))
            _write_value(level.proto.value_info.add(), name, value)
            return name
        constant = level.proto.node.add(op_type="Constant", output=[name])
        add_metadata(constant, describe_weight(value))
        if 0 in extents or data is not None:
            dense = constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t
            dense.data_type = element
            dense.dims.extend(extents)
            dense.raw_data = data or b""
            return name
        sparse = constant.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor
        sparse.dims.extend(extents)
        sparse.values.data_type, sparse.indices.data_type = element, onnx.TensorProto.INT64
        sparse.values.dims.append(0)
        sparse.indices.dims.append(0)
        return name

    # Words ------------------------------------------------------------------------------------------------------------

    def _describe_box(self, box: Box) -> dict[str, str]:
        facts = describe_scope(box.scope)
        if box.times > 1:
            facts["stands for"] = (
                f"{format_scope(box.copies[0])} to {format_scope(box.copies[-1])}: {box.times} equal ones"
            )
        return facts | measure(self._view.metrics, *self._view.places(box))


def _names_of_inputs(names: Sequence[str]) -> dict[str, str]:
    """What Netron reads the names of a node's inputs from."""
    quoted = (f"'{' '.join(name.replace(',', ' ').split())}'" for name in names)
    return {"input_names": f"[{', '.join(quoted)}]"} if names else {}


def _title(text: str) -> str:
    """An operator or graph name of which Netron shows all: it drops what stands before the last dot."""
    return clean_text(text).replace(".", "/") or "?"


def _distinct(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(values))


def _write_value(info: onnx.ValueInfoProto, name: str, value: Value, *, must_have_type: bool = False) -> None:
    info.name = name
    if value.type is not None or must_have_type:
        info.type.CopyFrom(type_proto(value.type))
    if value.type is not None and value.type.dtype not in ELEMENT_TYPES:
        info.doc_string = format_type(value.type)


def _write_attribute(proto: onnx.NodeProto, name: str, attribute: Attribute) -> None:
    if attribute is None:
        return
    target = proto.attribute.add(name=clean_text(name) or "?")
    if isinstance(attribute, tuple):
        if all(map(_is_integer, attribute)):
            target.type = onnx.AttributeProto.INTS
            target.ints.extend(map(int, attribute))
        elif all(map(_is_real, attribute)):
            target.type = onnx.AttributeProto.FLOATS
            target.floats.extend(attribute)
        else:
            target.type = onnx.AttributeProto.STRINGS
            target.strings.extend(_bytes(member) for member in attribute)
    elif _is_integer(attribute):
        target.type, target.i = onnx.AttributeProto.INT, int(attribute)  # of True and False, too
    elif _is_real(attribute):
        target.type, target.f = onnx.AttributeProto.FLOAT, attribute
    else:
        target.type, target.s = onnx.AttributeProto.STRING, _bytes(attribute)


def _is_integer(attribute: Attribute) -> TypeGuard[int]:
    return isinstance(attribute, int) and -(2**63) <= attribute < 2**63


def _is_real(attribute: Attribute) -> TypeGuard[float]:
    """Whether ONNX's single precision can hold the number."""
    return _is_integer(attribute) or (isinstance(attribute, float) and not abs(attribute) > _FLOAT32_MAX)


def _bytes(attribute: Attribute) -> bytes:
    return clean_text(_format(attribute)).encode()


def _format(attribute: Attribute) -> str:
    if isinstance(attribute, tuple):
        return f"[{', '.join(map(_format, attribute))}]"
    if isinstance(attribute, Mapping):
        return f"{{{', '.join(f'{name}: {_format(member)}' for name, member in attribute.items())}}}"
    return str(attribute)

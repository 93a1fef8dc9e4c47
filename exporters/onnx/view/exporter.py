"""ONNX for Netron: every visible thing is one node, a scope holds its content, and no weight is written.

An operation is a standard operator if one says exactly the same (see `fxviz.exporters.onnx.view.operators`); every
other is a node of the domain ``fxviz`` under its author's name. A scope is such a node too; an open one has its content
as an attribute: a graph with the inputs and outputs of the node, in order. Netron opens it in place and lays out
only what is open, so a view need not close anything. Above that graph it shows the attribute's name, which is why the
numbers of the scope are there; all numbers, and the rest of what is known, are metadata.

Weights are constants of their shape and dtype without data: sparse ones, of which no element is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from fxviz.errors import ExportError, GraphError, InputError
from fxviz.exporters.base import Exporter, Written
from fxviz.exporters.onnx.view.arguments import describe_arguments
from fxviz.exporters.onnx.view.attributes import write_attribute
from fxviz.exporters.onnx.view.hidden import told_of, trail
from fxviz.exporters.onnx.view.kernels import describe_kernels
from fxviz.exporters.onnx.view.metadata import (
    add_metadata,
    describe_node,
    describe_scope,
    describe_weight,
    measure,
    role_of,
    summarize,
)
from fxviz.exporters.onnx.view.names import Names, title
from fxviz.exporters.onnx.view.operators import OPSET, Literal, lower, operators
from fxviz.exporters.onnx.view.weights import WeightData
from fxviz.files import staged, write_file
from fxviz.importers.onnx.format import ELEMENT_TYPES, clean_text, type_proto
from fxviz.importers.onnx.metadata_keys import read_through
from fxviz.ir import Node, Role, Value, format_scope
from fxviz.text.quantity import format_quantity, format_type
from fxviz.views.captions import name_range, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fxviz.analysis.rules import RuleTable
    from fxviz.analysis.standard import StandardRule
    from fxviz.views.view import Box, View

__all__ = ["Onnx"]

_DOMAIN = "fxviz"
_IR_VERSION = 11  # the first that knows OPSET
_GIVEN = (Role.PARAMETER, Role.BUFFER, Role.CONSTANT)
_DEEPEST = 30  # protobuf reads messages that nest 100 deep, and a box takes three; deeper ones stay shut


@dataclass(frozen=True)
class Onnx(Exporter):
    """Writes a view as an ONNX model that is valid, and for looking at: it cannot be run.

    ``rules`` say which operations become standard operators. ``data`` puts in the data of the weights that are shown, for
    Netron to look at; the graph must have been traced from a model that has them. They are in the file; if it cannot
    hold them, or with ``external_data``, `write` puts them beside it.
    """

    whole = True  # Netron opens and closes the boxes
    drawn = False
    binary = True
    embedding = "link"
    runnable = "onnx-runnable"

    rules: RuleTable[StandardRule] = field(default=operators, repr=False)
    data: bool = False
    external_data: bool | None = None

    def __post_init__(self) -> None:
        """Refuse ``external_data`` without ``data``."""
        if self.external_data and not self.data:
            raise InputError("external_data is where the data of weights goes: give data=True, too")

    def export(self, view: View) -> bytes:
        """Return the serialized ``ModelProto``; the same view gives the same bytes.

        Raises `ExportError` for weights without data, and for weights that need a second file: see `write`.
        """
        data = WeightData.of(view) if self.data else WeightData()
        if self._is_external(data):
            raise ExportError(
                f"the weights shown take {format_quantity(data.nbytes, 'B')}, which go into a file beside the model, and this "
                "asks for one: write it to a file, show less of the model, or leave the weights out"
            )
        return self._serialize(view, data)

    def write(self, view: View, path: str | Path) -> Written:
        """Write the file ``path``, whole or not at all, and ``path.data`` if weights go beside it.

        They are written one tensor after the other, each once. Raises as `export`, and `InputError` for a file that
        cannot be written.
        """
        data = WeightData.of(view) if self.data else WeightData()
        if not self._is_external(data):
            write_file(path, self._serialize(view, data))
            return Written(Path(path))
        with staged(Path(path)) as place:
            beside = data.beside(f"{place.name}.data")
            place.write_bytes(self._serialize(view, beside))
            beside.save(place.with_name(beside.location))
        return Written(Path(path), (Path(path).with_name(beside.location),))

    def _is_external(self, data: WeightData) -> bool:
        return not data.fits if self.external_data is None else self.external_data

    def _serialize(self, view: View, data: WeightData) -> bytes:
        content: bytes = _Writer(view, self.rules, data).write().SerializeToString(deterministic=True)
        return content


@dataclass
class _Level:
    """One ONNX graph while it is written: the names under which values are known in it."""

    proto: onnx.GraphProto
    prefix: str = ""
    depth: int = 0
    names: dict[Value, str] = field(default_factory=dict)


class _Writer:
    def __init__(self, view: View, rules: RuleTable[StandardRule], data: WeightData) -> None:
        self._view = view
        self._data = data
        self._rules = rules
        self._names = Names()
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
            if level.names.get(value) != output:  # an input or a weight, or handed on by what is hidden
                inputs = [self._read(level, value)]
                hidden = self._read_through(level, ["input"], [value])
                op_type = title(told_of(trail(self._view, value, level.names)[1])) if hidden else "Identity"
                proto = level.proto.node.add(
                    op_type=op_type, domain=_DOMAIN, name=output, input=inputs, output=[output]
                )
                add_metadata(proto, _names_of_inputs(["input"]) | hidden if hidden else {})
            _write_value(level.proto.output.add(), output, value, must_have_type=True)

    def _outputs(self) -> dict[Value, str]:
        """Map what is returned to the names that callers know; what the copies of a folded scope return has a range of names."""
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
        sources = _distinct(self._source(level, value) for value in box.inputs)
        outside = [value for value in sources if not self._is_at_hand(level, value)]
        inputs = [self._read(level, value) for value in outside]
        caption = self._view.title(box)
        label, _, kind = caption.removesuffix(f" × {box.times}").rpartition(": ")
        op_type = f"{' '.join(label.split('.')[-2:])} × {box.times}" if box.times > 1 else caption
        proto = level.proto.node.add(op_type=title(op_type), domain=_DOMAIN, name=clean_text(label), input=inputs)
        outputs: Sequence[Value] = box.outputs
        if box.open and level.depth < _DEEPEST:
            amounts = numbers(self._view.metrics, self._view.places(box)) or "body"
            body = proto.attribute.add(name=clean_text(amounts), type=onnx.AttributeProto.GRAPH).g
            body.name = title(kind)
            outputs = self._write_body(_Level(body, f"{format_scope(box.scope)}/", level.depth + 1), box, outside)
        self._write_outputs(level, proto, outputs)
        add_metadata(proto, _names_of_inputs([value.name for value in outside]) | self._describe_box(box))

    def _write_body(self, level: _Level, box: Box, inputs: Sequence[Value]) -> Sequence[Value]:
        """Write the content of a box, and return what it makes for others, who look for it past hidden operations, too."""
        for value in inputs:
            self._write_input(level, value)
        self._write_items(level, box)
        sources = _distinct(self._source(level, value) for value in box.outputs)
        outputs = [value for value in sources if value not in inputs and not self._is_at_hand(level, value)]
        for value in outputs:
            _write_value(level.proto.output.add(), self._read(level, value), value)
        return outputs

    # Nodes ------------------------------------------------------------------------------------------------------------

    def _write_node(self, level: _Level, node: Node) -> None:
        hidden = self._read_through(level, node.input_names, node.inputs)
        standard = None if hidden else lower(node, self._rules)
        if standard is None:
            inputs = [self._read(level, value) for value in node.inputs]
            proto = level.proto.node.add(op_type=title(node.op), domain=_DOMAIN, input=inputs)
            told, attributes = _names_of_inputs(node.input_names) | describe_kernels(node), node.attributes
            outputs: tuple[Value | None, ...] = node.outputs
        else:
            inputs = [self._write_operand(level, operand) for operand in standard.inputs]
            proto = level.proto.node.add(op_type=standard.op_type, input=inputs)
            told, attributes, outputs = describe_arguments(node, standard.inputs), standard.attributes, standard.outputs
        proto.name = clean_text(f"{format_scope(node.scope)}/{node.name}" if node.scope else node.name)
        for name, attribute in attributes.items():
            write_attribute(proto, name, attribute)
        self._write_outputs(level, proto, outputs)
        add_metadata(proto, told | describe_node(node) | hidden | measure(self._view.metrics, node))

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

    def _source(self, level: _Level, value: Value) -> Value:
        """Return ``value``, or what hidden operations made it from: known in this graph, or at hand everywhere."""
        return trail(self._view, value, level.names)[0]

    def _is_at_hand(self, level: _Level, source: Value) -> bool:
        """Whether it is written again for each of its readers: a weight, or a constant that hidden operations compute."""
        maker = self._view.graph.producers.get(source)
        return source not in level.names and (source.role in _GIVEN or maker in self._view.layout_operators)

    def _read_through(self, level: _Level, names: Sequence[str], values: Sequence[Value]) -> dict[str, str]:
        """Return through which hidden operations values are read, and as what; without them it would be another operation."""
        return {
            read_through(name): f"{hidden}: {value.type or '?'}"
            for name, value in zip(names, values, strict=True)
            if (hidden := told_of(trail(self._view, value, level.names)[1]))
        }

    def _read(self, level: _Level, value: Value) -> str:
        """Return the name of ``value`` in this graph; what is at hand is written for each reader, so that it has no arrow."""
        source = self._source(level, value)
        if (name := level.names.get(source)) is not None:
            return name
        if self._is_at_hand(level, source):
            return self._write_weight(level, source)
        raise GraphError(
            f"{level.proto.name!r} of the view reads {source}, which nothing in it makes and it does not take as input"
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
        has_data = value in self._data
        if element is None or len(extents) < len(shape) or not (shape or has_data):
            # ONNX cannot say this without data: a number that is all of its tensor, a dtype of torch's own.
            proto = level.proto.node.add(op_type=role_of(value).value, domain=_DOMAIN, name=name, output=[name])
            add_metadata(proto, {"type": format_type(value.type)} | describe_weight(value))
            _write_value(level.proto.value_info.add(), name, value)
            return name
        constant = level.proto.node.add(op_type="Constant", output=[name])
        add_metadata(constant, describe_weight(value))
        if 0 in extents or has_data:
            dense = constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t
            dense.data_type = element
            dense.dims.extend(extents)
            if has_data:
                self._data.put(dense, value)
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
    """Return the metadata from which Netron reads the names of a node's inputs."""
    quoted = (f"'{' '.join(name.replace(',', ' ').split())}'" for name in names)
    return {"input_names": f"[{', '.join(quoted)}]"} if names else {}


def _distinct(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(values))


def _write_value(info: onnx.ValueInfoProto, name: str, value: Value, *, must_have_type: bool = False) -> None:
    info.name = name
    if value.type is not None or must_have_type:
        info.type.CopyFrom(type_proto(value.type))
    if value.type is not None and value.type.dtype not in ELEMENT_TYPES:
        info.doc_string = format_type(value.type)

"""`read_onnx`: from an ONNX file to a `Graph`."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import onnx
import sympy

from fxviz.errors import FormatError, GraphError
from fxviz.ir import Attribute, Graph, Node, Role, Scope, TensorType, Value
from fxviz.reading.file import load_model
from fxviz.reading.lifetimes import Draft, freeze
from fxviz.reading.operation import Known, Number, Operand, Operation, Step, numbers_of, step
from fxviz.reading.operators import itself, translate
from fxviz.reading.own import Own, box_note
from fxviz.reading.scopes import Scopes, metadata_of, source_of
from fxviz.reading.shapes import infer
from fxviz.reading.sizes import compute
from fxviz.reading.tensors import attributes_of, is_number, number_in, role_of, running_statistics, type_in
from fxviz.reading.types import Extents, tensor_type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["read_onnx"]

Names: TypeAlias = ChainMap[str, Operand]
_MOST_NAMED = 8
_GENERIC = {"", "main", "graph", "main_graph", "torch_jit", "torch-jit-export"}


def read_onnx(path: str | Path) -> Graph:
    """The graph of the ONNX model in the file ``path``: its operations, types, weights and scopes; no data is loaded.

    Operations keep ONNX's names and run the ATen kernels that compute the same, so that every analysis knows them; those
    without such a kernel run one of their own name, ``onnx.Einsum.12``. What a model computes of shapes alone is a size,
    and no operation. Shapes are as the file has them, else inferred; an extent that stays unknown is a symbol ``u0``.

    Functions and the bodies of branches and loops are scopes. A body that runs several times is read once, and counted
    as unknown; notes on the graph say so.

    Raises `InputError` for a file that cannot be read, `FormatError` for one that is damaged, newer or no ONNX model.
    """
    model = load_model(path)
    try:
        return _Reader(model, Path(path).stem).read()
    except (FormatError, GraphError) as error:
        raise FormatError(f"{path}: {error}") from error
    except RecursionError as error:
        raise FormatError(f"{path}: it is nested too deep") from error


@dataclass(frozen=True)
class _Place:
    """Where operations are read: what their names mean, in which module call, of which versions their operators are."""

    names: Names
    declared: Mapping[str, onnx.TypeProto]
    opsets: Mapping[str, int]
    scope: Scope = ()
    nested: bool = False
    later: frozenset[str] = frozenset()


class _Reader:
    def __init__(self, model: onnx.ModelProto, stem: str) -> None:
        self._model = model
        self._stem = stem
        self._own = Own.of(model)
        self._extents = Extents()
        self._scopes = Scopes()
        self._functions = {(_domain(function.domain), function.name): function for function in model.functions}
        self._weights: dict[Value, Number] = {}
        self._taken: dict[str, int] = {}
        self._node_names: dict[str, int] = {}
        self._draft = Draft()

    def read(self) -> Graph:
        proto = self._model.graph
        place = self._enter(proto, _Place(ChainMap(), {}, _opsets(self._model.opset_import)))
        given = {tensor.name for tensor in proto.initializer} | {
            tensor.values.name for tensor in proto.sparse_initializer
        }
        for info in proto.input:
            if info.name not in given:  # before IR version 4, weights were inputs too
                value = self._value(info.name, tensor_type_of(info.type, self._extents), Role.INPUT)
                self._define(place, info.name, value, "the graph")
                self._draft.inputs.append(value)
        self._run(proto.node, place)
        outputs = [self._tensor(self._find(place, info.name, "the graph")) for info in proto.output]
        self._own.give_unused(self._extents, self._given)
        name = proto.name if proto.name not in _GENERIC else self._stem
        return freeze(self._draft, name, outputs, [info.name for info in proto.output], self._notes(), self._own.is_own)

    def _notes(self) -> list[str]:
        types = {value.type for node, _ in self._draft.nodes for value in node.outputs if value.type}
        extents = {extent for type in types for extent in type.shape if isinstance(extent, sympy.Expr)}
        symbols = {symbol for extent in extents for symbol in extent.free_symbols}
        unknown = sorted(str(symbol) for symbol in symbols & self._extents.unknown)
        if not unknown:
            return self._draft.notes
        more = ", …" if len(unknown) > _MOST_NAMED else ""
        return [*self._draft.notes, f"sizes that the file does not tell: {', '.join(unknown[:_MOST_NAMED])}{more}"]

    # Names ------------------------------------------------------------------------------------------------------------

    def _enter(self, graph: onnx.GraphProto, around: _Place) -> _Place:
        """The inside of ``graph``, its weights known."""
        declared = {info.name: info.type for info in (*graph.value_info, *graph.output, *graph.input)}
        made = frozenset(name for node in graph.node for name in node.output)
        place = replace(around, names=around.names.new_child(), declared=declared, later=made)
        statistics = running_statistics(graph.node)
        for tensor in graph.initializer:
            self._define(place, tensor.name, self._weight(tensor, statistics), "the graph")
        for sparse in graph.sparse_initializer:
            type = type_in(sparse.values)
            shaped = TensorType(tuple(max(extent, 0) for extent in sparse.dims), type.dtype) if type else None
            weight = self._given(sparse.values.name, shaped, role_of(sparse.values.name, shaped, {}, statistics))
            self._define(place, sparse.values.name, weight, "the graph")
        return place

    def _define(self, place: _Place, name: str, operand: Operand, who: str) -> None:
        here = place.names.maps[0]
        if not name:
            raise FormatError(f"{who} has an input or a weight without a name")
        if name in here:
            raise FormatError(f"{who} makes {name!r}, which is already there: names are given once")
        here[name] = operand

    def _find(self, place: _Place, name: str, who: str) -> Operand:
        if name in place.names:
            return place.names[name]
        if name in place.later:
            raise FormatError(f"{who} reads {name!r} before it is made: the graph has a cycle, or is out of order")
        raise FormatError(f"{who} reads {name!r}, which nothing in the file makes: a weight or an input is missing")

    def _tensor(self, operand: Operand) -> Value:
        """The operand as a value of the graph; a number becomes a constant."""
        if isinstance(operand, Value):
            return operand
        if operand is None:
            raise FormatError("something is handed on that was left out")
        if operand not in self._draft.made_of_numbers:
            value = self._given(operand.name, operand.type, Role.CONSTANT)
            self._weights[value] = operand.number
            self._draft.made_of_numbers[operand] = value
        return self._draft.made_of_numbers[operand]

    def _value(self, name: str, type: TensorType | None, role: Role = Role.RESULT, trainable: bool = False) -> Value:
        return Value(_fresh(name or "value", self._taken), type, role, trainable=trainable)

    # Weights ----------------------------------------------------------------------------------------------------------

    def _weight(self, tensor: onnx.TensorProto, statistics: Iterable[str]) -> Operand:
        type, number, facts = type_in(tensor), number_in(tensor), metadata_of(tensor)
        if type is not None and number is not None and is_number(type, number, facts):
            return Known(tensor.name, type, number)
        weight = self._given(tensor.name, type, role_of(tensor.name, type, facts, statistics))
        if number is not None:
            self._weights[weight] = number
        return weight

    def _given(self, name: str, type: TensorType | None, role: Role, trainable: bool = True) -> Value:
        """What the file holds, and no operation makes."""
        value = self._value(name, type, role, trainable and role is Role.PARAMETER)
        (self._draft.constants if role is Role.CONSTANT else self._draft.parameters).append(value)
        return value

    def _constant(self, proto: onnx.NodeProto, place: _Place) -> None:
        """An operation that only holds a tensor."""
        if len(proto.output) != 1 or len(proto.attribute) != 1:
            raise FormatError(f"the constant {proto.name or list(proto.output)!r} holds {len(proto.attribute)} tensors")
        (name,), (attribute,) = proto.output, proto.attribute
        facts = metadata_of(proto)
        if attribute.name == "value":
            attribute.t.name = name
            operand: Operand = self._weight(attribute.t, ())
            if isinstance(operand, Value) and not self._own.is_own and operand.role is Role.PARAMETER:
                self._draft.parameters.remove(operand)
                operand = self._given(name, operand.type, Role.CONSTANT)
        elif attribute.name == "sparse_value":
            type = type_in(attribute.sparse_tensor.values)
            shaped = (
                TensorType(tuple(max(extent, 0) for extent in attribute.sparse_tensor.dims), type.dtype)
                if type
                else None
            )
            operand = None
            if self._own.is_own:
                operand = self._own.weight(facts, name, shaped, self._given)
            operand = operand or self._given(name, shaped, Role.CONSTANT)
        else:
            held = attributes_of(proto).get(attribute.name)
            members = numbers_of(held)
            if members is None:
                operand = self._given(name, None, Role.CONSTANT)  # a text
            else:
                dtype = "float32" if "float" in attribute.name else "int64"
                shape = (len(members),) if isinstance(held, tuple) else ()
                operand = Known(name, TensorType(shape, dtype), held)
        self._define(place, name, operand, f"the constant {proto.name!r}")

    # Operations -------------------------------------------------------------------------------------------------------

    def _run(self, nodes: Iterable[onnx.NodeProto], place: _Place) -> None:
        for proto in nodes:
            domain = _domain(proto.domain)
            bodies = [attribute for attribute in proto.attribute if attribute.HasField("g")]
            if proto.op_type == "Constant" and not domain:
                self._constant(proto, place)
            elif (function := self._functions.get((domain, proto.op_type))) is not None:
                self._call(proto, function, place)
            elif bodies and self._own.is_own and domain == "fxviz":
                self._open_box(proto, bodies[0].g, place)
            elif bodies:
                self._control(proto, {attribute.name: attribute.g for attribute in bodies}, place)
            else:
                self._operation(proto, place)

    def _operation(self, proto: onnx.NodeProto, place: _Place) -> None:
        who = _who(proto)
        operands = [self._find(place, name, who) if name else None for name in proto.input]
        facts = metadata_of(proto)
        if (
            self._own.is_own
            and _domain(proto.domain) == "fxviz"
            and not facts.get("operation")
            and (given := self._own.plain(proto, operands, facts, place.declared, self._extents, self._given))
            is not None
        ):
            self._define(place, proto.output[0], given, who)
            return
        if proto.op_type == "Identity" and not _domain(proto.domain) and len(operands) == len(proto.output) == 1:
            operand = operands[0]
            if isinstance(operand, Known) or (
                operand is not None
                and operand.role is not Role.RESULT
                and place.names.parents.maps == [{}]
                and operand.role is not Role.INPUT
            ):
                self._define(place, proto.output[0], operand, who)  # another name of a weight
                return
        operation, valid = self._typed(proto, tuple(operands), place)
        reads_weights = any(isinstance(operand, Value) and operand in self._weights for operand in operands)
        number = None if reads_weights and proto.op_type not in ("Shape", "Size") else compute(operation)
        output = operation.outputs[0] if operation.outputs else None
        if number is not None and output is not None:
            dims = (len(number),) if isinstance(number, tuple) else ()
            type = (
                output.type
                if output.type and output.type.shape == dims
                else TensorType(dims, output.type.dtype if output.type else "int64")
            )
            self._define(place, proto.output[0], Known(proto.output[0], type, number), who)
            return
        steps = translate(operation) if valid else [itself(operation)]
        self._record(proto, operation, self._own.kernels(operation, facts, steps), place, facts)

    def _typed(self, proto: onnx.NodeProto, operands: tuple[Operand, ...], place: _Place) -> tuple[Operation, bool]:
        """The operation with its results, and whether it is one that ONNX accepts."""
        domain = _domain(proto.domain)
        version, names = _schema(proto, domain, place.opsets, len(operands))
        bare = Operation(proto.op_type, domain, version, operands, names, (), attributes_of(proto), self._weights)
        outputs = tuple(Value(name, None) if name else None for name in proto.output)
        inferred, valid = infer(proto, replace(bare, outputs=outputs), self._extents, place.opsets)
        made: list[Value | None] = []
        for position, name in enumerate(proto.output):
            declared = place.declared.get(name)
            known = inferred[position] if position < len(inferred) else None
            type = self._merged(declared, known)
            made.append(self._value(name, type) if name else None)
        return replace(bare, outputs=tuple(made)), valid

    def _merged(self, declared: onnx.TypeProto | None, inferred: TensorType | None) -> TensorType | None:
        """What the operation makes; an extent of which it does not say anything is as the file has it."""
        if declared is None:
            return inferred
        if inferred is None:
            return tensor_type_of(declared, self._extents)
        if self._extents.unknown.isdisjoint(inferred.shape):
            return inferred
        said = tensor_type_of(declared, self._extents)
        if said is None or len(said.shape) != len(inferred.shape):
            return inferred
        pairs = zip(said.shape, inferred.shape, strict=True)
        return replace(inferred, shape=tuple(a if b in self._extents.unknown else b for a, b in pairs))

    def _record(
        self,
        proto: onnx.NodeProto,
        operation: Operation,
        steps: Sequence[Step],
        place: _Place,
        facts: Mapping[str, str],
    ) -> None:
        """Put down an operation, and what its results are called."""
        who = _who(proto)
        for name, value in zip(proto.output, operation.outputs, strict=True):
            if name:
                self._define(place, name, value, who)
        named = [(name, operand) for name, operand in zip(operation.names, operation.operands, strict=True) if operand]
        tensors = [(name, operand) for name, operand in named if isinstance(operand, Value)]
        known: dict[str, Attribute] = {name: operand.number for name, operand in named if isinstance(operand, Known)}
        outputs = tuple(value for value in operation.outputs if value)
        scope = self._scope(proto, place, facts)
        title = self._own.name(proto) or proto.name.rpartition("/")[2] or operation.op_type
        node = Node(
            self._own.operation(facts) or operation.op,
            tuple(value for _, value in tensors),
            outputs,
            tuple(name for name, _ in tensors),
            MappingProxyType({**known, **operation.attributes}),
            _fresh(title, self._node_names),
            (),
            scope,
            source_of(facts, self._own.is_own),
        )
        self._draft.nodes.append((node, tuple(steps)))

    def _scope(self, proto: onnx.NodeProto, place: _Place, facts: Mapping[str, str]) -> Scope:
        if place.nested and "pkg.torch.onnx.name_scopes" not in facts:
            return place.scope
        return self._scopes.of(proto, facts, self._own.is_own)

    # Graphs in graphs -------------------------------------------------------------------------------------------------

    def _open_box(self, proto: onnx.NodeProto, body: onnx.GraphProto, place: _Place) -> None:
        """A module that a view of fxviz shows open."""
        who = _who(proto)
        if len(body.input) != len(proto.input) or len(body.output) != len(proto.output):
            raise FormatError(f"{who} has other inputs and outputs than what is in it")
        facts = metadata_of(proto)
        self._draft.notes.extend(box_note(proto.name, facts))
        inner = self._enter(body, replace(place, names=place.names))
        for info, name in zip(body.input, proto.input, strict=True):
            self._define(inner, info.name, self._find(place, name, who), who)
        self._run(body.node, inner)
        for info, name in zip(body.output, proto.output, strict=True):
            self._define(place, name, self._find(inner, info.name, who), who)

    def _call(self, proto: onnx.NodeProto, function: onnx.FunctionProto, place: _Place) -> None:
        """A function of the file, its body in a scope of its own."""
        who = _who(proto)
        operands = [self._find(place, name, who) if name else None for name in proto.input]
        if len(operands) > len(function.input) or len(proto.output) > len(function.output):
            raise FormatError(f"{who} gives the function {function.name!r} too many inputs or outputs")
        scope = self._scope(proto, place, metadata_of(proto))
        title = _fresh((proto.name.rpartition("/")[2] or function.name).replace(".", "_"), self._node_names)
        inner = _Place(
            ChainMap(),
            {info.name: info.type for info in function.value_info},
            {**place.opsets, **_opsets(function.opset_import)},
            self._scopes.inside(scope, title, function.name.rpartition(".")[2]),
            nested=True,
            later=frozenset(name for node in function.node for name in node.output),
        )
        for position, name in enumerate(function.input):
            self._define(inner, name, operands[position] if position < len(operands) else None, who)
        given = {attribute.name: attribute for attribute in (*function.attribute_proto, *proto.attribute)}
        self._run([_bound(node, given) for node in function.node], inner)
        for name, result in zip(proto.output, function.output, strict=False):
            if name:
                self._define(place, name, self._find(inner, result, who), who)

    def _control(self, proto: onnx.NodeProto, bodies: Mapping[str, onnx.GraphProto], place: _Place) -> None:
        """A branch or a loop: what runs in it is read once, in a scope for each body."""
        who, facts = _who(proto), metadata_of(proto)
        operands = [self._find(place, name, who) if name else None for name in proto.input]
        tensors = [self._tensor(operand) if operand else None for operand in operands]
        scope = self._scope(proto, place, facts)
        title = _fresh(proto.name.rpartition("/")[2] or proto.op_type, self._node_names)
        around = self._scopes.inside(scope, title.replace(".", "_"), proto.op_type)
        results: list[Value] = []
        for name, body in bodies.items():
            inner = self._enter(body, replace(place, scope=self._scopes.inside(around, name, "body"), nested=True))
            taken = self._handed_in(proto, body, tensors)
            for info, value in zip(body.input, taken, strict=True):
                self._define(inner, info.name, value, who)
            if taken:
                made = tuple(value for value in taken if value.role is Role.RESULT)
                self._enter_loop(proto, f"{title}.start", [value for value in tensors if value], made, scope, place)
            self._run(body.node, inner)
            results.extend(self._tensor(self._find(inner, info.name, who)) for info in body.output)
        self._draft.notes.append(_once(proto, title))
        self._leave(proto, title, tensors, results, scope, place, len(bodies))

    def _handed_in(self, proto: onnx.NodeProto, body: onnx.GraphProto, operands: Sequence[Value | None]) -> list[Value]:
        """What a body takes as inputs: in a loop the count, the condition and what is carried on; in a scan also slices."""
        if not body.input:
            return []
        given: list[TensorType | None] = [value.type if value else None for value in operands]
        if proto.op_type == "Loop":
            given[:2] = [TensorType((), "int64"), TensorType((), "bool")]
        elif proto.op_type == "Scan":
            count = next((attribute.i for attribute in proto.attribute if attribute.name == "num_scan_inputs"), 0)
            first = len(given) - count
            given = [
                type and (type if place < first else replace(type, shape=type.shape[1:]))
                for place, type in enumerate(given)
            ]
        types = [
            tensor_type_of(info.type, self._extents, complete=True) or (given[place] if place < len(given) else None)
            for place, info in enumerate(body.input)
        ]
        return [self._value(info.name, type) for info, type in zip(body.input, types, strict=True)]

    def _enter_loop(
        self, proto: onnx.NodeProto, title: str, read: list[Value], made: tuple[Value, ...], scope: Scope, place: _Place
    ) -> None:
        names = tuple(f"input.{position}" for position in range(len(read)))
        operands = dict(zip(names, read, strict=True))
        node = Node(
            proto.op_type, tuple(read), made, names, MappingProxyType({}), _fresh(title, self._node_names), (), scope
        )
        self._draft.nodes.append((node, (step("aten.alias.default", operands, made),)))

    def _leave(
        self,
        proto: onnx.NodeProto,
        title: str,
        operands: Sequence[Value | None],
        results: Sequence[Value],
        scope: Scope,
        place: _Place,
        bodies: int,
    ) -> None:
        """The operation itself, after its bodies: it makes its outputs of what they made."""
        branches = proto.op_type == "If"
        read = [*(value for value in operands[:1] if value), *results]
        offset = 1 if proto.op_type == "Loop" else 0  # a body says first whether to go on
        made: list[Value] = []
        for position, name in enumerate(proto.output):
            source = results[position + offset] if position + offset < len(results) else None
            declared = place.declared.get(name)
            type = tensor_type_of(declared, self._extents) if declared is not None else None
            if type is None and branches and source is not None:
                other = results[position + len(results) // bodies] if len(results) % bodies == 0 else source
                type = source.type if other.type == source.type else None
            elif type is None and proto.op_type == "Loop" and source is not None and position < len(operands) - 2:
                type = source.type
            value = self._value(name, type)
            if name:
                self._define(place, name, value, _who(proto))
            made.append(value)
        names = tuple(f"input.{position}" for position in range(len(read)))
        version, _ = _schema(proto, _domain(proto.domain), place.opsets, 0)
        op = "aten.alias.default" if branches else f"{_domain(proto.domain) or 'onnx'}.{proto.op_type}.{version}"
        node = Node(
            proto.op_type, tuple(read), tuple(made), names, MappingProxyType(attributes_of(proto)), title, (), scope
        )
        self._draft.nodes.append((node, (step(op, dict(zip(names, read, strict=True)), tuple(made)),)))


def _once(proto: onnx.NodeProto, title: str) -> str:
    if proto.op_type == "If":
        return f"of the branches of {title!r} one runs: both are read and counted"
    return f"{proto.op_type.lower()} {title!r} runs its body several times: it is read and counted once"


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _opsets(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    return {_domain(opset.domain): opset.version for opset in imports}


def _schema(proto: onnx.NodeProto, domain: str, opsets: Mapping[str, int], count: int) -> tuple[int, tuple[str, ...]]:
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


def _bound(proto: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto]) -> onnx.NodeProto:
    """A node of a function, with the attributes that the call gives it."""
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


def _who(proto: onnx.NodeProto) -> str:
    return f"the {proto.op_type} {proto.name!r}" if proto.name else f"a {proto.op_type}"


def _fresh(wanted: str, taken: dict[str, int]) -> str:
    """``wanted``, or with a number where that is taken."""
    name = wanted
    while name in taken:
        taken[wanted] += 1
        name = f"{wanted}~{taken[wanted]}"
    taken[name] = 1
    return name

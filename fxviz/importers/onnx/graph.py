"""`read_onnx`: from an ONNX file to a `Graph`."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import sympy

from fxviz.errors import FormatError, GraphError
from fxviz.importers.onnx.file import load_model
from fxviz.importers.onnx.holdings import Holdings
from fxviz.importers.onnx.lifetimes import Draft, freeze
from fxviz.importers.onnx.operation import Known, Operand, Operation, Step, step
from fxviz.importers.onnx.operators import itself, translate
from fxviz.importers.onnx.own import Own, box_note
from fxviz.importers.onnx.place import Place, bound, described, domain_of, numbered, opsets_of, schema_of
from fxviz.importers.onnx.scopes import Scopes, metadata_of, source_of
from fxviz.importers.onnx.shapes import infer
from fxviz.importers.onnx.sizes import compute
from fxviz.importers.onnx.tensors import attributes_of, role_of, running_statistics, type_in
from fxviz.importers.onnx.types import Extents, tensor_type_of
from fxviz.ir import Attribute, Graph, Node, Role, Scope, TensorType, Value
from fxviz.ir.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import onnx

__all__ = ["read_onnx"]

_MOST_NAMED = 8
_GENERIC = {"", "main", "graph", "main_graph", "torch_jit", "torch-jit-export"}


def read_onnx(path: str | Path) -> Graph:
    """Read the operations, types, weights and scopes of the ONNX model in the file ``path``; no data is loaded.

    Operations keep ONNX's names and run the ATen kernels that compute the same, so that every analysis knows them; those
    without such a kernel run one of their own name, ``onnx.Einsum.12``. What a model computes of shapes alone is a size,
    not an operation. Shapes are as the file has them, else inferred; an extent that stays unknown is a symbol ``u0``.

    Functions and the bodies of branches and loops are scopes. A body that runs several times is read once, and counted
    as unknown; notes on the graph say so.

    Raises `InputError` for a file that cannot be read, `FormatError` for one that is damaged, too new or not an ONNX
    model.
    """
    model = load_model(path)
    try:
        return _Reader(model, Path(path).stem).read()
    except (FormatError, GraphError) as error:
        raise FormatError(f"{path}: {error}") from error
    except RecursionError as error:
        raise FormatError(f"{path}: it is nested too deep") from error


class _Reader:
    def __init__(self, model: onnx.ModelProto, stem: str) -> None:
        self._model = model
        self._stem = stem
        self._own = Own.of(model)
        self._extents = Extents()
        self._scopes = Scopes()
        self._functions = {(domain_of(function.domain), function.name): function for function in model.functions}
        self._name_node = Names(numbered)
        self._draft = Draft()
        self._held = Holdings(self._draft, self._own)

    def read(self) -> Graph:
        proto = self._model.graph
        place = self._enter(proto, Place(ChainMap(), {}, opsets_of(self._model.opset_import)))
        given = {tensor.name for tensor in proto.initializer} | {
            tensor.values.name for tensor in proto.sparse_initializer
        }
        for info in proto.input:
            if info.name not in given:  # before IR version 4, weights were inputs too
                value = self._held.value(info.name, tensor_type_of(info.type, self._extents), Role.INPUT)
                place.define(info.name, value, "the graph")
                self._draft.inputs.append(value)
        self._run(proto.node, place)
        outputs = [self._held.tensor(place.find(info.name, "the graph")) for info in proto.output]
        self._own.give_unused(self._extents, self._held.given)
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

    def _enter(self, graph: onnx.GraphProto, around: Place) -> Place:
        """Return the place inside ``graph``, where its weights are defined."""
        declared = {info.name: info.type for info in (*graph.value_info, *graph.output, *graph.input)}
        made = frozenset(name for node in graph.node for name in node.output)
        place = replace(around, names=around.names.new_child(), declared=declared, later=made)
        statistics = running_statistics(graph.node)
        for tensor in graph.initializer:
            place.define(tensor.name, self._held.weight(tensor, statistics), "the graph")
        for sparse in graph.sparse_initializer:
            type = type_in(sparse.values)
            shaped = TensorType(tuple(max(extent, 0) for extent in sparse.dims), type.dtype) if type else None
            weight = self._held.given(sparse.values.name, shaped, role_of(sparse.values.name, shaped, {}, statistics))
            place.define(sparse.values.name, weight, "the graph")
        return place

    # Operations -------------------------------------------------------------------------------------------------------

    def _run(self, nodes: Iterable[onnx.NodeProto], place: Place) -> None:
        for proto in nodes:
            domain = domain_of(proto.domain)
            bodies = [attribute for attribute in proto.attribute if attribute.HasField("g")]
            if proto.op_type == "Constant" and not domain:
                place.define(
                    proto.output[0] if len(proto.output) == 1 else "", self._held.constant(proto), described(proto)
                )
            elif (function := self._functions.get((domain, proto.op_type))) is not None:
                self._call(proto, function, place)
            elif bodies and self._own.is_own and domain == "fxviz":
                self._open_box(proto, bodies[0].g, place)
            elif bodies:
                self._control(proto, {attribute.name: attribute.g for attribute in bodies}, place)
            else:
                self._operation(proto, place)

    def _operation(self, proto: onnx.NodeProto, place: Place) -> None:
        who, facts = described(proto), metadata_of(proto)
        operands = tuple(place.find(name, who) if name else None for name in proto.input)
        operands = self._past_hidden(operands, facts, self._scope(proto, place, facts))
        if (given := self._named_again(proto, operands, facts, place)) is not None:
            place.define(proto.output[0], given, who)
            return
        operation, valid = self._typed(proto, operands, place)
        if (size := self._size(operation)) is not None:
            place.define(proto.output[0], size, who)
            return
        steps = translate(operation) if valid else [itself(operation)]
        self._record(proto, operation, self._own.kernels(operation, facts, steps, self._extents), place, facts)

    def _named_again(
        self, proto: onnx.NodeProto, operands: tuple[Operand, ...], facts: Mapping[str, str], place: Place
    ) -> Operand:
        """Return the weight or number that an operation only renames; None if the operation does more."""
        domain = domain_of(proto.domain)
        if self._own.is_own and domain == "fxviz" and not facts.get("operation"):
            return self._own.plain(proto, operands, facts, place.declared, self._extents, self._held.given)
        if domain or proto.op_type != "Identity" or len(operands) != 1 or len(proto.output) != 1:
            return None
        (operand,) = operands
        weight = isinstance(operand, Value) and operand.role not in (Role.RESULT, Role.INPUT)
        return operand if weight or isinstance(operand, Known) else None

    def _past_hidden(
        self, operands: tuple[Operand, ...], facts: Mapping[str, str], scope: Scope
    ) -> tuple[Operand, ...]:
        """Return the operands as they are read, after a node for the operations that a view hides before each."""
        found = list(operands)
        for position, op, type in self._own.hidden(facts, self._extents):
            if position >= len(found) or not isinstance(source := found[position], Value):
                continue
            name = self._name_node(op)
            found[position] = read = self._held.value(name, type)
            casts = type is not None and source.type is not None and type.dtype != source.type.dtype
            kernel = "aten._to_copy.default" if casts else "aten.view.default"
            node = Node(op, (source,), (read,), ("self",), MappingProxyType({}), name, (), scope)
            self._draft.nodes.append((node, (step(kernel, {"self": source}, (read,)),)))
        return tuple(found)

    def _size(self, operation: Operation) -> Known | None:
        """Return the result of an operation that only computes with sizes; None if it does more or is not known."""
        if len(operation.outputs) != 1 or (output := operation.outputs[0]) is None:
            return None
        computes = operation.op_type not in ("Shape", "Size")
        if computes and any(isinstance(value, Value) and value in self._held.numbers for value in operation.operands):
            return None  # small weights are not sizes
        if (number := compute(operation)) is None:
            return None
        dims = (len(number),) if isinstance(number, tuple) else ()
        type = output.type or TensorType(dims, "int64")
        return Known(output.name, replace(type, shape=dims), number)

    def _typed(self, proto: onnx.NodeProto, operands: tuple[Operand, ...], place: Place) -> tuple[Operation, bool]:
        """Return the operation with its results, and whether ONNX accepts it."""
        domain = domain_of(proto.domain)
        version, names = schema_of(proto, domain, place.opsets, len(operands))
        bare = Operation(proto.op_type, domain, version, operands, names, (), attributes_of(proto), self._held.numbers)
        outputs = tuple(Value(name, None) if name else None for name in proto.output)
        inferred, valid = infer(proto, replace(bare, outputs=outputs), self._extents, place.opsets)
        made: list[Value | None] = []
        for position, name in enumerate(proto.output):
            declared = place.declared.get(name)
            known = inferred[position] if position < len(inferred) else None
            type = self._merged(declared, known)
            made.append(self._held.value(name, type) if name else None)
        return replace(bare, outputs=tuple(made)), valid

    def _merged(self, declared: onnx.TypeProto | None, inferred: TensorType | None) -> TensorType | None:
        """Return the inferred type, its unknown extents as declared in the file; if there is none, the declared type."""
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
        place: Place,
        facts: Mapping[str, str],
    ) -> None:
        """Put down an operation, and what its results are called."""
        who = described(proto)
        for name, value in zip(proto.output, operation.outputs, strict=True):
            if name:
                place.define(name, value, who)
        named, attributes = self._own.arguments(operation, facts)
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
            MappingProxyType({**known, **attributes}),
            self._name_node(title),
            (),
            scope,
            source_of(facts, self._own.is_own),
        )
        self._draft.nodes.append((node, tuple(steps)))

    def _scope(self, proto: onnx.NodeProto, place: Place, facts: Mapping[str, str]) -> Scope:
        if place.nested and "pkg.torch.onnx.name_scopes" not in facts:
            return place.scope
        return self._scopes.of(proto, facts, self._own.is_own)

    # Graphs in graphs -------------------------------------------------------------------------------------------------

    def _open_box(self, proto: onnx.NodeProto, body: onnx.GraphProto, place: Place) -> None:
        """Read a module that a view of fxviz shows open."""
        who = described(proto)
        made = proto.output if body.output else ()  # ONNX wants a name of what makes nothing for others, too
        if len(body.input) != len(proto.input) or len(body.output) != len(made):
            raise FormatError(f"{who} has other inputs and outputs than what is in it")
        facts = metadata_of(proto)
        self._draft.notes.extend(box_note(proto.name, facts))
        inner = self._enter(body, replace(place, names=place.names))
        for info, name in zip(body.input, proto.input, strict=True):
            inner.define(info.name, place.find(name, who), who)
        self._run(body.node, inner)
        for info, name in zip(body.output, made, strict=True):
            place.define(name, inner.find(info.name, who), who)

    def _call(self, proto: onnx.NodeProto, function: onnx.FunctionProto, place: Place) -> None:
        """Read a call of a function of the file; the body gets a scope of its own."""
        who = described(proto)
        operands = [place.find(name, who) if name else None for name in proto.input]
        if len(operands) > len(function.input) or len(proto.output) > len(function.output):
            raise FormatError(f"{who} gives the function {function.name!r} too many inputs or outputs")
        scope = self._scope(proto, place, metadata_of(proto))
        title = self._name_node((proto.name.rpartition("/")[2] or function.name).replace(".", "_"))
        inner = Place(
            ChainMap(),
            {info.name: info.type for info in function.value_info},
            {**place.opsets, **opsets_of(function.opset_import)},
            self._scopes.inside(scope, title, function.name.rpartition(".")[2]),
            nested=True,
            later=frozenset(name for node in function.node for name in node.output),
        )
        for position, name in enumerate(function.input):
            inner.define(name, operands[position] if position < len(operands) else None, who)
        given = {attribute.name: attribute for attribute in (*function.attribute_proto, *proto.attribute)}
        self._run([bound(node, given) for node in function.node], inner)
        for name, result in zip(proto.output, function.output, strict=False):
            if name:
                place.define(name, inner.find(result, who), who)

    def _control(self, proto: onnx.NodeProto, bodies: Mapping[str, onnx.GraphProto], place: Place) -> None:
        """Read a branch or a loop: what runs in it is read once, in a scope for each body."""
        who, facts = described(proto), metadata_of(proto)
        operands = [place.find(name, who) if name else None for name in proto.input]
        tensors = [self._held.tensor(operand) if operand else None for operand in operands]
        scope = self._scope(proto, place, facts)
        title = self._name_node(proto.name.rpartition("/")[2] or proto.op_type)
        around = self._scopes.inside(scope, title.replace(".", "_"), proto.op_type)
        results: list[Value] = []
        for name, body in bodies.items():
            inner = self._enter(body, replace(place, scope=self._scopes.inside(around, name, "body"), nested=True))
            taken = self._handed_in(proto, body, tensors)
            for info, value in zip(body.input, taken, strict=True):
                inner.define(info.name, value, who)
            if taken:
                made = tuple(value for value in taken if value.role is Role.RESULT)
                self._enter_loop(proto, f"{title}.start", [value for value in tensors if value], made, scope, place)
            self._run(body.node, inner)
            results.extend(self._held.tensor(inner.find(info.name, who)) for info in body.output)
        self._draft.notes.append(_once(proto, title))
        self._leave(proto, title, tensors, results, scope, place, len(bodies))

    def _handed_in(self, proto: onnx.NodeProto, body: onnx.GraphProto, operands: Sequence[Value | None]) -> list[Value]:
        """Create the inputs of a body: in a loop the count, the condition and carried values; in a scan also slices."""
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
        return [self._held.value(info.name, type) for info, type in zip(body.input, types, strict=True)]

    def _enter_loop(
        self, proto: onnx.NodeProto, title: str, read: list[Value], made: tuple[Value, ...], scope: Scope, place: Place
    ) -> None:
        names = tuple(f"input.{position}" for position in range(len(read)))
        operands = dict(zip(names, read, strict=True))
        node = Node(proto.op_type, tuple(read), made, names, MappingProxyType({}), self._name_node(title), (), scope)
        self._draft.nodes.append((node, (step("aten.alias.default", operands, made),)))

    def _leave(
        self,
        proto: onnx.NodeProto,
        title: str,
        operands: Sequence[Value | None],
        results: Sequence[Value],
        scope: Scope,
        place: Place,
        bodies: int,
    ) -> None:
        """Record the operation itself, after its bodies: it makes its outputs from their results."""
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
            value = self._held.value(name, type)
            if name:
                place.define(name, value, described(proto))
            made.append(value)
        names = tuple(f"input.{position}" for position in range(len(read)))
        version, _ = schema_of(proto, domain_of(proto.domain), place.opsets, 0)
        op = "aten.alias.default" if branches else f"{domain_of(proto.domain) or 'onnx'}.{proto.op_type}.{version}"
        node = Node(
            proto.op_type, tuple(read), tuple(made), names, MappingProxyType(attributes_of(proto)), title, (), scope
        )
        self._draft.nodes.append((node, (step(op, dict(zip(names, read, strict=True)), tuple(made)),)))


def _once(proto: onnx.NodeProto, title: str) -> str:
    if proto.op_type == "If":
        return f"of the branches of {title!r} one runs: both are read and counted"
    return f"{proto.op_type.lower()} {title!r} runs its body several times: it is read and counted once"

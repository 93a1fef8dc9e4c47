"""Graphs as JSON files: lossless but for the runnable module, the same text for the same graph, safe to read from anywhere.

The schema is described in docs/json-schema.md. Whatever repeats (types, storages, values, scopes, operators, attributes)
is written once and referred to by its index, so that a graph of 15,000 kernels takes a few megabytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar

import sympy

from fxviz.errors import FormatError, GraphError, InputError
from fxviz.files import write_file
from fxviz.ir import (
    Attribute,
    Call,
    Category,
    Dim,
    Graph,
    Kernel,
    Node,
    Phase,
    Role,
    Scope,
    Source,
    Storage,
    TensorType,
    Value,
)
from fxviz.ir.expressions import Data, Symbols, decode_expression, decode_symbol, encode_expression

__all__ = ["FORMAT", "VERSION", "dumps", "load", "loads", "save"]

FORMAT = "fxviz-graph"
VERSION = 1

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_MOST_NESTED = 100
_TABLES = (
    "symbols",
    "types",
    "storages",
    "values",
    "operators",
    "argument_names",
    "attributes",
    "scopes",
    "sources",
    "nodes",
)
_SPECIAL_FLOATS = ("nan", "inf", "-inf")


def save(graph: Graph, path: str | Path) -> None:
    """Write ``graph`` to ``path``: the whole file or nothing."""
    write_file(path, dumps(graph))


def load(path: str | Path) -> Graph:
    """The graph in the file ``path``; a `FormatError` says what is wrong with the file, and where."""
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not a graph of fxviz: it is no UTF-8 text") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        return loads(text)
    except (FormatError, GraphError) as error:
        error.add_note(f"in the file {path}")
        raise


# Writing --------------------------------------------------------------------------------------------------------------


def dumps(graph: Graph) -> str:
    """``graph`` as JSON text, one table row a line; all is kept but `Graph.module`.

    A `GraphError` names an attribute or a size that the format cannot hold.
    """
    return _Writer(graph).text()


class _Table(Generic[K]):
    """Rows that are written once each: a key's index is its place among the keys met so far."""

    def __init__(self, encode: Callable[[K], Data]) -> None:
        self.rows: list[Data] = []
        self._encode = encode
        self._numbers: dict[K, int] = {}

    def number(self, key: K) -> int:
        number = self._numbers.get(key)
        if number is None:
            row = self._encode(key)
            number = self._numbers[key] = len(self.rows)
            self.rows.append(row)
        return number


class _Writer:
    """The tables of one file, filled while its nodes are encoded."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._symbols = Symbols()
        self._types = _Table(self._encode_type)
        self._storages = _Table(self._encode_storage)
        self._values = _Table(self._encode_value)
        self._operators = _Table[str](lambda op: op)
        self._argument_names = _Table[tuple[str, ...]](list)
        # By their text, which tells True from 1 and 0.0 from -0.0.
        self._attributes = _Table[str](json.loads)
        self._scopes = _Table(self._encode_scope)
        self._sources = _Table[Source](lambda source: [source.file, source.line, source.function])
        self._json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

    def text(self) -> str:
        graph = self._graph
        for storage in graph.storages:
            self._storages.number(storage)
        head = {
            "format": FORMAT,
            "version": VERSION,
            "name": graph.name,
            "mode": graph.mode,
            "complete": graph.complete,
            "guards": graph.guards,
            "notes": graph.notes,
            "aliases": dict(graph.aliases),
            "inputs": self._numbers(graph.inputs),
            "parameters": self._numbers(graph.parameters),
            "constants": self._numbers(graph.constants),
        }
        nodes = [self._encode_node(node) for node in graph.nodes]
        head |= {"outputs": self._numbers(graph.outputs), "output_names": graph.output_names}
        rows = (
            self._symbols.rows(),
            *(
                table.rows
                for table in (self._types, self._storages, self._values, self._operators, self._argument_names)
            ),
            *(table.rows for table in (self._attributes, self._scopes, self._sources)),
            nodes,
        )
        tables = zip(_TABLES, rows, strict=True)
        parts = chain(
            (f'"{key}":{self._json(value)}' for key, value in head.items()),
            (f'"{key}":[{self._lines(rows)}]' for key, rows in tables),
        )
        return "{\n" + ",\n".join(parts) + "\n}\n"

    def _lines(self, rows: list[Data]) -> str:
        return "\n" + ",\n".join(map(self._json, rows)) + "\n" if rows else ""

    def _numbers(self, values: Iterable[Value]) -> list[int]:
        return [self._values.number(value) for value in values]

    def _encode_node(self, node: Node) -> Data:
        return [
            node.name,
            *self._encode_operation(node, f"node {node.name!r}"),
            self._scopes.number(node.scope),
            None if node.source is None else self._sources.number(node.source),
            [self._encode_operation(kernel, f"kernel {kernel.op} of node {node.name!r}") for kernel in node.kernels],
            node.phase.value,
        ]

    def _encode_operation(self, operation: Node | Kernel, where: str) -> list[Data]:
        try:
            attributes = self._json({name: self._attribute(value) for name, value in operation.attributes.items()})
        except GraphError as error:
            raise GraphError(f"{where}: {error}") from error
        return [
            self._operators.number(operation.op),
            self._numbers(operation.inputs),
            self._argument_names.number(operation.input_names),
            self._numbers(operation.outputs),
            self._attributes.number(attributes),
        ]

    def _encode_value(self, value: Value) -> Data:
        return [
            value.name,
            value.role.value,
            None if value.type is None else self._types.number(value.type),
            None if value.storage is None else self._storages.number(value.storage),
            value.trainable,
        ]

    def _encode_type(self, type: TensorType) -> Data:
        return [type.dtype, [self._dim(extent) for extent in type.shape], type.device]

    def _encode_storage(self, storage: Storage) -> Data:
        return [self._dim(storage.nbytes), storage.category.value, storage.born, storage.died, storage.device]

    def _encode_scope(self, scope: Scope) -> Data:
        return [[call.path, call.kind, call.index] for call in scope]

    def _dim(self, dim: Dim) -> Data:
        return dim if isinstance(dim, int) else encode_expression(dim, self._symbols)

    def _attribute(self, value: Attribute, depth: int = 0) -> Data:
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, complex):
            return {"complex": [self._attribute(value.real), self._attribute(value.imag)]}
        if isinstance(value, sympy.Expr):
            return {"expression": encode_expression(value, self._symbols)}
        if depth == _MOST_NESTED:
            raise GraphError(f"an attribute is nested more than {_MOST_NESTED} deep")
        if isinstance(value, tuple):
            return [self._attribute(member, depth + 1) for member in value]
        if isinstance(value, Mapping):
            return {"mapping": {name: self._attribute(member, depth + 1) for name, member in value.items()}}
        raise GraphError(f"cannot save an attribute of type {type(value).__name__}: {value!r}")


# Reading --------------------------------------------------------------------------------------------------------------


def loads(text: str) -> Graph:
    """The graph that `dumps` wrote, verified.

    A `FormatError` says what is wrong with the text and where; a `GraphError` names a broken rule of the IR.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise FormatError(f"not a graph of fxviz: this is no JSON, or it is cut off ({place})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError(f'not a graph of fxviz: the JSON does not begin with "format": "{FORMAT}"')
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise FormatError(f"the version of the graph is {version!r}, not a number from 1")
    if version > VERSION:
        raise FormatError(f"the graph has format version {version}, and this fxviz reads up to {VERSION}: update fxviz")
    try:
        graph = _Reader(document).graph()
    except RecursionError as error:
        raise FormatError("the graph is nested too deep") from error
    graph.verify()
    return graph


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class _Reader:
    """The tables of one file, decoded in the order in which they refer to each other."""

    def __init__(self, document: dict[str, Data]) -> None:
        self._document = document
        self._symbols = self._table("symbols", decode_symbol)
        self._types = self._table("types", self._decode_type)
        self._storages = self._table("storages", self._decode_storage)
        self._values = self._table("values", self._decode_value)
        self._operators = self._table("operators", lambda row: _expect(str, row))
        self._argument_names = self._table("argument_names", _decode_strings)
        self._attributes = self._table("attributes", lambda row: self._decode_mapping(row, 0))
        self._scopes = self._table("scopes", _decode_scope)
        self._sources = self._table("sources", _decode_source)
        self._nodes = self._table("nodes", self._decode_node)

    def graph(self) -> Graph:
        return Graph(
            name=self._field("name", lambda data: _expect(str, data)),
            inputs=self._field("inputs", self._decode_values),
            parameters=self._field("parameters", self._decode_values),
            nodes=tuple(self._nodes),
            outputs=self._field("outputs", self._decode_values),
            output_names=self._field("output_names", _decode_strings),
            constants=self._field("constants", self._decode_values),
            storages=tuple(self._storages),
            aliases=self._field("aliases", _decode_aliases),
            mode=self._field("mode", lambda data: _expect(str, data)),
            guards=self._field("guards", _decode_strings),
            notes=self._field("notes", _decode_strings),
            complete=self._field("complete", lambda data: _expect(bool, data)),
        )

    def _field(self, key: str, decode: Callable[[Data], T]) -> T:
        if key not in self._document:
            raise FormatError(f"the graph has no {key!r}")
        try:
            return decode(self._document[key])
        except FormatError as error:
            raise FormatError(f"{key}: {error}") from error

    def _table(self, key: str, decode: Callable[[Data], T]) -> list[T]:
        rows = self._field(key, lambda data: _expect(list, data))
        decoded: list[T] = []
        try:
            for row in rows:
                decoded.append(decode(row))  # noqa: PERF401 -- the rows decoded so far tell which one failed
        except FormatError as error:
            raise FormatError(f"{key}[{len(decoded)}]: {error}") from error
        return decoded

    def _decode_type(self, row: Data) -> TensorType:
        dtype, shape, device = _row(row, "dtype", "shape", "device")
        extents = tuple(self._decode_dim(extent) for extent in _expect(list, shape))
        return TensorType(extents, _expect(str, dtype), _expect(str, device))

    def _decode_storage(self, row: Data) -> Storage:
        nbytes, category, born, died, device = _row(row, "nbytes", "category", "born", "died", "device")
        died = None if died is None else _expect(int, died)
        return Storage(
            self._decode_dim(nbytes), _member(Category, category), _expect(int, born), died, _expect(str, device)
        )

    def _decode_value(self, row: Data) -> Value:
        name, role, type_number, storage_number, trainable = _row(row, "name", "role", "type", "storage", "trainable")
        return Value(
            _expect(str, name),
            None if type_number is None else _at(self._types, type_number, "types"),
            _member(Role, role),
            None if storage_number is None else _at(self._storages, storage_number, "storages"),
            _expect(bool, trainable),
        )

    def _decode_node(self, row: Data) -> Node:
        name, op, inputs, input_names, outputs, attributes, scope, source, kernels, phase = _row(
            row,
            "name",
            "operator",
            "inputs",
            "argument_names",
            "outputs",
            "attributes",
            "scope",
            "source",
            "kernels",
            "phase",
        )
        return Node(
            _at(self._operators, op, "operators"),
            self._decode_values(inputs),
            self._decode_values(outputs),
            _at(self._argument_names, input_names, "argument_names"),
            _at(self._attributes, attributes, "attributes"),
            _expect(str, name),
            tuple(self._decode_kernel(kernel) for kernel in _expect(list, kernels)),
            _at(self._scopes, scope, "scopes"),
            None if source is None else _at(self._sources, source, "sources"),
            _member(Phase, phase),
        )

    def _decode_kernel(self, row: Data) -> Kernel:
        op, inputs, input_names, outputs, attributes = _row(
            row, "operator", "inputs", "argument_names", "outputs", "attributes"
        )
        return Kernel(
            _at(self._operators, op, "operators"),
            self._decode_values(inputs),
            self._decode_values(outputs),
            _at(self._argument_names, input_names, "argument_names"),
            _at(self._attributes, attributes, "attributes"),
        )

    def _decode_values(self, data: Data) -> tuple[Value, ...]:
        return tuple([_at(self._values, number, "values") for number in _expect(list, data)])

    def _decode_dim(self, data: Data) -> Dim:
        return data if type(data) is int else decode_expression(data, self._symbols)

    def _decode_mapping(self, data: Data, depth: int) -> Mapping[str, Attribute]:
        members = _expect(dict, data)
        return MappingProxyType({name: self._decode_attribute(member, depth) for name, member in members.items()})

    def _decode_attribute(self, data: Data, depth: int) -> Attribute:
        if depth > _MOST_NESTED:
            raise FormatError(f"an attribute is nested more than {_MOST_NESTED} deep")
        match data:
            case None | bool() | int() | float() | str():
                return data
            case list():
                return tuple(self._decode_attribute(member, depth + 1) for member in data)
            case {"float": str(text), **rest} if not rest and text in _SPECIAL_FLOATS:
                return float(text)
            case {"complex": [real, imag], **rest} if not rest:
                return complex(self._decode_part(real), self._decode_part(imag))
            case {"expression": expression, **rest} if not rest:
                return decode_expression(expression, self._symbols)
            case {"mapping": members, **rest} if not rest:
                return self._decode_mapping(members, depth + 1)
        raise FormatError(
            f"{str(data)[:80]} is no attribute; an object in one is float, complex, expression or mapping"
        )

    def _decode_part(self, data: Data) -> float:
        part = self._decode_attribute(data, 0)
        if type(part) is not float:
            raise FormatError(f"the parts of a complex number are floats, not {str(data)[:80]}")
        return part


def _expect(type_: type[T], data: Data) -> T:
    """``data``, which is exactly of this type: a bool is no int."""
    if type(data) is not type_:
        raise FormatError(f"expected {_JSON_NAMES[type_]}, found {str(data)[:80]!r}")
    return data


_JSON_NAMES: Mapping[type, str] = MappingProxyType(
    {str: "a text", int: "an integer", bool: "true or false", list: "a list", dict: "an object"}
)


def _row(data: Data, *columns: str) -> list[Data]:
    row = _expect(list, data)
    if len(row) != len(columns):
        raise FormatError(
            f"expected the {len(columns)} columns {', '.join(columns)}; found {len(row)}: the file is damaged, or older than the format; save the graph again"
        )
    return row


def _at(rows: list[T], number: Data, table: str) -> T:
    if type(number) is not int or not 0 <= number < len(rows):
        raise FormatError(f"{str(number)[:80]} is no row of {table}, which has {len(rows)}")
    return rows[number]


_EnumT = TypeVar("_EnumT", Role, Category, Phase)


def _member(kind: type[_EnumT], data: Data) -> _EnumT:
    try:
        return kind(data)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise FormatError(f"{str(data)[:80]!r} is no {kind.__name__.lower()}; known are {known}") from error


def _decode_strings(data: Data) -> tuple[str, ...]:
    return tuple(_expect(str, text) for text in _expect(list, data))


def _decode_aliases(data: Data) -> Mapping[str, str]:
    return MappingProxyType({alias: _expect(str, name) for alias, name in _expect(dict, data).items()})


def _decode_scope(row: Data) -> Scope:
    return tuple(_decode_call(call) for call in _expect(list, row))


def _decode_call(row: Data) -> Call:
    path, kind, index = _row(row, "path", "kind", "index")
    return Call(_expect(str, path), _expect(str, kind), _expect(int, index))


def _decode_source(row: Data) -> Source:
    file, line, function = _row(row, "file", "line", "function")
    return Source(_expect(str, file), _expect(int, line), _expect(str, function))

"""Read a graph from JSON. A file may come from anywhere: its text is data, and every row is checked."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from fxviz.errors import FormatError, GraphError, InputError
from fxviz.ir.expressions import Data, decode_expression, decode_symbol
from fxviz.ir.graph import Graph
from fxviz.ir.nodes import Kernel, Node, Phase, Source
from fxviz.ir.schema import FORMAT, MOST_NESTED, VERSION
from fxviz.ir.scopes import Call, Scope
from fxviz.ir.types import Attribute, Dim, TensorType
from fxviz.ir.values import Category, Role, Storage, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["load", "loads"]

T = TypeVar("T")

_SPECIAL_FLOATS = ("nan", "inf", "-inf")


def load(path: str | Path) -> Graph:
    """Return the graph in the file ``path``; a `FormatError` says what is wrong with the file, and where."""
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not a graph of fxviz: it is not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        return loads(text)
    except (FormatError, GraphError) as error:
        error.add_note(f"in the file {path}")
        raise


def loads(text: str) -> Graph:
    """Return the graph that `dumps` wrote, verified.

    A `FormatError` says what is wrong with the text and where; a `GraphError` names a broken rule of the IR.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise FormatError(f"not a graph of fxviz: this is not JSON, or it is cut off ({where})") from error
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
    raise ValueError(f"{name} is not JSON")


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
        if depth > MOST_NESTED:
            raise FormatError(f"an attribute is nested more than {MOST_NESTED} deep")
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
            f"{str(data)[:80]} is not an attribute; an object in one is float, complex, expression or mapping"
        )

    def _decode_part(self, data: Data) -> float:
        part = self._decode_attribute(data, 0)
        if type(part) is not float:
            raise FormatError(f"the parts of a complex number are floats, not {str(data)[:80]}")
        return part


def _expect(type_: type[T], data: Data) -> T:
    """Return ``data`` if it is exactly of this type (a bool is not an int), else raise a `FormatError`."""
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
        raise FormatError(f"{str(number)[:80]} is not a row of {table}, which has {len(rows)}")
    return rows[number]


_EnumT = TypeVar("_EnumT", Role, Category, Phase)


def _member(kind: type[_EnumT], data: Data) -> _EnumT:
    try:
        return kind(data)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise FormatError(f"{str(data)[:80]!r} is not a {kind.__name__.lower()}; known are {known}") from error


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

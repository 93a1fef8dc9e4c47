"""Write a graph as JSON: lossless but for the runnable module, the same text for the same graph."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

import sympy

from fxviz.errors import GraphError
from fxviz.files import write_file
from fxviz.ir.expressions import Data, Symbols, encode_expression
from fxviz.ir.nodes import Source
from fxviz.ir.schema import FORMAT, MOST_NESTED, TABLES, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from pathlib import Path

    from fxviz.ir.data import GraphData
    from fxviz.ir.nodes import Kernel, Node
    from fxviz.ir.scopes import Scope
    from fxviz.ir.types import Attribute, Dim, TensorType
    from fxviz.ir.values import Storage, Value

__all__ = ["dumps", "save"]

K = TypeVar("K", bound="Hashable")


def save(graph: GraphData, path: str | Path) -> None:
    """Write ``graph`` to ``path``: the whole file or nothing."""
    write_file(path, dumps(graph))


def dumps(graph: GraphData) -> str:
    """Return ``graph`` as JSON text, one table row a line; everything is kept but `Graph.module`.

    A `GraphError` names an attribute or a size that the format cannot hold.
    """
    return _Writer(graph).text()


class _Table(Generic[K]):
    """Rows that are written once each; the index of a key is its position among the keys so far."""

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

    def __init__(self, graph: GraphData) -> None:
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
        tables = zip(TABLES, rows, strict=True)
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
        if depth == MOST_NESTED:
            raise GraphError(f"an attribute is nested more than {MOST_NESTED} deep")
        if isinstance(value, tuple):
            return [self._attribute(member, depth + 1) for member in value]
        if isinstance(value, Mapping):
            return {"mapping": {name: self._attribute(member, depth + 1) for name, member in value.items()}}
        raise GraphError(f"cannot save an attribute of type {type(value).__name__}: {value!r}")

"""The content of a graph and the questions that follow from it alone: who makes a value, who reads it, what a scope holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import sympy

from fxviz.errors import GraphError, InputError
from fxviz.ir.scopes import format_scope
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fxviz.ir.nodes import Kernel, Node
    from fxviz.ir.scopes import Scope
    from fxviz.ir.values import Storage, Value

__all__ = ["GraphData"]


@dataclass(frozen=True, eq=False, repr=False)
class GraphData:
    """The fields of a `Graph` and its queries: all that the printer, the verifier and the JSON writer need."""

    name: str
    inputs: tuple[Value, ...]
    parameters: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    output_names: tuple[str, ...] = ()
    constants: tuple[Value, ...] = ()
    storages: tuple[Storage, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mode: str = "record"
    guards: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """All kernels in execution order; a storage's ``born`` and ``died`` index into them."""
        return tuple(kernel for node in self.nodes for kernel in node.kernels)

    @cached_property
    def producers(self) -> Mapping[Value, Node]:
        """The node that makes each result."""
        return MappingProxyType({value: node for node in self.nodes for value in node.outputs})

    @cached_property
    def users(self) -> Mapping[Value, tuple[Node, ...]]:
        """The nodes that read each value, in order, each once; values that no node reads are absent."""
        users: dict[Value, dict[Node, None]] = {}
        for node in self.nodes:
            for value in node.inputs:
                users.setdefault(value, {})[node] = None
        return MappingProxyType({value: tuple(nodes) for value, nodes in users.items()})

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope that holds a node, with its parents, in order of first use; the root ``()`` comes first."""
        seen: dict[Scope, None] = {(): None}
        for scope in dict.fromkeys(node.scope for node in self.nodes):
            for depth in range(1, len(scope) + 1):
                seen[scope[:depth]] = None
        return tuple(seen)

    @cached_property
    def nodes_within(self) -> Mapping[Scope, tuple[Node, ...]]:
        """The nodes of each scope and of the scopes inside it, in execution order; the root ``()`` has them all."""
        within: dict[Scope, list[Node]] = {scope: [] for scope in self.scopes}
        around = {
            scope: [within[scope[:depth]] for depth in range(len(scope) + 1)]
            for scope in dict.fromkeys(node.scope for node in self.nodes)
        }
        for node in self.nodes:
            for nodes in around[node.scope]:
                nodes.append(node)
        return MappingProxyType({scope: tuple(nodes) for scope, nodes in within.items()})

    @cached_property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The free symbols in the shapes of the inputs, sorted by name."""
        found = {
            symbol
            for value in self.inputs
            if value.type
            for extent in value.type.shape
            if isinstance(extent, sympy.Expr)
            for symbol in extent.free_symbols
        }
        return tuple(sorted(found, key=str))

    def node(self, name: str) -> Node:
        """Return the node called ``name``; a `GraphError` if the graph has none."""
        if (found := self._by_name.get(name)) is None:
            raise GraphError(f"graph {self.name!r} has no node {name!r}")
        return found

    def scopes_at(self, path: str) -> tuple[Scope, ...]:
        """Return the scopes that `format_scope` writes as ``path``; ``""`` is the root.

        They are several where calls of one module enter the same container, a ``ModuleList`` in a module that runs twice.
        Raises `InputError` for a path in which no operation ran.
        """
        if not (found := self._scopes_by_path.get(path)):
            known = [known for known in self._scopes_by_path if known]
            raise InputError(f"no operation of {self.name!r} ran in a module {path!r}{suggest(path, known)}")
        return found

    @cached_property
    def _scopes_by_path(self) -> Mapping[str, tuple[Scope, ...]]:
        paths: dict[str, list[Scope]] = {}
        for scope in self.scopes:
            paths.setdefault(format_scope(scope), []).append(scope)
        return {path: tuple(scopes) for path, scopes in paths.items()}

    @cached_property
    def _by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    def walk(self) -> Iterator[tuple[Node, Kernel]]:
        """Yield every kernel beside the node that ran it, in execution order."""
        return ((node, kernel) for node in self.nodes for kernel in node.kernels)

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.nodes)} nodes>"

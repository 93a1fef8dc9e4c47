"""One module of a graph as a graph of its own: its operations alone, on inputs that the rest of the model made."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from fxviz.errors import InputError
from fxviz.ir.graph import Graph
from fxviz.ir.values import Category, Role, Storage, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fxviz.ir.data import GraphData
    from fxviz.ir.nodes import Kernel, Node
    from fxviz.ir.scopes import Scope

__all__ = ["extract", "find_scope"]

OperationT = TypeVar("OperationT", "Kernel", "Node")


def find_scope(graph: GraphData, path: str) -> Scope:
    """Return the scope of a path as `format_scope` writes it, ``encoder.layers.3`` or ``cell@2``.

    Raises `InputError` for a path in which no operation ran.
    """
    if not path:
        raise InputError("the path of a module is empty; give one such as 'encoder.layers.3'")
    return graph.scopes_at(path)[0]


def extract(graph: Graph, path: str) -> Graph:
    """Return the operations of the module call at ``path``, ``encoder.layers.3`` or ``cell@2``, as a graph.

    Tensors that the rest of the model makes are its inputs, tensors that the rest reads or returns its outputs; its name is
    the module's class. Memory is counted in the steps of these operations, and holds nothing that they do not use.

    Raises `InputError` for a path in which no operation ran.
    """
    scope = find_scope(graph, path)
    nodes = graph.nodes_within[scope]
    inside = {value for node in nodes for value in node.outputs}
    read = dict.fromkeys(value for node in nodes for operation in (*node.kernels, node) for value in operation.inputs)
    hidden = {value for node in nodes for kernel in node.kernels for value in kernel.outputs}
    outside = [value for value in read if value not in inside and value not in hidden]
    elsewhere = {value for node in graph.nodes if node not in set(nodes) for value in node.inputs} | set(graph.outputs)
    outputs = [value for node in nodes for value in node.outputs if value in elsewhere] or [*nodes[-1].outputs]
    copy = _Copy(graph, nodes, outside)
    held = [value for value in outside if value.role in (Role.PARAMETER, Role.BUFFER)]
    names = {value.name for value in held}
    return Graph(
        name=scope[-1].kind,
        inputs=tuple(copy.value(value) for value in outside if value.role in (Role.INPUT, Role.RESULT)),
        parameters=tuple(copy.value(value) for value in graph.parameters if value in set(held)),
        constants=tuple(copy.value(value) for value in outside if value.role is Role.CONSTANT),
        nodes=tuple(copy.node(node, len(scope)) for node in nodes),
        outputs=tuple(map(copy.value, outputs)),
        storages=tuple(copy.storages.values()),
        aliases=MappingProxyType({alias: name for alias, name in graph.aliases.items() if name in names}),
        mode=graph.mode,
        guards=graph.guards,
        notes=graph.notes,
        complete=graph.complete,
    )


class _Copy:
    """Copies values, storages and operations: roles, lifetimes and scopes are other ones in the new graph."""

    def __init__(self, graph: Graph, nodes: Sequence[Node], outside: Iterable[Value]) -> None:
        kept = set(nodes)
        self._steps = [step for step, (node, _) in enumerate(graph.walk()) if node in kept]
        self._outside = set(outside)
        self._values: dict[Value, Value] = {}
        self.storages: dict[Storage, Storage] = {}

    def value(self, value: Value) -> Value:
        """Return the copy of a value: an input, if an operation of the rest made it."""
        if value not in self._values:
            role = Role.INPUT if value in self._outside and value.role is Role.RESULT else value.role
            storage = value.storage and self._storage(value.storage, outside=role is Role.INPUT)
            self._values[value] = replace(value, role=role, storage=storage)
        return self._values[value]

    def node(self, node: Node, depth: int) -> Node:
        """Return the copy of a node, without the outermost ``depth`` frames."""
        kernels = tuple(self._operation(kernel) for kernel in node.kernels)
        return replace(self._operation(node), kernels=kernels, scope=node.scope[depth:])

    def _operation(self, operation: OperationT) -> OperationT:
        inputs, outputs = (tuple(map(self.value, values)) for values in (operation.inputs, operation.outputs))
        return replace(operation, inputs=inputs, outputs=outputs)

    def _storage(self, storage: Storage, *, outside: bool) -> Storage:
        if storage not in self.storages:
            born = bisect_left(self._steps, storage.born)
            allocated = born < len(self._steps) and self._steps[born] == storage.born
            died = None if storage.died is None else bisect_left(self._steps, storage.died)
            self.storages[storage] = replace(
                storage,
                category=Category.INPUT if outside and not allocated else storage.category,
                born=born if allocated else -1,
                died=None if died == len(self._steps) else died,
            )
        return self.storages[storage]

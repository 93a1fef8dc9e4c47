"""Unite two graphs in one: the graph after, with the removed operations at their former positions."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.comparison.pairs import NodePair, Pair, ScopePair, Status
from fxviz.ir import GraphBuilder, Kernel, Node, Role, Scope, Value
from fxviz.ir.names import Names

if TYPE_CHECKING:
    from collections.abc import Container

    from fxviz.comparison.difference import Difference

__all__ = ["Union"]


class Union:
    """The united ``graph``, and in ``pairs`` the pair of each of its operations and scopes.

    The change of an operation is its attribute ``change``, so that equal modules are equal in the union only if they
    changed equally. A tensor that an operation read from a removed one is a further input of it. There are no storages.
    """

    def __init__(self, diff: Difference) -> None:
        after = diff.after.graph
        self.pairs: dict[Node | Scope, Pair] = {(): diff.root}
        self._build = GraphBuilder(_name(diff))
        self._now = _counterparts(diff)
        self._unique_path = Names(_primed, (call.path for scope in after.scopes for call in scope))
        self._unique_node = Names(_primed, (node.name for node in after.nodes))
        self._unique_value = Names(_primed)
        self._values: dict[Value, Value] = {}
        declared = [*after.inputs, *after.parameters, *after.constants]
        for value in (*declared, *(value for node in after.nodes for value in node.outputs)):
            self._value(value)  # values of the graph after keep their names
        declared += [pair.before for pair in diff.values if pair.before and not pair.after and pair.role != "output"]
        for value in declared:
            self._build.declare(self._value(value))
        self._add(diff.root, ())
        self.graph = self._build.finish(
            *map(self._value, after.outputs),
            output_names=after.output_names,
            aliases=after.aliases,
            mode=after.mode,
            complete=after.complete,
        )

    def _add(self, pair: ScopePair, scope: Scope) -> None:
        """Add the operations of a pair of scopes, which becomes ``scope`` in the union."""
        for item in pair.items:
            if isinstance(item, NodePair):
                self._add_node(item, scope)
                continue
            inner = item.after if item.after is not None else self._place(item, pair, scope)
            self.pairs[inner] = item
            self._add(item, inner)

    def _place(self, removed: ScopePair, parent: ScopePair, scope: Scope) -> Scope:
        """Return a scope for a removed call, named apart from those after: ``fc′`` if another class replaced it."""
        call = removed.scope[-1]
        if parent.before and scope:
            call = replace(call, path=scope[-1].path + call.path.removeprefix(parent.before[-1].path))
        return (*scope, replace(call, path=self._unique_path(call.path)))

    def _add_node(self, pair: NodePair, scope: Scope) -> None:
        node = pair.node
        inputs = dict(zip(node.input_names, map(self._read, node.inputs), strict=True))
        for value in pair.before.inputs if pair.before and pair.after else ():
            if value not in self._now and value.role is Role.RESULT and (made := self._value(value)) in self._build:
                inputs[f"was {value.name}"] = made  # of an operation that was removed
        inside: set[Value] = set()
        change = {} if pair.status is Status.KEPT else {"change": _change(pair)}
        added = replace(
            node,
            inputs=tuple(inputs.values()),
            input_names=tuple(inputs),
            outputs=tuple(map(self._value, node.outputs)),
            attributes=MappingProxyType(dict(node.attributes) | change),
            kernels=tuple(self._kernel(kernel, inside) for kernel in node.kernels),
            name=node.name if pair.after else self._unique_node(node.name),
            scope=scope if pair.after is None else node.scope,
        )
        self.pairs[self._build.append(added)] = pair

    def _kernel(self, kernel: Kernel, inside: set[Value]) -> Kernel:
        """Return a kernel of a node; ``inside`` are the values that the kernels before it made."""
        inputs = tuple(self._read(value, inside) for value in kernel.inputs)
        outputs = tuple(map(self._value, kernel.outputs))
        inside.update(outputs)
        return replace(kernel, inputs=inputs, outputs=outputs)

    def _read(self, value: Value, inside: Container[Value] = ()) -> Value:
        """Return the value as an operation reads it; a constant instead of one that comes later in this order."""
        known = self._value(value)
        if known in self._build or known in inside:
            return known
        return self._build.declare(
            replace(known, name=self._unique_value(f"{known.name} as it was"), role=Role.CONSTANT)
        )

    def _value(self, value: Value) -> Value:
        """Return the value of the union that represents a value of either graph."""
        value = self._now.get(value, value)
        if value not in self._values:
            self._values[value] = replace(value, name=self._unique_value(value.name), storage=None)
        return self._values[value]


def _counterparts(diff: Difference) -> dict[Value, Value]:
    """Map values of the graph before to values of the graph after."""
    now = {pair.before: pair.after for pair in diff.values if pair.role != "output" and pair.before and pair.after}
    for pair in diff.nodes:
        if pair.before and pair.after:
            now.update(zip(pair.before.outputs, pair.after.outputs, strict=False))
    return now


def _change(pair: NodePair) -> str:
    return ": ".join(filter(None, (pair.status.name.lower(), "; ".join(map(str, pair.details)))))


def _primed(name: str, times: int) -> str:
    return name + "′" * times


def _name(diff: Difference) -> str:
    before, after = diff.before.graph.name, diff.after.graph.name
    return after if before == after else f"{before} → {after}"

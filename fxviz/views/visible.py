"""What is visible of a graph, as plain data: boxes, edges, and the numbers that go with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import Graph, Node, Role, Scope, Value
from fxviz.ir.frames import scope_sizes
from fxviz.views.boxes import Box, Edge, Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fxviz.analysis.facts import Metric
    from fxviz.views.spec import ViewSpec

__all__ = ["Visible"]


@dataclass(frozen=True, eq=False)
class Visible:
    """The data of a `fxviz.views.view.View`: which items are visible, how they nest, and what flows between them.

    ``root`` is the open box of the whole model, its scope is ``()``; its ``inputs`` and ``outputs`` are those inputs and
    outputs of the graph that are shown. ``representatives`` maps every value of a folded copy to the equal value in the copy
    that is shown, and likewise an input of the graph that only the folded copy reads. Values that are shown themselves are
    not in it: see `shown`.

    ``hidden`` counts the operations that are left out of open boxes, by operator. Edges run past those that hand a value
    on, from the operation that made it; their numbers stay with the scopes around them. ``layout_operators`` are all
    operations that would be left out of an open box, each with the value that it hands on (None: it makes a constant). It is
    empty where the spec hides nothing.

    ``weights`` are edges from parameters and buffers to the operations that read them, where the spec asks for them.
    ``color`` or ``category`` is what colours a picture. ``spec`` are the options that all of this follows from, or None
    where it was put together by hand.
    """

    graph: Graph
    root: Box
    edges: tuple[Edge, ...]
    metrics: tuple[Metric, ...] = ()
    color: Metric | None = None
    category: str | None = None
    representatives: Mapping[Value, Value] = field(default_factory=lambda: MappingProxyType({}))
    hidden: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    layout_operators: Mapping[Node, Value | None] = field(default_factory=lambda: MappingProxyType({}))
    weights: tuple[Edge, ...] = ()
    spec: ViewSpec | None = field(default=None, repr=False)

    def shown(self, value: Value) -> Value:
        """Return ``value`` itself, or its representative in the copy that is shown."""
        return self.representatives.get(value, value)

    def walk(self) -> Iterator[Item]:
        """Yield every visible item but the root, parents before their children, in execution order."""
        waiting = [*reversed(self.root.items)]
        while waiting:
            yield (item := waiting.pop())
            if isinstance(item, Box):
                waiting.extend(reversed(item.items))

    def parent(self, item: Item) -> Box:
        """Return the box around a visible item; for the root, the root."""
        return self._parents.get(item, self.root)

    def places(self, item: Item) -> tuple[Node | Scope, ...]:
        """Return what an item stands for, as `Metric.at` takes it: of a folded box all copies, of an item in it one."""
        return (item,) if isinstance(item, Node) else item.copies or item.parts

    def nodes(self, item: Item) -> tuple[Node, ...]:
        """Return the operations behind an item; of a folded box, the operations of the copy that is shown."""
        if isinstance(item, Node):
            return (item,)
        places = item.copies[: item.period] or item.parts
        return tuple(
            node
            for place in places
            for node in ((place,) if isinstance(place, Node) else self.graph.nodes_within[place])
        )

    @cached_property
    def sizes(self) -> Mapping[Scope, int]:
        """How many operations each scope holds, including the operations of the scopes in it."""
        return scope_sizes(self.graph.nodes)

    @cached_property
    def singles(self) -> Mapping[Scope, Node]:
        """The operation of each scope, other than the root, that has just one to show."""
        nodes = [node for node in self.graph.nodes if node not in self.layout_operators]
        sizes = scope_sizes(nodes)
        return {
            node.scope[:depth]: node
            for node in nodes
            for depth in range(len(node.scope), 0, -1)
            if sizes[node.scope[:depth]] == 1
        }

    @cached_property
    def names(self) -> Mapping[Value, Sequence[str]]:
        """For every input and output of the graph the names of all inputs or outputs that are shown as one with it."""
        graph = self.graph
        together: dict[Value, list[str]] = {}
        for value in graph.inputs:
            together.setdefault(self.shown(value), []).append(value.name)
        for value, name in zip(graph.outputs, graph.output_names or (v.name for v in graph.outputs), strict=True):
            if value.role is not Role.INPUT:
                together.setdefault(self.shown(value), []).append(name)
        return {value: together[self.shown(value)] for value in (*graph.inputs, *graph.outputs)}

    @cached_property
    def children(self) -> Mapping[Scope, Sequence[Scope]]:
        """The scopes directly in each scope, in order of first use."""
        children: dict[Scope, list[Scope]] = {}
        for scope in self.graph.scopes[1:]:
            children.setdefault(scope[:-1], []).append(scope)
        return children

    @cached_property
    def _parents(self) -> Mapping[Item, Box]:
        boxes = [self.root, *(item for item in self.walk() if isinstance(item, Box))]
        return {item: box for box in boxes for item in box.items}

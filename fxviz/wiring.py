"""What flows between the boxes of a view: the graph's values, lifted to what is visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fxviz.folding import Draft
from fxviz.ir import Node, Role, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.passes.repeats import Repeated

__all__ = ["End", "Wiring", "wire"]

End: TypeAlias = Draft | Node | Value


@dataclass(frozen=True, eq=False)
class Wiring:
    """The visible edges with the values along them, what each box takes and gives, and who stands for what is folded."""

    edges: Mapping[tuple[End, End], tuple[Value, ...]]
    inputs: Mapping[Draft, tuple[Value, ...]]
    outputs: Mapping[Draft, tuple[Value, ...]]
    twins: Mapping[Value, Value]


def wire(repeats: Repeated, root: Draft) -> Wiring:
    """Lift every use of a value to the visible ends, once per pair, in execution order.

    Weights and constants are not wired. What a copy in a folded box hands to a later one has no edge: both are the same
    box, and it would run backwards in it.
    """
    graph = repeats.graph
    places = _Places(repeats, root)
    edges: dict[tuple[End, End], dict[Value, None]] = {}
    inputs: dict[Draft, dict[Value, None]] = {}
    outputs: dict[Draft, dict[Value, None]] = {}

    def connect(value: Value, reader: Node | None) -> None:
        maker = graph.producers.get(value)
        if maker is None and (value.role is not Role.INPUT or reader is None):
            return
        shown = places.twins.get(value, value)
        source, target = places.visible(maker) or value, places.visible(reader) or value
        left, entered = _crossed(places.around(source), places.around(target))
        if maker and reader and (folded := places.handed_on(maker, reader)):
            around = places.around(source)
            left, entered = around[around.index(folded) :], ()
        elif source is not target:
            edges.setdefault((source, target), {})[shown] = None
        for box in left:
            outputs.setdefault(box, {})[shown] = None
        for box in entered:
            inputs.setdefault(box, {})[shown] = None

    for node in graph.nodes:
        for value in node.inputs:
            connect(value, node)
    for value in graph.outputs:
        connect(value, None)

    return Wiring(
        {ends: tuple(values) for ends, values in edges.items()},
        {root: graph.inputs} | {box: tuple(values) for box, values in inputs.items()},
        {root: tuple(dict.fromkeys(places.twins.get(value, value) for value in graph.outputs))}
        | {box: tuple(values) for box, values in outputs.items()},
        places.twins,
    )


class _Places:
    """Where every node of the graph is seen."""

    def __init__(self, repeats: Repeated, root: Draft) -> None:
        self.twins: dict[Value, Value] = {}
        self._repeats = repeats
        self._seen_as: dict[Node, Draft | Node] = {}
        self._copies: dict[Node, tuple[tuple[Draft, int], ...]] = {}
        self._around: dict[Draft | Node, tuple[Draft, ...]] = {}
        self._place(root, ())

    def visible(self, node: Node | None) -> Draft | Node | None:
        """The operation or closed box in which a node is seen."""
        return self._seen_as[node] if node else None

    def around(self, end: End) -> tuple[Draft, ...]:
        """The boxes around an end below the root, outermost first, itself included."""
        return self._around.get(end, ()) if not isinstance(end, Value) else ()

    def handed_on(self, maker: Node, reader: Node) -> Draft | None:
        """The folded box in one copy of which ``maker`` is, and ``reader`` in another."""
        for (box, copy), (other_box, other_copy) in zip(
            self._copies.get(maker, ()), self._copies.get(reader, ()), strict=False
        ):
            if box is not other_box:
                return None
            if copy != other_copy:
                return box
        return None

    def _place(self, box: Draft, around: tuple[Draft, ...]) -> None:
        for item in box.items:
            if isinstance(item, Draft):
                self._around[item] = (*around, item)
                self._place(item, (*around, item))
            else:
                self._around[item] = around
                self._seen_as[item] = item
        first = box.copies[0]
        if not box.open:
            self._seen_as |= dict.fromkeys(self._repeats.nodes(first), box)
        if len(box.copies) > 1:
            self._fold(box)

    def _fold(self, box: Draft) -> None:
        """Place the hidden copies where the first one is; it is itself placed by now, folded boxes in it too."""
        first = box.copies[0]
        inner = {node: self._copies.get(node, ()) for node in self._repeats.nodes(first)}
        for number, copy in enumerate(box.copies):
            for node, twin in self._repeats.twin_nodes(copy, first):
                self._copies[node] = ((box, number), *inner[twin])
                self._seen_as[node] = self._seen_as[twin]
                if number:
                    for value, shown in zip(node.outputs, twin.outputs, strict=True):
                        self.twins[value] = self.twins.get(shown, shown)


def _crossed(source: tuple[Draft, ...], target: tuple[Draft, ...]) -> tuple[tuple[Draft, ...], tuple[Draft, ...]]:
    """The boxes that an edge leaves and those that it enters."""
    shared = 0
    while shared < min(len(source), len(target)) and source[shared] is target[shared]:
        shared += 1
    return source[shared:], target[shared:]

"""What flows between the boxes of a view: the graph's values, lifted to what is visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fxviz.ir import Node, Role, Scope, Value
from fxviz.views.folding import Draft
from fxviz.views.layout_operators import is_idle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fxviz.views.structural_hash import Repeated

__all__ = ["End", "Wiring", "wire"]

End: TypeAlias = Draft | Node | Value


@dataclass(frozen=True, eq=False)
class Wiring:
    """The visible edges with the values along them, the inputs and outputs of each box, and the representatives of what is folded.

    ``hidden`` are the operations, in all copies, that are seen nowhere.
    """

    edges: Mapping[tuple[End, End], tuple[Value, ...]]
    hidden: tuple[Node, ...]
    inputs: Mapping[Draft, tuple[Value, ...]]
    outputs: Mapping[Draft, tuple[Value, ...]]
    representatives: Mapping[Value, Value]


def wire(repeats: Repeated, root: Draft, handed_on: Mapping[Node, Value | None]) -> Wiring:
    """Lift every use of a value to the visible ends, once per pair, in execution order.

    An output of the graph is an end of its own, or shares the end of its equal in an earlier copy. Weights and constants are not wired.
    What a copy in a folded box hands to a later one has no edge: both are the same box, and it would run backwards in it.
    A hidden operation joins its readers with the maker of the value that it hands on, as ``handed_on`` has it.
    A hidden constant is drawn like a weight: not at all.
    """
    graph = repeats.graph
    places = _Places(repeats, root)
    edges: dict[tuple[End, End], dict[Value, None]] = {}
    inputs: dict[Draft, dict[Value, None]] = {}
    outputs: dict[Draft, dict[Value, None]] = {}
    same: dict[Value, Value] = {}
    origins: dict[Value, Value | None] = {}

    def cross(value: Value, target: End, reader: Node | None) -> None:
        """Note the boxes that the value leaves and enters."""
        maker = graph.producers.get(value)
        around = places.around(places.visible(maker)) if maker else ()
        left, entered = _crossed(around, places.around(target))
        if maker and reader and (folded := places.copies_apart(maker, reader)):
            left, entered = around[around.index(folded) :], ()
        for box in left:
            outputs.setdefault(box, {})[places.shown(value)] = None
        for box in entered:
            inputs.setdefault(box, {})[places.shown(value)] = None

    def connect(value: Value, target: End, reader: Node | None) -> None:
        """Draw the edge, from who made the value before hidden operations handed it on."""
        maker = graph.producers.get(value)
        source = places.visible(maker) if maker else places.shown(value)
        apart = maker and reader and places.copies_apart(maker, reader)
        if not apart and (source is not target or isinstance(source, Value)):
            edges.setdefault((source, target), {})[places.shown(value)] = None

    def use(value: Value, target: End, reader: Node | None) -> None:
        value = same.get(value, value)
        if _flows(value):
            cross(value, target, reader)
        origin = origins.get(value, value)
        if origin and _flows(origin) and target not in places.hidden:
            connect(origin, target, reader)

    for node in graph.nodes:
        for value in node.inputs:
            use(value, places.visible(node), node)
        passed = handed_on.get(node)
        passed = same.get(passed, passed) if passed else None
        if passed and is_idle(node):
            # A skip that starts at the same tensor does not start here, as where a norm first casts its input in vain.
            same |= dict.fromkeys(node.outputs, passed)
        elif places.visible(node) in places.hidden:
            origins |= dict.fromkeys(node.outputs, origins.get(passed, passed) if passed else None)
    inputs_shown = tuple(dict.fromkeys(map(places.shown, graph.inputs)))
    returned: dict[Value, Value] = {}
    for value in graph.outputs:
        use(value, returned.setdefault(places.shown(value), value), None)

    return Wiring(
        {ends: tuple(values) for ends, values in edges.items()},
        tuple(node for node in graph.nodes if places.visible(node) in places.hidden),
        {root: inputs_shown} | {box: tuple(values) for box, values in inputs.items()},
        {root: tuple(returned.values())} | {box: tuple(values) for box, values in outputs.items()},
        places.representatives,
    )


class _Places:
    """Where every node of the graph is seen."""

    def __init__(self, repeats: Repeated, root: Draft) -> None:
        self.representatives: dict[Value, Value] = {}
        self.hidden: set[End] = set()
        self._repeats = repeats
        self._seen_as: dict[Node, Draft | Node] = {}
        self._copies: dict[Node, tuple[tuple[Draft, int], ...]] = {}
        self._around: dict[Draft | Node, tuple[Draft, ...]] = {}
        self._place(root, ())

    def shown(self, value: Value) -> Value:
        """Return the representative of a value, or the value itself."""
        return self.representatives.get(value, value)

    def visible(self, node: Node) -> Draft | Node:
        """Return the operation or closed box in which a node is seen; a hidden operation itself."""
        return self._seen_as[node]

    def around(self, end: End) -> tuple[Draft, ...]:
        """Return the boxes around an end below the root, outermost first, itself included."""
        return self._around.get(end, ()) if not isinstance(end, Value) else ()

    def copies_apart(self, maker: Node, reader: Node) -> Draft | None:
        """Return the folded box that has ``maker`` in one copy and ``reader`` in another, if there is one."""
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
        for node in box.hidden:
            self._around[node] = around
            self._seen_as[node] = node
            self.hidden.add(node)
        if not box.open:
            for place in box.copies[: box.period] or box.parts:
                nodes = [place] if isinstance(place, Node) else self._repeats.nodes(place)
                self._seen_as |= dict.fromkeys(nodes, box)
        if len(box.copies) > box.period:
            self._fold(box)

    def _fold(self, box: Draft) -> None:
        """Place the hidden copies where the first one is; it is itself placed by now, folded boxes in it too."""
        firsts = box.copies[: box.period]
        inner = {node: self._copies.get(node, ()) for scope in firsts for node in self._repeats.nodes(scope)}
        for place, copy in enumerate(box.copies):
            number, member = divmod(place, box.period)
            for node, first in self._repeats.corresponding_nodes(copy, firsts[member]):
                self._copies[node] = ((box, number), *inner[first])
                self._seen_as[node] = self._seen_as[first]
                if number:
                    self._represent(node.outputs, first.outputs)
        for member in range(box.period):
            copies = box.copies[member :: box.period]
            for read in zip(*map(self._repeats.reads, copies), strict=True):
                if all(self._feeds_only(value, copy) for value, copy in zip(read, copies, strict=True)):
                    self._represent(read[1:], read[:1] * (len(read) - 1))

    def _represent(self, values: Sequence[Value], shown: Sequence[Value]) -> None:
        self.representatives |= {value: self.shown(other) for value, other in zip(values, shown, strict=True)}

    def _feeds_only(self, value: Value, copy: Scope) -> bool:
        """Return whether a value is an input of the graph for this scope alone, as each layer's cache is."""
        graph = self._repeats.graph
        return value.role is Role.INPUT and all(node.scope[: len(copy)] == copy for node in graph.users[value])


def _flows(value: Value) -> bool:
    """Return whether it is drawn where a value goes: weights and constants are at hand everywhere."""
    return value.role in (Role.INPUT, Role.RESULT)


def _crossed(source: tuple[Draft, ...], target: tuple[Draft, ...]) -> tuple[tuple[Draft, ...], tuple[Draft, ...]]:
    """Return the boxes that an edge leaves, and the boxes that it enters."""
    shared = 0
    while shared < min(len(source), len(target)) and source[shared] is target[shared]:
        shared += 1
    return source[shared:], target[shared:]

"""A view cut into levels: what is directly in each open box, with the values that come into it and go out of it.

A level shows every box in it as one thing, so it is small however large the model is, and can be laid out by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from fxviz.exporters.drawing.layout import Drawing, draw
from fxviz.ir import Value
from fxviz.text.quantity import format_shape
from fxviz.views.view import Box, Edge, Item, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Level", "cut"]

_End: TypeAlias = Item | Value
_Edges: TypeAlias = "dict[tuple[_End, _End], dict[Value, None]]"

_FEW = 2  # values that come in or go out alike and are still drawn each for itself


@dataclass(frozen=True, eq=False)
class Level:
    """What is drawn of one box, every box in it closed.

    ``items`` are items of the whole view, or boxes around some in a row where there are more than can be drawn together.
    ``originals`` maps what is in ``drawing`` to them. ``inner`` has the level of each box that can be opened. ``drawn_as``
    maps each value that comes in or goes out to the value that it is drawn as: several may be drawn as one.
    """

    box: Box
    items: tuple[Item, ...]
    inner: Mapping[Item, Level]
    drawing: Drawing
    originals: Mapping[Item, Item]
    drawn_as: Mapping[Value, Value]

    def walk(self) -> Iterator[Level]:
        """Yield the level and all below it."""
        yield self
        for below in self.inner.values():
            yield from below.walk()


def cut(view: View, most: int, fan_out: int, fan_in: int) -> Level:
    """Return the level of the root, with all others in it.

    A box with more than ``most`` items shows them in parts. ``fan_out`` and ``fan_in`` are as for
    `fxviz.exporters.drawing.layout.draw`.
    """
    contents = _Contents(view, most)

    def level(box: Box) -> Level:
        items = contents.items[box]
        shown = _LevelView.of_box(contents, box)
        inner: dict[Item, Level] = {
            item: level(item) for item in items if isinstance(item, Box) and item in contents.items
        }
        return Level(box, items, inner, draw(shown, fan_out, fan_in), shown.originals, shown.drawn_as)

    return level(view.root)


class _Contents:
    """What each open box of a view holds, and the edges between those things; what comes in or goes out is a value."""

    def __init__(self, view: View, most: int) -> None:
        self.view = view
        self.items: dict[Box, tuple[Item, ...]] = {}
        self.edges: dict[Box, _Edges] = {}
        self._most = most
        self._around: dict[Item, Box] = {}
        self._hold(view.root)
        for edge in view.edges:
            self._lift(edge)
        self.weights: dict[Box, list[Edge]] = {}
        for edge in view.weights:
            if not isinstance(edge.target, Value):
                self.weights.setdefault(self._around[edge.target], []).append(edge)

    def _hold(self, box: Box) -> None:
        self.edges[box] = {}
        self.items[box] = self._parts(box)
        for item in self.items[box]:
            self._around[item] = box
            if isinstance(item, Box) and item.items:
                self._hold(item)

    def _parts(self, box: Box) -> tuple[Item, ...]:
        """Return the items of a box, or as many parts of equal size as can be drawn together."""
        if len(box.items) <= self._most:
            return box.items
        number = min(-(-len(box.items) // self._most), self._most)
        bounds = [len(box.items) * place // number for place in range(number + 1)]
        return tuple(
            self._part(box, box.items[start:stop], f"{start + 1}–{stop} of {len(box.items)}")
            for start, stop in pairwise(bounds)
        )

    def _part(self, box: Box, items: tuple[Item, ...], label: str) -> Box:
        parts = tuple(place for item in items for place in self.view.places(item))
        return Box(box.scope, items, parts=parts, label=label)

    def _lift(self, edge: Edge) -> None:
        """Draw an edge where its ends come together, and on the way there from the source outwards, and to the target."""
        source, target = self._way(edge.source), self._way(edge.target)
        shared = 0
        while shared < min(len(source), len(target)) and source[shared] is target[shared]:
            shared += 1
        self._connect(source[shared - 1], (*source, edge.source)[shared], (*target, edge.target)[shared], edge.values)
        for box, inside in pairwise((*source[shared:], edge.source)):
            for value in edge.values:
                self._connect(box, inside, value, (value,))
        for box, inside in pairwise((*target[shared:], edge.target)):
            for value in edge.values:
                self._connect(box, value, inside, (value,))

    def _way(self, end: _End) -> list[Box]:
        """Return the boxes around an end, from the root on."""
        way = [self.view.root if isinstance(end, Value) else self._around[end]]
        while way[-1] is not self.view.root:
            way.append(self._around[way[-1]])
        return way[::-1]

    def _connect(self, box: _End, source: _End, target: _End, values: Iterable[Value]) -> None:
        if isinstance(box, Box):
            self.edges[box].setdefault((source, target), {}).update(dict.fromkeys(values))


@dataclass(frozen=True, eq=False, kw_only=True)
class _LevelView(View):
    """One level as a view of its own, with the words of the whole."""

    whole: View
    originals: Mapping[Item, Item]
    drawn_as: Mapping[Value, Value]
    names: Mapping[Value, str]

    @classmethod
    def of_box(cls, contents: _Contents, box: Box) -> _LevelView:
        whole, edges = contents.view, contents.edges[box]
        closed: dict[Item, Item] = {
            item: replace(item, items=(), open=False) if isinstance(item, Box) else item for item in contents.items[box]
        }
        inputs, outputs = box.inputs, box.outputs
        drawn_as: dict[Value, Value] = {}
        names: dict[Value, str] = {}
        if box is not whole.root:  # whose inputs and outputs have names of their own, by which they are gathered
            coming, going = _gather(edges, 0), _gather(edges, 1)
            inputs, outputs = tuple(dict.fromkeys(coming.values())), tuple(dict.fromkeys(going.values()))
            drawn_as = {**coming, **going}
            names = {value: _name(value, times) for value, times in Counter(drawn_as.values()).items()}
        ends: dict[_End, _End] = dict([*closed.items(), *drawn_as.items()])
        together: _Edges = {}
        for (source, target), values in edges.items():
            together.setdefault((ends.get(source, source), ends.get(target, target)), {}).update(values)
        return cls(
            graph=whole.graph,
            root=Box(box.scope, tuple(closed.values()), True, box.copies, inputs, outputs),
            edges=tuple(Edge(source, target, tuple(values)) for (source, target), values in together.items()),
            metrics=whole.metrics,
            representatives=whole.representatives
            if box is whole.root
            else MappingProxyType({}),  # in a box is one copy of it
            weights=tuple(contents.weights.get(box, ())),
            whole=whole,
            originals={shown: item for item, shown in closed.items()},
            drawn_as=drawn_as,
            names=names,
        )

    def title(self, item: Item | Value) -> str:
        if isinstance(item, Value):
            return self.names.get(item) or self.whole.title(item)
        return "" if item is self.root else self.whole.title(self.originals[item])

    def lines(self, item: Item | Value) -> tuple[str, ...]:
        if isinstance(item, Value):
            return () if item in self.names else self.whole.lines(item)
        return self.whole.lines(self.originals[item])

    def tooltip(self, item: Item | Value) -> str:
        return ""

    def kind(self, item: Item | Value) -> str:
        if isinstance(item, Value):
            return "input" if item in self.root.inputs else "output"
        return self.whole.kind(self.originals[item])


def _gather(edges: _Edges, side: int) -> Mapping[Value, Value]:
    """Map each value at this end of edges to the one that is drawn for it: many of one type that join the same things are one."""
    neighbours: dict[Value, list[_End]] = {}
    for ends in edges:
        if isinstance(end := ends[side], Value):
            neighbours.setdefault(end, []).append(ends[1 - side])
    alike: dict[object, list[Value]] = {}
    for value, others in neighbours.items():
        alike.setdefault((value.type, *others), []).append(value)
    return {value: values[0] if len(values) > _FEW else value for values in alike.values() for value in values}


def _name(value: Value, times: int) -> str:
    """Name a value that comes in or goes out by its shape: every copy of a box has it under another name."""
    shape = format_shape(value.type.shape) if value.type else "?"
    return f"{shape} × {times}" if times > 1 else shape

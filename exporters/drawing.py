"""A view as shapes in groups, joined by arrows: what the drawing formats have in common before any syntax.

Ids are our own and short; texts are cut to what a picture can bear and hold only characters that XML allows.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeAlias

from fxviz.ir import Value
from fxviz.quantity import format_shape, format_type
from fxviz.view import Box, Item, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Arrow", "Direction", "Drawing", "Form", "Group", "Shape", "draw"]

Direction: TypeAlias = Literal["TB", "LR"]
"""The way the arrows run: from top to bottom, or from left to right."""

Form: TypeAlias = Literal["operation", "scope", "value", "reference"]
"""What a shape is: an operation, a closed scope, an input or output of the graph, or what is drawn in full elsewhere."""

# In characters. Graphviz 2.43 takes 16,384 bytes a string, and an escaped character takes up to 6.
_TITLE, _LINE, _TOOLTIP = 120, 120, 2000
_LINES = 12
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # XML forbids most of them


@dataclass(frozen=True)
class Shape:
    """One thing without visible parts; ``stacked`` where it stands for several equal ones."""

    number: int
    form: Form
    kind: str
    title: str
    lines: tuple[str, ...]
    tooltip: str
    stacked: bool = False

    @property
    def id(self) -> str:
        """Unique among shapes and groups."""
        return f"n{self.number}"


@dataclass(frozen=True)
class Group:
    """An open scope and what is drawn in it; ``stacked`` where it stands for several equal ones."""

    number: int
    title: str
    lines: tuple[str, ...]
    tooltip: str
    children: tuple[Shape | Group, ...]
    stacked: bool = False

    @property
    def id(self) -> str:
        """Unique among shapes and groups."""
        return f"s{self.number}"


@dataclass(frozen=True)
class Arrow:
    """From one shape to another."""

    source: Shape
    target: Shape
    label: str = ""
    tooltip: str = ""


@dataclass(frozen=True)
class Drawing:
    """A whole picture, in the order in which it is to be written."""

    title: str
    tooltip: str
    children: tuple[Shape | Group, ...]
    arrows: tuple[Arrow, ...]


def draw(view: View, fan_out: int) -> Drawing:
    """Turn a view into shapes, groups and arrows.

    A source with more than ``fan_out`` arrows (a mask, a table of rotations) keeps the first; for the others it is
    drawn again, small, beside those that read it: long arrows across a whole model hide all else, and cost layout
    engines minutes.
    """
    return _Drafter(view, fan_out).drawing()


@dataclass(frozen=True)
class _Gathered:
    """Inputs or outputs of the graph that are drawn as one: the entries of a cache, all made or read in one place."""

    kind: Literal["input", "output"]
    values: tuple[Value, ...]


_End: TypeAlias = Item | _Gathered


@dataclass(frozen=True)
class _Reference:
    """A crowded source drawn again in ``box``, for all that read it there; where those are many too, for ``target``."""

    source: _End
    box: Box
    target: _End | None


class _Drafter:
    """One drawing in the making: the shapes so far, by what they stand for."""

    def __init__(self, view: View, fan_out: int) -> None:
        self._view = view
        self._inputs = _gather(view, "input")
        self._outputs = _gather(view, "output")
        self._edges = _lift(view, (*self._inputs, *self._outputs))
        self._references = _refer(view, self._edges, fan_out)
        self._shapes: dict[_End | _Reference, Shape] = {}
        self._groups = count()

    def drawing(self) -> Drawing:
        view = self._view
        inputs = [self._shape(end, "value", view.kind(end.values[0])) for end in self._inputs]
        children = self._children(view.root)
        outputs = [self._shape(end, "value", "output") for end in self._outputs]
        return Drawing(
            _one_line(view.graph.name, _TITLE),
            _cut(view.tooltip(view.root), _TOOLTIP),
            (*inputs, *children, *outputs),
            tuple(self._arrow(*ends, values) for ends, values in self._edges.items()),
        )

    def _children(self, box: Box) -> tuple[Shape | Group, ...]:
        items = [self._item(item) for item in box.items]
        here = [reference for reference in dict.fromkeys(self._references.values()) if reference.box is box]
        return (*items, *(self._shape(reference, "reference", self._kind(reference.source)) for reference in here))

    def _item(self, item: Item) -> Shape | Group:
        if isinstance(item, Box) and item.open and item.items:
            number = next(self._groups)
            return Group(number, *self._texts(item), self._children(item), item.times > 1)
        return self._shape(item, "scope" if isinstance(item, Box) else "operation", self._kind(item))

    def _kind(self, end: _End) -> str:
        return end.kind if isinstance(end, _Gathered) else self._view.kind(end)

    def _shape(self, end: _End | _Reference, form: Form, kind: str) -> Shape:
        shown = end.source if isinstance(end, _Reference) else end
        stacked = isinstance(shown, Box) and shown.times > 1
        shape = Shape(len(self._shapes), form, kind, *self._texts(shown), stacked)
        self._shapes[end] = shape
        return shape

    def _texts(self, end: _End) -> tuple[str, tuple[str, ...], str]:
        view = self._view
        if isinstance(end, _Gathered) and len(end.values) > 1:
            title = f"{_head(view.title(end.values[0]))} × {_times(view, end)}"
            lines = tuple(dict.fromkeys(line for value in end.values for line in view.lines(value)))
            tooltip = "\n".join(map(view.tooltip, end.values))
        else:
            shown = end.values[0] if isinstance(end, _Gathered) else end
            title, lines, tooltip = view.title(shown), view.lines(shown), view.tooltip(shown)
        cut = tuple(_one_line(line, _LINE) for line in lines[:_LINES])
        return _one_line(title, _TITLE), cut, _cut(tooltip, _TOOLTIP)

    def _arrow(self, source: _End, target: _End, values: tuple[Value, ...]) -> Arrow:
        tooltip = "\n".join(f"{value.name}: {format_type(value.type)}" for value in values)
        drawn = self._shapes[self._references.get((source, target), source)]
        return Arrow(drawn, self._shapes[target], _label(source, values), _cut(tooltip, _TOOLTIP))


def _gather(view: View, kind: Literal["input", "output"]) -> tuple[_Gathered, ...]:
    """The ends of the view, three and more of them as one shape where they share the head of their name and all neighbours."""
    ends = view.root.inputs if kind == "input" else view.root.outputs
    neighbours: dict[Item | Value, list[Item | Value]] = {}
    for edge in view.edges:
        end, other = (edge.source, edge.target) if kind == "input" else (edge.target, edge.source)
        neighbours.setdefault(end, []).append(other)
    alike: dict[tuple[object, ...], list[Value]] = {}
    for value in ends:
        alike.setdefault((_head(view.title(value)), *neighbours.get(value, ())), []).append(value)
    gathered: list[_Gathered] = []
    for values in alike.values():
        together = _Gathered(kind, tuple(values))
        few = _times(view, together) < 3
        gathered += [_Gathered(kind, (value,)) for value in values] if few else [together]
    return tuple(gathered)


def _times(view: View, end: _Gathered) -> int:
    """How many inputs or outputs of the graph are drawn there: all that a folded one stands for."""
    shown = {view.shown(value) for value in end.values}
    values = view.graph.inputs if end.kind == "input" else view.graph.outputs
    return sum(view.shown(value) in shown for value in values)


def _lift(view: View, gathered: tuple[_Gathered, ...]) -> Mapping[tuple[_End, _End], tuple[Value, ...]]:
    """The edges of the view between what is drawn, with the values along each."""
    inputs = {value: end for end in gathered if end.kind == "input" for value in end.values}
    outputs = {value: end for end in gathered if end.kind == "output" for value in end.values}
    lifted: dict[tuple[_End, _End], dict[Value, None]] = {}
    for edge in view.edges:
        source = inputs[edge.source] if isinstance(edge.source, Value) else edge.source
        target = outputs[edge.target] if isinstance(edge.target, Value) else edge.target
        lifted.setdefault((source, target), {}).update(dict.fromkeys(edge.values))
    return {ends: tuple(values) for ends, values in lifted.items()}


def _refer(view: View, edges: Iterable[tuple[_End, _End]], fan_out: int) -> Mapping[tuple[_End, _End], _Reference]:
    """The edges that start at a reference instead of their source, which has more than ``fan_out`` of them."""

    def around(end: _End) -> Box:
        return view.root if isinstance(end, _Gathered) else view.parent(end)

    crowd = Counter(source for source, _ in edges)
    local_crowd = Counter((source, around(target)) for source, target in edges)
    references: dict[tuple[_End, _End], _Reference] = {}
    begun: set[_End] = set()
    for source, target in edges:
        if crowd[source] > fan_out and source in begun:
            alone = local_crowd[source, around(target)] > fan_out
            references[source, target] = _Reference(source, around(target), target if alone else None)
        begun.add(source)
    return references


def _label(source: _End, values: tuple[Value, ...]) -> str:
    """Shapes, where a source makes several and the arrow says which; elsewhere they stand at the source already."""
    made = () if isinstance(source, _Gathered) else source.outputs
    shapes = {value.type.shape for value in made if value.type}
    if len(shapes) < 2 or len(values) > 2:
        return ""
    return ", ".join(format_shape(value.type.shape) if value.type else "?" for value in values)


def _head(title: str) -> str:
    """What the entries of one structure have in common: ``cache`` of ``cache.0.key`` and of ``cache…0–11.key × 12``."""
    return re.split("[.…]", title, maxsplit=1)[0]


def _one_line(text: str, limit: int) -> str:
    return _cut(" ".join(text.split()), limit)


def _cut(text: str, limit: int) -> str:
    text = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"

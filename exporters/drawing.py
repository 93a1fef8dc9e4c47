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
from fxviz.view import Box, Edge, Item, View

if TYPE_CHECKING:
    from collections.abc import Mapping

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
class _Reference:
    """A crowded source drawn again in ``box``, for all that read it there; where those are many too, for ``target``."""

    source: Item | Value
    box: Box
    target: Item | Value | None


class _Drafter:
    """One drawing in the making: the shapes so far, by what they stand for."""

    def __init__(self, view: View, fan_out: int) -> None:
        self._view = view
        self._references = _refer(view, fan_out)
        self._sources: dict[Item | Value | _Reference, Shape] = {}
        self._targets: dict[Item | Value, Shape] = {}  # apart: a value may be both an input and an output
        self._shape_numbers = count()
        self._group_numbers = count()

    def drawing(self) -> Drawing:
        graph, edges = self._view.graph, self._view.edges
        # Inputs that nothing reads are drawn too: that is worth seeing.
        inputs = dict.fromkeys((*graph.inputs, *(edge.source for edge in edges if isinstance(edge.source, Value))))
        outputs = dict.fromkeys((*graph.outputs, *(edge.target for edge in edges if isinstance(edge.target, Value))))
        self._sources |= {value: self._shape("value", "input", value) for value in inputs}
        children = self._children(self._view.root)
        self._targets |= {value: self._shape("value", "output", value) for value in outputs}
        return Drawing(
            _one_line(graph.name, _TITLE),
            _cut(self._view.tooltip(self._view.root), _TOOLTIP),
            (*map(self._sources.__getitem__, inputs), *children, *map(self._targets.__getitem__, outputs)),
            tuple(map(self._arrow, edges)),
        )

    def _children(self, box: Box) -> tuple[Shape | Group, ...]:
        items = [self._item(item) for item in box.items]
        references = [reference for reference in dict.fromkeys(self._references.values()) if reference.box is box]
        for reference in references:
            kind = self._view.kind(reference.source)
            self._sources[reference] = self._shape("reference", kind, reference.source)
        return (*items, *map(self._sources.__getitem__, references))

    def _item(self, item: Item) -> Shape | Group:
        if isinstance(item, Box) and item.open and item.items:
            number = next(self._group_numbers)
            return Group(number, *self._texts(item), self._children(item), item.times > 1)
        shape = self._shape("scope" if isinstance(item, Box) else "operation", self._view.kind(item), item)
        self._sources[item] = self._targets[item] = shape
        return shape

    def _shape(self, form: Form, kind: str, item: Item | Value) -> Shape:
        stacked = isinstance(item, Box) and item.times > 1
        return Shape(next(self._shape_numbers), form, kind, *self._texts(item), stacked)

    def _texts(self, item: Item | Value) -> tuple[str, tuple[str, ...], str]:
        lines = tuple(_one_line(line, _LINE) for line in self._view.lines(item)[:_LINES])
        return _one_line(self._view.title(item), _TITLE), lines, _cut(self._view.tooltip(item), _TOOLTIP)

    def _arrow(self, edge: Edge) -> Arrow:
        source = self._sources[self._references.get(edge, edge.source)]
        tooltip = "\n".join(f"{value.name}: {format_type(value.type)}" for value in edge.values)
        return Arrow(source, self._targets[edge.target], _label(edge), _cut(tooltip, _TOOLTIP))


def _refer(view: View, fan_out: int) -> Mapping[Edge, _Reference]:
    """The edges that start at a reference instead of their source, which has more than ``fan_out`` of them."""

    def around(end: Item | Value) -> Box:
        return view.root if isinstance(end, Value) else view.parent(end)

    crowd = Counter(edge.source for edge in view.edges)
    local_crowd = Counter((edge.source, around(edge.target)) for edge in view.edges)
    references: dict[Edge, _Reference] = {}
    begun: set[Item | Value] = set()
    for edge in view.edges:
        if crowd[edge.source] > fan_out and edge.source in begun:
            box = around(edge.target)
            target = edge.target if local_crowd[edge.source, box] > fan_out else None
            references[edge] = _Reference(edge.source, box, target)
        begun.add(edge.source)
    return references


def _label(edge: Edge) -> str:
    """Shapes, where a source makes several and the arrow says which; elsewhere they stand at the source already."""
    made = () if isinstance(edge.source, Value) else edge.source.outputs
    shapes = {value.type.shape for value in made if value.type}
    if len(shapes) < 2 or len(edge.values) > 2:
        return ""
    return ", ".join(format_shape(value.type.shape) if value.type else "?" for value in edge.values)


def _one_line(text: str, limit: int) -> str:
    return _cut(" ".join(text.split()), limit)


def _cut(text: str, limit: int) -> str:
    text = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"

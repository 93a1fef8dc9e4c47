"""A view as shapes in groups, joined by arrows: what the drawing formats have in common before any syntax.

Ids are our own and short; texts are cut to what fits a picture and hold only characters that XML allows.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeAlias

from fxviz.ir import Node, Value
from fxviz.text.quantity import format_shape, format_type
from fxviz.views.captions import left_out
from fxviz.views.categories import Categories, categories_of
from fxviz.views.heat import Heat, heat_of
from fxviz.views.view import Box, Item, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Arrow", "Direction", "Drawing", "Form", "Group", "Legend", "Shape", "draw"]

Direction: TypeAlias = Literal["TB", "LR"]
"""The way the arrows run: from top to bottom, or from left to right."""

Form: TypeAlias = Literal["operation", "scope", "value", "weight", "reference"]
"""What a shape is: an operation, a closed scope, an input or output of the graph, a parameter, or what is drawn in full elsewhere."""

# In characters. Graphviz 2.43 takes 16,384 bytes a string, and an escaped character takes up to 6.
_TITLE, _LINE, _TOOLTIP = 120, 120, 2000
_LINES = 12
_NAMED = 2  # sources in the title of a reference
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # XML forbids most of them


@dataclass(frozen=True)
class Shape:
    """One thing without visible parts; ``stacked`` if it stands for several equal ones.

    ``heat``, from 0 to 1, colours it if a number does, ``category``, an index into the legend, if a word does, else its
    ``kind``. ``ends`` are what it is drawn for: an item of the view, or one or more of its inputs or outputs; of a
    reference, what it refers to.
    """

    number: int
    form: Form
    kind: str
    title: str
    lines: tuple[str, ...]
    tooltip: str
    stacked: bool = False
    heat: float | None = None
    ends: tuple[Item | Value, ...] = ()
    category: int | None = None

    @property
    def id(self) -> str:
        """Unique among shapes and groups."""
        return f"n{self.number}"


@dataclass(frozen=True)
class Group:
    """An open scope and what is drawn in it; ``stacked`` if it stands for several equal ones."""

    number: int
    title: str
    lines: tuple[str, ...]
    tooltip: str
    children: tuple[Shape | Group, ...]
    stacked: bool = False
    kind: str = "scope"

    @property
    def id(self) -> str:
        """Unique among shapes and groups."""
        return f"s{self.number}"


@dataclass(frozen=True)
class Arrow:
    """From one shape to another, with the values that flow along it."""

    source: Shape
    target: Shape
    label: str = ""
    tooltip: str = ""
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """A whole picture, in the order in which it is written."""

    title: str
    tooltip: str
    children: tuple[Shape | Group, ...]
    arrows: tuple[Arrow, ...]
    footer: str = ""
    legend: Legend | None = None


@dataclass(frozen=True)
class Legend:
    """What the colours of a drawing mean: a scale from ``least`` to ``most``, or a colour for each of ``names``."""

    label: str
    least: str = ""
    most: str = ""
    names: tuple[str, ...] = ()


def draw(view: View, fan_out: int, fan_in: int) -> Drawing:
    """Turn a view into shapes, groups and arrows.

    Long arrows across a whole model hide all else, and cost layout engines minutes. So a source with more than ``fan_out``
    arrows (a mask, a table of rotations) keeps the first of them, a target with more than ``fan_in`` (the steps of a
    recurrence, stacked) the last; instead of the others, the sources are named in a small shape beside the target.
    """
    return _Drafter(view, fan_out, fan_in).drawing()


@dataclass(frozen=True)
class _Gathered:
    """Inputs or outputs of the graph that are drawn as one, such as the entries of a cache. Or a weight."""

    kind: Literal["input", "output", "weight"]
    values: tuple[Value, ...]


_End: TypeAlias = Item | _Gathered


@dataclass(frozen=True, eq=False)
class _Reference:
    """Sources that are drawn again, as one, in ``box`` for the items there that read all of them."""

    sources: tuple[_End, ...]
    box: Box


class _Drafter:
    """Draws one view: holds the shapes so far, by what they stand for."""

    def __init__(self, view: View, fan_out: int, fan_in: int) -> None:
        self._view = view
        self._inputs = _gather(view, "input")
        self._outputs = _gather(view, "output")
        self._edges = _lift(view, (*self._inputs, *self._outputs))
        self._heat = heat_of(view)
        self._categories = categories_of(view)
        self._references = _refer(view, self._edges, fan_out, fan_in)
        self._references_in: dict[Box, list[_Reference]] = {}
        for reference in dict.fromkeys(self._references.values()):
            self._references_in.setdefault(reference.box, []).append(reference)
        self._weights = {edge.source: _Gathered("weight", edge.values) for edge in view.weights}
        self._weights_in: dict[Box, list[_Gathered]] = {}
        for source, reader in {edge.source: edge.target for edge in reversed(view.weights)}.items():
            if not isinstance(reader, Value):
                self._weights_in.setdefault(view.parent(reader), []).append(self._weights[source])
        self._shapes: dict[_End | _Reference, Shape] = {}
        self._groups = count()

    def drawing(self) -> Drawing:
        view = self._view
        inputs = [self._shape(end, "value", view.kind(end.values[0])) for end in self._inputs]
        children = self._children(view.root)
        outputs = [self._shape(end, "value", "output") for end in self._outputs]
        return Drawing(
            _one_line(view.graph.name, _TITLE),
            _paragraph(view.tooltip(view.root)),
            (*inputs, *children, *outputs),
            self._arrows(),
            _one_line(left_out(view.hidden), _LINE),
            _legend(self._heat, self._categories),
        )

    def _children(self, box: Box) -> tuple[Shape | Group, ...]:
        weights = [self._shape(weight, "weight", "weight") for weight in reversed(self._weights_in.get(box, ()))]
        items = [self._item(item) for item in box.items]
        references = self._references_in.get(box, ())
        return (
            *weights,
            *items,
            *(self._shape(reference, "reference", self._kind(reference)) for reference in references),
        )

    def _item(self, item: Item) -> Shape | Group:
        if isinstance(item, Box) and item.open and item.items:
            number = next(self._groups)
            return Group(number, *self._texts(item), self._children(item), item.times > 1, self._kind(item))
        return self._shape(item, "scope" if isinstance(item, Box) else "operation", self._kind(item))

    def _kind(self, end: _End | _Reference) -> str:
        if isinstance(end, _Reference):
            return self._kind(end.sources[0]) if len(end.sources) == 1 else "other"
        if isinstance(end, _Gathered):
            return end.kind
        return "other" if self._view.color or self._view.category else self._view.kind(end)

    def _shape(self, end: _End | _Reference, form: Form, kind: str) -> Shape:
        title, lines, tooltip = self._texts(end)
        stacked = isinstance(end, Box) and end.times > 1
        heat = self._heat.at(end) if self._heat and isinstance(end, Box | Node) else None
        shape = Shape(
            len(self._shapes), form, kind, title, lines, tooltip, stacked, heat, _ends(end), self._category(end)
        )
        self._shapes[end] = shape
        return shape

    def _category(self, end: _End | _Reference) -> int | None:
        categories = self._categories
        name = categories.at(end) if categories and isinstance(end, Box | Node) else None
        return categories.names.index(name) if categories and name else None

    def _texts(self, end: _End | _Reference) -> tuple[str, tuple[str, ...], str]:
        """Return title, lines and tooltip, cut to size."""
        title, lines, tooltip = self._words(end)
        cut = tuple(_one_line(line, _LINE) for line in lines[:_LINES])
        return _one_line(title, _TITLE), cut, _paragraph(tooltip)

    def _words(self, end: _End | _Reference) -> tuple[str, tuple[str, ...], str]:
        view = self._view
        match end:
            case _Reference(sources):
                titles, _, tooltips = zip(*map(self._words, sources), strict=True)
                more = (f"{len(titles) - _NAMED} more",) if len(titles) > _NAMED + 1 else titles[_NAMED:]
                return ", ".join((*titles[:_NAMED], *more)), (), "\n\n".join(tooltips)
            case _Gathered(_, (value,)):
                return view.title(value), view.lines(value), view.tooltip(value)
            case _Gathered(_, values):
                lines = tuple(dict.fromkeys(line for value in values for line in view.lines(value)))
                title = f"{_head(view.title(values[0]))} × {_times(view, end)}"
                return title, lines, "\n".join(map(view.tooltip, values))
            case _:
                return view.title(end), view.lines(end), view.tooltip(end)

    def _arrows(self) -> tuple[Arrow, ...]:
        arrows: dict[tuple[_End | _Reference, _End], list[Value]] = {}
        for (source, target), values in self._edges.items():
            arrows.setdefault((self._references.get((source, target), source), target), []).extend(values)
        for edge in self._view.weights:
            if not isinstance(edge.target, Value):
                arrows[self._weights[edge.source], edge.target] = [*edge.values]
        return tuple(self._arrow(source, target, values) for (source, target), values in arrows.items())

    def _arrow(self, source: _End | _Reference, target: _End, values: list[Value]) -> Arrow:
        tooltip = "\n".join(f"{value.name}: {format_type(value.type)}" for value in values)
        label = _label(source, values) if isinstance(source, Box | Node) and isinstance(target, Box | Node) else ""
        return Arrow(self._shapes[source], self._shapes[target], label, _paragraph(tooltip), tuple(values))


def _ends(end: _End | _Reference) -> tuple[Item | Value, ...]:
    """Return what a shape is drawn for."""
    match end:
        case _Reference(sources):
            return tuple(inner for source in sources for inner in _ends(source))
        case _Gathered(_, values):
            return values
        case _:
            return (end,)


def _legend(heat: Heat | None, categories: Categories | None) -> Legend | None:
    if heat:
        return Legend(f"{heat.metric.label}, all copies together", "0", heat.most)
    return Legend(categories.label, names=categories.names) if categories else None


def _gather(view: View, kind: Literal["input", "output"]) -> tuple[_Gathered, ...]:
    """Gather the ends of the view: three and more are one shape if they share the head of their name and all neighbours."""
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
    """Count the inputs or outputs of the graph that are drawn there: all that a folded one stands for."""
    shown = {view.shown(value) for value in end.values}
    values = view.graph.inputs if end.kind == "input" else view.graph.outputs
    return sum(view.shown(value) in shown for value in values)


def _lift(view: View, gathered: tuple[_Gathered, ...]) -> Mapping[tuple[_End, _End], tuple[Value, ...]]:
    """Return the edges of the view between what is drawn, with the values along each."""
    inputs = {value: end for end in gathered if end.kind == "input" for value in end.values}
    outputs = {value: end for end in gathered if end.kind == "output" for value in end.values}
    lifted: dict[tuple[_End, _End], dict[Value, None]] = {}
    for edge in view.edges:
        source = inputs[edge.source] if isinstance(edge.source, Value) else edge.source
        target = outputs[edge.target] if isinstance(edge.target, Value) else edge.target
        lifted.setdefault((source, target), {}).update(dict.fromkeys(edge.values))
    return {ends: tuple(values) for ends, values in lifted.items()}


def _refer(
    view: View, edges: Iterable[tuple[_End, _End]], fan_out: int, fan_in: int
) -> Mapping[tuple[_End, _End], _Reference]:
    """Find the edges that start at a reference instead of their source."""

    def around(end: _End) -> Box:
        return view.root if isinstance(end, _Gathered) else view.parent(end)

    leaving = Counter(source for source, _ in edges)
    arriving = Counter(target for _, target in edges)
    first = dict(reversed([*edges]))  # source -> target
    last = {target: source for source, target in edges}
    readers: dict[tuple[_End, Box], list[_End]] = {}
    for source, target in edges:
        too_many_leave = leaving[source] > fan_out and first[source] is not target
        too_many_arrive = arriving[target] > fan_in and last[target] is not source
        if too_many_leave or too_many_arrive:
            readers.setdefault((source, around(target)), []).append(target)
    together: dict[tuple[Box, tuple[_End, ...]], list[_End]] = {}
    for (source, box), targets in readers.items():
        for some in [tuple(targets)] if len(targets) <= fan_out else [(target,) for target in targets]:
            together.setdefault((box, some), []).append(source)
    return {
        (source, target): reference
        for (box, targets), sources in together.items()
        for reference in [_Reference(tuple(sources), box)]
        for source in sources
        for target in targets
    }


def _label(source: Item, values: list[Value]) -> str:
    """Return shapes if a source makes several, so that the arrow says which; else one of its ends has them already."""
    shapes = {value.type.shape for value in source.outputs if value.type}
    if len(shapes) < 2 or len(values) > 2:
        return ""
    return ", ".join(format_shape(value.type.shape) if value.type else "?" for value in values)


def _head(title: str) -> str:
    """Return what the entries of one structure have in common: ``cache`` of ``cache.0.key`` and of ``cache…0–11.key × 12``."""
    return re.split("[.…]", title, maxsplit=1)[0]


def _one_line(text: str, limit: int) -> str:
    return _cut(" ".join(text.split()), limit)


def _paragraph(text: str) -> str:
    return _cut("\n".join(" ".join(line.split()) for line in text.splitlines()), _TOOLTIP)


def _cut(text: str, limit: int) -> str:
    text = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"

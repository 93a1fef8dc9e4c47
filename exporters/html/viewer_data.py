"""The data of the viewer: everything that it shows of a model, as data that JSON can hold, equal parts once.

A *scene* is the content of a box with its layout. Boxes that are the same computation share one, since a scene names
modules by their place in the box, and nothing by what it is called in one copy alone. Amounts are numbers, or expressions
over the sizes of the model (see `fxviz.ir.expressions`), which the page works out for the sizes that its reader gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from fxviz.analysis.facts import Timed
from fxviz.errors import GraphError
from fxviz.exporters.drawing.layout import Group
from fxviz.exporters.drawing.palette import COLORS, category_color, heat_colors
from fxviz.exporters.html.layout import is_pinned
from fxviz.exporters.html.levels import Level, cut
from fxviz.exporters.html.opening import SIZE, page_openings
from fxviz.ir import Node, Value, format_scope
from fxviz.ir.expressions import Symbols, encode_expression
from fxviz.ir.frames import scope_sizes
from fxviz.ir.printer import format_attribute
from fxviz.text.quantity import format_expression, format_type
from fxviz.views.captions import left_out
from fxviz.views.categories import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fxviz.analysis.facts import Metric
    from fxviz.exporters.drawing.layout import Arrow, Shape
    from fxviz.exporters.html.layout import Layout, LayoutEngine
    from fxviz.ir import Dim, Scope
    from fxviz.views.view import Item, View

__all__ = ["Data", "viewer_data"]

Data: TypeAlias = dict[str, Any]

_EXACT = 2**53  # up to which JavaScript's numbers are whole
_HEATS = 32  # colours on the scale
_MOMENTS = 1200  # on the timeline: more than a screen has columns for


def viewer_data(view: View, most: int, fan_out: int, fan_in: int, engine: LayoutEngine) -> Data:
    """Return all that the viewer shows of a view; the parameters are the fields of `fxviz.exporters.html.exporter.Html`."""
    return _Writer(view, cut(view, most, fan_out, fan_in), engine).write()


class _Writer:
    def __init__(self, view: View, root: Level, engine: LayoutEngine) -> None:
        self._view = view
        self._root = root
        levels = [*root.walk()]
        drawings = [level.drawing for level in levels]
        self._layouts = dict(zip(levels, engine.lay_out(drawings), strict=True))
        self._sizes = scope_sizes(view.graph.nodes)
        self._symbols = Symbols()
        self._scenes: dict[str, int] = {}
        self._metrics = tuple(dict.fromkeys((*view.metrics, *([view.color] if view.color else []))))
        self._sorts: dict[str, dict[str, None]] = {label: {} for label in CATEGORIES}

    def write(self) -> Data:
        view = self._view
        root = self._scene(self._root)
        data = {
            "name": view.graph.name,
            "about": [[label, text] for label, text in _about(view) if text],
            "metrics": [self._metric(metric) for metric in self._metrics],
            "sorts": [_sort(label, names) for label, names in self._sorts.items() if len(names) > 1],
            "color": self._color(),
            "colors": dict(COLORS),
            "heat": [heat_colors(step / (_HEATS - 1)) for step in range(_HEATS)],
            "root": root,
            "size": SIZE,
            "openings": [*self._openings()],
            "timeline": next((self._timeline(metric) for metric in self._metrics if isinstance(metric, Timed)), None),
        }
        # The scenes are JSON already, and the symbols are known only now.
        return {**data, "scenes": [*map(json.loads, self._scenes)], "symbols": [row[0] for row in self._symbols.rows()]}

    def _color(self) -> str:
        """Return what colours the page at first: a sort by its label, a metric by its number, or "" for kinds."""
        if self._view.color:
            return str(self._metrics.index(self._view.color))
        return self._view.category or ""

    def _openings(self) -> Iterator[Data]:
        """Yield the keys of the boxes to open for a budget, and whether the page may begin with them."""
        for boxes, first in page_openings(self._view.graph, self._metrics, self._root, self._layouts):
            yield {"open": [self._finder.key(box) for box in boxes], "first": first}

    @cached_property
    def _finder(self) -> _Finder:
        return _Finder(self._view, self._root)

    # Scenes -----------------------------------------------------------------------------------------------------------

    def _scene(self, level: Level) -> int:
        """Return the number of the scene that shows a level."""
        layout = self._layouts[level]
        numbers = {shape.id: number for number, shape in enumerate(level.drawing.children)}
        inner = {item: self._scene(below) for item, below in level.inner.items()}
        scene = {
            "size": [_round(layout.width), _round(layout.height)],
            "shapes": [self._shape(level, shape, layout, number, inner) for number, shape in enumerate(_shapes(level))],
            "arrows": [
                self._arrow(level, arrow, layout, number, numbers) for number, arrow in enumerate(level.drawing.arrows)
            ],
        }
        return self._scenes.setdefault(json.dumps(scene, ensure_ascii=False), len(self._scenes))

    def _shape(self, level: Level, shape: Shape, layout: Layout, number: int, inner: Mapping[Item, int]) -> Data:
        place = layout.shapes[number]
        drawn: Data = {
            "form": shape.form,
            "kind": shape.kind,
            "title": shape.title,
            "lines": [*shape.lines],
            "box": [_round(size) for size in (place.x, place.y, place.width, place.height)],
        }
        if shape.form in ("operation", "scope"):
            (end,) = shape.ends
            assert not isinstance(end, Value)
            item = level.originals[end]
            drawn |= self._details(item) | {"sorts": self._sorted(item)}
            if item in inner:
                drawn["scene"] = inner[item]
        return drawn

    def _arrow(self, level: Level, arrow: Arrow, layout: Layout, number: int, numbers: Mapping[str, int]) -> Data:
        drawn: Data = {
            "from": numbers[arrow.source.id],
            "to": numbers[arrow.target.id],
            "points": [_round(x) for point in layout.arrows[number] for x in point],
            "types": [*dict.fromkeys(format_type(value.type) for value in arrow.values)],
        }
        if (at := layout.labels[number]) is not None:
            drawn |= {"label": arrow.label, "at": [_round(x) for x in at]}
        leaves = self._doors(level, arrow.source, arrow.values, "output")
        enters = self._doors(level, arrow.target, arrow.values, "input")
        return drawn | ({"leaves": leaves} if leaves else {}) | ({"enters": enters} if enters else {})

    def _doors(self, level: Level, shape: Shape, values: Sequence[Value], side: str) -> list[int]:
        """Return the numbers of the shapes in the scene of a box that show the values as they come in or go out."""
        if shape.form != "scope" or isinstance(end := shape.ends[0], Value):
            return []
        below = level.inner.get(level.originals[end])
        if below is None or not is_pinned(below.drawing, side):
            return []
        shown = {below.drawn_as.get(value, value) for value in values}
        return [
            number
            for number, inside in enumerate(_shapes(below))
            if inside.form == "value" and inside.kind == side and not shown.isdisjoint(inside.ends)
        ]

    def _details(self, item: Item) -> Data:
        """Return what is known of an item: the facts and numbers of one copy, and the numbers of all copies."""
        around = self._view.parent(item).around
        if isinstance(item, Node):
            return {
                "path": _relative(item.scope, around),
                "op": item.op,
                "source": str(item.source) if item.source else None,
                "phase": item.phase.value,
                "attributes": {name: format_attribute(value) for name, value in item.attributes.items()},
                "reads": [[*pair] for pair in zip(item.input_names, _types(item.inputs), strict=False)],
                "makes": _types(item.outputs),
                "kernels": [kernel.op for kernel in item.kernels],
                "amounts": self._amounts((item,)),
            }
        if item.label:  # around some operations in a row
            return {"path": "", "amounts": self._amounts(item.parts), "makes": _types(item.outputs)}
        one = item.copies[: item.period]
        details: Data = {
            "path": _relative(item.scope if item.period == 1 else item.around, around),
            "module": item.scope[-1].kind,
            "operations": sum(self._sizes[scope] for scope in one),
            "reads": [["", type] for type in _types(item.inputs)],
            "makes": _types(item.outputs),
            "amounts": self._amounts(one),
        }
        if item.times > 1:
            copies = [_relative(scope, around) for scope in item.copies]
            details |= {"times": item.times, "copies": copies, "together": self._amounts(item.copies)}
        return details

    def _sorted(self, item: Item) -> dict[str, str]:
        names = {label: name for label, find in CATEGORIES.items() if (name := find(self._view, item))}
        for label, name in names.items():
            self._sorts[label][name] = None
        return names

    # Numbers ----------------------------------------------------------------------------------------------------------

    def _metric(self, metric: Metric) -> Data:
        unknown = getattr(metric, "unknown", None)  # what an analysis says of what it did not count, if it does
        counts = dict(unknown) if isinstance(unknown, Mapping) else {}
        return {
            "label": metric.label,
            "unit": metric.unit,
            "total": self._amount(metric.at(())),
            "unknown": counts,
            "timed": isinstance(metric, Timed),
            "adds": not isinstance(metric, Timed),  # what is known at each moment is a level, and levels do not add up
        }

    def _amounts(self, places: Sequence[Node | Scope]) -> list[object]:
        return [self._amount(metric.at(*places)) for metric in self._metrics]

    def _amount(self, amount: Dim | None) -> object:
        """Write an amount: None if it is not known, a number, its digits if JavaScript would round it, or a formula."""
        if amount is None or isinstance(amount, int):
            return amount if amount is None or abs(amount) <= _EXACT else str(amount)
        if amount.is_number:
            return float(amount)
        try:
            return {"formula": format_expression(amount), "of": encode_expression(amount, self._symbols)}
        except GraphError:  # a function that the page cannot work out; it can still be read
            return {"formula": format_expression(amount), "of": None}

    # Time -------------------------------------------------------------------------------------------------------------

    def _timeline(self, metric: Timed) -> Data | None:
        """Return the bytes of each category at some moments, what runs then, and where in the picture it is."""
        ran = [*self._view.graph.walk()]
        moments = [step for step in metric.moments(_MOMENTS) if step < len(ran)]
        if not moments:
            return None
        return {
            "steps": moments,
            "last": len(ran) - 1,
            "categories": [
                {"name": category.value, "amounts": [self._amount(course[step]) for step in moments]}
                for category, course in metric.timeline.items()
            ],
            "moments": [
                {
                    "name": ": ".join(filter(None, (format_scope(node.scope), node.op))),
                    "kernel": kernel.op,
                    "phase": node.phase.value,
                    "route": [*self._finder.route(node)],
                }
                for node, kernel in map(ran.__getitem__, moments)
            ],
        }


class _Finder:
    """Finds where in the page an operation is seen: the numbers of the shapes to open, from the root on, and its own."""

    def __init__(self, view: View, root: Level) -> None:
        self._view = view
        self._routes: dict[Item, tuple[int, ...]] = {}
        self._scopes: dict[Scope, tuple[int, ...]] = {(): ()}
        self._add(root, ())

    def _add(self, level: Level, route: tuple[int, ...]) -> None:
        for number, shape in enumerate(_shapes(level)):
            if shape.form not in ("operation", "scope") or isinstance(end := shape.ends[0], Value):
                continue
            item, here = level.originals[end], (*route, number)
            self._routes[item] = here
            if not isinstance(item, Node):
                self._scopes |= dict.fromkeys(item.copies, here)
            if item in level.inner:
                self._add(level.inner[item], here)

    def key(self, item: Item) -> str:
        """Return how the page names what it draws for an item: the numbers of the shapes on the way to it."""
        return "/".join(map(str, self._routes[item]))

    def route(self, node: Node) -> tuple[int, ...]:
        """Return the way to the operation, its equal in the copy that is shown, or the innermost box around it that is seen."""
        shown = self._view.graph.producers[self._view.shown(node.outputs[0])] if node.outputs else node
        if shown in self._routes:
            return self._routes[shown]
        around = (shown.scope[:depth] for depth in range(len(shown.scope), -1, -1))
        return next(self._scopes[scope] for scope in around if scope in self._scopes)


def _shapes(level: Level) -> Iterator[Shape]:
    """Yield what is drawn on a level; it has no groups, since every box is closed."""
    return (child for child in level.drawing.children if not isinstance(child, Group))


def _about(view: View) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of the whole model other than its numbers."""
    graph = view.graph
    yield "Model", f"{len(graph.nodes):,} operations, traced by {graph.mode}"
    names = graph.output_names or tuple(value.name for value in graph.outputs)
    yield "Inputs", _list(value.name for value in graph.inputs)
    yield "Outputs", _list(names)
    yield "Not shown", left_out(view.hidden).partition(": ")[2]
    if not graph.complete:
        yield "Incomplete", "the trace stopped before the end of the model; all numbers are of the part before"
    yield from (("Only if", guard) for guard in graph.guards)
    yield from (("Note", note) for note in graph.notes)


def _sort(label: str, names: Iterable[str]) -> Data:
    """Return a category and its names, with a colour for each."""
    known = [*names]
    return {"label": label, "names": known, "colors": [category_color(place) for place in range(len(known))]}


def _list(names: Iterable[str], most: int = 6) -> str:
    known = [*names]
    return ", ".join([*known[:most], *([f"and {len(known) - most} more"] if len(known) > most else [])])


def _types(values: Sequence[Value]) -> list[str]:
    return [format_type(value.type) for value in values]


def _relative(scope: Scope, around: Scope) -> str:
    """Return the path of a module as seen from the one around it: ``.attn`` below it, ``attn`` elsewhere, ``""`` for itself."""
    path, base = format_scope(scope), around[-1].path if around else ""
    if scope == around:
        return ""
    return path.removeprefix(base) if base and path.startswith(f"{base}.") else path


def _round(length: float) -> float:
    return round(length, 1)

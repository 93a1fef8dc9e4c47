"""What is shown of a graph, decided once for every format: what is open, what is folded, which edges, which numbers.

An exporter sees a `View` and nothing else; it writes what it finds here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fxviz.analysis.facts import Analysis, Facts, Metric
from fxviz.analysis.kinds import WORK, kind_of
from fxviz.analysis.registry import find_analysis
from fxviz.errors import InputError
from fxviz.ir import Graph, Node, Role, Scope, Value, format_scope
from fxviz.ir.frames import scope_sizes
from fxviz.passes.flops import Flops
from fxviz.passes.parameters import Parameters
from fxviz.plugins import DisplayedInNotebooks, plugin_names, suggest
from fxviz.views.boxes import Box, Edge, Item
from fxviz.views.budget import afford
from fxviz.views.captions import (
    group_tooltip,
    held,
    node_title,
    node_tooltip,
    numbers,
    scope_title,
    scope_tooltip,
    sequence_kind,
    shapes,
    value_title,
    value_tooltip,
    varying,
)
from fxviz.views.categories import CATEGORIES, Categories, categorize
from fxviz.views.edges import End, Wiring, wire
from fxviz.views.folding import CONTAINERS, Draft, draft
from fxviz.views.heat import Heat, heat
from fxviz.views.layout_operators import bookkeeping
from fxviz.views.structural_hash import Repeated, Repeats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Box", "Edge", "Item", "View"]

_KINDS = {Role.INPUT: "input", Role.PARAMETER: "weight", Role.BUFFER: "weight"}


@dataclass(frozen=True, eq=False)
class View(DisplayedInNotebooks):
    """All that an exporter needs, decided: what is visible, how it nests, and what is written on it.

    ``root`` is the open box of the whole model, its scope is ``()``; its ``inputs`` and ``outputs`` are those of the graph
    that are shown. ``twins`` maps every value of a folded copy to its equal in the copy that is shown, likewise an input
    of the graph that only this copy reads (values that are shown as they are, are absent): see `shown`.

    ``hidden`` counts the operations that are left out of open boxes, by operator. Edges run past those that
    hand a value on, from what made it; their numbers stay with the scopes around them. ``bookkeeping`` is all that would
    be left out wherever it came to be seen, with what it hands on (None: it makes a constant); it is empty where nothing is to be hidden.

    ``weights`` are arrows from parameters and buffers to the operations that read them, where those are to be shown.
    ``smaller`` decides the same view with another budget, for a format that does not hold this one.
    """

    graph: Graph
    root: Box
    edges: tuple[Edge, ...]
    metrics: tuple[Metric, ...] = ()
    color: Metric | None = None
    category: str | None = None
    twins: Mapping[Value, Value] = field(default_factory=lambda: MappingProxyType({}))
    hidden: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    bookkeeping: Mapping[Node, Value | None] = field(default_factory=lambda: MappingProxyType({}))
    weights: tuple[Edge, ...] = ()
    smaller: Callable[[int], View] | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        source: Graph | Facts,
        *,
        depth: int | None = None,
        fold: bool = True,
        hide: bool = False,
        group: bool = False,
        budget: int | None = None,
        focus: str | None = None,
        show: tuple[Analysis[Any], ...] = (),
        color: Analysis[Any] | str | None = None,
        ends: bool = True,
        weights: bool = False,
        interest: Analysis[Any] | None = None,
    ) -> View:
        """Decide a view.

        Args:
            source: A graph, or its facts.
            depth: Closes every box that is nested deeper (0: the model's top level only, all of its modules closed).
            fold: Shows a run of equal siblings as one box.
            hide: Leaves out bookkeeping: views, reshapes, copies, casts, dropout in inference, and constants that are
                computed in passing (see `fxviz.views.layout_operators`).
            group: Puts a box around operations in a row that a helper function did (``apply_rotary_pos_emb()``), among
                those that a module's forward does itself.
            budget: Opens boxes only as far as at most so many things and edges between them are seen, those first that
                hold most of the FLOPs or parameters, or of the operations where neither is known. Where the top level is
                too much already, neighbours share a box.
            focus: The path of a module, ``encoder.layers.3``, ``cell@2`` for its third call: what is not in it is closed,
                and ``depth`` counts from there.
            show: The analyses whose numbers are written on each item, in that order.
            color: The analysis, or its name, that colours a picture: the more an item has of it, the darker. Or
                ``"dtype"`` or ``"phase"``: a colour for each (see `fxviz.views.categories`).
            ends: Shows what goes into the model and what comes out of it.
            weights: Shows the parameters and buffers that visible operations read. They do not count for ``budget``.
            interest: The analysis whose numbers say which boxes to open for the ``budget``, instead of FLOPs and
                parameters; those that have none of it stay closed.

        A scope that shows a single operation is shown as that operation, and one that holds a single scope as one box
        with it; neither is a level of depth.
        """
        if depth is not None and depth < 0:
            raise InputError(f"depth is {depth}: give 0 for the top level, more to see inside it, None for everything")
        if budget is not None and budget < 1:
            raise InputError(f"budget is {budget}: give the number of things to be seen, or None for everything")
        facts = source if isinstance(source, Facts) else Facts(source)
        repeats = facts[Repeats()]
        handed_on = bookkeeping(facts.graph) if hide else MappingProxyType({})
        looked_at = _find(facts.graph, focus) if focus else ()
        root = draft(repeats, depth=depth, fold=fold, hidden=handed_on, focus=looked_at, group=group)
        share = _shares(facts, interest)
        if interest is not None:
            _close(root, lambda box: share(box) == 0)
        if budget is not None:
            root = afford(root, budget, share, lambda root: _arrows(wire(repeats, root, handed_on), ends))
        wiring = wire(repeats, root, handed_on)
        boxes: dict[End, Box] = {}
        shown = _box(root, wiring, boxes, repeats)
        edges = (Edge(_end(a, boxes), _end(b, boxes), values) for (a, b), values in wiring.edges.items())
        return cls(
            facts.graph,
            shown if ends else replace(shown, inputs=(), outputs=()),
            tuple(edge for edge in edges if ends or not _is_end(edge)),
            tuple(_metric(facts, analysis) for analysis in show),
            *_coloring(facts, color),
            MappingProxyType(wiring.twins),
            MappingProxyType(dict(Counter(node.op for node in wiring.hidden).most_common())),
            handed_on,
            tuple(_weights(shown)) if weights else (),
            lambda budget: cls.of(
                facts,
                depth=depth,
                fold=fold,
                hide=hide,
                group=group,
                budget=budget,
                focus=focus,
                show=show,
                color=color,
                ends=ends,
                weights=weights,
                interest=interest,
            ),
        )

    def shown(self, value: Value) -> Value:
        """``value`` itself, or its equal in the copy that is shown."""
        return self.twins.get(value, value)

    def walk(self) -> Iterator[Item]:
        """Every visible item, parents before their children, in execution order; the root left out."""
        waiting = [*reversed(self.root.items)]
        while waiting:
            yield (item := waiting.pop())
            if isinstance(item, Box):
                waiting.extend(reversed(item.items))

    def parent(self, item: Item) -> Box:
        """The box around a visible item; around the root, the root."""
        return self._parents.get(item, self.root)

    def kind(self, item: Item | Value) -> str:
        """What colours an item: ``"input"``, ``"output"``, ``"weight"``, ``"scope"``, or the operator's kind (see `fxviz.analysis.kinds`).

        A closed box whose scope holds a single operation has the kind of that.
        """
        if isinstance(item, Value):
            return _KINDS.get(item.role, "output")
        if isinstance(item, Box) and (item.period > 1 or item.label):
            return "scope"
        operation = item if isinstance(item, Node) else self._singles.get(item.scope)
        return kind_of(operation.op) if operation else "scope"

    @cached_property
    def heat(self) -> Heat | None:
        """How much of the metric that colours the view each visible thing holds; None where something else colours it."""
        return heat(self, self.color) if self.color else None

    @cached_property
    def categories(self) -> Categories | None:
        """The dtype, or the phase of training, of each visible thing; None where something else colours the view."""
        return categorize(self, self.category) if self.category else None

    def title(self, item: Item | Value) -> str:
        """The name of an item in a few words: ``add``, ``conv1: conv2d``, ``0: Bottleneck``, ``layers.0–11: Block × 12``."""
        if isinstance(item, Value) and self.kind(item) == "weight":
            return item.name.rpartition(".")[2]
        if isinstance(item, Value):
            return value_title(self._names.get(item, (item.name,)))
        if item is self.root:
            return self.graph.name
        parent = self.parent(item).around
        if isinstance(item, Node):
            return node_title(item, parent, alone=item.scope in self._singles)
        if item.label:
            return item.label
        if item.period > 1:
            return scope_title(item.copies, parent, sequence_kind(item.copies[: item.period]), item.period)
        operation = self._singles.get(item.scope)
        return scope_title(item.copies, parent, operation.op if operation else item.scope[-1].kind)

    def lines(self, item: Item | Value) -> tuple[str, ...]:
        """What is written under the title: what a closed box holds, what varies among copies, output shapes, numbers.

        What is not known, and a number that is 0, is left out.
        """
        if isinstance(item, Value):
            return (shapes((item,)),) if item.type else ()
        differs = varying(item.varying) if isinstance(item, Box) else ""
        return tuple(
            filter(
                None, (self._contents(item), differs, shapes(item.outputs), numbers(self.metrics, self.places(item)))
            )
        )

    def tooltip(self, item: Item | Value) -> str:
        """The rest, over several lines: full path, source line, attributes, types of inputs and outputs, kernels, every number."""
        if isinstance(item, Value):
            return value_tooltip(self.kind(item), item, self._names.get(item, ()))
        if isinstance(item, Node):
            return node_tooltip(item, self.metrics)
        if item.label:
            return group_tooltip(item.label, item.scope, item.parts, item.inputs, item.outputs, self.metrics)
        nodes = sum(self._sizes[scope] for scope in item.copies[: item.period])
        return scope_tooltip(item.copies, nodes, item.inputs, item.outputs, self.metrics, item.period)

    def places(self, item: Item) -> tuple[Node | Scope, ...]:
        """What an item stands for, as `Metric.at` asks it: a folded box for all of its copies, what is in it for one."""
        return (item,) if isinstance(item, Node) else item.copies or item.parts

    def _contents(self, item: Item) -> str:
        """The modules in a closed box that do the work: those of several operations, one of them a matrix product or the like."""
        if isinstance(item, Node) or item.open or item.label or item.period > 1:
            return ""
        working = [scope for scope in self._held(item.scope) if self._works(scope)]
        return held(working) if working else ""

    def _held(self, scope: Scope) -> Iterator[Scope]:
        """The modules in a module, in order of first use, but for those of a single operation; of a container, what it holds."""
        for child in self._children.get(scope, ()):
            if child[-1].kind in CONTAINERS:
                yield from self._held(child)
            elif child not in self._singles:
                yield child

    def _works(self, scope: Scope) -> bool:
        return any(kind_of(node.op) in WORK for node in self.graph.nodes_within[scope])

    @cached_property
    def _children(self) -> Mapping[Scope, Sequence[Scope]]:
        children: dict[Scope, list[Scope]] = {}
        for scope in self.graph.scopes[1:]:
            children.setdefault(scope[:-1], []).append(scope)
        return children

    def __repr__(self) -> str:
        return f"<View of {self.graph.name}: {sum(1 for _ in self.walk())} things, {len(self.edges)} edges>"

    def nodes(self, item: Item) -> tuple[Node, ...]:
        """The operations behind an item; of a folded box, those of the copy that is shown."""
        if isinstance(item, Node):
            return (item,)
        places = item.copies[: item.period] or item.parts
        return tuple(
            node
            for place in places
            for node in ((place,) if isinstance(place, Node) else self.graph.nodes_within[place])
        )

    @cached_property
    def _parents(self) -> Mapping[Item, Box]:
        boxes = [self.root, *(item for item in self.walk() if isinstance(item, Box))]
        return {item: box for box in boxes for item in box.items}

    @cached_property
    def _sizes(self) -> Mapping[Scope, int]:
        """How many operations each scope holds, those below it included."""
        return scope_sizes(self.graph.nodes)

    @cached_property
    def _singles(self) -> Mapping[Scope, Node]:
        """The operation of each scope, the root left out, that has just one to show."""
        nodes = [node for node in self.graph.nodes if node not in self.bookkeeping]
        sizes = scope_sizes(nodes)
        return {
            node.scope[:depth]: node
            for node in nodes
            for depth in range(len(node.scope), 0, -1)
            if sizes[node.scope[:depth]] == 1
        }

    @cached_property
    def _names(self) -> Mapping[Value, Sequence[str]]:
        """For every input and output of the graph the names of all those that are shown as one with it."""
        graph = self.graph
        together: dict[Value, list[str]] = {}
        for value in graph.inputs:
            together.setdefault(self.shown(value), []).append(value.name)
        for value, name in zip(graph.outputs, graph.output_names or (v.name for v in graph.outputs), strict=True):
            if value.role is not Role.INPUT:
                together.setdefault(self.shown(value), []).append(name)
        return {value: together[self.shown(value)] for value in (*graph.inputs, *graph.outputs)}


def _find(graph: Graph, path: str) -> Scope:
    """The scope of a path as `format_scope` writes it."""
    prefixes = (scope[:depth] for scope in graph.scopes for depth in range(1, len(scope) + 1))
    known: dict[str, Scope] = {}
    for scope in prefixes:
        known.setdefault(format_scope(scope), scope)
    if path not in known:
        raise InputError(f"no operation of {graph.name!r} ran in a module {path!r}{suggest(path, known)}")
    return known[path]


def _arrows(wiring: Wiring, ends: bool) -> int:
    """How many edges a reader sees: all those of a thing to inputs, or to outputs, as one, since a picture gathers them."""
    pairs = {tuple("value" if isinstance(end, Value) else end for end in pair) for pair in wiring.edges}
    return len(pairs) if ends else sum("value" not in pair for pair in pairs)


def _is_end(edge: Edge) -> bool:
    return isinstance(edge.source, Value) or isinstance(edge.target, Value)


def _weights(box: Box) -> Iterator[Edge]:
    """An arrow from every parameter and buffer to each visible operation that reads it."""
    for item in box.items:
        if isinstance(item, Box):
            yield from _weights(item)
        else:
            held = dict.fromkeys(value for value in item.inputs if value.role in (Role.PARAMETER, Role.BUFFER))
            yield from (Edge(value, item, (value,)) for value in held)


def _close(box: Draft, dull: Callable[[Draft], bool]) -> None:
    """Close what is dull, but for what pinned boxes hold."""
    for item in box.items:
        if isinstance(item, Draft) and dull(item) and not item.pinned:
            item.close()
        elif isinstance(item, Draft):
            _close(item, dull)


def _shares(facts: Facts, interest: Analysis[Any] | None) -> Callable[[Draft], float]:
    """How much of the model a box is: of what is of ``interest``, else of its FLOPs or its parameters, whichever is more."""
    metrics: list[Metric] = [facts[Flops()], facts[Parameters()]] if interest is None else [_metric(facts, interest)]
    totals = [(metric, total) for metric in metrics if isinstance(total := metric.at(()), int) and total > 0]
    sizes = scope_sizes(facts.graph.nodes)

    def share(box: Draft) -> float:
        amounts = [(metric.at(*box.places), total) for metric, total in totals]
        known = [amount / total for amount, total in amounts if isinstance(amount, int)]
        operations = sum(1 if isinstance(place, Node) else sizes[place] for place in box.places)
        return max(known, default=operations / sizes[()])

    return cache(share)


def _box(draft: Draft, wiring: Wiring, boxes: dict[End, Box], repeats: Repeated) -> Box:
    items = tuple(_box(item, wiring, boxes, repeats) if isinstance(item, Draft) else item for item in draft.items)
    members = (draft.copies[member :: draft.period] for member in range(draft.period))
    boxes[draft] = Box(
        draft.scope,
        items,
        draft.open,
        draft.copies,
        wiring.inputs.get(draft, ()),
        wiring.outputs.get(draft, ()),
        draft.period,
        tuple(varying for copies in members if copies for varying in repeats.varying(*copies)),
        draft.parts,
        draft.label,
    )
    return boxes[draft]


def _end(end: End, boxes: Mapping[End, Box]) -> Item | Value:
    return boxes[end] if isinstance(end, Draft) else end


def _coloring(facts: Facts, color: Analysis[Any] | str | None) -> tuple[Metric | None, str | None]:
    """The metric that colours a view, or else the category."""
    if color is None:
        return None, None
    if isinstance(color, str) and color in CATEGORIES:
        return None, color
    if isinstance(color, str) and color not in plugin_names("fxviz.analyses"):
        known = (*CATEGORIES, *plugin_names("fxviz.analyses"))
        raise InputError(f"nothing to colour by is called {color!r}{suggest(color, known)}")
    return _metric(facts, find_analysis(color)() if isinstance(color, str) else color), None


def _metric(facts: Facts, analysis: Analysis[Any]) -> Metric:
    answer = facts[analysis]
    if not isinstance(answer, Metric):
        raise InputError(f"{analysis!r} gives no number for each operation (a `Metric`): it cannot be shown on a view")
    return answer

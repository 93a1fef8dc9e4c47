"""From the options of a view to its boxes and edges: nest, fold, close, open within the budget, wire."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fxviz.analysis.facts import Analysis, Facts, Metric
from fxviz.analysis.registry import find_analysis
from fxviz.errors import InputError
from fxviz.ir import Node, Role, Value
from fxviz.ir.extraction import find_scope
from fxviz.passes.flops import Flops
from fxviz.passes.parameters import Parameters
from fxviz.views.boxes import Box, Edge, Item
from fxviz.views.budget import afford
from fxviz.views.edges import End, Wiring, wire
from fxviz.views.folding import Draft, draft
from fxviz.views.layout_operators import layout_operators
from fxviz.views.opening import shares
from fxviz.views.structural_hash import Repeated, Repeats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fxviz.views.spec import ViewSpec

__all__ = ["Plan", "measure", "plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is visible: the fields of `fxviz.views.visible.Visible` that a budget decides."""

    root: Box
    edges: tuple[Edge, ...]
    representatives: Mapping[Value, Value]
    hidden: Mapping[str, int]
    layout_operators: Mapping[Node, Value | None]
    weights: tuple[Edge, ...]


def plan(facts: Facts, spec: ViewSpec) -> Plan:
    """Decide what is visible of a graph.

    Raises `InputError` for a focus that no operation ran in, and for an interest that is not a metric.
    """
    repeats = facts[Repeats()]
    skipped = layout_operators(facts.graph) if spec.hide else MappingProxyType({})
    drafted = _opened(facts, spec, repeats, skipped)
    wiring = wire(repeats, drafted, skipped)
    boxes: dict[End, Box] = {}
    root = _box(drafted, wiring, boxes, repeats)
    edges = (Edge(_end(a, boxes), _end(b, boxes), values) for (a, b), values in wiring.edges.items())
    return Plan(
        root=root if spec.ends else replace(root, inputs=(), outputs=()),
        edges=tuple(edge for edge in edges if spec.ends or not _is_end(edge)),
        representatives=MappingProxyType(wiring.representatives),
        hidden=MappingProxyType(dict(Counter(node.op for node in wiring.hidden).most_common())),
        layout_operators=skipped,
        weights=tuple(_weights(root)) if spec.weights else (),
    )


def measure(facts: Facts, analysis: Analysis[Any] | str) -> Metric:
    """Return the numbers of an analysis, or of the one with that name.

    Raises `InputError` for an unknown name, and for an analysis whose result is not a `Metric`.
    """
    analysis = find_analysis(analysis)() if isinstance(analysis, str) else analysis
    answer = facts[analysis]
    if not isinstance(answer, Metric):
        raise InputError(f"{analysis!r} gives no number for each operation (a `Metric`): it cannot be shown on a view")
    return answer


def _opened(facts: Facts, spec: ViewSpec, repeats: Repeated, skipped: Mapping[Node, Value | None]) -> Draft:
    """Return the boxes of a graph, opened as far as the options say."""
    focus = find_scope(facts.graph, spec.focus) if spec.focus else ()
    root = draft(repeats, depth=spec.depth, fold=spec.fold, hidden=skipped, focus=focus, group=spec.group)
    if spec.budget is None and spec.interest is None:
        return root
    share = _shares(facts, spec.interest)
    if spec.interest is not None:
        _close(root, lambda box: share(box) == 0)
    if spec.budget is None:
        return root
    return afford(root, spec.budget, share, lambda root: _arrows(wire(repeats, root, skipped), spec.ends))


def _arrows(wiring: Wiring, ends: bool) -> int:
    """Count the edges that a reader sees. All edges from inputs to one item, or from it to outputs, are one: a picture gathers them."""
    pairs = {tuple("value" if isinstance(end, Value) else end for end in pair) for pair in wiring.edges}
    return len(pairs) if ends else sum("value" not in pair for pair in pairs)


def _is_end(edge: Edge) -> bool:
    return isinstance(edge.source, Value) or isinstance(edge.target, Value)


def _weights(box: Box) -> Iterator[Edge]:
    """Yield an edge from every parameter and buffer to each visible operation that reads it."""
    for item in box.items:
        if isinstance(item, Box):
            yield from _weights(item)
        else:
            held = dict.fromkeys(value for value in item.inputs if value.role in (Role.PARAMETER, Role.BUFFER))
            yield from (Edge(value, item, (value,)) for value in held)


def _close(box: Draft, dull: Callable[[Draft], bool]) -> None:
    """Close the boxes that are dull, other than pinned ones."""
    for item in box.items:
        if isinstance(item, Draft) and dull(item) and not item.pinned:
            item.close()
        elif isinstance(item, Draft):
            _close(item, dull)


def _shares(facts: Facts, interest: Analysis[Any] | str | None) -> Callable[[Draft], float]:
    """Tell how much of the model a box is: of the interest, else of its FLOPs or its parameters, whichever is more."""
    metrics: list[Metric] = [facts[Flops()], facts[Parameters()]] if interest is None else [measure(facts, interest)]
    share = shares(facts.graph, metrics, lambda amount: amount if isinstance(amount, int) else None)
    return cache(lambda box: share(box.places))


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

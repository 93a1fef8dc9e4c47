"""The label of each visible item: its kind, title, lines and tooltip, the same in every format.

These functions choose; the words are in `fxviz.views.captions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import WORK
from fxviz.ir import Node, Role, Scope, Value
from fxviz.passes.operators import kind_of
from fxviz.views.boxes import Box, Item
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
from fxviz.views.opening import CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.views.visible import Visible

__all__ = ["kind", "lines", "title", "tooltip"]

_KINDS = {Role.INPUT: "input", Role.PARAMETER: "weight", Role.BUFFER: "weight"}


def kind(visible: Visible, item: Item | Value) -> str:
    """Return the kind of an item; see `fxviz.views.view.View.kind`."""
    if isinstance(item, Value):
        return _KINDS.get(item.role, "output")
    if isinstance(item, Box) and (item.period > 1 or item.label):
        return "scope"
    operation = item if isinstance(item, Node) else visible.singles.get(item.scope)
    return kind_of(operation.op) if operation else "scope"


def title(visible: Visible, item: Item | Value) -> str:
    """Return the name of an item in a few words; see `fxviz.views.view.View.title`."""
    if isinstance(item, Value) and kind(visible, item) == "weight":
        return item.name.rpartition(".")[2]
    if isinstance(item, Value):
        return value_title(visible.names.get(item, (item.name,)))
    if item is visible.root:
        return visible.graph.name
    parent = visible.parent(item).around
    if isinstance(item, Node):
        return node_title(item, parent, alone=item.scope in visible.singles)
    if item.label:
        return item.label
    if item.period > 1:
        return scope_title(item.copies, parent, sequence_kind(item.copies[: item.period]), item.period)
    operation = visible.singles.get(item.scope)
    return scope_title(item.copies, parent, operation.op if operation else item.scope[-1].kind)


def lines(visible: Visible, item: Item | Value) -> tuple[str, ...]:
    """Return the lines under the title; see `fxviz.views.view.View.lines`."""
    if isinstance(item, Value):
        return (shapes((item,)),) if item.type else ()
    differs = varying(item.varying) if isinstance(item, Box) else ""
    amounts = numbers(visible.metrics, visible.places(item))
    return tuple(filter(None, (_contents(visible, item), differs, shapes(item.outputs), amounts)))


def tooltip(visible: Visible, item: Item | Value) -> str:
    """Return all that is known of an item, over several lines; see `fxviz.views.view.View.tooltip`."""
    if isinstance(item, Value):
        return value_tooltip(kind(visible, item), item, visible.names.get(item, ()))
    if isinstance(item, Node):
        return node_tooltip(item, visible.metrics)
    if item.label:
        return group_tooltip(item.label, item.scope, item.parts, item.inputs, item.outputs, visible.metrics)
    nodes = sum(visible.sizes[scope] for scope in item.copies[: item.period])
    return scope_tooltip(item.copies, nodes, item.inputs, item.outputs, visible.metrics, item.period)


def _contents(visible: Visible, item: Item) -> str:
    """Name the modules in a closed box that do the work: several operations each, one of them a matrix product or the like."""
    if isinstance(item, Node) or item.open or item.label or item.period > 1:
        return ""
    working = [scope for scope in _held(visible, item.scope) if _works(visible, scope)]
    return held(working) if working else ""


def _held(visible: Visible, scope: Scope) -> Iterator[Scope]:
    """Yield the modules of several operations in a module, in order of first use; in the place of a container, those in it."""
    for child in visible.children.get(scope, ()):
        if child[-1].kind in CONTAINERS:
            yield from _held(visible, child)
        elif child not in visible.singles:
            yield child


def _works(visible: Visible, scope: Scope) -> bool:
    return any(kind_of(node.op) in WORK for node in visible.graph.nodes_within[scope])

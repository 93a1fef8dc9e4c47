"""Places of a graph: its nodes, its scopes, and its scopes by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fxviz.errors import InputError
from fxviz.ir import Node, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fxviz.ir import Graph

__all__ = ["Place", "resolve"]

Place: TypeAlias = Node | Scope | str
"""A node, a scope, or the path of a scope as `fxviz.format_scope` writes it, ``"layers.0"`` or ``"layers.0@1"``."""


def resolve(places: Iterable[Place], graph: Graph) -> tuple[Node | Scope, ...]:
    """Return the places with each path replaced by its scopes; see `fxviz.Graph.scopes_at`.

    Raises `InputError` for a path that the graph does not have, and for what is not a place.
    """
    return tuple(found for place in places for found in _resolved(place, graph))


def _resolved(place: Place, graph: Graph) -> tuple[Node | Scope, ...]:
    if isinstance(place, str):
        return graph.scopes_at(place)
    if not isinstance(place, Node | tuple):
        raise InputError(f"expected a node, a scope or a path such as 'layers.0', got {place!r}")
    return (place,)

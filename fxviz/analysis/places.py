"""Places of a graph: its nodes, its scopes, and its scopes by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fxviz.ir import Node, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fxviz.ir import Graph

__all__ = ["Place", "resolve"]

Place: TypeAlias = Node | Scope | str
"""A node, a scope, or the path of a scope as `fxviz.format_scope` writes it, ``"layers.0"`` or ``"layers.0@1"``."""


def resolve(places: Iterable[Place], graph: Graph) -> tuple[Node | Scope, ...]:
    """Return the places with each path replaced by its scopes; see `fxviz.Graph.scopes_at`."""
    return tuple(
        found for place in places for found in (graph.scopes_at(place) if isinstance(place, str) else (place,))
    )

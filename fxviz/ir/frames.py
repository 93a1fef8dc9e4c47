"""Frames: the module calls of a graph as a tree, in execution order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fxviz.ir.scopes import shared_depth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fxviz.ir.data import GraphData
    from fxviz.ir.nodes import Node
    from fxviz.ir.scopes import Scope

__all__ = ["Frame", "FrameItem", "nest", "scope_sizes"]


@dataclass(frozen=True, eq=False)
class Frame:
    """The operations that ran in one scope, in execution order: its nodes are ``graph.nodes[start:stop]``."""

    scope: Scope
    items: tuple[FrameItem, ...]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


FrameItem: TypeAlias = "Frame | Node"


def nest(graph: GraphData) -> Frame:
    """Return the frames of a graph as one tree; the scope of the root is ``()``.

    A scope that is left and entered again (two ``ModuleList``s that run in turn) is not one computation, and one box for
    it would make a cycle of its neighbours. It has no frame, and its items belong to the frame of its parent.
    """
    again = _entered_again(graph)
    found: dict[Scope, Frame] = {}
    open_scopes: list[Scope] = [()]
    open_items: list[list[FrameItem]] = [[]]
    starts = [0]

    def leave(depth: int, stop: int) -> None:
        while len(open_scopes) > depth:
            scope, items, start = open_scopes.pop(), open_items.pop(), starts.pop()
            if scope not in again:
                found[scope] = frame = Frame(scope, tuple(items), start, stop)
                if open_items:
                    open_items[-1].append(frame)

    current: Scope = ()
    for position, node in enumerate(graph.nodes):
        if node.scope is not current:
            common = shared_depth(current, node.scope)
            leave(common + 1, position)
            for depth in range(common + 1, len(node.scope) + 1):
                scope = node.scope[:depth]
                open_scopes.append(scope)
                open_items.append(open_items[-1] if scope in again else [])
                starts.append(position)
            current = node.scope
        open_items[-1].append(node)
    leave(0, len(graph.nodes))
    return found[()]


def _entered_again(graph: GraphData) -> frozenset[Scope]:
    """Return the scopes whose nodes are not one unbroken run."""
    seen: set[Scope] = set()
    again: set[Scope] = set()
    current: Scope = ()
    for node in graph.nodes:
        if node.scope is not current:
            for depth in range(shared_depth(current, node.scope) + 1, len(node.scope) + 1):
                scope = node.scope[:depth]
                (again if scope in seen else seen).add(scope)
            current = node.scope
    return frozenset(again)


def scope_sizes(nodes: Iterable[Node]) -> Counter[Scope]:
    """Return how many of the nodes each scope holds, with those of the scopes inside it."""
    sizes: Counter[Scope] = Counter()
    for scope, count in Counter(node.scope for node in nodes).items():
        for depth in range(len(scope) + 1):
            sizes[scope[:depth]] += count
    return sizes

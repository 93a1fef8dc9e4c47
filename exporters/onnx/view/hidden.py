"""What a view hides: where values come from that are read past it, and how this is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.views.layout_operators import is_idle

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from fxviz.ir import Node, Value
    from fxviz.views.view import View

__all__ = ["told_of", "trail"]


def trail(view: View, value: Value, known: Container[Value] = ()) -> tuple[Value, Sequence[Node]]:
    """Return what ``value`` was before hidden operations passed it on, and these in order: back to what is ``known`` or visible.

    Both as they are shown. A constant that hidden operations compute is its own source.
    """
    source = view.shown(value)
    passed: list[Node] = []
    while source not in known:
        maker = view.graph.producers.get(source)
        handed = view.layout_operators.get(maker) if maker else None
        if maker is None or handed is None:
            break
        passed.insert(0, maker)
        source = view.shown(handed)
    return source, passed


def told_of(passed: Sequence[Node]) -> str:
    """Return operations in a row in words, without those that did nothing: ``view → transpose``."""
    return " → ".join(node.op for node in passed if not is_idle(node))

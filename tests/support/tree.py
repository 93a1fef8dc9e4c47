"""A view as an indented text, for tests and for looking at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.views.view import Box

if TYPE_CHECKING:
    from fxviz.views.view import View


def tree(view: View, lines: bool = False) -> str:
    """Every visible item by its title, closed boxes in brackets."""
    return "\n".join(_tree(view, view.root, "", lines))


def _tree(view: View, box: Box, indent: str, lines: bool) -> list[str]:
    written = []
    for item in box.items:
        title = view.title(item)
        closed = isinstance(item, Box) and not item.open
        under = f"    {' | '.join(view.lines(item))}" if lines else ""
        written.append(f"{indent}{f'[{title}]' if closed else title}{under}")
        if isinstance(item, Box):
            written += _tree(view, item, indent + "  ", lines)
    return written


def edges(view: View) -> list[str]:
    """Every edge by the titles of its ends."""
    return [f"{view.title(edge.source)} -> {view.title(edge.target)}" for edge in view.edges]

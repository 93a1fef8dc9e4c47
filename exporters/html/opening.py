"""Which boxes of the page are open at first, and which when its reader asks for less or more.

Decided here once, by the rule of `fxviz.views.opening`: the page only says how wide the window is.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from fxviz.analysis.facts import Timed
from fxviz.views.opening import openings, shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fxviz.analysis.facts import Metric
    from fxviz.exporters.html.layout import Layout
    from fxviz.exporters.html.levels import Level
    from fxviz.ir import Dim, Graph
    from fxviz.views.boxes import Box

__all__ = ["SIZE", "Opening", "page_openings"]

SIZE = 64
"""What a symbolic size is until the reader of a page gives another."""

_FIRST = (8, 12, 18, 24, 32)
"""Budgets of the first picture: the page takes the largest that can be read across the window."""
_BUDGETS = (4, *_FIRST, 64, 128, 256, 512, 1200)  # more than 1,200 things a browser draws with delay
_WIDEST = 1500  # pixels; what is wider than a window is left for the reader to open

Opening: TypeAlias = "tuple[tuple[Box, ...], bool]"
"""The boxes to open together, and whether a page may begin with them."""


def page_openings(
    graph: Graph, metrics: Sequence[Metric], root: Level, layouts: Mapping[Level, Layout]
) -> Iterator[Opening]:
    """Yield what is open for each budget, the smallest first; nothing twice.

    The boxes that hold most of one of the ``metrics`` are first, at `SIZE` where sizes are symbols; a level over time, such
    as memory, does not add up and does not count.
    """
    levels = {level.box: level for level in root.walk()}
    share = shares(graph, [metric for metric in metrics if not isinstance(metric, Timed)], _at_size)

    def fitted(box: Box, room: int) -> Box | None:
        level = levels[box]
        return box if len(level.items) <= room and layouts[level].width <= _WIDEST else None

    def opened(budget: int) -> tuple[Box, ...]:
        order = openings(
            root.box,
            budget - len(root.items),
            share=cache(lambda box: share(box.copies or box.parts)),
            inside=lambda box: [below.box for below in levels[box].inner.values()],
            fitted=fitted,
            size=lambda box: len(levels[box].items),
        )
        return tuple(box for box, _ in order)

    first: dict[tuple[Box, ...], bool] = {}
    for budget in _BUDGETS:
        boxes = opened(budget)
        first[boxes] = first.get(boxes, False) or budget in _FIRST
    yield from first.items()


def _at_size(amount: Dim) -> float | None:
    if isinstance(amount, int):
        return amount
    number = amount.subs(dict.fromkeys(amount.free_symbols, SIZE))
    return float(number) if number.is_number else None

"""Which boxes are opened where only so many things may be seen."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from fxviz.views.folding import Draft
from fxviz.views.opening import openings
from fxviz.views.siblings import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Set

__all__ = ["afford"]

_MOST_REFUSED = 4  # boxes with too many edges, after which no more are tried


def afford(root: Draft, budget: int, share: Callable[[Draft], float], edges: Callable[[Draft], int]) -> Draft:
    """Return the drafted boxes, opened as far as at most ``budget`` things and as many edges are seen.

    The order is the one of `fxviz.views.opening.openings`. Everything is opened where all of it fits. Siblings share a box
    where the top level, or what pinned boxes hold, is over the budget alone.
    """
    if _size(root) <= budget and edges(root) <= budget:
        return root
    root = _within(root, budget, share, edges)
    refused: set[Draft] = set()
    affordable = 0
    while True:
        order = [*_openings(root, budget, share, refused)]
        numbers = range(1, len(order) + 1)
        # What was affordable before is so again: the order up to what was refused is the same.
        affordable = bisect_right(
            numbers, budget, lo=affordable, key=lambda number: edges(_opened(root, dict(order[:number])))
        )
        if affordable == len(order) or len(refused) == _MOST_REFUSED:
            return _opened(root, dict(order[:affordable]))
        refused.add(order[affordable][0])


def _within(root: Draft, budget: int, share: Callable[[Draft], float], edges: Callable[[Draft], int]) -> Draft:
    """Return the drafted boxes, with so little at the levels that are always open that all of it can be seen."""
    most = budget
    while most and not _fits(root, budget, edges):
        root = gather(root, most, share)
        most -= max(1, most // 8)
    return root


def _fits(root: Draft, budget: int, edges: Callable[[Draft], int]) -> bool:
    closed = _opened(root, {})
    return _size(closed) <= budget and edges(closed) <= budget


def _openings(
    root: Draft, budget: int, share: Callable[[Draft], float], refused: Set[Draft]
) -> Iterator[tuple[Draft, Draft]]:
    """Yield the boxes to open, each as it is then, until as many things are seen as the budget has.

    Where only its operations are too many, they share boxes. The ``refused``, which have too many edges, stay closed.
    """

    def inside(box: Draft) -> Iterator[Draft]:
        for item in box.items:
            if isinstance(item, Draft) and item.pinned:
                yield from inside(item)
            elif isinstance(item, Draft) and item.items and item not in refused:
                yield item

    def fitted(box: Draft, room: int) -> Draft | None:
        shown = box if len(box.items) <= room or not _holds_modules(box) else gather(box, room, share, loose=True)
        return shown if len(shown.items) <= room else None

    room = budget - _size(_opened(root, {}))
    return openings(root, room, share=share, inside=inside, fitted=fitted, size=lambda box: len(box.items))


def _opened(box: Draft, chosen: Mapping[Draft, Draft]) -> Draft:
    """Return a copy in which only the chosen boxes, as they were chosen, and the pinned ones are open."""
    if not (box.pinned or box in chosen):
        return box.closed()
    box = chosen.get(box, box)
    return replace(box, items=[_opened(item, chosen) if isinstance(item, Draft) else item for item in box.items])


def _holds_modules(box: Draft) -> bool:
    return any(isinstance(item, Draft) and item.copies for item in box.items)


def _size(box: Draft) -> int:
    """Count the things that are seen in a box."""
    return sum(1 + (_size(item) if isinstance(item, Draft) else 0) for item in box.items)

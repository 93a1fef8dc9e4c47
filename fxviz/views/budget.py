"""Which boxes are worth opening where only so many things may be seen."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from fxviz.views.folding import CONTAINERS, Draft
from fxviz.views.siblings import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Set

__all__ = ["afford"]

_MOST_REFUSED = 4  # boxes with too many edges, after which no more are tried
_LEAST = 0.01  # of the whole; what weighs less, a norm or an activation written out, says as much when closed


def afford(root: Draft, budget: int, share: Callable[[Draft], float], edges: Callable[[Draft], int]) -> Draft:
    """The drafted boxes, opened as far as at most ``budget`` things and as many edges are seen.

    What weighs most is opened first: by its ``share`` of the whole, less for each box of its kind that is open already;
    nothing that weighs next to nothing, unless everything can be opened. Where the top level, or what pinned boxes hold,
    is too much already, neighbours share a box.
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
    """The drafted boxes, with so little at the levels that are open at any rate that all of it can be seen."""
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
    """The boxes to open, in this order and each as it is then, until as many things are seen as the budget has.

    Where only its operations are too many, they share boxes. What is ``refused``, since it has too many edges, stays closed.
    """
    left = budget - _size(_opened(root, {}))
    opened: Counter[str] = Counter()
    waiting: list[tuple[float, int, Draft]] = []
    order = count()

    def weight(box: Draft) -> float:
        return share(box) / (1 + opened[_kind(box)]) ** 2

    def offer(box: Draft) -> None:
        for item in box.items:
            if isinstance(item, Draft) and item.pinned:
                offer(item)
            elif isinstance(item, Draft) and item.items and item not in refused and share(item) >= _LEAST:
                heappush(waiting, (-weight(item), next(order), item))

    offer(root)
    while waiting:
        offered, place, box = heappop(waiting)
        if offered < (now := -weight(box)):  # its kind was opened meanwhile
            heappush(waiting, (now, place, box))
            continue
        shown = box if len(box.items) <= left or not _holds_modules(box) else gather(box, left, share, loose=True)
        if len(shown.items) <= left:
            left -= len(shown.items)
            opened[_kind(box)] += _kind(box) not in CONTAINERS  # whose kind says nothing of what is in them
            offer(shown)
            yield box, shown


def _opened(box: Draft, chosen: Mapping[Draft, Draft]) -> Draft:
    """A copy in which only the chosen boxes, as they were chosen, and the pinned ones are open."""
    if not (box.pinned or box in chosen):
        return box.closed()
    box = chosen.get(box, box)
    return replace(box, items=[_opened(item, chosen) if isinstance(item, Draft) else item for item in box.items])


def _holds_modules(box: Draft) -> bool:
    return any(isinstance(item, Draft) and item.copies for item in box.items)


def _size(box: Draft) -> int:
    """How many things are seen in a box."""
    return sum(1 + (_size(item) if isinstance(item, Draft) else 0) for item in box.items)


def _kind(box: Draft) -> str:
    return box.label or box.scope[-1].kind

"""Which boxes are worth opening where only so many things may be seen."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from fxviz.folding import CONTAINERS, Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Set

__all__ = ["afford"]

_LEAST = 0.01  # of the whole; what weighs less, a norm or an activation written out, says as much when closed


def afford(root: Draft, budget: int, share: Callable[[Draft], float], edges: Callable[[Draft], int]) -> Draft:
    """The drafted boxes, opened as far as at most ``budget`` things and as many edges are seen.

    What weighs most is opened first: by its ``share`` of the whole, less for each box of its kind that is open already;
    nothing that weighs next to nothing, unless everything can be opened. What pinned boxes hold is seen whatever it takes.
    """
    if _size(root) <= budget and edges(root) <= budget:
        return root
    order = [*_openings(root, budget, share)]
    affordable = bisect_right(
        range(1, len(order) + 1), budget, key=lambda number: edges(_opened(root, frozenset(order[:number])))
    )
    return _opened(root, frozenset(order[:affordable]))


def _openings(root: Draft, budget: int, share: Callable[[Draft], float]) -> Iterator[Draft]:
    """The boxes to open, in this order, until as many things are seen as the budget has."""
    left = budget - _size(_opened(root, frozenset()))
    opened: Counter[str] = Counter()
    waiting: list[tuple[float, int, Draft]] = []
    order = count()

    def weight(box: Draft) -> float:
        return share(box) / (1 + opened[_kind(box)]) ** 2

    def offer(box: Draft) -> None:
        for item in box.items:
            if isinstance(item, Draft) and item.pinned:
                offer(item)
            elif isinstance(item, Draft) and item.items and share(item) >= _LEAST:
                heappush(waiting, (-weight(item), next(order), item))

    offer(root)
    while waiting:
        offered, place, box = heappop(waiting)
        if offered < (now := -weight(box)):  # its kind was opened meanwhile
            heappush(waiting, (now, place, box))
        elif len(box.items) <= left:
            left -= len(box.items)
            opened[_kind(box)] += _kind(box) not in CONTAINERS  # whose kind says nothing of what is in them
            offer(box)
            yield box


def _opened(box: Draft, chosen: Set[Draft]) -> Draft:
    """A copy in which only the chosen boxes and the pinned ones are open."""
    if not (box.pinned or box in chosen):
        return Draft(box.copies, [], open=False, period=box.period)
    items = [_opened(item, chosen) if isinstance(item, Draft) else item for item in box.items]
    return Draft(box.copies, items, hidden=box.hidden, pinned=box.pinned, period=box.period)


def _size(box: Draft) -> int:
    """How many things are seen in a box."""
    return sum(1 + (_size(item) if isinstance(item, Draft) else 0) for item in box.items)


def _kind(box: Draft) -> str:
    return box.copies[0][-1].kind

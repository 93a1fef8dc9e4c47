"""Siblings that share a box, where a level holds more than a page: first operations, then what weighs least."""

from __future__ import annotations

from dataclasses import replace
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from fxviz.ir import Node
from fxviz.views.captions import parts_label
from fxviz.views.folding import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fxviz.views.folding import DraftItem

__all__ = ["gather"]


def gather(root: Draft, most: int, share: Callable[[Draft], float], *, loose: bool = False) -> Draft:
    """Return a box with siblings together until at most ``most`` things are in it and in the pinned boxes below it.

    If ``loose``, only operations are put together.
    """
    levels = [*_pinned(root)]
    return _rebuilt(root, _joined([*_stretches(levels)], most - (len(levels) - 1), share, loose))


def _pinned(box: Draft) -> Iterator[Draft]:
    yield box
    for item in box.items:
        if isinstance(item, Draft) and item.pinned:
            yield from _pinned(item)


def _is_pinned(item: DraftItem) -> bool:
    return isinstance(item, Draft) and item.pinned


def _stretches(levels: Sequence[Draft]) -> Iterator[tuple[Draft, list[DraftItem]]]:
    """Yield what may share a box: items in a row, with no pinned box between them."""
    for level in levels:
        stretch: list[DraftItem] = []
        for item in level.items:
            if not _is_pinned(item):
                stretch.append(item)
            elif stretch:
                yield level, stretch
                stretch = []
        if stretch:
            yield level, stretch


def _joined(
    stretches: Sequence[tuple[Draft, list[DraftItem]]], most: int, share: Callable[[Draft], float], only_loose: bool
) -> Mapping[DraftItem, Draft]:
    """Return a box for each item that shares one: as few as possible, the lightest pairs of neighbours first."""
    items = [item for _, stretch in stretches for item in stretch]
    levels = [level for level, stretch in stretches for _ in stretch]
    ends = {sum(len(stretch) for _, stretch in stretches[: i + 1]) - 1 for i in range(len(stretches))}
    weights = [share(_around(level, [item])) for level, item in zip(levels, items, strict=True)]
    loose = [isinstance(item, Node) for item in items]
    deepest = max(len(level.scope) for level in levels)
    first, last = [*range(len(items))], [*range(len(items))]  # of the piece that starts, or ends, here

    def joint(at: int) -> tuple[bool, bool, float, int]:
        """Rank the joint after the piece that ends with item ``at``: how much is lost by it. What is looked at is joined last."""
        one, other = first[at], at + 1
        looked_at = len(levels[at].scope) == deepest > 0
        return looked_at, not (loose[one] and loose[other]), weights[one] + weights[other], at

    joints = [at for at in range(len(items) - 1) if at not in ends]
    waiting = [joint(at) for at in joints if not only_loose or (loose[at] and loose[at + 1])]
    heapify(waiting)
    pieces = len(items)
    while waiting and pieces > most:
        offered = heappop(waiting)
        at = offered[-1]
        if offered != (now := joint(at)):  # a neighbour has grown meanwhile
            heappush(waiting, now)
            continue
        one, other = first[at], at + 1
        weights[one] += weights[other]
        loose[one] = loose[one] and loose[other]
        first[last[other]], last[one] = one, last[other]
        pieces -= 1
    found: dict[DraftItem, Draft] = {}
    start = 0
    while start < len(items):
        end = last[start] + 1
        if end - start > 1:
            found |= dict.fromkeys(items[start:end], _around(levels[start], items[start:end]))
        start = end
    return found


def _around(level: Draft, items: Sequence[DraftItem]) -> Draft:
    parts = tuple(part for item in items for part in ([item] if isinstance(item, Node) else item.places))
    return Draft((), [], open=False, within=level.scope, parts=parts, label=parts_label(parts))


def _rebuilt(box: Draft, joined: Mapping[DraftItem, Draft]) -> Draft:
    """Return a copy of a pinned box in which what is joined is seen as one."""
    items = dict.fromkeys(
        _rebuilt(item, joined) if isinstance(item, Draft) and item.pinned else joined.get(item, item)
        for item in box.items
    )
    return replace(box, items=[*items])

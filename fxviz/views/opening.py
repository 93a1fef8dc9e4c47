"""The order in which closed boxes are worth opening: those first that hold most of the model, and rather one of each kind.

The budget of a view follows it, and so does the page of the HTML exporter.
"""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Protocol, TypeVar

from fxviz.ir import Node, Scope
from fxviz.ir.frames import scope_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fxviz.analysis.facts import Metric
    from fxviz.ir import Dim, Graph

__all__ = ["CONTAINERS", "openings", "shares"]

CONTAINERS = frozenset({"ModuleDict", "ModuleList", "Sequential"})
"""Modules that only hold others: around a single one, they say less than it does."""

LEAST = 0.01
"""Of the whole. A box that weighs less, a norm or an activation written out, says as much when closed."""


class _Box(Protocol):
    """A box around a scope, or around some parts of one, which have a label."""

    @property
    def scope(self) -> Scope: ...
    @property
    def label(self) -> str: ...


B = TypeVar("B", bound=_Box)


def openings(
    root: B,
    room: int,
    *,
    share: Callable[[B], float],
    inside: Callable[[B], Iterable[B]],
    fitted: Callable[[B, int], B | None],
    size: Callable[[B], int],
) -> Iterator[tuple[B, B]]:
    """Yield the boxes to open, in this order, each with what it is when opened, until no other fits into the ``room``.

    The heaviest is next: by its ``share`` of the whole, from 0 to 1, divided by the square of one more than the number of
    open boxes of its kind. What weighs less than `LEAST` stays closed.

    Args:
        root: what is open already.
        room: how many more items may be seen.
        share: how much of the whole a box holds.
        inside: the boxes in an open box that can be opened.
        fitted: a box as it is opened where so much room is left; None where it stays closed.
        size: how many items are seen in an open box.
    """
    opened: Counter[str] = Counter()
    waiting: list[tuple[float, int, B]] = []
    order = count()

    def weight(box: B) -> float:
        return share(box) / (1 + opened[_kind(box)]) ** 2

    def offer(box: B) -> None:
        for inner in inside(box):
            if share(inner) >= LEAST:
                heappush(waiting, (-weight(inner), next(order), inner))

    offer(root)
    while waiting:
        offered, place, box = heappop(waiting)
        if offered < (now := -weight(box)):  # a box of its kind was opened meanwhile
            heappush(waiting, (now, place, box))
            continue
        if (shown := fitted(box, room)) is not None:
            room -= size(shown)
            opened[_kind(box)] += _kind(box) not in CONTAINERS  # whose kind says nothing of what is in them
            offer(shown)
            yield box, shown


def shares(
    graph: Graph, metrics: Sequence[Metric], number: Callable[[Dim], float | None]
) -> Callable[[Sequence[Node | Scope]], float]:
    """Return how much of a graph some places hold, from 0 to 1: of the metric of which they hold most.

    ``number`` is the number that an amount counts as, or None where it does not count. Where none counts, it is the share of
    the operations.
    """
    totals = [(metric, total) for metric in metrics if (total := _known(metric.at(()), number))]
    sizes = scope_sizes(graph.nodes)

    def share(places: Sequence[Node | Scope]) -> float:
        amounts = [(_known(metric.at(*places), number), total) for metric, total in totals]
        known = [amount / total for amount, total in amounts if amount is not None]
        operations = sum(1 if isinstance(place, Node) else sizes[place] for place in places)
        return max(known, default=operations / sizes[()])

    return share


def _known(amount: Dim | None, number: Callable[[Dim], float | None]) -> float | None:
    return None if amount is None else number(amount)


def _kind(box: _Box) -> str:
    return box.label or box.scope[-1].kind

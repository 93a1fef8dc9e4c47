"""The costs of two graphs, node by node and scope by scope, and their difference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts, Metric, add
from fxviz.comparison.pairs import NodePair, Pair, ScopePair
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory, MemoryUse
from fxviz.passes.parameters import Parameters
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fxviz.ir import Dim, Node, Scope

__all__ = ["Cost", "Delta", "format_change"]


@dataclass(frozen=True)
class Delta:
    """An amount before and after; None if it is not known."""

    label: str
    unit: str
    before: Dim | None
    after: Dim | None

    @property
    def change(self) -> Dim | None:
        """The amount after minus the amount before; an expression if sizes are symbols."""
        if self.before is None or self.after is None:
            return None
        return add([self.after, -self.before])

    @property
    def changed(self) -> bool:
        """Whether the amounts differ, or only one of them is known."""
        return self.before != self.after if self.change is None else self.change != 0

    @property
    def share(self) -> float | None:
        """The change as a share of the amount before; None if that is symbolic, unknown or 0."""
        if isinstance(self.change, int) and isinstance(self.before, int) and self.before > 0:
            return self.change / self.before
        return None

    def __str__(self) -> str:
        return format_change(self.change, self.unit)


def format_change(change: Dim | None, unit: str = "") -> str:
    """Format a difference with its sign.

    >>> format_change(28_351_488), format_change(-512, "B"), format_change(0, "FLOPs")
    ('+28.4 M', '−512 B', '0')
    """
    if change is None:
        return "?"
    if change == 0:
        return "0"
    text = format_quantity(change, unit)
    return f"−{text[1:]}" if text.startswith("-") else f"+{text}"


@dataclass(frozen=True, eq=False)
class Cost:
    """A metric of both graphs, for any node or scope of either."""

    label: str
    unit: str
    before: Metric
    after: Metric
    none: Dim | None = None
    """The amount of nodes and scopes for which the metric has none."""

    @staticmethod
    def of(before: Facts, after: Facts) -> tuple[Cost, ...]:
        """Return parameters, FLOPs with their two columns, integer OPs, and peak memory."""
        work, work_now = before[Flops()], after[Flops()]
        return (
            Cost("parameters", "", before[Parameters()], after[Parameters()], 0),
            Cost("FLOPs", "FLOPs", work, work_now),
            Cost("matrix FLOPs", "FLOPs", work.matrix, work_now.matrix),
            Cost("other FLOPs", "FLOPs", work.pointwise, work_now.pointwise),
            Cost("integer OPs", "OPs", work.ops, work_now.ops),
            Cost("peak memory", "B", AtPeak(before[Memory()]), AtPeak(after[Memory()])),
        )

    @property
    def total(self) -> Delta:
        """The amounts of the whole graphs."""
        return self._delta(((),), ((),))

    def at(self, *pairs: Pair) -> Delta:
        """Return the amounts of some pairs together, which must not overlap; a missing side costs nothing."""
        return self._delta(
            [place for pair in pairs for place in _places_before(pair)],
            [place for pair in pairs for place in _places_after(pair)],
        )

    def _delta(self, before: Iterable[Node | Scope], after: Iterable[Node | Scope]) -> Delta:
        return Delta(self.label, self.unit, self._amount(self.before, before), self._amount(self.after, after))

    def _amount(self, metric: Metric, places: Iterable[Node | Scope]) -> Dim | None:
        places = tuple(places)
        if not places:
            return 0
        amount = metric.at(*places)
        return self.none if amount is None else amount


@dataclass(frozen=True, eq=False)
class AtPeak:
    """The bytes alive at the peak, by the node or scope that allocated or owns them; they add up to the peak."""

    memory: MemoryUse
    label: str = "peak memory"
    unit: str = "B"

    def at(self, *places: Node | Scope) -> Dim | None:
        """Return the bytes of operations and scopes together; None if no memory was observed."""
        if () in places:
            return self.memory.peak
        if self.memory.peak is None:
            return None
        return add([amount for place in places for amount in self._held.get(place, ())])

    @cached_property
    def _held(self) -> Mapping[Node | Scope, list[Dim]]:
        held: dict[Node | Scope, list[Dim]] = {}
        for holding in self.memory.alive_at_peak:
            if holding.node is not None:
                held.setdefault(holding.node, []).append(holding.nbytes)
            for depth in range(1, len(holding.scope) + 1):
                held.setdefault(holding.scope[:depth], []).append(holding.nbytes)
        return held


def _places_before(pair: Pair) -> tuple[Node | Scope, ...]:
    """Return the nodes and scopes of a pair before: the contents of an added module may come from elsewhere."""
    if pair.before is not None:
        return (pair.before,)
    return tuple(inner.before for inner in _nodes(pair) if inner.before is not None)


def _places_after(pair: Pair) -> tuple[Node | Scope, ...]:
    if pair.after is not None:
        return (pair.after,)
    return tuple(inner.after for inner in _nodes(pair) if inner.after is not None)


def _nodes(pair: Pair) -> tuple[NodePair, ...]:
    return pair.nodes if isinstance(pair, ScopePair) else (pair,)

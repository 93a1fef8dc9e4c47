"""What differs between two graphs, as data: every operation and value of both in pairs, and the costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fxviz.comparison.costs import Cost, Delta
from fxviz.comparison.pairs import NodePair, ScopePair, Status
from fxviz.passes.flops import Flops

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from fxviz.analysis.facts import Facts
    from fxviz.comparison.changes import ValuePair

__all__ = ["Difference"]


@dataclass(frozen=True, eq=False)
class Difference:
    """Two graphs side by side.

    ``root`` is the tree of all their operations; ``values`` are their inputs, outputs, parameters, buffers and
    constants.
    """

    before: Facts
    after: Facts
    root: ScopePair
    values: tuple[ValuePair, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing changed: no operation, no class of a module, no value, no cost."""
        structure = self.nodes_by(Status.KEPT) == self.nodes and not any(pair.details for pair in self.root.scopes())
        return structure and not self.changed_values and not any(delta.changed for delta in self.totals)

    @property
    def nodes(self) -> tuple[NodePair, ...]:
        """Every operation of either graph, once, in the order of the graph after; a removed one keeps its position."""
        return self.root.nodes

    def nodes_by(self, *statuses: Status) -> tuple[NodePair, ...]:
        """Return the operations that have one of these statuses."""
        return tuple(pair for pair in self.nodes if pair.status in statuses)

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        """The number of operations that were added, removed, changed, moved and kept."""
        found = Counter(pair.status for pair in self.nodes)
        return {status: found[status] for status in Status}

    @cached_property
    def changed_values(self) -> tuple[ValuePair, ...]:
        """The inputs, outputs, parameters, buffers and constants that were added, removed or changed."""
        return tuple(pair for pair in self.values if pair.status is not Status.KEPT)

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """Parameters, FLOPs, integer OPs and peak memory, each for any node or scope before and after."""
        return Cost.of(self.before, self.after)

    @cached_property
    def totals(self) -> tuple[Delta, ...]:
        """The costs of both graphs and their difference."""
        return tuple(cost.total for cost in self.costs)

    @cached_property
    def unknown(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """The operators whose FLOPs were not counted, with the number of their calls, before and after."""
        return self.before[Flops()].unknown, self.after[Flops()].unknown

    def mirrored(self) -> Self:
        """Return the difference the other way round."""
        values = tuple(pair.mirrored() for pair in self.values)
        return type(self)(self.after, self.before, self.root.mirrored(), values)

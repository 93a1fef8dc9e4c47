"""The difference of two graphs, and what it costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts
from fxviz.comparison.changes import Changes, ValuePair, pair_values
from fxviz.comparison.costs import Cost, Delta
from fxviz.comparison.matching import comes_first, match
from fxviz.comparison.merging import merge
from fxviz.comparison.pairs import NodePair, ScopePair, Status
from fxviz.errors import InputError
from fxviz.ir import Graph
from fxviz.views.structural_hash import fingerprint_together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.views.view import View

__all__ = ["GraphDiff", "diff"]


def diff(before: Graph | Facts, after: Graph | Facts) -> GraphDiff:
    """What changed from one graph to another; equal graphs, or one graph twice, differ in nothing.

    Modules and operations are matched by their paths and by what they do (`fxviz.comparison.matching`). Names of graphs
    and values, source lines, and notes of the trace do not count.
    """
    facts, facts_now = _facts(before), _facts(after)
    ones, others = fingerprint_together(facts.graph, facts_now.graph)
    if comes_first(ones, others):
        matching = match(ones, others)
        values = pair_values(ones.graph, others.graph, matching)
    else:
        mirrored = match(others, ones)
        matching = mirrored.mirrored()
        values = tuple(pair.mirrored() for pair in pair_values(others.graph, ones.graph, mirrored))
    changes = Changes(ones, others, matching, values)
    return GraphDiff(facts, facts_now, merge(ones.root, others.root, matching, changes.of), values)


@dataclass(frozen=True, eq=False)
class GraphDiff:
    """Two graphs side by side. ``root`` is the tree of all their operations, ``values`` what both are given and return.

    ``str(diff)`` is the report; `markdown` and `json` are for a pull request and for programs; `view` is a picture of both
    graphs as one, with what was added, removed and changed in colours.
    """

    before: Facts
    after: Facts
    root: ScopePair
    values: tuple[ValuePair, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing changed: no operation, no module's class, no tensor that is given or returned, no cost."""
        structure = self.nodes_by(Status.KEPT) == self.nodes and not any(pair.details for pair in self.root.scopes())
        return structure and not self.changed_values and not any(delta.changed for delta in self.totals)

    @property
    def nodes(self) -> tuple[NodePair, ...]:
        """Every operation of either graph, once: in the order of the graph after, what was removed where it was."""
        return self.root.nodes

    def nodes_by(self, *statuses: Status) -> tuple[NodePair, ...]:
        """The operations of which this became."""
        return tuple(pair for pair in self.nodes if pair.status in statuses)

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        """How many operations were added, removed, changed, moved and kept."""
        found = Counter(pair.status for pair in self.nodes)
        return {status: found[status] for status in Status}

    @cached_property
    def changed_values(self) -> tuple[ValuePair, ...]:
        """The inputs, outputs, parameters, buffers and constants that came, went, or are of another type."""
        return tuple(pair for pair in self.values if pair.status is not Status.KEPT)

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """Parameters, FLOPs, integer OPs and peak memory: each answers for a place before and after."""
        return Cost.of(self.before, self.after)

    @cached_property
    def totals(self) -> tuple[Delta, ...]:
        """The costs of both graphs and their difference."""
        return tuple(cost.total for cost in self.costs)

    @cached_property
    def unknown(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """The operators whose FLOPs were not counted, before and after, and how often."""
        from fxviz.passes.flops import Flops

        return self.before[Flops()].unknown, self.after[Flops()].unknown

    def mirrored(self) -> GraphDiff:
        """What changed the other way round."""
        return GraphDiff(self.after, self.before, self.root.mirrored(), tuple(pair.mirrored() for pair in self.values))

    def __str__(self) -> str:
        from fxviz.comparison.text import text

        return text(self)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status.name.lower()}" for status, count in self.counts.items())
        return f"GraphDiff({self.before.graph.name!r} → {self.after.graph.name!r}: {counts})"

    def markdown(self) -> str:
        """The report for a pull request: costs and the main changes, and the rest folded away."""
        from fxviz.comparison.markdown import markdown

        return markdown(self)

    def json(self) -> str:
        """All changes for programs, as JSON."""
        from fxviz.comparison.json import json

        return json(self)

    def view(self, budget: int | None = None, depth: int | None = None, *, fold: bool = True) -> View:
        """Both graphs in one picture: `fxviz.render` and `fxviz.export` write it in every format.

        At most ``budget`` things are open, those first in which most has changed; as many as fit on a page by default.
        """
        from fxviz.comparison.picture import picture

        return picture(self, budget, depth, fold=fold)


def _facts(source: Graph | Facts) -> Facts:
    if isinstance(source, Facts):
        return source
    if isinstance(source, Graph):
        return Facts(source)
    kind = type(source).__name__
    raise InputError(f"expected a Graph or Facts, got {kind}; trace the model first: fxviz.trace(model, args)")

"""Show two graphs in one view, where each title begins with the mark of its status."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts
from fxviz.comparison.pairs import ScopePair, Status
from fxviz.comparison.union import Union
from fxviz.ir import Node, Value
from fxviz.output import READABLE
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.comparison.costs import Cost
    from fxviz.comparison.difference import Difference
    from fxviz.comparison.pairs import Pair
    from fxviz.ir import Scope
    from fxviz.views.view import Item

__all__ = ["DiffView", "picture"]

_MOST_DETAILS = 3


def picture(diff: Difference, budget: int | None, depth: int | None, *, fold: bool) -> DiffView:
    """Return a view of both graphs; by default as many boxes as fit on a page, with the most changed modules open."""
    union = Union(diff)
    pairs = MappingProxyType(union.pairs)
    facts = Facts(union.graph)

    budget = READABLE if budget is None and depth is None else budget
    whole = View.of(facts, budget=budget, depth=depth, fold=fold, hide=True, interest=_Changes(pairs))
    fields = {field.name: getattr(whole, field.name) for field in dataclasses.fields(View)}
    return DiffView(**fields, pairs=pairs, costs=diff.costs)


@dataclass(frozen=True, eq=False)
class _Changes:
    """An analysis that counts the changes inside a scope: 0 for one that was added, removed or moved as a whole."""

    pairs: Mapping[Node | Scope, Pair]
    label: str = "changes"
    unit: str = ""

    def run(self, facts: Facts) -> _Changes:
        """Return the analysis itself, which is its own metric."""
        return self

    def at(self, *places: Node | Scope) -> int:
        """Return the number of changes inside these scopes together."""
        return sum(self._inside.get(self.pairs[place], 0) for place in places if place in self.pairs)

    @cached_property
    def _inside(self) -> Mapping[Pair, int]:
        inside: dict[Pair, int] = {}
        for pair in reversed([pair for pair in self.pairs.values() if isinstance(pair, ScopePair)]):
            mixed = pair.status is Status.CHANGED  # of what is in it, children come after their parents
            shown = (1 + inside.get(item, 0) for item in pair.items if item.status is not Status.KEPT)
            inside[pair] = sum(shown) if mixed else 0
        return inside


@dataclass(frozen=True, eq=False, repr=False)
class DiffView(View):
    """A view coloured and marked by status: + added, − removed, ~ changed, → moved.

    Below each title are the details of the change and the change of the costs. ``pairs`` maps each operation and scope
    of the union to its pair.
    """

    pairs: Mapping[Node | Scope, Pair] = field(default_factory=lambda: MappingProxyType({}))
    costs: tuple[Cost, ...] = ()

    def status(self, item: Item) -> Status:
        """Return the status of an item: the common one of all pairs in it, else changed."""
        statuses = {pair.status for pair in self._pairs(item)}
        return statuses.pop() if len(statuses) == 1 else Status.CHANGED if statuses else Status.KEPT

    def kind(self, item: Item | Value) -> str:
        """Return the name of the item's `Status` in lower case, which selects its colour."""
        return super().kind(item) if isinstance(item, Value) else self.status(item).name.lower()

    def title(self, item: Item | Value) -> str:
        """Return the mark of its status and the title as in any view."""
        title = super().title(item)
        if isinstance(item, Value) or item is self.root or self.status(item) is Status.KEPT:
            return title
        return f"{self.status(item).value} {title}"

    def lines(self, item: Item | Value) -> tuple[str, ...]:
        """Return the details and the change of the costs; for a kept item the shapes of its outputs."""
        if isinstance(item, Value) or self.status(item) is Status.KEPT:
            return super().lines(item)
        deltas = [cost.at(*self._pairs(item)) for cost in self.costs if cost.label in ("parameters", "FLOPs")]
        costs = " · ".join(
            f"{delta} {'' if delta.unit else delta.label}".rstrip() for delta in deltas if delta.change not in (0, None)
        )
        details = self._details(item)
        shown = details[:_MOST_DETAILS] + (("…",) if len(details) > _MOST_DETAILS else ())
        return (*(shown or super().lines(item)), *filter(None, (costs,)))

    def tooltip(self, item: Item | Value) -> str:
        """Return all details of the change, then the tooltip of any view."""
        rest = super().tooltip(item)
        return rest if isinstance(item, Value) else "\n".join((*self._details(item), rest))

    def _details(self, item: Item) -> tuple[str, ...]:
        pairs = self._pairs(item)
        return tuple(map(str, pairs[0].details)) if pairs else ()

    def _pairs(self, item: Item) -> tuple[Pair, ...]:
        return tuple(self.pairs[place] for place in self.places(item) if place in self.pairs)

"""A view of two graphs as one, in which every title begins with what became of the thing."""

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
    """A view of both graphs; by default as much of it as fits on a page, where most has changed in detail."""
    union = Union(diff)
    pairs = MappingProxyType(union.pairs)
    facts = Facts(union.graph)

    def view(budget: int | None) -> DiffView:
        whole = View.of(facts, budget=budget, depth=depth, fold=fold, hide=True, interest=_Changes(pairs))
        given = {field.name: getattr(whole, field.name) for field in dataclasses.fields(View)}
        return DiffView(**(given | {"smaller": view}), pairs=pairs, costs=diff.costs)

    return view(READABLE if budget is None and depth is None else budget)


@dataclass(frozen=True, eq=False)
class _Changes:
    """An analysis: how many changes there are to be seen in a scope; none in one that came, went or moved as a whole."""

    pairs: Mapping[Node | Scope, Pair]
    label: str = "changes"
    unit: str = ""

    def run(self, facts: Facts) -> _Changes:
        """Itself: it is its own metric."""
        return self

    def at(self, *places: Node | Scope) -> int:
        """The changes in all of some scopes."""
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
    """A view whose things are coloured and marked by what became of them: + added, − removed, ~ changed, → moved.

    Under the title stand what changed, and the change of the costs. ``pairs`` has what each operation and scope was and is.
    """

    pairs: Mapping[Node | Scope, Pair] = field(default_factory=lambda: MappingProxyType({}))
    costs: tuple[Cost, ...] = ()

    def status(self, item: Item) -> Status:
        """What became of an item: of a scope, of all in it, else it changed."""
        statuses = {pair.status for pair in self._pairs(item)}
        return statuses.pop() if len(statuses) == 1 else Status.CHANGED if statuses else Status.KEPT

    def kind(self, item: Item | Value) -> str:
        """What colours an item: the name of its `Status`, in lower case."""
        return super().kind(item) if isinstance(item, Value) else self.status(item).name.lower()

    def title(self, item: Item | Value) -> str:
        """The mark of what became of it, and the title as in any view."""
        title = super().title(item)
        if isinstance(item, Value) or item is self.root or self.status(item) is Status.KEPT:
            return title
        return f"{self.status(item).value} {title}"

    def lines(self, item: Item | Value) -> tuple[str, ...]:
        """What changed, and the change of its costs; of what was kept, the shapes of its outputs."""
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
        """All that changed, then the rest as in any view."""
        rest = super().tooltip(item)
        return rest if isinstance(item, Value) else "\n".join((*self._details(item), rest))

    def _details(self, item: Item) -> tuple[str, ...]:
        pairs = self._pairs(item)
        return tuple(map(str, pairs[0].details)) if pairs else ()

    def _pairs(self, item: Item) -> tuple[Pair, ...]:
        return tuple(self.pairs[place] for place in self.places(item) if place in self.pairs)

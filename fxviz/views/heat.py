"""How much of a metric each visible thing holds: what a picture is coloured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.ir import Node
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.analysis.facts import Metric
    from fxviz.ir import Dim, Scope
    from fxviz.views.view import Box, Item, View

__all__ = ["Heat", "heat"]


@dataclass(frozen=True, eq=False)
class Heat:
    """The amounts of a metric by operation and closed box, all copies of what is folded together.

    Only numbers count: what is not known, or depends on symbols, has no heat.
    """

    metric: Metric
    amounts: Mapping[Item, Dim]

    def at(self, item: Item) -> float | None:
        """From 0 for nothing to 1 for the most of all; None where nothing is known, and for an open box."""
        amount = self.amounts.get(item)
        return None if amount is None else float(amount / (self._most or 1))

    @property
    def _most(self) -> Dim:
        return max(self.amounts.values(), default=0)

    @property
    def most(self) -> str:
        """The most of all, to be read."""
        return format_quantity(self._most, self.metric.unit) if self.amounts else "not known"


def heat(view: View, metric: Metric) -> Heat:
    """Measure all that is visible in a view."""
    amounts: dict[Item, Dim | None] = {item: metric.at(*nodes) for item, nodes in _seen_in(view).items()}
    return Heat(metric, {item: amount for item, amount in amounts.items() if amount is not None and _is_number(amount)})


def _is_number(amount: Dim) -> bool:
    """Whether it depends on no symbol; a time is an exact fraction."""
    return isinstance(amount, int) or bool(amount.is_number)


def _seen_in(view: View) -> Mapping[Item, list[Node]]:
    """The operations behind each operation and closed box, those in hidden copies too."""
    items = [*view.walk()]
    closed = [item for item in items if not isinstance(item, Node) and not item.open]
    boxes: dict[Node | Scope, Box] = {place: box for box in closed for place in box.copies[: box.period] or box.parts}
    seen: dict[Item, list[Node]] = {item: [] for item in items if isinstance(item, Node) or not item.open}
    for node in view.graph.nodes:
        shown = view.graph.producers[view.shown(node.outputs[0])] if node.outputs else node
        places: list[Node | Scope] = [shown, *(shown.scope[:depth] for depth in range(len(shown.scope) + 1))]
        around = map(boxes.get, places)
        item = shown if shown in seen else next(filter(None, around), None)
        if item is not None:
            seen[item].append(node)
    return seen

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
    from fxviz.views.boxes import Box, Item
    from fxviz.views.visible import Visible

__all__ = ["Heat", "heat", "heat_of"]


@dataclass(frozen=True, eq=False)
class Heat:
    """The amounts of a metric by operation and closed box, all copies of what is folded together.

    Only numbers count: what is not known, or depends on symbols, has no heat.
    """

    metric: Metric
    amounts: Mapping[Item, Dim]

    def at(self, item: Item) -> float | None:
        """Return 0 for nothing up to 1 for the most of all; None where nothing is known, and for an open box."""
        amount = self.amounts.get(item)
        return None if amount is None else float(amount / (self._most or 1))

    @property
    def _most(self) -> Dim:
        return max(self.amounts.values(), default=0)

    @property
    def most(self) -> str:
        """The most of all, to be read."""
        return format_quantity(self._most, self.metric.unit) if self.amounts else "not known"


def heat_of(visible: Visible) -> Heat | None:
    """Measure all that is visible by the metric that colours it; return None where no metric does."""
    return heat(visible, visible.color) if visible.color else None


def heat(visible: Visible, metric: Metric) -> Heat:
    """Measure all that is visible by a metric."""
    amounts: dict[Item, Dim | None] = {item: metric.at(*nodes) for item, nodes in _seen_in(visible).items()}
    return Heat(metric, {item: amount for item, amount in amounts.items() if amount is not None and _is_number(amount)})


def _is_number(amount: Dim) -> bool:
    """Return whether an amount depends on no symbol; a time is an exact fraction."""
    return isinstance(amount, int) or bool(amount.is_number)


def _seen_in(visible: Visible) -> Mapping[Item, list[Node]]:
    """Return the operations behind each operation and closed box, including those in hidden copies."""
    items = [*visible.walk()]
    closed = [item for item in items if not isinstance(item, Node) and not item.open]
    boxes: dict[Node | Scope, Box] = {place: box for box in closed for place in box.copies[: box.period] or box.parts}
    seen: dict[Item, list[Node]] = {item: [] for item in items if isinstance(item, Node) or not item.open}
    for node in visible.graph.nodes:
        shown = visible.graph.producers[visible.shown(node.outputs[0])] if node.outputs else node
        places: list[Node | Scope] = [shown, *(shown.scope[:depth] for depth in range(len(shown.scope) + 1))]
        around = map(boxes.get, places)
        item = shown if shown in seen else next(filter(None, around), None)
        if item is not None:
            seen[item].append(node)
    return seen

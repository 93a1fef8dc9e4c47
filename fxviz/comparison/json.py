"""Write the difference between two graphs as JSON, for programs."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any

from fxviz.comparison.pairs import NodePair, Status
from fxviz.ir import format_scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.comparison.changes import ValuePair
    from fxviz.comparison.costs import Delta
    from fxviz.comparison.difference import Difference
    from fxviz.comparison.pairs import Pair, ScopePair
    from fxviz.ir import Dim

__all__ = ["json"]


def json(diff: Difference) -> str:
    """Return an object: ``before``, ``after``, ``equal``, ``operations``, ``costs``, ``scopes``, ``nodes``, ``values``.

    ``nodes`` and ``values`` list what changed; ``scopes`` also lists those of which only the costs changed. An amount
    is a number, an expression as text, or null if it is not known.
    """
    content = {
        "before": diff.before.graph.name,
        "after": diff.after.graph.name,
        "equal": diff.equal,
        "operations": {status.name.lower(): count for status, count in diff.counts.items()},
        "costs": {delta.label: _delta(delta) for delta in diff.totals},
        "not counted": [dict(unknown) for unknown in diff.unknown],
        "scopes": [*_scopes(diff)],
        "nodes": [_node(pair) for pair in diff.nodes if pair.status is not Status.KEPT],
        "values": [_value(pair) for pair in diff.changed_values],
    }
    return dumps(content, indent=2, ensure_ascii=False) + "\n"


def _scopes(diff: Difference) -> Iterator[dict[str, Any]]:
    for pair in diff.root.scopes():
        costs = {delta.label: _delta(delta) for cost in diff.costs if (delta := cost.at(pair)).changed}
        if costs or pair.status is not Status.KEPT:
            yield {**_places(pair), "costs": costs}


def _node(pair: NodePair) -> dict[str, Any]:
    names = {"before": pair.before and pair.before.name, "after": pair.after and pair.after.name}
    return {"op": pair.node.op, **_places(pair), "names": names}


def _places(pair: NodePair | ScopePair) -> dict[str, Any]:
    return {
        "status": pair.status.name.lower(),
        "before": _path(pair, "before"),
        "after": _path(pair, "after"),
        "changes": [str(detail).strip() for detail in pair.details],
    }


def _path(pair: Pair, side: str) -> str | None:
    place = getattr(pair, side)
    if place is None:
        return None
    return format_scope(place.scope if isinstance(pair, NodePair) else place)


def _value(pair: ValuePair) -> dict[str, Any]:
    types = {
        side: str(value.type) if value and value.type else None
        for side, value in (("before", pair.before), ("after", pair.after))
    }
    changes = [str(detail) for detail in pair.details]
    return {"role": pair.role, "name": pair.name, "status": pair.status.name.lower(), **types, "changes": changes}


def _delta(delta: Delta) -> dict[str, Any]:
    return {"before": _amount(delta.before), "after": _amount(delta.after), "change": _amount(delta.change)}


def _amount(amount: Dim | None) -> int | str | None:
    return amount if amount is None or isinstance(amount, int) else str(amount)

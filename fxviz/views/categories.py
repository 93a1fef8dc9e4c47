"""Sorting what is visible by a word instead of a number: by dtype, by phase of training."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import Node, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fxviz.views.view import Item, View

__all__ = ["CATEGORIES", "Categories", "categorize"]

_MIXED = "several"


@dataclass(frozen=True, eq=False)
class Categories:
    """The category of each operation and closed box: what colours a picture. ``names`` are all of them, in a fixed order."""

    label: str
    names: tuple[str, ...]
    found: Mapping[Item, str]

    def at(self, item: Item) -> str | None:
        """The category of an item; None for an open box, and where none is known."""
        return self.found.get(item)


def categorize(view: View, label: str) -> Categories:
    """Sort all that is visible in a view by one of `CATEGORIES`."""
    sort = CATEGORIES[label]
    items = [item for item in view.walk() if isinstance(item, Node) or not item.open]
    found = {item: name for item in items if (name := sort(view, item))}
    known = sorted(set(found.values()), key=lambda name: (_PHASES.get(name, len(_PHASES)), name == _MIXED, name))
    return Categories(label, tuple(known), found)


def _dtype(view: View, item: Item) -> str | None:
    """The dtype of what an item makes; of a box that makes nothing, of what is made in it."""
    values = item.outputs or [value for node in view.nodes(item) for value in node.outputs]
    return _common([value.type.dtype for value in values if value.type])


def _phase(view: View, item: Item) -> str | None:
    return _common([node.phase.value for node in view.nodes(item)])


def _common(names: list[str]) -> str | None:
    """The name that all share; what is made beside floating-point tensors, such as indices, does not count."""
    different = [*dict.fromkeys(names)]
    told = [name for name in different if "float" in name] or different
    if not told:
        return None
    return told[0] if len(told) == 1 else _MIXED


_PHASES = {phase.value: place for place, phase in enumerate(Phase)}

CATEGORIES: Mapping[str, Callable[[View, Item], str | None]] = MappingProxyType({"dtype": _dtype, "phase": _phase})
"""What a view can be coloured by that is no number."""

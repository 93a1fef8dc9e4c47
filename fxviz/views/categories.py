"""Sorting what is visible by a word instead of a number: by dtype, by phase of training."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import Node, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fxviz.views.boxes import Item
    from fxviz.views.visible import Visible

__all__ = ["CATEGORIES", "Categories", "categories_of", "categorize"]

_MIXED = "several"


@dataclass(frozen=True, eq=False)
class Categories:
    """The category of each operation and closed box: what colours a picture. ``names`` are all of them, in a fixed order."""

    label: str
    names: tuple[str, ...]
    found: Mapping[Item, str]

    def at(self, item: Item) -> str | None:
        """Return the category of an item; None for an open box, and where none is known."""
        return self.found.get(item)


def categories_of(visible: Visible) -> Categories | None:
    """Sort all that is visible by the category that colours it; return None where something else does."""
    return categorize(visible, visible.category) if visible.category else None


def categorize(visible: Visible, label: str) -> Categories:
    """Sort all that is visible by one of `CATEGORIES`."""
    sort = CATEGORIES[label]
    items = [item for item in visible.walk() if isinstance(item, Node) or not item.open]
    found = {item: name for item in items if (name := sort(visible, item))}
    known = sorted(set(found.values()), key=lambda name: (_PHASES.get(name, len(_PHASES)), name == _MIXED, name))
    return Categories(label, tuple(known), found)


def _dtype(visible: Visible, item: Item) -> str | None:
    """Return the dtype of an item's outputs; of a box without outputs, the dtype of what is made in it."""
    values = item.outputs or [value for node in visible.nodes(item) for value in node.outputs]
    return _common([value.type.dtype for value in values if value.type])


def _phase(visible: Visible, item: Item) -> str | None:
    return _common([node.phase.value for node in visible.nodes(item)])


def _common(names: list[str]) -> str | None:
    """Return the name that all share; what is made beside floating-point tensors, such as indices, does not count."""
    different = [*dict.fromkeys(names)]
    counted = [name for name in different if "float" in name] or different
    if not counted:
        return None
    return counted[0] if len(counted) == 1 else _MIXED


_PHASES = {phase.value: place for place, phase in enumerate(Phase)}

CATEGORIES: Mapping[str, Callable[[Visible, Item], str | None]] = MappingProxyType({"dtype": _dtype, "phase": _phase})
"""What a view can be coloured by that is not a number."""

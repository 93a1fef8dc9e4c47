"""Unique names, which values and nodes of a graph need."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Names"]


class Names:
    """Hands out names, each once: the wanted one, or the first alternative that is free.

    ``alternative(wanted, n)`` spells the ``n``-th alternative, from 1. The names in ``taken`` are never handed out.

    >>> names = Names()
    >>> names("relu"), names("relu"), names("add")
    ('relu', 'relu_1', 'add')
    """

    def __init__(
        self, alternative: Callable[[str, int], str] = lambda wanted, n: f"{wanted}_{n}", taken: Iterable[str] = ()
    ) -> None:
        self._alternative = alternative
        self._taken = set(taken)
        self._last: Counter[str] = Counter()

    def __call__(self, wanted: str) -> str:
        """Return ``wanted``, or its first free alternative, and take it."""
        name = wanted
        while name in self._taken:
            self._last[wanted] += 1
            name = self._alternative(wanted, self._last[wanted])
        self._taken.add(name)
        return name

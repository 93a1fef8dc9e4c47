"""Two graphs as one tree of pairs, in which each operation of either occurs once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from fxviz.ir import Node, Scope, format_scope

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Detail", "NodePair", "Pair", "ScopePair", "Status"]


class Status(Enum):
    """The status of an operation; the value is the mark before its name."""

    ADDED = "+"
    REMOVED = "−"
    CHANGED = "~"  # its shapes, dtypes, attributes, kernels or sources, and perhaps its path too
    MOVED = "→"  # unchanged, under another path
    KEPT = " "


@dataclass(frozen=True)
class Detail:
    """One change in an operation or a module; ``gist`` is a summary that similar changes of others share."""

    what: str
    before: str
    after: str
    gist: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.before} → {self.after}".lstrip()

    def mirrored(self) -> Detail:
        """Return the same change the other way round."""
        return Detail(self.what, self.after, self.before, " → ".join(reversed(self.gist.split(" → "))))


@dataclass(frozen=True, eq=False)
class NodePair:
    """An operation before and after; one of them is None if it was added or removed."""

    before: Node | None
    after: Node | None
    details: tuple[Detail, ...] = ()

    @property
    def node(self) -> Node:
        """The operation after, or before if it was removed."""
        node = self.after or self.before
        assert node is not None
        return node

    @property
    def status(self) -> Status:
        """Whether it was added, removed, changed, moved or kept."""
        if self.before is None:
            return Status.ADDED
        if self.after is None:
            return Status.REMOVED
        if self.details:
            return Status.CHANGED
        moved = format_scope(self.before.scope) != format_scope(self.after.scope)
        return Status.MOVED if moved else Status.KEPT

    def mirrored(self) -> NodePair:
        """Return the same pair the other way round."""
        return NodePair(self.after, self.before, tuple(detail.mirrored() for detail in self.details))


@dataclass(frozen=True, eq=False)
class ScopePair:
    """A module call before and after, with the contents of both in the order of the graph after.

    One of the scopes is None if the call was added or removed; its contents may still have come from, or gone to,
    another scope. Each operation is listed in its scope after, or in its scope before if it was removed.
    """

    before: Scope | None
    after: Scope | None
    items: tuple[Pair, ...]

    @property
    def scope(self) -> Scope:
        """The scope after, or before if it was removed."""
        scope = self.before if self.after is None else self.after
        assert scope is not None
        return scope

    @cached_property
    def status(self) -> Status:
        """The status that all operations in it share, else changed."""
        statuses = {pair.status for pair in self.nodes}
        if self.details or len(statuses) > 1:
            return Status.CHANGED
        return statuses.pop() if statuses else Status.KEPT

    @property
    def moved(self) -> bool:
        """Whether the call has another path now."""
        if self.before is None or self.after is None:
            return False
        return format_scope(self.before) != format_scope(self.after)

    @property
    def details(self) -> tuple[Detail, ...]:
        """The change of the module's class, if any."""
        if not (self.before and self.after) or self.before[-1].kind == self.after[-1].kind:
            return ()
        before, after = self.before[-1].kind, self.after[-1].kind
        return (Detail("", before, after, f"{before} → {after}"),)

    @cached_property
    def nodes(self) -> tuple[NodePair, ...]:
        """All pairs of operations in it, at any depth."""
        return tuple(self._walk())

    def _walk(self) -> Iterator[NodePair]:
        for item in self.items:
            if isinstance(item, NodePair):
                yield item
            else:
                yield from item.nodes

    def scopes(self) -> Iterator[ScopePair]:
        """Yield this pair and all pairs of scopes below, parents first."""
        yield self
        for item in self.items:
            if isinstance(item, ScopePair):
                yield from item.scopes()

    def mirrored(self) -> ScopePair:
        """Return the same tree the other way round, with the items in the same order."""
        return ScopePair(self.after, self.before, tuple(item.mirrored() for item in self.items))


Pair: TypeAlias = NodePair | ScopePair

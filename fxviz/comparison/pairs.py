"""Two graphs laid side by side: a tree of pairs, in which every operation of both has its one place."""

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
    """What became of an operation; its value is the mark that stands before it."""

    ADDED = "+"
    REMOVED = "−"
    CHANGED = "~"  # its shapes, dtypes, attributes, kernels or sources, and maybe its place too
    MOVED = "→"  # the same under another path
    KEPT = " "


@dataclass(frozen=True)
class Detail:
    """One thing that changed of an operation or a module; ``gist`` is what equal changes of unlike things share."""

    what: str
    before: str
    after: str
    gist: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.before} → {self.after}".lstrip()

    def mirrored(self) -> Detail:
        """The same change the other way round."""
        return Detail(self.what, self.after, self.before, " → ".join(reversed(self.gist.split(" → "))))


@dataclass(frozen=True, eq=False)
class NodePair:
    """An operation before and after; one of them is None where it was added or removed."""

    before: Node | None
    after: Node | None
    details: tuple[Detail, ...] = ()

    @property
    def node(self) -> Node:
        """The operation as it is now, or was."""
        node = self.after or self.before
        assert node is not None
        return node

    @property
    def status(self) -> Status:
        """What became of it."""
        if self.before is None:
            return Status.ADDED
        if self.after is None:
            return Status.REMOVED
        if self.details:
            return Status.CHANGED
        moved = format_scope(self.before.scope) != format_scope(self.after.scope)
        return Status.MOVED if moved else Status.KEPT

    def mirrored(self) -> NodePair:
        """The same pair the other way round."""
        return NodePair(self.after, self.before, tuple(detail.mirrored() for detail in self.details))


@dataclass(frozen=True, eq=False)
class ScopePair:
    """A module call before and after, and all that is in either, in one order that is that of the graph after.

    One of the scopes is None where the call was added or removed; what is in it may still come from, or have gone to,
    another place: each operation stands where it is now, and where it was if it is no more.
    """

    before: Scope | None
    after: Scope | None
    items: tuple[Pair, ...]

    @property
    def scope(self) -> Scope:
        """The scope as it is now, or was."""
        scope = self.before if self.after is None else self.after
        assert scope is not None
        return scope

    @cached_property
    def status(self) -> Status:
        """What became of all that is in it, if that is the same; else it changed."""
        statuses = {pair.status for pair in self.nodes}
        if self.details or len(statuses) > 1:
            return Status.CHANGED
        return statuses.pop() if statuses else Status.KEPT

    @property
    def moved(self) -> bool:
        """Whether the call is under another path."""
        if self.before is None or self.after is None:
            return False
        return format_scope(self.before) != format_scope(self.after)

    @property
    def details(self) -> tuple[Detail, ...]:
        """What changed of the module itself: its class."""
        if not (self.before and self.after) or self.before[-1].kind == self.after[-1].kind:
            return ()
        before, after = self.before[-1].kind, self.after[-1].kind
        return (Detail("", before, after, f"{before} → {after}"),)

    @cached_property
    def nodes(self) -> tuple[NodePair, ...]:
        """All pairs of operations in it and below."""
        return tuple(self._walk())

    def _walk(self) -> Iterator[NodePair]:
        for item in self.items:
            if isinstance(item, NodePair):
                yield item
            else:
                yield from item.nodes

    def scopes(self) -> Iterator[ScopePair]:
        """Itself and all pairs of scopes below, parents first."""
        yield self
        for item in self.items:
            if isinstance(item, ScopePair):
                yield from item.scopes()

    def mirrored(self) -> ScopePair:
        """The same tree the other way round, its items in the same order."""
        return ScopePair(self.after, self.before, tuple(item.mirrored() for item in self.items))


Pair: TypeAlias = NodePair | ScopePair

"""Summarise the changes as an outline: nested like the modules, equal changes of siblings in one entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from fxviz.comparison.pairs import NodePair, Pair, ScopePair, Status
from fxviz.ir import Scope, format_scope
from fxviz.views.captions import name_range, series

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

__all__ = ["Entry", "outline"]

_LEAST_ALIKE = 3  # operations with equal changes, to be summarised in one line
_MOST_GISTS = 2
_WHOLE = "the whole model"


@dataclass(frozen=True, eq=False)
class Entry:
    """One change: of an operation, or of a module and its contents. ``pairs`` are all pairs with this same change.

    For one of them, ``details`` describe the change itself, ``children`` the changes inside, and ``operations`` is the
    number of operations that were added, removed, changed or moved. An operation that is ``alone`` represents its
    module.
    """

    status: Status
    pairs: tuple[Pair, ...]
    details: tuple[str, ...]
    operations: int
    children: tuple[Entry, ...] = ()
    alone: bool = False

    def title(self, around: Scope = ()) -> str:
        """Return its path, relative to the module ``around``, and its kind: ``layers.12–15: Block × 4``."""
        first = self.pairs[0]
        scopes = [pair.scope if isinstance(pair, ScopePair) else pair.node.scope for pair in self.pairs]
        kind = scopes[0][-1].kind if isinstance(first, ScopePair) and scopes[0] else ""
        what = first.node.op if isinstance(first, NodePair) else kind
        where = "" if isinstance(first, NodePair) and not self.alone else _path(scopes, around)
        where = "" if where == what.strip("_") else where
        times = f" × {len(self.pairs)}" if len(self.pairs) > 1 else ""
        return f"{': '.join(filter(None, (where, what)))}{times}"

    @property
    def scope(self) -> Scope:
        """The scope that the paths of its children are relative to."""
        first = self.pairs[0]
        return first.scope if isinstance(first, ScopePair) else first.node.scope

    def walk(self, depth: int = 0, around: Scope = ()) -> Iterator[tuple[int, str, Entry]]:
        """Yield the entry and all below it, each with its depth and title, parents first."""
        yield depth, self.title(around), self
        for child in self.children:
            yield from child.walk(depth + 1, self.scope)

    @cached_property
    def key(self) -> Hashable:
        """A key that is equal for equal changes of siblings."""
        first = self.pairs[0]
        if self.children or isinstance(first, NodePair):
            content: tuple[Hashable, ...] = tuple(child.key for child in self.children)
        else:
            content = tuple(_described(pair) for pair in first.nodes)
        what = first.node.op if isinstance(first, NodePair) else first.scope and first.scope[-1].kind
        return self.status, what, series(format_scope(self.scope)), self.details, content, self.alone


def outline(root: ScopePair) -> tuple[Entry, ...]:
    """Return the changes top down; empty if nothing changed. Values that no operation shows are not included."""
    whole = _module(root)
    if whole is None:
        return ()
    return (whole,) if whole.details else whole.children


def _module(pair: ScopePair, around: ScopePair | None = None) -> Entry | None:
    """Return the change of a module; None if nothing changed in it."""
    statuses = {inner.status for inner in pair.nodes}
    details = [str(detail) for detail in pair.details]
    moved = pair.moved and (around is None or not _moves_with(pair, around))
    if moved and pair.before is not None:
        details.append(f"was {format_scope(pair.before) or _WHOLE}")
    for status, scope in ((Status.ADDED, pair.before), (Status.REMOVED, pair.after)):
        if statuses == {status} and scope is None:
            return _alone(pair, Entry(status, (pair,), (), len(pair.nodes)))
    children = tuple(_folded([*_inside(pair)]))
    if not (children or details):
        return None
    status = Status.MOVED if moved and not children and not pair.details else Status.CHANGED
    status = Status.ADDED if pair.before is None else Status.REMOVED if pair.after is None else status
    entry = Entry(
        status, (pair,), tuple(details), sum(inner.status is not Status.KEPT for inner in pair.nodes), children
    )
    if gists := _common_gists(pair):
        return replace(entry, details=(*details, f"{_count(entry.operations)}: {gists}"), children=())
    if len(children) == 1 and not details and status is Status.CHANGED and pair.scope:
        return _alone(pair, children[0])
    return entry


def _alone(pair: ScopePair, entry: Entry) -> Entry:
    """Return an entry for the only operation of a module, under the module's name; any other entry unchanged."""
    if len(pair.nodes) != 1:
        return entry
    (node,) = pair.nodes
    return Entry(entry.status, (node,), tuple(map(str, node.details)), 1, alone=True)


def _inside(pair: ScopePair) -> Iterator[Entry]:
    """Yield an entry for each changed operation and module inside a module."""
    for item in pair.items:
        if isinstance(item, ScopePair):
            if entry := _module(item, pair):
                yield entry
        elif item.status is Status.MOVED:
            if item.before and (pair.before is None or item.before.scope != pair.before):
                yield Entry(Status.MOVED, (item,), (f"was in {format_scope(item.before.scope) or _WHOLE}",), 1)
        elif item.status is not Status.KEPT:
            yield Entry(item.status, (item,), tuple(map(str, item.details)), 1)


def _moves_with(pair: ScopePair, around: ScopePair) -> bool:
    """Return whether a module moved only because the one around it moved."""
    if not (pair.before and pair.after) or around.before is None:
        return False
    return pair.before[:-1] == around.before and pair.before[-1].label == pair.after[-1].label


def _folded(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield the entries with equal neighbours merged into one."""
    for _, equal in groupby(entries, key=lambda entry: entry.key):
        first, *others = equal
        yield replace(first, pairs=(*first.pairs, *(pair for other in others for pair in other.pairs)))


def _common_gists(pair: ScopePair) -> str:
    """Return the gist that all changed operations of a module share; empty if they differ or are few."""
    changed = [inner for inner in pair.nodes if inner.status is not Status.KEPT]
    if len(changed) < _LEAST_ALIKE or any(inner.status not in (Status.CHANGED, Status.MOVED) for inner in changed):
        return ""
    if any(inner.details for inner in pair.scopes() if inner is not pair):
        return ""
    gists = dict.fromkeys(detail.gist for inner in changed for detail in inner.details)
    return "; ".join(sorted(gists)) if 0 < len(gists) <= _MOST_GISTS else ""


def _count(operations: int) -> str:
    return f"{operations:,} operation{'s' if operations != 1 else ''}"


def _described(pair: NodePair) -> Hashable:
    return pair.status, pair.node.op, tuple(value.type for value in pair.node.outputs)


def _path(scopes: Sequence[Scope], around: Scope) -> str:
    """Return the path of modules relative to the one around them."""
    paths = [format_scope(scope) for scope in scopes]
    name = name_range(paths) if len(paths) > 1 else paths[0]
    return name.removeprefix(f"{format_scope(around)}.") if around else name

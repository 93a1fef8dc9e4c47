"""Merge two graphs and their matching into one tree of pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fxviz.comparison.pairs import NodePair, Pair, ScopePair
from fxviz.ir.frames import Frame, FrameItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fxviz.comparison.matching import Matching
    from fxviz.comparison.pairs import Detail
    from fxviz.ir import Node

__all__ = ["merge"]


def merge(
    before: Frame, after: Frame, matching: Matching, details: Callable[[Node, Node], tuple[Detail, ...]]
) -> ScopePair:
    """Merge two graphs in the order of ``after``; removed operations keep their position."""
    merger = _Merger(before, matching, details)
    root = merger.pair(merger.counterpart_of(after), after)
    if before.scope in matching.scopes:
        return root
    return replace(
        root, items=(*root.items, *merger.removed(before.items))
    )  # the matched part of ``before`` was wrapped in another model


class _Merger:
    def __init__(self, before: Frame, matching: Matching, details: Callable[[Node, Node], tuple[Detail, ...]]) -> None:
        self._matching = matching
        self._details = details
        self._frames = {frame.scope: frame for frame in _frames(before)}
        self._scope_before = {other: one for one, other in matching.scopes.items()}
        self._node_before = {other: one for one, other in matching.nodes.items()}

    def pair(self, before: Frame | None, after: Frame | None) -> ScopePair:
        """Return the pair of two matched frames, or of one without a counterpart."""
        scope, items = (None, ()) if before is None else (before.scope, before.items)
        scope_now, items_now = (None, ()) if after is None else (after.scope, after.items)
        return ScopePair(scope, scope_now, tuple(self._items(items, items_now)))

    def _items(self, before: Sequence[FrameItem], after: Sequence[FrameItem]) -> Iterator[Pair]:
        places = {_only(item): place for place, item in enumerate(before)}
        done = 0
        for item in after:
            counterpart = self._counterpart(item)
            place = places.get(_only(counterpart), -1) if counterpart is not None else -1
            if place >= done:
                yield from self.removed(before[done:place])
                done = place + 1
            yield self._present(item, counterpart)
        yield from self.removed(before[done:])

    def counterpart_of(self, frame: Frame) -> Frame | None:
        """Return the frame before that is matched with this one."""
        scope = self._scope_before.get(frame.scope)
        return None if scope is None else self._frames[scope]

    def _counterpart(self, item: FrameItem) -> FrameItem | None:
        return self.counterpart_of(item) if isinstance(item, Frame) else self._node_before.get(item)

    def _present(self, item: FrameItem, counterpart: FrameItem | None) -> Pair:
        if isinstance(item, Frame):
            return self.pair(counterpart if isinstance(counterpart, Frame) else None, item)
        if counterpart is None or isinstance(counterpart, Frame):
            return NodePair(None, item)
        return NodePair(counterpart, item, self._details(counterpart, item))

    def removed(self, items: Sequence[FrameItem]) -> Iterator[Pair]:
        """Yield pairs for the items without a counterpart; of an unmatched module only its contents without one."""
        for item in items:
            if not isinstance(item, Frame):
                if item not in self._matching.nodes:
                    yield NodePair(item, None)
            elif item.scope not in self._matching.scopes:
                pair = self.pair(item, None)
                if pair.items:
                    yield pair


def _frames(frame: Frame) -> Iterator[Frame]:
    yield frame
    for item in frame.items:
        if isinstance(item, Frame):
            yield from _frames(item)


def _only(item: FrameItem) -> FrameItem:
    """Return the operation of a module that has only one, so that a module can be matched with a function."""
    return _only(item.items[0]) if isinstance(item, Frame) and len(item) == 1 else item

"""How a view nests: which scopes get a box, and which runs of equal or similar siblings share one."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from fxviz.ir import Node, Scope, Value
from fxviz.ir.frames import Frame, FrameItem
from fxviz.views.captions import series
from fxviz.views.helper_calls import Called, group_calls
from fxviz.views.opening import CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from fxviz.views.structural_hash import Repeated

__all__ = ["Draft", "DraftItem", "draft"]


_OUTSIDE = (-1, 0)  # where inputs and weights are made
_LONGEST_PERIOD = 8
_MOST_VARYING = 2  # attributes, or series of values: a few words say how similar scopes differ
_LEAST_SAVED = 3  # runs, for a box around a repeated sequence to be worth it


@dataclass(eq=False)
class Draft:
    """A box before it is known what flows through it. It stands for all of ``copies``; its items are in the first of them.

    ``hidden`` are the operations at its level that are not items. A ``pinned`` box leads to what is looked at: it is open.
    Where a sequence of siblings repeats, ``period`` of the ``copies`` are one copy, and its items are in the first.

    A box around some ``parts`` of a scope, in a row, stands for no copies. It has a ``label`` instead of a scope's name.
    """

    copies: tuple[Scope, ...]
    items: list[DraftItem]
    open: bool = True
    hidden: list[Node] = field(default_factory=list)
    pinned: bool = False
    period: int = 1
    within: Scope = ()
    parts: tuple[Node | Scope, ...] = ()
    label: str = ""

    @property
    def scope(self) -> Scope:
        """The scope of the first copy, or that around the parts."""
        return self.copies[0] if self.copies else self.within

    @property
    def places(self) -> tuple[Node | Scope, ...]:
        """What it stands for, to ask a metric: all copies, or the parts."""
        return self.copies or self.parts

    def close(self) -> None:
        """Make it one thing, with nothing to be seen in it."""
        self.open, self.items, self.hidden = False, [], []

    def closed(self) -> Draft:
        """Return a copy that is one thing."""
        return replace(self, items=[], hidden=[], open=False)


DraftItem: TypeAlias = Draft | Node


def draft(
    repeats: Repeated,
    *,
    depth: int | None,
    fold: bool,
    hidden: Mapping[Node, Value | None],
    focus: Scope = (),
    group: bool = False,
) -> Draft:
    """Nest the boxes of a graph in one for the root; close the boxes deeper than ``depth`` below the focus.

    ``hidden`` are operations that are not to be seen, each with the value that it hands on, if any. All boxes that are
    neither in ``focus`` nor around it are closed. ``group`` puts a box around what a helper function does in a row.
    """
    root = Draft(((),), [], pinned=True)
    root.items = _Nesting(repeats, fold, hidden, focus, group).items(repeats.root, root.hidden)
    _close_around(root, focus)
    if depth is not None:
        _close_below(root, depth)
    return root


def _close_around(box: Draft, focus: Scope) -> None:
    for item in box.items:
        if isinstance(item, Draft):
            item.pinned = bool(item.copies) and _leads_to(item.scope, focus)
            if item.pinned:
                _close_around(item, focus)
            elif item.scope[: len(focus)] != focus:
                item.close()


def _close_below(box: Draft, depth: int) -> None:
    for item in box.items:
        if isinstance(item, Draft) and (item.pinned or depth > 0):
            _close_below(item, depth if item.pinned else depth - 1)
        elif isinstance(item, Draft):
            item.close()


def _leads_to(scope: Scope, focus: Scope) -> bool:
    """Return whether ``focus`` is ``scope`` or in it."""
    return focus[: len(scope)] == scope


class _Nesting:
    """Turns frames into boxes: none around a single thing, one around a run of equal siblings."""

    def __init__(
        self, repeats: Repeated, fold: bool, hidden: Mapping[Node, Value | None], focus: Scope, group: bool
    ) -> None:
        self._group = group
        self._repeats = repeats
        self._focus = focus
        self._fold = fold
        self._hidden = hidden
        nodes = repeats.graph.nodes
        self._seen = [0, *accumulate(node not in hidden for node in nodes)]
        self._made_at: dict[Value, tuple[int, int]] = {}
        for position, node in enumerate(nodes):
            for which, value in enumerate(node.outputs):
                self._made_at[value] = (position, which)
            if node in hidden:
                handed_on = hidden[node]
                made_at = self._made_at.get(handed_on, _OUTSIDE) if handed_on else _OUTSIDE
                self._made_at |= dict.fromkeys(node.outputs, made_at)

    def items(self, frame: Frame, hidden: list[Node]) -> list[DraftItem]:
        """Return what is seen in a frame; add the operations at this level that are not seen to ``hidden``."""
        runs = [*self._runs(self._visible([frame], hidden))]
        alike = [self._alike(run) for run in runs]
        items: list[DraftItem] = []
        at = 0
        while at < len(runs):
            run, (period, times) = runs[at], self._repetition(runs, alike, at)
            if times > 1:
                items.append(self._sequence(runs[at : at + period * times], period))
            else:
                items.append(run if isinstance(run, Node) else self._box(run, hidden))
            at += period * times
        return [*self._grouped(items, frame)] if self._group else items

    def _grouped(self, items: Sequence[DraftItem], frame: Frame) -> Iterator[DraftItem]:
        kind = frame.scope[-1].kind if frame.scope else self._repeats.graph.name
        for item in group_calls(items, kind):
            if isinstance(item, Called):
                yield Draft((), [*item.nodes], within=frame.scope, parts=item.nodes, label=item.name)
            else:
                yield item

    def _sequence(self, runs: Sequence[Node | list[Frame]], period: int) -> Draft:
        """Make one box for a sequence of runs that repeats; it holds the first."""
        frames = [run for run in runs if not isinstance(run, Node)]
        hidden: list[Node] = []
        items = [self._box(run, hidden) for run in frames[:period]]
        copies = tuple(frame.scope for run in frames for frame in run)
        return Draft(copies, items, hidden=hidden, period=sum(map(len, frames[:period])))

    def _alike(self, run: Node | list[Frame]) -> Hashable:
        """Return the key that a run shares with the runs that it may repeat; an operation, or what leads to the focus, repeats nothing."""
        if isinstance(run, Node) or not self._fold or _leads_to(run[0].scope, self._focus):
            return object()
        scope = run[0].scope
        return self._repeats.likeness(scope), len(run), series(scope[-1].path)

    def _repetition(self, runs: Sequence[Node | list[Frame]], alike: Sequence[Hashable], start: int) -> tuple[int, int]:
        """Count the runs from ``start`` on that repeat, and how often in all, so that most are in it; (1, 1) if none do."""
        best = (1, 1)
        for period in range(2, _LONGEST_PERIOD + 1):
            firsts: list[Frame] = []
            first_window: list[Frame] = []
            wires: object = None
            for at in range(start, len(runs), period):
                window = [frame for run in runs[at : at + period] if not isinstance(run, Node) for frame in run]
                if alike[at : at + period] != alike[start : start + period] or not window:
                    break
                now = self._wires_of(firsts, window)
                first_window = first_window or window
                if (len(firsts) > 1 and now != wires) or not self._foldable(first_window, window):
                    break
                firsts.append(window[0])
                wires = now
            times = len(firsts)
            if period * (times - 1) >= _LEAST_SAVED and period * times > best[0] * best[1]:
                best = (period, times)
        return best

    def _box(self, run: Sequence[Frame], hidden: list[Node]) -> DraftItem:
        """Return what is seen of equal frames. They hold the same, so only the first is looked into."""
        first, copies = run[0], tuple(frame.scope for frame in run)
        bare = first.scope[-1].kind in CONTAINERS
        if self._count(first) == 1:
            return self._single(run[0], hidden) if len(run) == 1 else Draft(copies, [], open=False)
        if bare and sum(map(self._is_seen, first.items)) == 1:
            return self._box([item for item in self._visible(run, hidden) if isinstance(item, Frame)], hidden)
        own: list[Node] = []
        match self.items(first, own):
            case [Draft() as only] if bare and len(run) == 1:
                hidden += own
                return only
            case [Draft(copies=[_]) as only]:
                return Draft(copies, only.items, hidden=own + only.hidden)
            case items:
                return Draft(copies, items, hidden=own)

    def _single(self, frame: Frame, hidden: list[Node]) -> Node:
        """Return the one operation of a frame that is seen."""
        nodes = self._repeats.nodes(frame.scope)
        hidden += [node for node in nodes if node in self._hidden]
        return next(node for node in nodes if node not in self._hidden)

    def _visible(self, frames: Sequence[Frame], hidden: list[Node]) -> list[FrameItem]:
        """Return the items of some frames in which there is something to see."""
        items = [item for frame in frames for item in frame.items]
        for item in items:
            if not self._is_seen(item):
                hidden += [item] if isinstance(item, Node) else self._repeats.nodes(item.scope)
        return [item for item in items if self._is_seen(item)]

    def _is_seen(self, item: FrameItem) -> bool:
        return item not in self._hidden if isinstance(item, Node) else self._count(item) > 0

    def _count(self, frame: Frame) -> int:
        """Count the operations of a frame that are not hidden."""
        return self._seen[frame.stop] - self._seen[frame.start]

    def _runs(self, items: Sequence[FrameItem]) -> Iterator[Node | list[Frame]]:
        """Yield the items, with frames in runs that are one box: equal siblings in a series, all wired to their neighbours alike."""
        run: list[Frame] = []
        wires: object = None
        for item in items:
            now = self._wires(run, item) if run and isinstance(item, Frame) else None
            if isinstance(item, Frame) and now is not None and (len(run) == 1 or now == wires):
                run.append(item)
            else:
                if run:
                    yield run
                run = [item] if isinstance(item, Frame) else []
                if isinstance(item, Node):
                    yield item
            wires = now
        if run:
            yield run

    def _wires(self, run: Sequence[Frame], item: Frame) -> tuple[tuple[int, int, int] | None, ...] | None:
        """Return where ``item`` reads from the ``run`` before it, or None unless it can be one of the run: equal, or similar enough.

        For each value that it reads: how many copies back it was made, and by which output there, or None if outside.
        All copies are a chain if these are equal, or lie side by side; anything else is not to be drawn as a chain.
        """
        first = run[0]
        if (
            not self._fold
            or _leads_to(first.scope, self._focus)
            or _leads_to(item.scope, self._focus)
            or series(first.scope[-1].path) != series(item.scope[-1].path)
            or not self._foldable([first], [item])
        ):
            return None
        return self._wires_of(run, [item])

    def _foldable(self, firsts: Sequence[Frame], copies: Sequence[Frame]) -> bool:
        """Return whether frames are equal to the first ones, or so similar that a few words say how they differ."""
        pairs = [(first.scope, copy.scope) for first, copy in zip(firsts, copies, strict=True)]
        if not all(self._repeats.similar(*pair) for pair in pairs):
            return False
        varying = [found for pair in pairs for found in self._repeats.varying(*pair)]
        names = {name for found in varying for name in found.names}
        return min(len(names), len(varying)) <= _MOST_VARYING

    def _wires_of(self, before: Sequence[Frame], copy: Sequence[Frame]) -> tuple[tuple[int, int, int] | None, ...]:
        """Return where a copy reads from: how many copies back, and which output of what there; None if outside.

        ``before`` has the first frame of each copy before it.
        """
        wires: list[tuple[int, int, int] | None] = []
        for value in (value for frame in copy for value in self._repeats.reads(frame.scope)):
            position, which = self._made_at.get(value, _OUTSIDE)
            if position >= copy[0].start:
                wires.append((0, position - copy[0].start, which))
            elif (number := bisect(before, position, key=lambda frame: frame.start)) == 0:
                wires.append(None)
            else:
                wires.append((len(before) - number + 1, position - before[number - 1].start, which))
        return tuple(wires)

"""How a view nests: which scopes get a box, and which runs of equal siblings share one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fxviz.captions import series
from fxviz.frames import Frame, FrameItem
from fxviz.ir import Node, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fxviz.passes.repeats import Repeated

__all__ = ["Draft", "DraftItem", "draft"]


_CONTAINERS = frozenset(
    {"ModuleDict", "ModuleList", "Sequential"}
)  # around a single scope, these say less than it does


@dataclass(eq=False)
class Draft:
    """A box before it is known what flows through it. It stands for all of ``copies``; its items are those of the first."""

    copies: tuple[Scope, ...]
    items: list[DraftItem]
    open: bool = True


DraftItem: TypeAlias = Draft | Node


def draft(repeats: Repeated, depth: int | None, fold: bool) -> Draft:
    """The boxes of a graph, nested in one for the root; those that are nested deeper than ``depth`` are closed."""
    root = Draft(((),), _Nesting(repeats, fold).items(repeats.root))
    if depth is not None:
        _close_below(root, depth)
    return root


def _close_below(box: Draft, depth: int) -> None:
    for item in box.items:
        if isinstance(item, Draft) and depth > 0:
            _close_below(item, depth - 1)
        elif isinstance(item, Draft):
            item.open, item.items = False, []


class _Nesting:
    """Turns frames into boxes: none around a single thing, one around a run of equal siblings."""

    def __init__(self, repeats: Repeated, fold: bool) -> None:
        self._repeats = repeats
        self._fold = fold
        self._made_at = {
            value: (position, which)
            for position, node in enumerate(repeats.graph.nodes)
            for which, value in enumerate(node.outputs)
        }

    def items(self, frame: Frame) -> list[DraftItem]:
        return [run if isinstance(run, Node) else self._box(run) for run in self._runs(frame.items)]

    def _box(self, run: Sequence[Frame]) -> DraftItem:
        """What is seen of equal frames. What is in them is the same in all, so only the first is looked into."""
        first, copies = run[0], tuple(frame.scope for frame in run)
        bare = first.scope[-1].kind in _CONTAINERS
        if len(first) == 1:
            return self._repeats.graph.nodes[first.start] if len(run) == 1 else Draft(copies, [], open=False)
        if bare and len(first.items) == 1:
            return self._box([inner for frame in run for inner in frame.items if isinstance(inner, Frame)])
        match self.items(first):
            case [Draft() as only] if bare and len(run) == 1:
                return only
            case [Draft(copies=[_]) as only]:
                return Draft(copies, only.items)
            case items:
                return Draft(copies, items)

    def _runs(self, items: Sequence[FrameItem]) -> Iterator[Node | list[Frame]]:
        """The items, frames in runs that are one box: equal neighbours in a series, all wired to their neighbours alike."""
        run: list[Frame] = []
        wires: object = None
        for item in items:
            now = self._wires(run[0], item) if run and isinstance(item, Frame) else None
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

    def _wires(self, first: Frame, item: Frame) -> tuple[tuple[int, int, int] | None, ...] | None:
        """Where ``item`` reads from the run that ``first`` begins, if it can be one of the run.

        For each value that it reads: how many copies back it was made, and by which output there, or None if outside.
        All copies are a chain if these are equal, or lie side by side; anything else is not to be drawn as a chain.
        """
        if (
            not self._fold
            or series(first.scope[-1].path) != series(item.scope[-1].path)
            or not self._repeats.equal(first.scope, item.scope)
        ):
            return None
        wires: list[tuple[int, int, int] | None] = []
        for value in self._repeats.reads(item.scope):
            position, which = self._made_at.get(value, (-1, 0))
            if position < first.start:
                wires.append(None)
            else:
                back = (item.start - position + len(first) - 1) // len(first)
                wires.append((back, (position - first.start) % len(first), which))
        return tuple(wires)

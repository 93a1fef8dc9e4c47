"""Match the scopes and operations of two graphs.

The matching goes down the hierarchy. Within two matched scopes it pairs equal items of the same name, then equal items,
then items of the same name or class that compute mostly the same. Items left over on both sides, in any scope, are
matched by their content: a module that moved into another one, or an operation with the same weights. The time is about
linear in the size of the graphs: equal scopes are paired item by item, and only short sequences are compared all with
all.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fxviz.comparison.alignment import align
from fxviz.ir import Node, Role, Scope, format_scope
from fxviz.ir.frames import Frame, FrameItem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from fxviz.views.structural_hash import Repeated

__all__ = ["Matching", "comes_first", "match"]

# The confidence in a match, for each operation that it pairs.
_SAME_NAME = 0.1  # added for equal items
_ALIKE = 0.6  # the same name and class, or the same operator
_PARTLY = 0.5  # the same name or class, and mostly the same operators
_SLIGHT = 0.1  # the same name and class, and nothing in common


@dataclass(frozen=True, eq=False)
class Matching:
    """Maps scopes and nodes of the graph before to those of the graph after; each is in at most one pair."""

    scopes: Mapping[Scope, Scope]
    nodes: Mapping[Node, Node]

    def mirrored(self) -> Matching:
        """Return the same matching the other way round."""
        scopes = {other: one for one, other in self.scopes.items()}
        return Matching(scopes, {other: one for one, other in self.nodes.items()})


def match(before: Repeated, after: Repeated) -> Matching:
    """Match two graphs whose fingerprints were numbered together (`fxviz.views.structural_hash.fingerprint_together`).

    Among equally good matches the earlier items win; `comes_first` says which graph to pass first.
    """
    matcher = _Matcher(before, after)
    matcher.pair_frames(*_unwrapped(before.root, after.root))
    matcher.pair_the_rest(before.root, after.root)
    return Matching(matcher.scopes, matcher.nodes)


def _unwrapped(one: Frame, other: Frame) -> tuple[Frame, Frame]:
    """Return both roots, or the frame of one graph that has the most names in common with the root of the other."""
    names = [Counter(map(_loose, frame.items)) for frame in (one, other)]
    inner = [(one, found) for found in _frames(other)] + [(found, other) for found in _frames(one)]

    def in_common(pair: tuple[Frame, Frame]) -> int:
        a, b = pair
        known = names[0] if a is one else Counter(map(_loose, a.items))
        return (known & (names[1] if b is other else Counter(map(_loose, b.items)))).total()

    return max(((one, other), *inner), key=in_common)


def comes_first(one: Repeated, other: Repeated) -> bool:
    """Order two graphs, so that a comparison does not depend on which of them was named first."""
    names = (len, _places, _names)
    same = one.fingerprint(()) == other.fingerprint(())  # then types and attributes, which take long to read, are equal
    for key in names if same else (*names, _operations, _kernels):
        a, b = key(one.graph.nodes), key(other.graph.nodes)
        if a != b:
            return bool(a < b)
    return True


def _places(nodes: Sequence[Node]) -> Any:
    return [(node.op, format_scope(node.scope)) for node in nodes]


def _names(nodes: Sequence[Node]) -> Any:
    return [[value.name for value in (*node.inputs, *node.outputs)] for node in nodes]


def _operations(nodes: Sequence[Node]) -> Any:
    return [(str(dict(node.attributes)), *map(str, (*node.inputs, *node.outputs))) for node in nodes]


def _kernels(nodes: Sequence[Node]) -> Any:
    return [[(kernel.op, *map(str, (*kernel.inputs, *kernel.outputs))) for kernel in node.kernels] for node in nodes]


class _Matcher:
    """Collects the matches."""

    def __init__(self, before: Repeated, after: Repeated) -> None:
        self.scopes: dict[Scope, Scope] = {}
        self.nodes: dict[Node, Node] = {}
        self._scopes_taken: set[Scope] = set()
        self._nodes_taken: set[Node] = set()
        self._numbers: dict[FrameItem, int] = {}
        for graph in (before, after):
            for item in (graph.root, *_walk(graph.root)):
                number = graph.fingerprint(item.scope if isinstance(item, Frame) else item)
                assert number is not None, "a frame and a node have a fingerprint"
                self._numbers[item] = number
        self._operators: dict[int, Counter[str]] = {}
        self._shared: dict[tuple[int, int], int] = {}

    # Down the hierarchy -----------------------------------------------------------------------------------------------

    def pair_frames(self, one: Frame, other: Frame) -> None:
        """Match two scopes and, as far as possible, their contents."""
        self.scopes[one.scope] = other.scope
        self._scopes_taken.add(other.scope)
        if self._number(one) == self._number(other):
            pairs: Iterable[tuple[FrameItem, FrameItem]] = zip(one.items, other.items, strict=True)
        else:
            pairs = align(*self._left(one, other), self._worth, self._exact, self._number, _loose)
        for a, b in pairs:
            if isinstance(a, Frame) and isinstance(b, Frame):
                self.pair_frames(a, b)
            else:
                self._pair_nodes(_only_node(a), _only_node(b))

    def _pair_nodes(self, one: Node | None, other: Node | None) -> None:
        if one is not None and other is not None:
            self.nodes[one] = other
            self._nodes_taken.add(other)

    def _left(self, one: Frame, other: Frame) -> tuple[list[FrameItem], list[FrameItem]]:
        """Return the items of two scopes that have no match yet."""
        return [item for item in one.items if self._is_left(item)], [
            item for item in other.items if not self._is_taken(item)
        ]

    def _is_left(self, item: FrameItem) -> bool:
        return item.scope not in self.scopes if isinstance(item, Frame) else item not in self.nodes

    def _is_taken(self, item: FrameItem) -> bool:
        return item.scope in self._scopes_taken if isinstance(item, Frame) else item in self._nodes_taken

    def _number(self, item: FrameItem) -> int:
        return self._numbers[item]

    def _exact(self, item: FrameItem) -> Hashable:
        return _loose(item), self._numbers[item]

    def _worth(self, one: FrameItem, other: FrameItem) -> float:
        """Return how many operations a match is expected to pair."""
        if isinstance(one, Frame) and isinstance(other, Frame):
            return self._worth_of_frames(one, other)
        a, b = _only_node(one), _only_node(other)
        if a is None or b is None or (a.op, a.phase) != (b.op, b.phase):
            return 0.0
        certainty = 1.0 if self._numbers[a] == self._numbers[b] else _ALIKE
        # A function that was there before is preferred to a module that became a function.
        return certainty if isinstance(one, Node) and isinstance(other, Node) else certainty - _SAME_NAME

    def _worth_of_frames(self, one: Frame, other: Frame) -> float:
        same_name = one.scope[-1].label == other.scope[-1].label
        same_kind = one.scope[-1].kind == other.scope[-1].kind
        if self._numbers[one] == self._numbers[other]:
            return len(one) * (1 + same_name * _SAME_NAME)
        shared = self._shared_operators(one, other)
        if same_name and same_kind:
            return max(shared * _ALIKE, _SLIGHT)
        return shared * _PARTLY if (same_name or same_kind) and _mostly(shared, one, other) else 0.0

    def _shared_operators(self, one: Frame, other: Frame) -> int:
        key = self._numbers[one], self._numbers[other]
        if key not in self._shared:
            self._shared[key] = (self._operators_of(one) & self._operators_of(other)).total()
        return self._shared[key]

    def _operators_of(self, frame: Frame) -> Counter[str]:
        number = self._numbers[frame]
        if number not in self._operators:
            counts: Counter[str] = Counter()
            for item in frame.items:
                counts.update(self._operators_of(item) if isinstance(item, Frame) else (item.op,))
            self._operators[number] = counts
        return self._operators[number]

    # What is left over ------------------------------------------------------------------------------------------------

    def pair_the_rest(self, before: Frame, after: Frame) -> None:
        """Match items that moved to another scope: equal modules, modules of the same name, operations on weights."""
        ones, others = [*_walk(before)], [*_walk(after)]
        for likeness in (self._exact, self._number, _path, _loose):
            self._pair_left(ones, others, likeness, alike=likeness in (_path, _loose))

    def _pair_left(
        self,
        ones: Sequence[FrameItem],
        others: Sequence[FrameItem],
        likeness: Callable[[FrameItem], Hashable],
        alike: bool,
    ) -> None:
        """Match items of equal ``likeness``, in order; those merely ``alike`` only if they compute mostly the same."""
        offers: dict[Hashable, deque[FrameItem]] = {}
        for other in others:
            if _is_telling(other) and not self._is_taken(other):
                offers.setdefault(likeness(other), deque()).append(other)
        for one in ones:
            if not (_is_telling(one) and self._is_left(one)):
                continue
            offered = offers.get(likeness(one), deque())
            while offered and self._is_taken(offered[0]):  # meanwhile, with the module around it
                offered.popleft()
            if not offered:
                continue
            other = offered[0]
            if isinstance(one, Frame) and isinstance(other, Frame):
                if not alike or _mostly(self._shared_operators(one, other), one, other):
                    self.pair_frames(one, offered.popleft())  # type: ignore[arg-type]
            elif isinstance(one, Node) and isinstance(other, Node) and not alike:
                self._pair_nodes(one, other)
                offered.popleft()


def _walk(frame: Frame) -> Iterator[FrameItem]:
    """Yield all items inside a frame, parents first."""
    for item in frame.items:
        yield item
        if isinstance(item, Frame):
            yield from _walk(item)


def _frames(frame: Frame) -> Iterator[Frame]:
    return (item for item in _walk(frame) if isinstance(item, Frame))


def _loose(item: FrameItem) -> Hashable:
    """Return the name and class of a module, or the name of an operator."""
    return (item.scope[-1].label, item.scope[-1].kind) if isinstance(item, Frame) else item.op


def _path(item: FrameItem) -> Hashable:
    """Return the path and class of a module; an operation is its own key."""
    return (format_scope(item.scope), item.scope[-1].kind) if isinstance(item, Frame) else item


def _is_telling(item: FrameItem) -> bool:
    """Return whether an item can be recognised in another scope: weights, or several operations."""
    if isinstance(item, Frame):
        return len(item) > 1 or any(map(_is_telling, item.items))
    return any(value.role is Role.PARAMETER for value in item.inputs)


def _only_node(item: FrameItem) -> Node | None:
    """Return the operation, or the only one of a module; None if the module has several."""
    if isinstance(item, Node):
        return item
    return _only_node(item.items[0]) if len(item) == 1 else None


def _mostly(shared: int, one: Frame, other: Frame) -> bool:
    """Return whether two scopes have most of their operators in common."""
    return 4 * shared >= len(one) + len(other)  # half of all: each shared one is in both

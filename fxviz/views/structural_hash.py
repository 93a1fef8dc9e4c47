"""Structural hashes: a number for each scope and operation, equal where they are the same computation.

Two scopes are equal if they run the same operators with the same attributes and kernels on the same types, wired the
same way, in modules of the same kinds. Names, paths, call numbers, which weights they use, and what their inputs come
from (the graph's input, or the layer before) do not count. They are similar if they would be equal without the numbers among
the attributes: a drop-path rate, a dilation, an index.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from fxviz.errors import GraphError
from fxviz.ir import Attribute, Graph, Kernel, Node, Role, Scope, Value, format_scope
from fxviz.ir.frames import Frame, nest
from fxviz.views.layout_operators import handed_on

if TYPE_CHECKING:
    from fxviz.analysis.facts import Facts

__all__ = ["Repeated", "Repeats", "Varying", "fingerprint_together"]

_FLOWING = (Role.INPUT, Role.RESULT)  # what flows through layers; all else is held by the model, like a weight
_AXES = frozenset({"axis", "dim", "dim0", "dim1", "dims", "source", "destination"})  # another one is another operation


@dataclass(frozen=True, slots=True)
class Varying:
    """What similar scopes do not share: attributes of these ``names``, with one value for each scope."""

    names: tuple[str, ...]
    values: tuple[Attribute, ...]


@dataclass(frozen=True, eq=False)
class Repeated:
    """The structural hashes of a graph. ``root`` is the tree of all scopes; scopes that are entered several times are not in it."""

    graph: Graph
    root: Frame
    _frames: Mapping[Scope, Frame]
    _fingerprints: Mapping[Scope | Node, int]
    _reads: Mapping[Scope, tuple[Value, ...]]

    def fingerprint(self, place: Scope | Node) -> int | None:
        """Return the structural hash: a number that equal scopes, or nodes, share and others do not; None for a scope that is left and entered again."""
        return self._fingerprints.get(place)

    def equal(self, a: Scope, b: Scope) -> bool:
        """Return whether two scopes are the same computation."""
        return a == b or (self.fingerprint(a) is not None and self.fingerprint(a) == self.fingerprint(b))

    def similar(self, a: Scope, b: Scope) -> bool:
        """Return whether two scopes are the same computation except for numbers among the attributes (`varying` has them)."""
        return self.equal(a, b) or (self.likeness(a) is not None and self.likeness(a) == self.likeness(b))

    def likeness(self, scope: Scope) -> int | None:
        """Return the structural hash without numbers: similar scopes share it and others do not; None for a scope that is left and entered again."""
        return self._likenesses.get(scope)

    def varying(self, *scopes: Scope) -> tuple[Varying, ...]:
        """Return the attributes that similar scopes do not share, as one where they change alike; none where all are equal."""
        if all(self.equal(scopes[0], scope) for scope in scopes):
            return ()
        found: dict[Hashable, Varying] = {}
        for nodes in zip(*map(self.nodes, scopes), strict=True):
            for name, values in _varying(nodes):
                series = tuple(map(frozen, values))
                alike = found.get(series, Varying((), values))
                if name not in alike.names:
                    found[series] = Varying((*alike.names, name), values)
        return tuple(found.values())

    def nodes(self, scope: Scope) -> tuple[Node, ...]:
        """Return the nodes of a scope and of all below it, in execution order."""
        frame = self._frame(scope)
        return self.graph.nodes[frame.start : frame.stop]

    def reads(self, scope: Scope) -> tuple[Value, ...]:
        """Return the values that a scope takes from outside, including weights, in order of first use; in equal scopes they correspond."""
        return self._reads[self._frame(scope).scope]

    def corresponding_nodes(self, a: Scope, b: Scope) -> Iterator[tuple[Node, Node]]:
        """Pair each node of ``a`` with the node of ``b`` that does the same.

        Raises `GraphError` for scopes that are not similar.
        """
        if not self.similar(a, b):
            raise GraphError(
                f"{format_scope(a)!r} and {format_scope(b)!r} are not the same computation: their nodes do not correspond"
            )
        return zip(self.nodes(a), self.nodes(b), strict=True)

    def corresponding_values(self, a: Scope, b: Scope) -> Iterator[tuple[Value, Value]]:
        """Pair each value made in ``a`` with its equal in ``b``; the scopes must be similar."""
        for one, other in self.corresponding_nodes(a, b):
            yield from zip(one.outputs, other.outputs, strict=True)

    def groups(self) -> tuple[tuple[Scope, ...], ...]:
        """Return the scopes that have equals, equal ones together, in order of first use."""
        alike: dict[int, list[Scope]] = {}
        for scope in sorted(self._frames, key=lambda scope: (self._frames[scope].start, len(scope))):
            alike.setdefault(self._fingerprints[scope], []).append(scope)
        return tuple(tuple(scopes) for scopes in alike.values() if len(scopes) > 1)

    @cached_property
    def _likenesses(self) -> Mapping[Scope | Node, int]:
        fingerprinter = _Fingerprinter(self.graph, {}, _blurred)
        fingerprinter.frame(self.root)
        return fingerprinter.fingerprints

    def _frame(self, scope: Scope) -> Frame:
        if (frame := self._frames.get(scope)) is None:
            raise GraphError(f"graph {self.graph.name!r} has no single run of scope {format_scope(scope)!r}")
        return frame


@dataclass(frozen=True)
class Repeats:
    """The analysis that hashes every scope, in time linear in the graph."""

    def run(self, facts: Facts) -> Repeated:
        """Hash every scope, bottom up, each once."""
        return _fingerprinted(facts.graph, {})


def fingerprint_together(*graphs: Graph) -> tuple[Repeated, ...]:
    """Hash the scopes of several graphs together: what is equal in two graphs shares its number."""
    numbers: dict[Hashable, int] = {}
    return tuple(_fingerprinted(graph, numbers) for graph in graphs)


def _fingerprinted(graph: Graph, numbers: dict[Hashable, int]) -> Repeated:
    root = nest(graph)
    fingerprinter = _Fingerprinter(graph, numbers, frozen)
    fingerprinter.frame(root)
    return Repeated(graph, root, fingerprinter.frames, fingerprinter.fingerprints, fingerprinter.reads)


class _Fingerprinter:
    """Numbers what is equal alike. A number stands for the whole description below it, so nothing is described twice.

    ``see`` is what counts of an operation's attributes.
    """

    def __init__(
        self, graph: Graph, numbers: dict[Hashable, int], see: Callable[[Mapping[str, Attribute]], Hashable]
    ) -> None:
        self.frames: dict[Scope, Frame] = {}
        self.fingerprints: dict[Scope | Node, int] = {}
        self.reads: dict[Scope, tuple[Value, ...]] = {}
        self._numbers = numbers
        self._see = see
        self._types: dict[Value, int] = {}
        made = [value for node in graph.nodes for value in node.outputs]
        self._position = {value: position for position, value in enumerate(made)}
        self._first = [0, *accumulate(len(node.outputs) for node in graph.nodes)]

    def frame(self, frame: Frame) -> tuple[int, tuple[Value, ...]]:
        """Return the number of a frame, and the values that it reads from outside in order of first use."""
        first, end = self._first[frame.start], self._first[frame.stop]
        outer: dict[Value, int] = {}
        parts: list[Hashable] = []
        for item in frame.items:
            number, reads = self.frame(item) if isinstance(item, Frame) else self._node(item)
            wires = []
            for value in reads:
                position = self._position.get(value, -1)
                wires.append(position - first if first <= position < end else ~outer.setdefault(value, len(outer)))
            parts.append((number, tuple(wires)))
        number = self._number(("scope", frame.scope[-1].kind if frame.scope else "", tuple(parts)))
        self.frames[frame.scope] = frame
        self.fingerprints[frame.scope] = number
        self.reads[frame.scope] = reads = tuple(outer)
        return number, reads

    def _node(self, node: Node) -> tuple[int, tuple[Value, ...]]:
        inner: dict[Value, int] = {}
        outer: dict[Value, int] = {}

        def wires(values: Iterable[Value]) -> tuple[int, ...]:
            return tuple([inner[v] if v in inner else ~outer.setdefault(v, len(outer)) for v in values])

        inputs = wires(node.inputs)
        kernels = []
        for kernel in node.kernels:
            kernels.append((self._described(kernel), wires(kernel.inputs)))
            for value in kernel.outputs:
                inner[value] = len(inner)
        outputs = tuple([inner.get(value, -1) for value in node.outputs])
        held = tuple([(value.role if value.role not in _FLOWING else None, self._type(value)) for value in outer])
        described = ("node", self._described(node), inputs, tuple(kernels), outputs, held, handed_on(node) is not None)
        self.fingerprints[node] = number = self._number(described)
        return number, tuple(outer)

    def _described(self, operation: Node | Kernel) -> int:
        types = tuple([self._type(value) for value in operation.outputs])
        return self._number((operation.op, operation.input_names, self._see(operation.attributes), types))

    def _type(self, value: Value) -> int:
        if (number := self._types.get(value)) is None:
            number = self._types[value] = self._number(value.type)
        return number

    def _number(self, described: Hashable) -> int:
        return self._numbers.setdefault(described, len(self._numbers))


def _varying(nodes: Sequence[Node]) -> Iterator[tuple[str, tuple[Attribute, ...]]]:
    """Yield the attributes that corresponding nodes do not share; of their kernels only where the author's own do not differ."""
    own = [*_unequal(nodes)]
    yield from own
    if not own:
        for kernels in zip(*(node.kernels for node in nodes), strict=True):
            yield from _unequal(kernels)


def _unequal(operations: Sequence[Node | Kernel]) -> Iterator[tuple[str, tuple[Attribute, ...]]]:
    for name in operations[0].attributes:
        values = tuple(_one_for_all(operation.attributes[name]) for operation in operations)
        if len(set(map(frozen, values))) > 1:
            yield name, values


def _one_for_all(attribute: Attribute) -> Attribute:
    """Return the one number of a tuple in which all are equal; else the attribute itself.

    >>> _one_for_all((2, 2)), _one_for_all((1, 2)), _one_for_all(0.1)
    (2, (1, 2), 0.1)
    """
    if isinstance(attribute, tuple) and len(set(map(frozen, attribute))) == 1:
        return attribute[0]
    return attribute


def _blurred(attributes: Mapping[str, Attribute]) -> Hashable:
    """Return attributes as `frozen` does, without the numbers in them, except for axes."""
    return frozen({name: value if name in _AXES else _without_numbers(value) for name, value in attributes.items()})


def _without_numbers(attribute: Attribute) -> Attribute:
    if isinstance(attribute, Mapping):
        return {name: _without_numbers(part) for name, part in attribute.items()}
    if isinstance(attribute, tuple):
        return tuple(map(_without_numbers, attribute))
    return "a number" if isinstance(attribute, int | float) and not isinstance(attribute, bool) else attribute


def frozen(attribute: Attribute) -> Hashable:
    """Return an attribute as something that can be hashed, in which ``1``, ``1.0`` and ``True`` differ, and NaN equals NaN.

    >>> frozen({"b": 1, "a": (True, None)}) == frozen({"a": (True, None), "b": 1}), frozen(1) == frozen(1.0)
    (True, False)
    """
    if isinstance(attribute, Mapping):
        return ("mapping", *[(name, frozen(attribute[name])) for name in sorted(attribute)])
    if isinstance(attribute, tuple):
        return ("tuple", *[frozen(part) for part in attribute])
    if isinstance(attribute, bool | int | float | complex):
        return (type(attribute), repr(attribute))
    return attribute

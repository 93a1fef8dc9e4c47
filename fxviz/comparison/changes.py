"""Describe what changed in an operation of both graphs, and pair their inputs, outputs and weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fxviz.comparison.pairs import Detail, Status
from fxviz.ir import Graph, Node, Role, TensorType, Value
from fxviz.ir.printer import format_attribute
from fxviz.passes.operators import kind_of
from fxviz.text.quantity import format_shape, format_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fxviz.comparison.matching import Matching
    from fxviz.ir import Scope
    from fxviz.views.structural_hash import Repeated

__all__ = ["Changes", "ValuePair", "pair_values"]

_HELD = (Role.PARAMETER, Role.BUFFER, Role.CONSTANT)


@dataclass(frozen=True, eq=False)
class ValuePair:
    """An input, output, parameter, buffer or constant before and after; one is None if it was added or removed."""

    role: str
    name: str
    before: Value | None
    after: Value | None
    elsewhere: bool = False
    """Whether an output now comes from another operation."""

    @property
    def details(self) -> tuple[Detail, ...]:
        """The changes of its type, its source, and whether it is trained."""
        if self.before is None or self.after is None:
            return ()
        found = [*_types((("", self.before, self.after),))]
        if self.elsewhere:
            found.append(Detail("from", self.before.name, self.after.name, "other sources"))
        return (*found, *self.training)

    @property
    def training(self) -> tuple[Detail, ...]:
        """The change of a parameter from trainable to frozen, or the other way round."""
        if self.before is None or self.after is None or self.before.trainable == self.after.trainable:
            return ()
        before, after = (("frozen", "trainable")[value.trainable] for value in (self.before, self.after))
        return (Detail("", before, after, f"{before} → {after}"),)

    @property
    def status(self) -> Status:
        """Whether it was added, removed, changed or kept."""
        if self.before is None:
            return Status.ADDED
        if self.after is None:
            return Status.REMOVED
        return Status.CHANGED if self.details else Status.KEPT

    def mirrored(self) -> ValuePair:
        """Return the same pair the other way round."""
        return ValuePair(self.role, self.name, self.after, self.before, self.elsewhere)


def pair_values(before: Graph, after: Graph, matching: Matching) -> tuple[ValuePair, ...]:
    """Pair the inputs, outputs, parameters, buffers and constants of both graphs, each once.

    Weights form a pair if matched modules have them under the same name, or matched operations read them as the same
    argument.
    """
    given = [*_named("input", before.inputs, after.inputs, {})]
    known = _renamed(before, after, matching)
    for role in _HELD:
        ones, others = ([value for value in _held(graph) if value.role is role] for graph in (before, after))
        given += _named(role.value, ones, others, known)
    now = _counterparts(given, matching)
    returned = _named("output", before.outputs, after.outputs, {}, before.output_names, after.output_names)
    return (*given, *(replace(pair, elsewhere=_is_another(pair.before, pair.after, now)) for pair in returned))


def _counterparts(given: Iterable[ValuePair], matching: Matching) -> dict[Value, Value]:
    """Map values of the graph before to values of the graph after."""
    now = {pair.before: pair.after for pair in given if pair.before and pair.after}
    for one, other in matching.nodes.items():
        now.update(zip(one.outputs, other.outputs, strict=False))
    return now


def _is_another(before: Value | None, after: Value | None, now: Mapping[Value, Value]) -> bool:
    """Return whether two tensors, both known in both graphs, differ."""
    return before is not None and before in now and now[before] is not after and after in now.values()


class Changes:
    """Describes what changed in matched operations."""

    def __init__(self, before: Repeated, after: Repeated, matching: Matching, values: Iterable[ValuePair]) -> None:
        self._before = before
        self._after = after
        self._now = _counterparts((pair for pair in values if pair.role != "output"), matching)
        self._known_now = set(self._now.values())

    def of(self, one: Node, other: Node) -> tuple[Detail, ...]:
        """Return what differs between an operation before and after; empty if it is the same on the same tensors."""
        rewired = [*self._rewired(one, other)]
        if self._before.fingerprint(one) == self._after.fingerprint(other):
            return tuple(rewired)
        given = _by_name(one), _by_name(other)
        held = [(n, a, b) for n, a, b in _common(*given) if a.role in _HELD or b.role in _HELD]
        flowing = [(n, a, b) for n, a, b in _common(*given) if not (a.role in _HELD or b.role in _HELD)]
        made = [
            ("output" if len(one.outputs) == 1 else f"output {number}", a, b)
            for number, (a, b) in enumerate(_outputs(one, other))
        ]
        found = [*_types((*made, *held)), *_come_and_gone(*given)]
        resized = any(detail.what.startswith("output") for detail in found)
        if not (resized and kind_of(other.op) == "shape"):  # the new sizes are the change, and are reported already
            found += _attributes(one, other)
        if not found:
            found += _types(flowing)
        if not found:
            found += _kernels(one, other)
        return (*found, *rewired)

    def _rewired(self, one: Node, other: Node) -> Iterator[Detail]:
        """Yield the arguments that are another tensor now, if both tensors are known in both graphs.

        An operation that now reads an added one, or no longer reads a removed one, did not change itself.
        """
        for name, before, after in _common(_by_name(one), _by_name(other)):
            if before in self._now and after in self._known_now and self._now[before] is not after:
                yield Detail(f"{name} from", before.name, after.name, "other sources")


def _outputs(before: Node, after: Node) -> Iterator[tuple[Value, Value]]:
    return zip(before.outputs, after.outputs, strict=False)


def _by_name(node: Node) -> dict[str, Value]:
    return dict(zip(node.input_names, node.inputs, strict=True))


def _common(before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[tuple[str, Value, Value]]:
    return ((name, value, after[name]) for name, value in before.items() if name in after)


def _types(values: Iterable[tuple[str, Value, Value]]) -> Iterator[Detail]:
    """Yield a detail for each dtype and device that changed, and one for each shape."""
    types = [(name, one.type, other.type) for name, one, other in values if one.type != other.type]
    both = [(name, one, other) for name, one, other in types if one is not None and other is not None]
    for what in ("dtype", "device"):
        for before, after in dict.fromkeys((getattr(a, what), getattr(b, what)) for _, a, b in both):
            if before != after:
                yield Detail(what, before, after, f"{before} → {after}")
    resized: dict[tuple[TensorType, TensorType], list[str]] = {}
    for name, a, b in both:
        if a.shape != b.shape:
            resized.setdefault((a, b), []).append(name)
    for (a, b), names in resized.items():
        yield Detail(", ".join(names), format_shape(a.shape), format_shape(b.shape), _sizes(a, b))
    for name, one, other in types:  # one of the graphs was traced without inputs
        if one is None or other is None:
            yield Detail(name, format_type(one), format_type(other), "known types")


def _sizes(before: TensorType, after: TensorType) -> str:
    """Return the extents that changed, in any dimension."""
    if len(before.shape) != len(after.shape):
        return f"{len(before.shape)} dimensions → {len(after.shape)} dimensions"
    changed = sorted({(str(a), str(b)) for a, b in zip(before.shape, after.shape, strict=True) if a != b})
    return f"sizes {', '.join(a for a, _ in changed)} → {', '.join(b for _, b in changed)}"


def _come_and_gone(before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[Detail]:
    """Yield the arguments, such as a bias, that were added or removed."""
    for name in dict.fromkeys((*before, *after)):
        if (name in before) != (name in after):
            one, other = (format_type(given[name].type) if name in given else "none" for given in (before, after))
            yield Detail(name, one, other, f"{name} {'removed' if name in before else 'added'}")


def _attributes(before: Node, after: Node) -> Iterator[Detail]:
    """Yield the changed arguments that are not tensors; a dtype that repeats the output's change is left out."""
    made = [(str(a.type.dtype), str(b.type.dtype)) for a, b in _outputs(before, after) if a.type and b.type]
    for name in dict.fromkeys((*before.attributes, *after.attributes)):
        given = [node.attributes.get(name) for node in (before, after)]
        one, other = (
            format_attribute(node.attributes[name]) if name in node.attributes else "unset" for node in (before, after)
        )
        if one != other and (str(given[0]), str(given[1])) not in made:
            yield Detail(name, one, other, f"{name} {one} → {name} {other}")


def _kernels(one: Node, other: Node) -> Iterator[Detail]:
    before, after = (", ".join(dict.fromkeys(kernel.op for kernel in node.kernels)) for node in (one, other))
    if before == after:
        before, after = (f"{before} as it did" for _ in range(2))
    yield Detail("runs", before, after, f"{before} → {after}")


# Inputs, outputs and weights --------------------------------------------------------------------------------------


def _named(
    role: str,
    before: Iterable[Value],
    after: Iterable[Value],
    known: Mapping[Value, Value],
    names_before: tuple[str, ...] = (),
    names_after: tuple[str, ...] = (),
) -> Iterator[ValuePair]:
    """Pair values as ``known`` says, all others by name."""
    ones = dict(zip(names_before or [value.name for value in before], before, strict=True))
    others = dict(zip(names_after or [value.name for value in after], after, strict=True))
    names = {value: name for name, value in others.items()}
    left, promised = dict(others), set(known.values())
    for name, value in ones.items():
        same = names.get(known[value]) if value in known else None if others.get(name) in promised else name
        yield ValuePair(role, name, value, left.pop(same) if same in left else None)
    for name, value in left.items():
        yield ValuePair(role, name, None, value)


def _held(graph: Graph) -> tuple[Value, ...]:
    return (*graph.parameters, *graph.constants)


def _renamed(before: Graph, after: Graph, matching: Matching) -> dict[Value, Value]:
    """Map the weights of the graph before to the same weights after, which may have other names."""
    paths: dict[str, str] = {}
    for one, other in matching.scopes.items():
        paths.setdefault(_path(one), _path(other))
    now = {value.name: value for value in _held(after)}
    now |= {alias: now[name] for alias, name in after.aliases.items() if name in now}
    known: dict[Value, Value] = {}
    taken: set[Value] = set()

    def pair(one: Value, other: Value | None) -> None:
        if other is not None and one not in known and other not in taken and one.role is other.role:
            known[one] = other
            taken.add(other)

    for value in _held(before):
        owner, _, name = value.name.rpartition(".")
        pair(value, now.get(f"{_moved(owner, paths)}.{name}".lstrip(".")))
    for node, now_node in matching.nodes.items():
        for _, one_value, other_value in _common(_by_name(node), _by_name(now_node)):
            if one_value.role in _HELD:
                pair(one_value, other_value)
    return known


def _path(scope: Scope) -> str:
    return scope[-1].path if scope else ""


def _moved(path: str, paths: Mapping[str, str]) -> str:
    """Return the path of a module after, by the nearest matched module above it."""
    head, tail = path, ""
    while head and head not in paths:
        head, _, last = head.rpartition(".")
        tail = f".{last}{tail}"
    return f"{paths.get(head, head)}{tail}".lstrip(".")

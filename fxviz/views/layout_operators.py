"""Layout operators: operations that hand a tensor on in another shape, order or dtype, or count positions up."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import Graph, Kernel, Node, Role, Scope, Value
from fxviz.ir.frames import scope_sizes
from fxviz.passes.operators import OPERATORS, kind_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Set

__all__ = ["handed_on", "is_idle", "layout_operators"]

_HANDS_ON = frozenset(operator.author_name for operator in OPERATORS.values() if operator.layout)
"""The names that authors and kernels share."""


def handed_on(node: Node) -> Value | None:
    """Return the tensor that an operation hands on; None where it computes, reads several tensors, or reads a parameter.

    Dropout that was traced for inference, and a cast to the dtype that a tensor has, run no kernel and hand it on.
    """
    inputs = dict.fromkeys(node.inputs)
    if len(inputs) != 1 or not node.outputs:
        return None
    (value,) = inputs
    if value.role is Role.PARAMETER:
        return None
    if node.kernels:
        return value if all(_name(kernel) in _HANDS_ON for kernel in node.kernels) else None
    return value if is_idle(node) or node.op.strip("_") in _HANDS_ON else None


def is_idle(node: Node) -> bool:
    """Return whether an operation did nothing at all: what comes out is the tensor that went in, by another name."""
    memory = {(value.storage, value.type) for value in (*node.inputs, *node.outputs)}
    return not node.kernels and len(memory) == 1 and memory != {(None, None)}


def layout_operators(graph: Graph) -> Mapping[Node, Value | None]:
    """Return the operations that a picture can do without, each with the tensor that it hands on, or None for a constant.

    A constant is what a scope computes for itself alone, the same for every input: positions counted up, a mask made of
    them. Where a whole module does nothing else, that is its work and is kept. What is left is not nothing, and makes
    every output of the graph that is not an input.
    """
    constants = _constants(graph)
    kept: set[Hashable] = set()
    while True:
        found, needed = _found(graph, constants, kept)
        if not needed:
            return MappingProxyType(found if len(found) < len(graph.nodes) else {})
        kept |= needed  # in all scopes alike, since one is shown for all


def _found(
    graph: Graph, constants: Set[Node], kept: Set[Hashable]
) -> tuple[dict[Node, Value | None], frozenset[Hashable]]:
    """Return the layout operators that are not kept, and what else must be kept since it makes an output of the graph."""
    returned = set(graph.outputs)
    origins: dict[Value, Value | None] = {}
    found: dict[Node, Value | None] = {}
    needed: set[Hashable] = set()
    for node in graph.nodes:
        value = handed_on(node)
        if (value is None and node not in constants) or (kept and _likeness(node) in kept):
            continue
        origin = origins.get(value, value) if value else None
        if origin is not None and origin.role not in (Role.INPUT, Role.RESULT):
            origin = None
        if origin is None and not returned.isdisjoint(node.outputs):
            needed.add(_likeness(node))
        found[node] = value
        origins |= dict.fromkeys(node.outputs, origin)
    return found, frozenset(needed)


def _likeness(node: Node) -> Hashable:
    """Return the key that equal operations in equal scopes share."""
    return node.op, tuple(call.kind for call in node.scope), tuple(value.type for value in node.outputs)


def _constants(graph: Graph) -> frozenset[Node]:
    """Return the operations that depend neither on inputs and parameters nor on other scopes: equal scopes have equal ones."""
    constants: dict[Value, Scope] = {}
    found: list[Node] = []
    for node in graph.nodes:
        kind = kind_of(node.op)
        computed = bool(node.inputs) and kind not in ("random", "other")
        if (computed or kind == "data") and all(
            value.role in (Role.BUFFER, Role.CONSTANT) or constants.get(value) == node.scope for value in node.inputs
        ):
            constants |= dict.fromkeys(node.outputs, node.scope)
            found.append(node)
    sizes, constant_sizes = scope_sizes(graph.nodes), scope_sizes(found)
    return frozenset(node for node in found if constant_sizes[node.scope] < sizes[node.scope])


def _name(kernel: Kernel) -> str:
    """Return ``view`` of ``aten.view.default``; operators of other libraries may mean anything by that name."""
    library, _, rest = kernel.op.partition(".")
    return rest.partition(".")[0] if library == "aten" else kernel.op

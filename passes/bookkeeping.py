"""Which operations only hand a tensor on: the same elements, or some of them, seen in another shape, order or dtype."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import Graph, Kernel, Node, Role, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bookkeeping", "handed_on"]

# By the names that authors and kernels share.
_MOVES = frozenset(
    """
    alias as_strided broadcast_to chunk contiguous detach diagonal expand expand_as flatten getitem identity lift
    lift_fresh mH mT H T moveaxis movedim narrow numpy_T permute positive ravel requires_grad reshape reshape_as select
    slice split split_with_sizes squeeze swapaxes swapdims t adjoint tensor_split hsplit vsplit dsplit transpose unbind
    unflatten unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze view view_as view_as_real view_as_complex
    _reshape_alias _reshape_copy _unsafe_view clone
    to type type_as cpu cuda half bfloat16 float double int long short bool char byte _to_copy
    """.split()
)


def handed_on(node: Node) -> Value | None:
    """The tensor that an operation hands on; None where it computes, reads several tensors, or reads a parameter.

    Dropout that was traced for inference, and a cast to the dtype that a tensor has, run no kernel and hand it on.
    """
    inputs = dict.fromkeys(node.inputs)
    if len(inputs) != 1 or not node.outputs:
        return None
    (value,) = inputs
    if value.role is Role.PARAMETER:
        return None
    if node.kernels:
        return value if all(_name(kernel) in _MOVES for kernel in node.kernels) else None
    untouched = value.storage is not None and all(output.storage is value.storage for output in node.outputs)
    return value if untouched or node.op.strip("_") in _MOVES else None


def bookkeeping(graph: Graph) -> Mapping[Node, Value]:
    """The operations of a graph that a picture can do without, each with the tensor that it hands on.

    What is left keeps a maker for every output of the graph, and is not nothing.
    """
    found = {node: value for node in graph.nodes if (value := handed_on(node)) is not None}
    if any(_is_held(_origin(graph, found, value)) for value in graph.outputs):
        found = {node: value for node, value in found.items() if not _is_held(value)}
    return MappingProxyType(found if len(found) < len(graph.nodes) else {})


def _name(kernel: Kernel) -> str:
    """``view`` of ``aten.view.default``; operators of other libraries may mean anything by that name."""
    library, _, rest = kernel.op.partition(".")
    return rest.partition(".")[0] if library == "aten" else kernel.op


def _origin(graph: Graph, found: Mapping[Node, Value], value: Value) -> Value:
    while (maker := graph.producers.get(value)) in found and maker is not None:
        value = found[maker]
    return value


def _is_held(value: Value) -> bool:
    return value.role not in (Role.INPUT, Role.RESULT)

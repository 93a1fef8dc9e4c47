"""Verify the rules of the IR, on which every pass and exporter relies without checking."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING

import sympy

from fxviz.errors import GraphError
from fxviz.ir.dtypes import DTYPE_BITS
from fxviz.ir.flow import Flow
from fxviz.ir.scopes import Scope, format_scope
from fxviz.ir.values import Role, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fxviz.ir.data import GraphData
    from fxviz.ir.nodes import Kernel, Node
    from fxviz.ir.types import TensorType

__all__ = ["verify"]

_SCALARS = frozenset({type(None), bool, int, float, complex, str})


def verify(graph: GraphData) -> None:
    """Check every rule of the IR; a `GraphError` names the node and the value that break one.

    Names: the names of values are unique, and those of nodes too. Flow: each value is defined once and before it is read; a
    value between the kernels of one node is read by that node only; outputs are defined. Roles match where a value is listed.
    Types: known dtypes; an extent or a size is an ``int``, or an expression with symbols. Storages: each is listed once,
    lives within the run, is allocated when a kernel writes it and not yet freed when one reads it. Scopes: one class a path,
    no call inside itself. Attributes: only the types of `fxviz.ir.Attribute`. Aliases point to parameters.
    """
    _check_roles(graph)
    _check_storages(graph)
    _check_flow(graph)
    _check_lifetimes(graph)
    _check_values(graph)
    _check_scopes(graph)
    for node in graph.nodes:
        _check_operation(node, f"node {node.name!r}")
        for kernel in node.kernels:
            _check_operation(kernel, f"kernel {kernel.op} of node {node.name!r}")


def _check_roles(graph: GraphData) -> None:
    """Check that inputs, parameters and constants have matching roles, and outputs and aliases matching names."""
    places = (
        ("input", graph.inputs, {Role.INPUT}),
        ("parameter", graph.parameters, {Role.PARAMETER, Role.BUFFER}),
        ("constant", graph.constants, {Role.CONSTANT}),
    )
    for place, values, roles in places:
        for value in values:
            if value.role not in roles:
                raise GraphError(f"{place} {value} of graph {graph.name!r} has the role {value.role.value!r}")
    if graph.output_names and len(graph.output_names) != len(graph.outputs):
        raise GraphError(
            f"graph {graph.name!r} has {len(graph.outputs)} outputs but {len(graph.output_names)} output names"
        )
    names = {value.name for value in graph.parameters}
    for alias, name in graph.aliases.items():
        if name not in names:
            raise GraphError(f"alias {alias!r} points to {name!r}, which is not a parameter of graph {graph.name!r}")
        if alias in names:
            raise GraphError(f"alias {alias!r} is also the name of a parameter of graph {graph.name!r}")


def _check_storages(graph: GraphData) -> None:
    steps = len(graph.kernels)
    if len(set(graph.storages)) != len(graph.storages):
        raise GraphError(f"graph {graph.name!r} lists a storage twice")
    for index, storage in enumerate(graph.storages):
        if not _is_extent(storage.nbytes):
            raise GraphError(
                f"storage {index} has the size {storage.nbytes!r}; a size is an int from 0, or an expression with symbols"
            )
        if not -1 <= storage.born < max(steps, 1):
            raise GraphError(f"storage {index} is born at step {storage.born} of a run of {steps} kernels")
        if storage.died is not None and not storage.born <= storage.died <= steps:
            raise GraphError(
                f"storage {index} is born at step {storage.born} and dies at {storage.died} of a run of {steps} kernels"
            )


def _check_flow(graph: GraphData) -> None:
    """Check that each value is defined once and before it is read."""
    flow = Flow(graph.name)
    for value in chain(graph.inputs, graph.parameters, graph.constants):
        flow.declare(value)
    for node in graph.nodes:
        flow.run(node)
    for value in graph.outputs:
        flow.check_output(value)


def _check_lifetimes(graph: GraphData) -> None:
    """Check that memory is allocated when a kernel writes it, and not yet freed when one reads it."""
    for step, (node, kernel) in enumerate(graph.walk()):
        for value in kernel.inputs:
            if (storage := value.storage) and storage.died is not None and storage.died <= step:
                raise GraphError(
                    f"kernel {kernel.op} (step {step}) of node {node.name!r} reads {value}, whose memory was freed before step {storage.died}"
                )
        for value in kernel.outputs:
            if (storage := value.storage) and storage.born > step:
                raise GraphError(
                    f"kernel {kernel.op} (step {step}) of node {node.name!r} makes {value}, whose memory is born at step {storage.born}"
                )


def _check_values(graph: GraphData) -> None:
    """Check that names are unique, types well-formed and storages listed."""
    storages, types, names = set(graph.storages), set["TensorType"](), dict[str, Value]()
    for value, place in _definitions(graph):
        if not value.name:
            raise GraphError(f"{place} has a value without a name")
        if names.setdefault(value.name, value) is not value:
            raise GraphError(f"{place} has a second value of the name {value.name!r}")
        if value.storage is not None and value.storage not in storages:
            raise GraphError(f"{place} has {value}, whose storage is not listed in the graph")
        if value.type is not None and value.type not in types:
            _check_type(value.type, f"{value} of {place}")
            types.add(value.type)


def _definitions(graph: GraphData) -> Iterable[tuple[Value, str]]:
    """Yield every value of the graph beside the node, or the graph, that defines it."""
    for value in chain(graph.inputs, graph.parameters, graph.constants):
        yield value, f"graph {graph.name!r}"
    for node in graph.nodes:
        place = f"node {node.name!r}"
        for operation in (*node.kernels, node):
            for value in operation.outputs:
                yield value, place


def _check_type(type: TensorType, where: str) -> None:
    if type.dtype not in DTYPE_BITS:
        raise GraphError(f"{where} has the unknown dtype {type.dtype!r}")
    for extent in type.shape:
        if not _is_extent(extent):
            raise GraphError(
                f"{where} has the extent {extent!r}; an extent is an int from 0, or an expression with symbols"
            )


def _is_extent(extent: object) -> bool:
    if isinstance(extent, sympy.Expr):
        return bool(extent.free_symbols)
    return type(extent) is int and extent >= 0


def _check_scopes(graph: GraphData) -> None:
    names: set[str] = set()
    kinds: dict[str, str] = {}
    seen: set[Scope] = set()
    for node in graph.nodes:
        if not node.name or node.name in names:
            raise GraphError(f"node {node.name!r} ({node.op}) needs a name of its own")
        names.add(node.name)
        if node.scope in seen:
            continue
        seen.add(node.scope)
        if len(set(node.scope)) != len(node.scope):
            raise GraphError(f"node {node.name!r} stands in {format_scope(node.scope)!r}, a call inside itself")
        for call in node.scope:
            if not call.path or call.index < 0:
                raise GraphError(f"node {node.name!r} stands in {call!r}; a call has a path, and an index from 0")
            if kinds.setdefault(call.path, call.kind) != call.kind:
                raise GraphError(
                    f"node {node.name!r} stands in {call.path!r} of class {call.kind!r}, which was {kinds[call.path]!r} before"
                )


def _check_operation(operation: Node | Kernel, what: str) -> None:
    if not operation.op:
        raise GraphError(f"{what} has no operator")
    if len(operation.input_names) != len(operation.inputs):
        raise GraphError(f"{what} has {len(operation.inputs)} inputs but {len(operation.input_names)} input names")
    for name, attribute in operation.attributes.items():
        if type(attribute) not in _SCALARS and not _is_attribute(attribute):
            raise GraphError(
                f"{what} has the attribute {name!r} = {attribute!r}; allowed are None, bool, int, float, complex, str, "
                "sympy expressions, and tuples and mappings of those"
            )


def _is_attribute(attribute: object) -> bool:
    if type(attribute) in _SCALARS or isinstance(attribute, sympy.Expr):
        return True
    if isinstance(attribute, tuple):
        return all(map(_is_attribute, attribute))
    if isinstance(attribute, Mapping):
        return all(type(key) is str and _is_attribute(member) for key, member in attribute.items())
    return False

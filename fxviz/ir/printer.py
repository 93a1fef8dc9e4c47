"""Graphs as text for reading: one operation a line, indented by scope; the same text for the same graph.

``%name`` is an input or a result, ``@name`` a tensor that the model holds, with its type where it is read; ``@.name``
belongs to the module around the line. Characters that would break a line are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fxviz.ir.scopes import Scope, format_scope, shared_depth
from fxviz.ir.values import Role, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.ir.data import GraphData
    from fxviz.ir.nodes import Node
    from fxviz.ir.types import Attribute

__all__ = ["format_attribute", "format_graph"]

_INDENT = "  "
_LONGEST_ATTRIBUTE = 60


def format_graph(graph: GraphData) -> str:
    """Return the whole graph as text: its inputs, every node with types and source line, its outputs.

    >>> from fxviz.ir import Graph, Node, Role, TensorType, Value
    >>> x, y = Value("x", TensorType((2, 3), "float32"), Role.INPUT), Value("relu", TensorType((2, 3), "float32"))
    >>> print(format_graph(Graph("tiny", (x,), (), (Node("relu", (x,), (y,), ("input",), {}, "relu"),), (y,))))
    graph tiny: 1 node, 0 kernels, 0 parameters and buffers, traced by record
      %x: float32[2, 3]
    <BLANKLINE>
      %relu: float32[2, 3] = relu(%x)
    <BLANKLINE>
      return %relu
    """
    return "\n".join(
        (*_header(graph), *_declarations(graph), "", *_body(graph), *([""] if graph.nodes else []), _returned(graph))
    )


def _header(graph: GraphData) -> Iterator[str]:
    counts = (
        _count(len(graph.nodes), "node"),
        _count(len(graph.kernels), "kernel"),
        f"{len(graph.parameters)} parameters and buffers",
    )
    yield f"graph {_plain(graph.name)}: {', '.join(counts)}, traced by {graph.mode}{'' if graph.complete else ', in part'}"
    if graph.symbols:
        yield f"{_INDENT}symbols: {', '.join(map(str, graph.symbols))}"
    for guard in graph.guards:
        yield f"{_INDENT}guard: {_plain(guard)}"
    for note in graph.notes:
        yield f"{_INDENT}note: {_plain(note)}"


def _declarations(graph: GraphData) -> Iterator[str]:
    """Yield the inputs, and what no other line shows: unused parameters, and further names of shared ones."""
    for value in graph.inputs:
        yield _INDENT + _definition(value)
    for value in graph.parameters:
        if value.role is Role.PARAMETER and value not in graph.users:
            yield f"{_INDENT}{_definition(value)} (unused)"
    for alias, name in graph.aliases.items():
        yield f"{_INDENT}@{_plain(alias)} is @{_plain(name)}"


def _body(graph: GraphData) -> Iterator[str]:
    """Yield every node under the calls around it; a call has a line where it begins, or is entered again."""
    around: Scope = ()
    for node in graph.nodes:
        for depth in range(shared_depth(around, node.scope), len(node.scope)):
            inner = node.scope[: depth + 1]
            yield f"{_INDENT * (depth + 1)}{_plain(format_scope(inner))}: {_plain(inner[-1].kind)}"
        yield _INDENT * (len(node.scope) + 1) + _operation(node)
        around = node.scope


def _operation(node: Node) -> str:
    made = ", ".join(map(_definition, node.outputs))
    # The first input needs no name, as in most code.
    read = [
        f"{'' if index == 0 else f'{name}='}{_read(value, node.scope)}"
        for index, (name, value) in enumerate(zip(node.input_names, node.inputs, strict=True))
    ]
    arguments = [f"{_plain(name)}={format_attribute(value)}" for name, value in node.attributes.items()]
    source = f"  # {_plain(str(node.source))}" if node.source else ""
    return f"{made}{' = ' if made else ''}{_plain(node.op)}({', '.join(read + arguments)}){source}"


def _returned(graph: GraphData) -> str:
    names = graph.output_names or [""] * len(graph.outputs)
    # A single output is mostly called "output", which says nothing.
    shown = names if len(graph.outputs) > 1 else [""] * len(graph.outputs)
    outputs = [
        f"{f'{name}=' if name else ''}{_reference(value)}" for name, value in zip(shown, graph.outputs, strict=True)
    ]
    return f"{_INDENT}return {', '.join(outputs)}".rstrip()


def _definition(value: Value) -> str:
    return f"{_reference(value)}: {value.type or '?'}"


def _reference(value: Value) -> str:
    return f"{'%' if value.role in (Role.INPUT, Role.RESULT) else '@'}{_plain(value.name)}"


def _read(value: Value, scope: Scope) -> str:
    """Return a value as a node reads it; the name of a held tensor is relative to the module around the node."""
    if value.role in (Role.INPUT, Role.RESULT):
        return _reference(value)
    here = scope[-1].path if scope else ""
    name = value.name.removeprefix(here) if here and value.name.startswith(f"{here}.") else value.name
    return f"@{_plain(name)}: {value.type or '?'}"


def format_attribute(value: Attribute) -> str:
    """Return an attribute as Python writes it, cut off where it is long.

    >>> format_attribute((1,)), format_attribute({"mode": "mean"})
    ('(1,)', "{'mode': 'mean'}")
    """
    text = _attribute_text(value)
    return text if len(text) <= _LONGEST_ATTRIBUTE else f"{text[: _LONGEST_ATTRIBUTE - 1]}…"


def _attribute_text(value: Attribute) -> str:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_attribute_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_attribute_text(member)}' for key, member in value.items())}}}"
    return str(value)


def _plain(text: str) -> str:
    """Return the text with line breaks and all other invisible characters escaped."""
    return text if text.isprintable() else repr(text)[1:-1]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

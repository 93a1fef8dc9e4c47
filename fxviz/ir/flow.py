"""The flow of values through a graph: each is defined once, before it is read, and by the node that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.errors import GraphError
from fxviz.ir.values import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fxviz.ir.nodes import Node
    from fxviz.ir.values import Value

__all__ = ["Flow"]


class Flow:
    """The values that are defined so far, in a graph that is read or built from its inputs to its outputs.

    A value that a kernel makes and its node does not return stays inside: only later kernels of the same node read it.
    """

    def __init__(self, graph: str) -> None:
        self._graph = graph
        self._defined: set[Value] = set()
        self._inside: set[Value] = set()

    def __contains__(self, value: Value) -> bool:
        """Return whether the next node can read ``value``."""
        return value in self._defined

    def declare(self, value: Value) -> None:
        """Define an input, parameter, buffer or constant."""
        if value in self._defined:
            raise GraphError(
                f"{value} stands twice among the inputs, parameters and constants of graph {self._graph!r}"
            )
        self._defined.add(value)

    def run(self, node: Node) -> Iterable[Value]:
        """Check what a node and its kernels read, and return what they make, which is now defined."""
        defined, inside = self._defined, self._inside
        for value in node.inputs:
            if value not in defined:
                raise GraphError(f"node {node.name!r} reads {value}, which {self._why_unknown(value)}")
        made: dict[Value, None] = {}
        for kernel in node.kernels:
            for value in kernel.inputs:
                if value not in defined and value not in made:
                    raise GraphError(
                        f"kernel {kernel.op} of node {node.name!r} reads {value}, which {self._why_unknown(value)}"
                    )
            for value in kernel.outputs:
                if value in defined or value in made or value in inside:
                    raise GraphError(
                        f"kernel {kernel.op} of node {node.name!r} defines {value}, which is already defined"
                    )
                made[value] = None
        for value in node.outputs:
            if value in defined or value in inside:
                raise GraphError(f"node {node.name!r} defines {value}, which is already defined")
            defined.add(value)
        inside.update([value for value in made if value not in defined])
        made.update(dict.fromkeys(node.outputs))
        for value in made:
            if value.role is not Role.RESULT:
                raise GraphError(
                    f"node {node.name!r} makes {value}, which has the role {value.role.value!r} and not 'result'"
                )
        return made.keys()

    def check_output(self, value: Value) -> None:
        """Check that an output of the graph is defined."""
        if value not in self._defined:
            raise GraphError(f"output {value} of graph {self._graph!r} {self._why_unknown(value)}")

    def _why_unknown(self, value: Value) -> str:
        return "is not an output of the node that makes it" if value in self._inside else "is not defined before"

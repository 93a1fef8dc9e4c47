"""Shapes: what each tensor is, and which dimensions are free."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import sympy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.analysis.facts import Facts
    from fxviz.ir import Graph, Node, TensorType, Value

__all__ = ["ShapeTable", "Shapes"]


@dataclass(frozen=True)
class Shapes:
    """Tells the type of every tensor, as it was seen in the trace."""

    def run(self, facts: Facts) -> ShapeTable:
        """Return the table for ``facts.graph``."""
        return ShapeTable(facts.graph)


@dataclass(frozen=True, eq=False)
class ShapeTable:
    """The types of a graph's tensors. What a trace without inputs cannot know is None, and its values are in ``unknown``."""

    graph: Graph

    @property
    def inputs(self) -> Mapping[str, TensorType | None]:
        """The type of each input by name."""
        return MappingProxyType({value.name: value.type for value in self.graph.inputs})

    @property
    def outputs(self) -> Mapping[str, TensorType | None]:
        """The type of each output by its place in what the model returns."""
        names = self.graph.output_names or tuple(str(index) for index in range(len(self.graph.outputs)))
        return MappingProxyType({name: value.type for name, value in zip(names, self.graph.outputs, strict=True)})

    def of(self, value: Value) -> TensorType | None:
        """Return the type of ``value``."""
        return value.type

    def at(self, node: Node) -> tuple[TensorType | None, ...]:
        """Return the types of what ``node`` makes."""
        return tuple(value.type for value in node.outputs)

    @cached_property
    def free(self) -> Mapping[sympy.Symbol, tuple[tuple[str, int], ...]]:
        """Each symbol, sorted by name -> the inputs and dimensions (from 0) whose extents hold it."""
        places: dict[sympy.Symbol, list[tuple[str, int]]] = {symbol: [] for symbol in self.graph.symbols}
        for value in self.graph.inputs:
            for dimension, extent in enumerate(value.type.shape if value.type else ()):
                for symbol in extent.free_symbols if isinstance(extent, sympy.Expr) else ():
                    places[symbol].append((value.name, dimension))
        return MappingProxyType({symbol: tuple(found) for symbol, found in places.items()})

    @cached_property
    def unknown(self) -> tuple[Value, ...]:
        """The tensors whose type is not known, in the order in which they appear."""
        graph = self.graph
        made = (value for node in graph.nodes for value in node.outputs)
        return tuple(
            value for value in (*graph.inputs, *graph.parameters, *graph.constants, *made) if value.type is None
        )

"""Costs over a grid of sizes: what a model takes at every batch and length at once."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.ir.evaluation import Array, evaluate
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.passes.parameters import Parameters
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import sympy

    from fxviz.ir import Dim, Graph

__all__ = ["UNITS", "Grid", "Sizes", "sweep_cost"]

Sizes: TypeAlias = "int | Iterable[int]"
"""The sizes of one symbol: ``8``, ``range(1, 1001)``, ``[1, 2, 4, 8]``, or an array."""

UNITS = {"matrix": "FLOPs", "pointwise": "FLOPs", "ops": "OPs", "parameters": "B", "peak": "B"}
"""The unit of each cost of a grid."""

_MOST_POINTS = 100_000_000  # one array of them takes 800 MB


def sweep_cost(graph: Graph | Facts, **sizes: Sizes) -> Grid:
    """Return the cost of ``graph`` at all combinations of the sizes of its symbols, each of which needs sizes.

    Formulas are evaluated over whole arrays, so a million points take about as long as one trace of a small model.

    Raises:
        InputError: the graph has no symbols, a name is not one of them or is missing, a size is not a positive integer, or
            the grid has more than 100 million points.

    >>> import torch, fxviz
    >>> graph = fxviz.trace(torch.nn.Linear(64, 8), torch.empty(4, 64), dynamic_shapes=({0: "B"},))
    >>> grid = sweep_cost(graph, B=range(1, 1001))
    >>> grid["matrix"][9].item()  # 2 · 10 · 64 · 8
    10240
    >>> grid.largest("B", grid["peak"] <= 100_000).item()  # of 4 · (64 · 8 + 8 + B · 64 + B · 8)
    340
    """
    facts = graph if isinstance(graph, Facts) else Facts(graph)
    symbols = {symbol.name: symbol for symbol in facts.graph.symbols}
    if not symbols:
        raise InputError(f"graph {facts.graph.name!r} has no symbolic sizes: trace it with dynamic_shapes")
    if unknown := sizes.keys() - symbols.keys():
        raise InputError(f"{min(unknown)!r} is not a symbol of this graph; its symbols are {', '.join(symbols)}")
    if missing := symbols.keys() - sizes.keys():
        raise InputError(f"give sizes for {', '.join(sorted(missing))}, such as {min(missing)}=range(1, 65)")
    axes = {name: _axis(name, sizes[name]) for name in symbols}
    _check_points(math.prod(len(values) for values in axes.values()))
    flops = facts[Flops()]
    costs = {
        "matrix": flops.matrix.total,
        "pointwise": flops.pointwise.total,
        "ops": flops.ops.total,
        "parameters": facts[Parameters()].nbytes,
        "peak": facts[Memory()].peak,
    }
    known = {name: cost for name, cost in costs.items() if cost is not None}
    return Grid(facts.graph, MappingProxyType(axes), MappingProxyType(known), flops.unknown)


@dataclass(frozen=True, eq=False)
class Grid:
    """Numbers over a grid of sizes: an array for each, with an axis for each symbol, in the order of ``sizes``.

    ``costs`` has the formulas: FLOPs of ``matrix`` and ``pointwise`` work, integer ``ops``, bytes of ``parameters`` and
    of memory at the ``peak``. ``grid["peak"]`` is one of them over the grid. The formulas hold under ``guards``, and
    leave out what is ``unknown`` (operator -> how often).
    """

    graph: Graph
    sizes: Mapping[str, Array]
    costs: Mapping[str, Dim]
    unknown: Mapping[str, int]

    @property
    def guards(self) -> tuple[str, ...]:
        """The conditions on the sizes under which the formulas hold; points of the grid may lie outside."""
        return self.graph.guards

    @property
    def shape(self) -> tuple[int, ...]:
        """How many sizes each symbol has."""
        return tuple(len(values) for values in self.sizes.values())

    def __getitem__(self, name: str) -> Array:
        if name not in self.costs:
            raise InputError(f"a grid has {', '.join(self.costs)}, not {name!r}")
        if name not in self._arrays:
            self._arrays[name] = self.evaluate(self.costs[name])
        return self._arrays[name]

    def evaluate(self, expression: Dim) -> Array:
        """Return any other total in the same symbols over the grid, such as the FLOPs of one module."""
        return evaluate(expression, self._open)

    def largest(self, symbol: str, where: Array) -> Array:
        """Return the largest size of ``symbol`` at which ``where`` holds, for each combination of the others, else 0.

        ``grid.largest("B", grid["peak"] <= 80 * 2**30)`` is the largest batch that fits in 80 GiB.
        """
        if symbol not in self.sizes:
            raise InputError(f"{symbol!r} is not a symbol of this grid; its symbols are {', '.join(self.sizes)}")
        if np.shape(where) != self.shape:
            raise InputError(f"the condition has the shape {np.shape(where)}, the grid {self.shape}")
        axis = [*self.sizes].index(symbol)
        along = self.sizes[symbol].reshape([-1 if i == axis else 1 for i in range(len(self.sizes))])
        largest: Array = np.where(where, along, 0).max(axis=axis)
        return largest

    def rows(self) -> Iterator[dict[str, int | float]]:
        """Return every point as its sizes and its costs by name, the last symbol's sizes changing fastest."""
        arrays = {name: self[name] for name in self.costs}
        for index in np.ndindex(self.shape):
            sizes = {name: int(values[i]) for i, (name, values) in zip(index, self.sizes.items(), strict=True)}
            yield sizes | {name: array[index].item() for name, array in arrays.items()}

    def to_table(self, most: int = 20) -> str:
        """Return the first points as text, a line each, and below them the guards and what was not counted."""
        names = self._told()
        lines = self._cells(names, most)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([*table, *self._rest(most)])

    def to_markdown(self, most: int = 100) -> str:
        """Return the first points as a Markdown table, and below it the guards and what was not counted."""
        head, *lines = self._cells(self._told(), most)
        rows = [head, ["---:"] * len(head), *lines]
        table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
        return table + "".join(f"\n{line}\n" for line in self._rest(most))

    def to_csv(self) -> str:
        """Return every point as a line of plain numbers, in FLOPs and bytes, below a line of names."""
        file = io.StringIO()
        writer = csv.DictWriter(file, [*self.sizes, *self.costs], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())
        return file.getvalue()

    def _told(self) -> list[str]:
        return [name for name in self.costs if name != "ops" or self.costs[name] != 0]

    def _cells(self, names: list[str], most: int) -> list[list[str]]:
        lines = [[*self.sizes, *names]]
        lines.extend(
            [str(row[size]) for size in self.sizes] + [format_quantity(row[name], UNITS[name]) for name in names]
            for row in islice(self.rows(), most)
        )
        return lines

    def _rest(self, most: int) -> list[str]:
        points = int(np.prod(self.shape))
        return [*([f"… and {points - most} more"] if points > most else []), *self.conditions()]

    def __repr__(self) -> str:
        ranges = ", ".join(f"{name}={values[0]}…{values[-1]}" for name, values in self.sizes.items())
        return "\n".join([f"Grid({self.graph.name!r}: {ranges}, {np.prod(self.shape)} points)", *self.conditions()])

    def conditions(self) -> Iterator[str]:
        """Return what to know of the numbers, a line each: the guards, and what was not counted."""
        if self.guards:
            yield f"only if {', '.join(self.guards)}"
        if self.unknown:
            yield f"not counted: {', '.join(self.unknown)}"

    @cached_property
    def _arrays(self) -> dict[str, Array]:
        return {}

    @cached_property
    def _open(self) -> Mapping[sympy.Symbol, Array]:
        """The sizes along an axis each."""
        return dict(zip(self.graph.symbols, np.ix_(*self.sizes.values()), strict=True))


def _axis(name: str, sizes: Sizes) -> Array:
    if isinstance(sizes, int):
        sizes = [sizes]
    if isinstance(sizes, range):
        _check_points(_MOST_POINTS + 1 if sizes[_MOST_POINTS:] else len(sizes))  # len() of a huge range overflows
    values = np.asarray(sizes if isinstance(sizes, np.ndarray | range) else list(sizes))
    if values.ndim != 1 or not len(values) or not np.issubdtype(values.dtype, np.integer) or values.min() < 1:
        raise InputError(f"the sizes of {name} are positive integers, such as {name}=range(1, 65)")
    return values.astype(np.int64)


def _check_points(points: int) -> None:
    if points > _MOST_POINTS:
        raise InputError(
            f"a grid has at most {_MOST_POINTS:,} points: take fewer sizes, such as every 8th (B=1:4096:8)"
        )

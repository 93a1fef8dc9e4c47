"""FLOPs: how much arithmetic a graph does, counted kernel by kernel, and what could not be counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from fxviz.analysis.facts import Facts, Tally, add
from fxviz.analysis.ops import FREE, Cost, FlopRule
from fxviz.analysis.rules import RuleTable
from fxviz.errors import InputError, PluginError
from fxviz.ir.dtypes import is_integer
from fxviz.passes.operators import OPERATORS
from fxviz.plugins import load_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.analysis.places import Place
    from fxviz.ir import Dim, Graph, Kernel, Node, Scope

__all__ = ["Cost", "FlopCounts", "FlopRule", "Flops", "causal_rules", "flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable(
    {name: operator.flops for name, operator in OPERATORS.items() if operator.flops is not None}
)
"""All FLOP rules of fxviz; ``@flops_rules("mylib.my_op")`` adds one for an operator of your own."""

causal_rules: RuleTable[FlopRule] = RuleTable(
    {name: operator.causal_flops for name, operator in OPERATORS.items() if operator.causal_flops is not None}
)
"""The rules of fused attention that count only the pairs that a causal mask leaves."""


@dataclass(frozen=True)
class Flops:
    """The FLOPs of every kernel by the rule for its operator; 1 multiply-add is 2 FLOPs.

    The rules count the mathematics, so the answer depends neither on the device nor on how kernels are fused. They are
    `flops_rules` and the tables of installed plugins (entry point group ``fxviz.rules``), unless others are given:
    ``Flops(flops_rules | {"mylib.my_op": my_rule})``.

    Attention under a causal mask is counted as if every query met every key; with ``causal="exact"`` fused attention
    counts the pairs that the mask leaves, half of them.
    """

    rules: RuleTable[FlopRule] | None = field(default=None, repr=False)
    causal: Literal["dense", "exact"] = "dense"

    def __post_init__(self) -> None:
        if self.causal not in ("dense", "exact"):
            raise InputError(f'causal is "dense" or "exact", not {self.causal!r}')

    def run(self, facts: Facts) -> FlopCounts:
        """Return the counts for ``facts.graph``."""
        rules = _default_rules() if self.rules is None else self.rules
        if self.causal == "exact":
            rules = rules | {op: rule for op, rule in causal_rules.items() if rules.find(op) is flops_rules.find(op)}
        costs = {
            kernel: cost for node, kernel in facts.graph.walk() if (cost := _count(rules, node, kernel)) is not None
        }
        return FlopCounts(facts.graph, costs)


@dataclass(frozen=True, eq=False)
class FlopCounts:
    """The FLOPs of a graph, in two columns, and what was not counted. As a metric it is the work of both columns.

    Contractions of integers are OPs, which other units do at another speed: they are in ``ops`` and in no FLOPs.

    ``costs`` has every kernel that was counted or is free. A node's number is the sum over its kernels that are known; a
    node none of whose kernels is known has none. A node without kernels passes its tensors on and costs 0, but where
    shapes are unknown so is its cost.
    """

    graph: Graph
    costs: Mapping[Kernel, Cost]
    label: str = "FLOPs"
    unit: str = "FLOPs"

    @cached_property
    def unknown(self) -> Mapping[str, int]:
        """How often each operator was not counted, most often first; ``aten.addmm``, or the author's where no kernel ran."""
        kernels = (_operator(kernel) for kernel in self.graph.kernels if kernel not in self.costs)
        nodes = (node.op for node in self.graph.nodes if not (node.kernels or _is_typed(node)))
        return MappingProxyType(dict(Counter([*kernels, *nodes]).most_common()))

    @property
    def coverage(self) -> float:
        """The share of operations that were counted or are known to be free, 1.0 if all; kernels, or nodes without any."""
        operations = sum(len(node.kernels) or 1 for node in self.graph.nodes)
        return 1 - sum(self.unknown.values()) / operations if operations else 1.0

    @cached_property
    def matrix(self) -> Tally:
        """Multiply-add work: matrix products, convolutions, attention, recurrent layers, biases left out.

        What ``torch.utils.flop_counter`` counts, where it has a formula.
        """
        return self._tally({node: cost.matrix for node, cost in self._by_node.items()})

    @cached_property
    def pointwise(self) -> Tally:
        """All other work: biases, element by element, normalisation, reduction, sorting, random numbers."""
        return self._tally({node: cost.pointwise for node, cost in self._by_node.items()})

    @cached_property
    def ops(self) -> Tally:
        """Contractions of integers, 2 for a multiply-add: integer matrix products, quantised linears. Not among the FLOPs."""
        amounts = {node: cost.ops for node, cost in self._by_node.items()}
        return Tally("integer OPs", amounts, "OPs", self.unknown, self.graph)

    @property
    def macs(self) -> Dim:
        """Multiply-adds in floating point: half of the matrix work."""
        return self.matrix.total // 2 if isinstance(self.matrix.total, int) else self.matrix.total / 2

    @property
    def total(self) -> Dim:
        """Both columns over the whole graph."""
        return self._both.total

    def at(self, *places: Place) -> Dim | None:
        """Return both columns for nodes, scopes and paths together, which must not overlap; None where nothing was counted."""
        return self._both.at(*places)

    def by_scope(self, depth: int) -> Mapping[Scope, Dim]:
        """Return both columns for all scopes that are ``depth`` deep, and for what lies above them."""
        return self._both.by_scope(depth)

    def top(self, n: int = 10, depth: int | None = None) -> Mapping[Node | Scope, Dim]:
        """Return the ``n`` costliest nodes, or with a ``depth`` scopes, by both columns together; see `Tally.top`."""
        return self._both.top(n, depth)

    def by_op(self) -> Mapping[str, Dim]:
        """Return both columns by the author's operator (``conv2d``), largest first where they are numbers."""
        return self._both.by_op()

    def by_kernel(self) -> Mapping[str, Cost]:
        """Return the costs by ATen operator (``aten.convolution``), in order of first use, without free operators."""
        groups: dict[str, list[Cost]] = {}
        for kernel, cost in self.costs.items():
            if cost != FREE:
                groups.setdefault(_operator(kernel), []).append(cost)
        return {op: _sum(costs) for op, costs in groups.items()}

    @cached_property
    def _by_node(self) -> Mapping[Node, Cost]:
        by_node: dict[Node, Cost] = {}
        for node in self.graph.nodes:
            known = [self.costs[kernel] for kernel in node.kernels if kernel in self.costs]
            if known or (not node.kernels and _is_typed(node)):
                by_node[node] = known[0] if len(known) == 1 else _sum(known)
        return by_node

    @cached_property
    def _both(self) -> Tally:
        return self._tally({node: cost.total for node, cost in self._by_node.items()})

    def _tally(self, amounts: Mapping[Node, Dim]) -> Tally:
        return Tally(self.label, amounts, self.unit, self.unknown, self.graph)


def _default_rules() -> RuleTable[FlopRule]:
    """Return the rules of fxviz, overridden by the rules of installed plugins."""
    rules = flops_rules
    for name, table in load_all("fxviz.rules"):
        if not isinstance(table, RuleTable):
            raise PluginError(f"the plugin {name!r} of fxviz.rules is a {type(table).__name__}, not a RuleTable")
        rules = rules | table
    return rules


def _count(rules: RuleTable[FlopRule], node: Node, kernel: Kernel) -> Cost | None:
    """Return what the kernel costs; None where it has no rule or where what the rule needs is not known."""
    if (rule := rules.find_kernel(kernel.op)) is None or not _is_typed(kernel):
        return None
    try:
        cost = rule(kernel)
    except Exception as error:
        error.add_note(f"while counting the FLOPs of {kernel.op} in node {node.name!r}")
        raise
    return Cost(0, cost.pointwise, cost.ops + cost.matrix) if cost and _gives_integers(kernel) else cost


def _operator(kernel: Kernel) -> str:
    """Return ``aten.addmm`` for ``aten.addmm.default``; an operator without overloads (``flex_attention``) is itself."""
    return kernel.op.rpartition(".")[0] or kernel.op


def _is_typed(operation: Node | Kernel) -> bool:
    """Return whether every tensor that goes in or comes out has a type."""
    return all(value.type is not None for value in (*operation.inputs, *operation.outputs))


def _gives_integers(kernel: Kernel) -> bool:
    """Return whether the result is of integers: only of integers is a product an integer."""
    return any(value.type is not None and is_integer(value.type.dtype) for value in kernel.outputs[:1])


def _sum(costs: list[Cost]) -> Cost:
    return Cost(
        add([cost.matrix for cost in costs]), add([cost.pointwise for cost in costs]), add([cost.ops for cost in costs])
    )

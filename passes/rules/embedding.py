"""Embedding bags. A plain embedding is a gather, and free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.passes.rules.cost import Cost, FlopRule, numel, shape
from fxviz.rules import RuleTable

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable()


@flops_rules("aten._embedding_bag", "aten._embedding_bag_forward_only", "aten.embedding_bag")
def _embedding_bag(kernel: Kernel) -> Cost:
    """Adds up (or takes the largest of) the rows of each bag: 1 for each index and column, 2 with weights per sample."""
    weight, indices = kernel.inputs[:2]
    flops = 1 + (kernel.input("per_sample_weights") is not None)
    return Cost(pointwise=flops * numel(indices) * shape(weight)[-1])


@flops_rules("aten.embedding_renorm")
def _embedding_renorm(kernel: Kernel) -> Cost:
    """Rescales the rows that are used: square, sum, scale for each index and column, an upper bound."""
    weight, indices = kernel.inputs[:2]
    return Cost(pointwise=3 * numel(indices) * shape(weight)[-1])

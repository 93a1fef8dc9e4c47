"""Random numbers: 1 FLOP for each that is drawn, whatever the generator and the distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.passes.rules.cost import FREE, Cost, FlopRule, numel, per_output

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["flops_rules"]

_DRAWS = """
    rand rand_like randn randn_like randint randint_like random randperm uniform normal log_normal normal_functional
    bernoulli binomial poisson exponential geometric cauchy multinomial
    _standard_gamma _sample_dirichlet _philox_normal _philox_uniform
"""

flops_rules: RuleTable[FlopRule] = RuleTable(
    {
        **{f"aten.{op}": per_output(1) for op in _DRAWS.split()},
        **{f"aten.{op}": per_output(2) for op in ("native_dropout_backward", "_masked_scale")},  # mask, scale
    }
)


@flops_rules("aten.native_dropout", "aten._fused_dropout")
def _dropout(kernel: Kernel) -> Cost:
    """Draw, compare, mask, scale: 4 per element in training; nothing in evaluation."""
    return FREE if kernel.attributes.get("train") is False else Cost(pointwise=4 * numel(kernel.outputs[0]))

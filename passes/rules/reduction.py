"""Reductions, scans and accumulating scatters: so many FLOPs for each element that is read.

Adding n numbers counts as n (into an accumulator), not n − 1. What happens once per result (a mean's division, a root)
is of lower order and left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.passes.rules.cost import FREE, Cost, FlopRule, numel, per_input, per_output

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["flops_rules"]

_PER_INPUT = {
    **dict.fromkeys(("sum", "mean", "prod", "amax", "amin", "max", "min", "argmax", "argmin"), 1),
    **dict.fromkeys(("all", "any", "_is_all_true", "_is_any_true", "count_nonzero", "equal", "bincount"), 1),
    **dict.fromkeys(("nonzero", "nonzero_static", "nonzero_numpy", "argwhere", "masked_select", "trace"), 1),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "_cummax_helper", "_cummin_helper"), 1),
    **dict.fromkeys(("segment_reduce", "_sparse_sum", "_nested_tensor_from_mask_left_aligned"), 1),
    **dict.fromkeys(("nansum", "nanmean"), 2),  # is it NaN; add
    **dict.fromkeys(("aminmax", "_aminmax"), 2),
    **dict.fromkeys(("norm", "native_norm", "linalg_vector_norm", "linalg__powsum", "frobenius_norm"), 2),  # power; add
    "dist": 3,  # subtract; power; add
    "histc": 3,  # subtract; scale; count
    **dict.fromkeys(("var", "std", "var_mean", "std_mean"), 4),  # sum for the mean; subtract it; square; add
    **dict.fromkeys(("logsumexp", "special_logsumexp"), 4),  # maximum; subtract it; exp; add
    **dict.fromkeys(("logcumsumexp", "_logcumsumexp"), 7),  # logaddexp at each step, see pointwise.py
    **dict.fromkeys(("col2im", "unfold_backward"), 1),  # adds every column to the image
    # Adds what was copied to where it came from
    **{f"{side}_pad{rank}d_backward": 1 for side in ("reflection", "replication") for rank in (1, 2, 3)},
    "_segment_reduce_backward": 1,
}

flops_rules: RuleTable[FlopRule] = RuleTable(
    {
        **{f"aten.{op}": per_input(flops) for op, flops in _PER_INPUT.items()},
        **{f"aten.{op}.other": per_output(1) for op in ("max", "min")},  # element by element
    }
)


@flops_rules("aten.scatter_add", "aten.scatter_reduce", "aten.index_add", "aten.index_reduce")
def _accumulate(kernel: Kernel) -> Cost:
    """Adds (or multiplies, or compares) each element of the source into its place: 1 per element, 2 with an alpha."""
    source = kernel.input("src") or kernel.input("source") or kernel.inputs[-1]
    return Cost(pointwise=(1 + (kernel.attributes.get("alpha", 1) != 1)) * numel(source))


@flops_rules("aten.scatter")
def _scatter(kernel: Kernel) -> Cost:
    """A move, unless ``reduce`` says to accumulate: then 1 for each index."""
    index = kernel.input("index")
    if index is None or kernel.attributes.get("reduce") is None:
        return FREE
    return Cost(pointwise=numel(index))


@flops_rules("aten.index_put", "aten._index_put_impl", "aten._unsafe_index_put", "aten.put")
def _index_put(kernel: Kernel) -> Cost:
    """A move, unless it accumulates: then 1 for each element of the values."""
    return Cost(pointwise=numel(kernel.inputs[-1])) if kernel.attributes.get("accumulate") else FREE


@flops_rules("aten._unsafe_masked_index")
def _masked_index(kernel: Kernel) -> Cost:
    """A gather and a selection by the mask: 1 per element."""
    return Cost(pointwise=numel(kernel.outputs[0]))


@flops_rules("aten._unsafe_masked_index_put_accumulate")
def _masked_index_put(kernel: Kernel) -> Cost:
    """A selection by the mask and an addition for each element of the values."""
    return Cost(pointwise=2 * numel(kernel.inputs[-1]))

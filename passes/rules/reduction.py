"""Reductions, scans and accumulating scatters: so many FLOPs for each element that is read.

Adding n numbers counts as n (into an accumulator), not n − 1. What happens once per result (a mean's division, a root)
is of lower order and left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators, reading
from fxviz.analysis.standard import Literal, Operation, Standard, integers, rank_of
from fxviz.passes.rules.cost import FREE, Cost, numel, per_input, per_output
from fxviz.passes.rules.traffic import scatters

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

operators = Operators("reduction")

_AXIS = {"axis": "dim"}


def _write_reduction(kernel: Operation) -> Standard | None:
    x, rank = kernel.inputs[0], rank_of(kernel.inputs[0])
    axes = tuple(sorted(axis % rank for axis in integers(kernel.attributes.get("dim")))) if rank else ()
    keep = bool(kernel.attributes.get("keepdim"))
    name = kernel.op.split(".")[1]
    if name == "mean" and keep and rank > 2 and axes == tuple(range(2, rank)):
        return Standard("GlobalAveragePool", (x,), kernel.outputs)
    op_type = {"mean": "ReduceMean", "sum": "ReduceSum", "amax": "ReduceMax", "amin": "ReduceMin"}[name]
    return Standard(op_type, (x, Literal(axes)) if axes else (x,), kernel.outputs, {"keepdims": int(keep)})


operators.declare("sum mean amax amin", per_input(1), onnx=_write_reduction)
operators.declare("argmax", per_input(1), reads=reading("ArgMax", attributes=_AXIS))
operators.declare("argmin", per_input(1), reads=reading("ArgMin", attributes=_AXIS))
operators.declare("cumsum", per_input(1), reads=reading("CumSum", attributes=_AXIS))
operators.declare("nonzero", per_input(1), reads=reading("NonZero", attributes=_AXIS))
operators.declare("masked_select", per_input(1), kind="shape", reads=reading("Compress", attributes=_AXIS))
operators.declare(
    """
    prod max min all any _is_all_true _is_any_true count_nonzero equal bincount nonzero_static nonzero_numpy argwhere
    trace cumprod cummax cummin _cummax_helper _cummin_helper segment_reduce _sparse_sum
    _nested_tensor_from_mask_left_aligned _segment_reduce_backward
    """,
    per_input(1),
)
operators.declare("max.other min.other", per_output(1))  # element by element
operators.declare("nansum nanmean", per_input(2))  # is it NaN; add
operators.declare("aminmax _aminmax", per_input(2))
operators.declare("norm native_norm linalg_vector_norm linalg__powsum frobenius_norm", per_input(2))  # power; add
operators.declare("dist", per_input(3))  # subtract; power; add
operators.declare("histc", per_input(3))  # subtract; scale; count
operators.declare("var std var_mean std_mean", per_input(4))  # sum for the mean; subtract it; square; add
operators.declare("logsumexp special_logsumexp", per_input(4))  # maximum; subtract it; exp; add
operators.declare("logcumsumexp _logcumsumexp", per_input(7))  # logaddexp at each step, see elementwise.py
operators.declare("col2im unfold_backward", per_input(1), kind="shape")  # adds every column to the image
operators.declare(  # adds what was copied to where it came from
    """
    reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward
    replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward
    """,
    per_input(1),
    kind="shape",
)


@operators("aten.scatter_add", "aten.scatter_reduce", "aten.index_add", kind="shape", traffic_in_place=scatters)
@operators("aten.index_reduce", kind="shape")
def _accumulate(kernel: Kernel) -> Cost:
    """Add (or multiply, or compare) each element of the source to its position: 1 per element, 2 with an alpha."""
    source = kernel.input("src") or kernel.input("source") or kernel.inputs[-1]
    return Cost(pointwise=(1 + (kernel.attributes.get("alpha", 1) != 1)) * numel(source))


@operators("aten.scatter", kind="shape", traffic_in_place=scatters)
def _scatter(kernel: Kernel) -> Cost:
    """Count a move, unless ``reduce`` says to accumulate: then 1 for each index."""
    index = kernel.input("index")
    if index is None or kernel.attributes.get("reduce") is None:
        return FREE
    return Cost(pointwise=numel(index))


@operators("aten.index_put", "aten._index_put_impl", kind="shape", traffic_in_place=scatters)
@operators("aten._unsafe_index_put", "aten.put", kind="shape")
def _index_put(kernel: Kernel) -> Cost:
    """Count a move, unless it accumulates: then 1 for each element of the values."""
    return Cost(pointwise=numel(kernel.inputs[-1])) if kernel.attributes.get("accumulate") else FREE


@operators("aten._unsafe_masked_index", kind="shape")
def _masked_index(kernel: Kernel) -> Cost:
    """Count a gather and a selection by the mask: 1 per element."""
    return Cost(pointwise=numel(kernel.outputs[0]))


@operators("aten._unsafe_masked_index_put_accumulate", kind="shape")
def _masked_index_put(kernel: Kernel) -> Cost:
    """Count a selection by the mask and an addition for each element of the values."""
    return Cost(pointwise=2 * numel(kernel.inputs[-1]))


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare(
    "allclose linalg_matrix_norm linalg_norm matrix_norm quantile unique vector_norm",
    library="",
)

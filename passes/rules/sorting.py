"""Sorting, selecting and searching: comparisons, each 1 FLOP.

Sorting n numbers takes n · ⌈log₂ n⌉ comparisons (merge sort's bound; Knuth, The Art of Computer Programming, vol. 3,
5.3.1), the k largest of n with a heap n · ⌈log₂ k⌉, and at least n.
"""

from __future__ import annotations

import sympy

from fxviz.analysis.ops import Operators
from fxviz.ir import Dim, Kernel
from fxviz.passes.rules.cost import Cost, ceil_log2, numel, shape

__all__ = ["operators"]

operators = Operators("reduction")


@operators("aten.sort", "aten.argsort", "aten.msort", "aten.kthvalue", "aten.median", "aten.nanmedian", "aten.mode")
def _sort(kernel: Kernel) -> Cost:
    """Along one dimension of extent n: ⌈log₂ n⌉ per element. Medians and modes are counted as the sort that finds them."""
    return Cost(pointwise=numel(kernel.inputs[0]) * ceil_log2(_extent(kernel)))


@operators("aten.topk")
def _topk(kernel: Kernel) -> Cost:
    """Along one dimension: ⌈log₂ k⌉ per element, and at least 1."""
    k = kernel.attributes.get("k", 1)
    assert isinstance(k, Dim), "k is an extent"
    depth = ceil_log2(k)
    return Cost(pointwise=numel(kernel.inputs[0]) * (max(depth, 1) if isinstance(depth, int) else sympy.Max(depth, 1)))


@operators("aten._unique", "aten._unique2", "aten.unique_dim", "aten.unique_consecutive", "aten.unique_dim_consecutive")
def _unique(kernel: Kernel) -> Cost:
    """Count a sort of all n elements and one comparison of neighbours: n · (⌈log₂ n⌉ + 1)."""
    elements = numel(kernel.inputs[0])
    return Cost(pointwise=elements * (ceil_log2(elements) + 1))


@operators("aten.searchsorted")
@operators("aten.bucketize", kind="elementwise")
def _search(kernel: Kernel) -> Cost:
    """Count a binary search among n boundaries for each element of the output: ⌈log₂ (n + 1)⌉."""
    boundaries = kernel.input("boundaries") or kernel.input("sorted_sequence") or kernel.inputs[0]
    return Cost(pointwise=numel(kernel.outputs[0]) * ceil_log2(shape(boundaries)[-1] + 1))


@operators("aten.isin")
def _isin(kernel: Kernel) -> Cost:
    """Count a sort of the m test elements and a binary search for each of n: (m + n) · ⌈log₂ m⌉, and at least n."""
    if len(kernel.inputs) < 2:
        return Cost(pointwise=numel(kernel.outputs[0]))
    elements, tests = (numel(value) for value in kernel.inputs[:2])
    return Cost(pointwise=elements + (elements + tests) * ceil_log2(tests))


def _extent(kernel: Kernel) -> Dim:
    """Return the extent of ``dim``, else the last one, along which is sorted; a median without ``dim`` sorts all elements."""
    extents = shape(kernel.inputs[0])
    if not extents:
        return 1
    if "dim" not in kernel.attributes and kernel.op.startswith(("aten.median", "aten.nanmedian")):
        return numel(kernel.inputs[0])
    dim = kernel.attributes.get("dim", -1)
    return extents[dim] if isinstance(dim, int) else extents[-1]

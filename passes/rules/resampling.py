"""Interpolation and sampling at given places; nearest neighbours only move data (see free.py).

A value between t taps along each of d dimensions is a weighted sum of tᵈ: tᵈ multiplications, tᵈ − 1 additions. The
weights of a regular grid are shared by a whole row and left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

from fxviz.passes.rules.cost import Cost, FlopRule, numel, shape
from fxviz.rules import RuleTable

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable()

_LINEAR, _CUBIC, _LANCZOS = 2, 4, 6  # taps along one dimension


def _weighted_sum(taps: int) -> int:
    return 2 * taps - 1


@flops_rules("aten.upsample_linear1d")
def _linear(kernel: Kernel) -> Cost:
    """2 taps: 3 per element."""
    return Cost(pointwise=_weighted_sum(_LINEAR) * numel(kernel.outputs[0]))


@flops_rules("aten.upsample_bilinear2d")
def _bilinear(kernel: Kernel) -> Cost:
    """4 taps: 7 per element."""
    return Cost(pointwise=_weighted_sum(_LINEAR**2) * numel(kernel.outputs[0]))


@flops_rules("aten.upsample_trilinear3d")
def _trilinear(kernel: Kernel) -> Cost:
    """8 taps: 15 per element."""
    return Cost(pointwise=_weighted_sum(_LINEAR**3) * numel(kernel.outputs[0]))


@flops_rules("aten.upsample_bicubic2d")
def _bicubic(kernel: Kernel) -> Cost:
    """16 taps: 31 per element."""
    return Cost(pointwise=_weighted_sum(_CUBIC**2) * numel(kernel.outputs[0]))


@flops_rules("aten._upsample_bilinear2d_aa")
def _antialiased_bilinear(kernel: Kernel) -> Cost:
    """Antialiased: 2 taps at the coarser of both resolutions."""
    return _antialiased(kernel, _LINEAR)


@flops_rules("aten._upsample_bicubic2d_aa")
def _antialiased_bicubic(kernel: Kernel) -> Cost:
    """Antialiased: 4 taps at the coarser of both resolutions."""
    return _antialiased(kernel, _CUBIC)


@flops_rules("aten._upsample_lanczos2d_aa")
def _antialiased_lanczos(kernel: Kernel) -> Cost:
    """Antialiased: 6 taps at the coarser of both resolutions."""
    return _antialiased(kernel, _LANCZOS)


def _antialiased(kernel: Kernel, taps: int) -> Cost:
    """Along the width first, then the height; shrinking by a factor widens the filter by it, as in Pillow."""
    *_, height, width = shape(kernel.inputs[0])
    *planes, new_height, new_width = shape(kernel.outputs[0])
    wide, high = (taps * _shrinking(before, after) for before, after in ((width, new_width), (height, new_height)))
    count = sympy.prod(planes) * new_width * (height * (2 * wide - 1) + new_height * (2 * high - 1))
    total = sympy.ceiling(count)
    return Cost(pointwise=int(total) if total.is_Integer else total)


def _shrinking(before: Dim, after: Dim) -> sympy.Expr:
    return sympy.Max(1, sympy.sympify(before) / after)


@flops_rules(
    "aten.grid_sampler_2d", "aten.grid_sampler_3d", "aten.cudnn_grid_sampler", "aten._grid_sampler_2d_cpu_fallback"
)
def _grid_sample(kernel: Kernel) -> Cost:
    """Between 2 taps along each of d dimensions, 4 if bicubic, at places that a grid (…, d) gives.

    Each place costs its coordinates (scale and shift, floor, the two distances: 5 · d) and its tᵈ weights (d − 1 each).
    """
    grid = kernel.inputs[1]
    rank = len(shape(grid)) - 2
    mode = kernel.attributes.get("interpolation_mode", 0)
    places = numel(grid) // rank
    if mode == 1:  # nearest: scale and shift, round
        return Cost(pointwise=3 * rank * places)
    taps = (_CUBIC if mode == 2 else _LINEAR) ** rank
    return Cost(pointwise=_weighted_sum(taps) * numel(kernel.outputs[0]) + (5 * rank + taps * (rank - 1)) * places)


@flops_rules("aten.affine_grid_generator", "aten.cudnn_affine_grid_generator")
def _affine_grid(kernel: Kernel) -> Cost:
    """Each coordinate of a place is a row of θ times (x, y, 1): 2 · (d + 1) per element, a small matrix product."""
    return Cost(matrix=2 * shape(kernel.inputs[0])[-1] * numel(kernel.outputs[0]))

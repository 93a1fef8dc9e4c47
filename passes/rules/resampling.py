"""Interpolation, and sampling at the points of a grid; nearest neighbours only move data, and are free.

A value between t taps along each of d dimensions is a weighted sum of tᵈ: tᵈ multiplications, tᵈ − 1 additions. The
weights of a regular grid are shared by a whole row and left out. Backward, every element of the output's gradient is
weighted and added to each of its taps: 2 · tᵈ; of a nearest neighbour it is added to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, free, numel, per_input, shape, wanted

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel, Value

__all__ = ["operators"]

_LINEAR, _CUBIC, _LANCZOS = 2, 4, 6  # taps along one dimension

operators = Operators("pool")

operators.declare("upsample_nearest1d upsample_nearest2d upsample_nearest3d", free)
operators.declare("_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d", free)
operators.declare("upsample_nearest1d_backward upsample_nearest2d_backward upsample_nearest3d_backward", per_input(1))
operators.declare(
    "_upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward _upsample_nearest_exact3d_backward",
    per_input(1),
)
operators.declare("upsample_linear1d_backward", per_input(2 * _LINEAR))
operators.declare("upsample_bilinear2d_backward", per_input(2 * _LINEAR**2))
operators.declare("upsample_trilinear3d_backward", per_input(2 * _LINEAR**3))
operators.declare("upsample_bicubic2d_backward", per_input(2 * _CUBIC**2))


def _weighted_sum(taps: int) -> int:
    return 2 * taps - 1


@operators("aten.upsample_linear1d")
def _linear(kernel: Kernel) -> Cost:
    """2 taps: 3 per element."""
    return Cost(pointwise=_weighted_sum(_LINEAR) * numel(kernel.outputs[0]))


@operators("aten.upsample_bilinear2d")
def _bilinear(kernel: Kernel) -> Cost:
    """4 taps: 7 per element."""
    return Cost(pointwise=_weighted_sum(_LINEAR**2) * numel(kernel.outputs[0]))


@operators("aten.upsample_trilinear3d")
def _trilinear(kernel: Kernel) -> Cost:
    """8 taps: 15 per element."""
    return Cost(pointwise=_weighted_sum(_LINEAR**3) * numel(kernel.outputs[0]))


@operators("aten.upsample_bicubic2d")
def _bicubic(kernel: Kernel) -> Cost:
    """16 taps: 31 per element."""
    return Cost(pointwise=_weighted_sum(_CUBIC**2) * numel(kernel.outputs[0]))


@operators("aten._upsample_bilinear2d_aa")
def _antialiased_bilinear(kernel: Kernel) -> Cost:
    """Antialiased: 2 taps at the coarser of both resolutions."""
    return _antialiased(kernel.inputs[0], kernel.outputs[0], _LINEAR)


@operators("aten._upsample_bicubic2d_aa")
def _antialiased_bicubic(kernel: Kernel) -> Cost:
    """Antialiased: 4 taps at the coarser of both resolutions."""
    return _antialiased(kernel.inputs[0], kernel.outputs[0], _CUBIC)


@operators("aten._upsample_lanczos2d_aa")
def _antialiased_lanczos(kernel: Kernel) -> Cost:
    """Antialiased: 6 taps at the coarser of both resolutions."""
    return _antialiased(kernel.inputs[0], kernel.outputs[0], _LANCZOS)


@operators("aten._upsample_bilinear2d_aa_backward")
def _antialiased_bilinear_backward(kernel: Kernel) -> Cost:
    """Count the same filter turned around: as many taps meet, and as many sums are made."""
    return _antialiased(kernel.outputs[0], kernel.inputs[0], _LINEAR)


@operators("aten._upsample_bicubic2d_aa_backward")
def _antialiased_bicubic_backward(kernel: Kernel) -> Cost:
    """Count the same filter turned around."""
    return _antialiased(kernel.outputs[0], kernel.inputs[0], _CUBIC)


@operators("aten._upsample_lanczos2d_aa_backward")
def _antialiased_lanczos_backward(kernel: Kernel) -> Cost:
    """Count the same filter turned around."""
    return _antialiased(kernel.outputs[0], kernel.inputs[0], _LANCZOS)


def _antialiased(image: Value, result: Value, taps: int) -> Cost:
    """Count the sums along the width, then the height; shrinking by a factor widens the filter by it, as in Pillow."""
    *_, height, width = shape(image)
    *planes, new_height, new_width = shape(result)
    wide, high = (taps * _shrinking(before, after) for before, after in ((width, new_width), (height, new_height)))
    count = sympy.prod(planes) * new_width * (height * (2 * wide - 1) + new_height * (2 * high - 1))
    total = sympy.ceiling(count)
    return Cost(pointwise=int(total) if total.is_Integer else total)


def _shrinking(before: Dim, after: Dim) -> sympy.Expr:
    return sympy.Max(1, sympy.sympify(before) / after)


@operators(
    "aten.grid_sampler_2d", "aten.grid_sampler_3d", "aten.cudnn_grid_sampler", "aten._grid_sampler_2d_cpu_fallback"
)
def _grid_sample(kernel: Kernel) -> Cost:
    """Between 2 taps along each of d dimensions, 4 if bicubic, at the points of a grid (…, d).

    Each point costs its coordinates (scale and shift, floor, the two distances: 5 · d) and its tᵈ weights (d − 1 each).
    """
    grid = kernel.inputs[1]
    rank = len(shape(grid)) - 2
    mode = kernel.attributes.get("interpolation_mode", 0)
    points = numel(grid) // rank
    if mode == 1:  # nearest: scale and shift, round
        return Cost(pointwise=3 * rank * points)
    taps = (_CUBIC if mode == 2 else _LINEAR) ** rank
    return Cost(pointwise=_weighted_sum(taps) * numel(kernel.outputs[0]) + (5 * rank + taps * (rank - 1)) * points)


@operators("aten.grid_sampler_2d_backward", "aten.grid_sampler_3d_backward", "aten.cudnn_grid_sampler_backward")
@operators("aten._grid_sampler_2d_cpu_fallback_backward")
def _grid_sample_backward(kernel: Kernel) -> Cost:
    """Coordinates and weights again; then for each element of the output's gradient and tap 2 to the input, 3 · d to the grid.

    A point moves a tap's weight along each of d dimensions: the tap times the gradient times the other distances, added.
    Nearest neighbours hand the gradient to one element and nothing to the grid.
    """
    gradient, _, grid = kernel.inputs[:3]
    rank = len(shape(grid)) - 2
    mode = kernel.attributes.get("interpolation_mode", 0)
    points = numel(grid) // rank
    to_input, to_grid = wanted(kernel, 2)
    if mode == 1:
        return Cost(pointwise=3 * rank * points + to_input * numel(gradient))
    taps = (_CUBIC if mode == 2 else _LINEAR) ** rank
    per_element = taps * (2 * to_input + 3 * rank * to_grid)
    return Cost(pointwise=per_element * numel(gradient) + (5 * rank + taps * (rank - 1)) * points)


@operators("aten.cudnn_affine_grid_generator_backward")
def _affine_grid_backward(kernel: Kernel) -> Cost:
    """Count the same product turned around: 2 · (d + 1) for each element of the gradient."""
    gradient = kernel.inputs[0]
    return Cost(matrix=2 * (shape(gradient)[-1] + 1) * numel(gradient))


@operators("aten.affine_grid_generator", "aten.cudnn_affine_grid_generator")
def _affine_grid(kernel: Kernel) -> Cost:
    """Count a product of θ with (x, y, 1) for each coordinate: 2 · (d + 1) per element."""
    return Cost(matrix=2 * shape(kernel.inputs[0])[-1] * numel(kernel.outputs[0]))


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare("grid_sample interpolate upsample upsample_bilinear upsample_nearest", library="")

"""Fast Fourier transforms: 5 · N · log₂ N for N complex points, half of it where one side is real.

That is the radix-2 operation count by which FFTW reports its speed (https://www.fftw.org/speed/method.html); it stands
for any length. Several dimensions are one transform of the product of their lengths.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sympy

from fxviz.analysis.rules import RuleTable
from fxviz.passes.rules.cost import Cost, FlopRule, numel, per_output, shape

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel, Value

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable(
    {
        # Windows: a cosine of a scaled index, scaled and shifted.
        **{f"aten.{name}_window": per_output(4) for name in ("bartlett", "blackman", "hamming", "hann", "kaiser")},
        **{f"aten.{name}": per_output(1) for name in ("fft_fftfreq", "fft_rfftfreq")},
    }
)


@flops_rules("aten._fft_c2c")
def _complex(kernel: Kernel) -> Cost:
    """Complex to complex: 5 · log₂ N for each point, and 1 where the result is normalised."""
    return _transform(kernel, kernel.outputs[0], halves=2)


@flops_rules("aten._fft_r2c")
def _from_real(kernel: Kernel) -> Cost:
    """Real to complex: 2.5 · log₂ N for each real point, and 1 for each result where it is normalised."""
    return _transform(kernel, kernel.inputs[0], halves=1)


@flops_rules("aten._fft_c2r")
def _to_real(kernel: Kernel) -> Cost:
    """Complex to real: 2.5 · log₂ N for each real point, and 1 for each result where it is normalised."""
    return _transform(kernel, kernel.outputs[0], halves=1)


def _transform(kernel: Kernel, full: Value, halves: int) -> Cost:
    """The transform along ``dim`` of the tensor that has the full length, each complex point being two halves."""
    dims = kernel.attributes.get("dim", ())
    assert isinstance(dims, tuple), "every transform names its dimensions"
    extents = shape(full)
    length = math.prod(extents[dim] for dim in dims if isinstance(dim, int))
    scaling = numel(kernel.outputs[0]) if kernel.attributes.get("normalization", 0) else 0
    return Cost(pointwise=_half_ceil(5 * halves * numel(full), length) + scaling)


def _half_ceil(factor: Dim, length: Dim) -> Dim:
    """⌈factor / 2 · log₂ length⌉, at least 0."""
    if isinstance(factor, int) and isinstance(length, int):
        return math.ceil(factor * math.log2(max(length, 1)) / 2)
    return sympy.ceiling(factor * sympy.log(length, 2) / 2)

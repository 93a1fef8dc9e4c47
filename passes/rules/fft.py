"""Fast Fourier transforms: 5 · N · log₂ N for N complex points, half of it where one side is real.

That is the radix-2 operation count by which FFTW reports its speed (https://www.fftw.org/speed/method.html); it stands
for any length. Several dimensions are one transform of the product of their lengths.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sympy

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, numel, per_output, shape

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel, Value

__all__ = ["operators"]

operators = Operators("matrix")

# Windows: a cosine of a scaled index, scaled and shifted.
operators.declare(
    "bartlett_window blackman_window hamming_window hann_window kaiser_window", per_output(4), kind="data"
)
operators.declare("fft_fftfreq fft_rfftfreq", per_output(1), kind="data")


@operators("aten._fft_c2c")
def _complex(kernel: Kernel) -> Cost:
    """Complex to complex: 5 · log₂ N for each point, and 1 where the result is normalised."""
    return _transform(kernel, kernel.outputs[0], halves=2)


@operators("aten._fft_r2c")
def _from_real(kernel: Kernel) -> Cost:
    """Real to complex: 2.5 · log₂ N for each real point, and 1 for each result where it is normalised."""
    return _transform(kernel, kernel.inputs[0], halves=1)


@operators("aten._fft_c2r")
def _to_real(kernel: Kernel) -> Cost:
    """Complex to real: 2.5 · log₂ N for each real point, and 1 for each result where it is normalised."""
    return _transform(kernel, kernel.outputs[0], halves=1)


def _transform(kernel: Kernel, full: Value, halves: int) -> Cost:
    """Return the transform along ``dim`` of the tensor that has the full length, each complex point being two halves."""
    dims = kernel.attributes.get("dim", ())
    assert isinstance(dims, tuple), "every transform names its dimensions"
    extents = shape(full)
    length = math.prod(extents[dim] for dim in dims if isinstance(dim, int))
    scaling = numel(kernel.outputs[0]) if kernel.attributes.get("normalization", 0) else 0
    return Cost(pointwise=_half_ceil(5 * halves * numel(full), length) + scaling)


def _half_ceil(factor: Dim, length: Dim) -> Dim:
    """Return ⌈factor / 2 · log₂ length⌉, 0 where there is nothing to transform."""
    if length == 0:
        return 0
    if isinstance(factor, int) and isinstance(length, int):
        return math.ceil(factor * math.log2(length) / 2)
    return sympy.ceiling(factor * sympy.log(length, 2) / 2)


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare(
    """
    fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_fftn fft_ifftn fft_rfftn fft_irfftn
    stft istft
    """,
    library="",
)

"""Summarise the singular values of a weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fxviz.weights.values import row_blocks

if TYPE_CHECKING:
    from fxviz.weights.statistics import Array
    from fxviz.weights.values import Values

__all__ = ["Spectrum", "spectrum_of"]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A summary of singular values.

    ``largest`` is the spectral norm. ``rank`` counts those above the largest times the longer side times float64's
    epsilon (as ``numpy.linalg.matrix_rank``). ``stable_rank`` is the squared Frobenius norm over the squared spectral
    norm (Rudelson and Vershynin, J. ACM 54(4), 2007); ``effective_rank`` the exponential of the entropy of the singular
    values (Roy and Vetterli, EUSIPCO 2007). Both are NaN for a matrix of zeros.
    """

    largest: float
    smallest: float
    rank: int
    stable_rank: float
    effective_rank: float

    @property
    def condition(self) -> float:
        """The largest over the smallest singular value; infinite for a matrix without full rank."""
        return self.largest / self.smallest if self.smallest else math.inf


def spectrum_of(values: Values) -> Spectrum | None:
    """Return the spectrum of a tensor as a matrix: its first dimension by all others, as convolutions are multiplied.

    Return None for a tensor of fewer than two dimensions, without elements, or with a NaN or infinity. A tall matrix is
    read in blocks of rows, of which only the triangular factor is kept (sequential TSQR: Demmel, Grigori, Hoemmen and
    Langou, SIAM J. Sci. Comput. 34(1), 2012); any other matrix is read as a whole.
    """
    if len(values.shape) < 2 or not math.prod(values.shape):
        return None
    rows, columns = values.shape[0], math.prod(values.shape[1:])
    tall = rows > 2 * columns
    held: list[Array] = []
    for block in row_blocks(values):
        if not np.isfinite(block).all():
            return None
        held.append(block)
        if tall:
            held = [np.asarray(np.linalg.qr(np.vstack(held), mode="r"))]
    try:
        found = np.linalg.svd(np.vstack(held), compute_uv=False)
    except np.linalg.LinAlgError:  # it did not converge
        return None
    return _summary(found, max(rows, columns))


def _summary(found: Array, longer: int) -> Spectrum:
    largest = float(found[0])
    if not largest:
        return Spectrum(0.0, 0.0, 0, math.nan, math.nan)
    shares = found / found.sum()
    shares = shares[shares > 0]
    rank = int((found > largest * longer * np.finfo(np.float64).eps).sum())
    stable = float(np.square(found / largest).sum())
    return Spectrum(largest, float(found[-1]), rank, stable, float(np.exp(-(shares * np.log(shares)).sum())))

"""Statistics of any number of values in float64, merged from the statistics of blocks.

Moments are merged by the pairwise update of Chan, Golub and LeVeque ("Algorithms for computing the sample variance",
The American Statistician 37(3), 1983), the form of Welford's method for blocks: it does not cancel. Histograms have a
fixed number of bins whose width is a power of two, so that each bin lies within one bin of the next width, and
counts are merged without loss: the perfect subsetting of OpenTelemetry's exponential histograms, on a linear scale.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOST_BINS", "Array", "Histogram", "Statistics"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

MOST_BINS = 512
"""The most bins of a histogram, which has at least half of them if values differ by more than rounding. With one
outlier among a hundred thousand weights, the others still spread over tens of bins."""

_LEAST = -1074  # the exponent of the least float64
_FINEST = 40  # binary digits of the largest magnitude that tell bins apart: indices stay exact in float64


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of finite values in up to `MOST_BINS` bins of the same width, 2 to the power of ``exponent``.

    Bin k is from ``(first + k)`` to ``(first + k + 1)`` times the width, the lower edge included. The first and the
    last bin are not empty. The same values give the same histogram, however they are divided into blocks.

    >>> histogram = Histogram.of(np.array([0.0, 0.25, 511.0]))
    >>> histogram.width, histogram.first, histogram.counts[0], len(histogram.counts)
    (1.0, 0, 2, 512)
    """

    exponent: int = 0
    first: int = 0
    counts: array[int] = field(default_factory=lambda: array("q"))

    @classmethod
    def of(cls, values: Array) -> Histogram:
        """Count ``values``, which must be finite."""
        values = values.ravel()
        if not values.size:
            return cls()
        largest = float(np.abs(values).max())
        exponent = max(math.frexp(largest)[1] - _FINEST, _LEAST) if largest else _LEAST
        scaled = np.ldexp(values, -exponent)
        places = np.floor(scaled, out=scaled).astype(np.int64)
        if exponent > 0:  # a negative value may be so small that scaling makes it zero
            places[(values < 0) & (places == 0)] = -1
        growth = _growth(int(places.min()), int(places.max()))
        places >>= growth
        first = int(places.min())
        return cls(exponent + growth, first, _packed(np.bincount(places - first)))

    @property
    def width(self) -> float:
        """The width of a bin."""
        return math.ldexp(1.0, self.exponent)

    @property
    def edges(self) -> Array:
        """The edges of the bins, one more than there are bins."""
        return np.ldexp(np.arange(self.first, self.first + len(self.counts) + 1, dtype=np.float64), self.exponent)

    @property
    def total(self) -> int:
        """The number of values that were counted."""
        return sum(self.counts)

    def merge(self, other: Histogram) -> Histogram:
        """Return the histogram of the values of both."""
        if not self.counts or not other.counts:
            return self if self.counts else other
        exponent = max(self.exponent, other.exponent)
        both = [histogram.coarsened(exponent - histogram.exponent) for histogram in (self, other)]
        growth = _growth(min(each.first for each in both), max(each._last for each in both))
        both = [each.coarsened(growth) for each in both]
        first = min(each.first for each in both)
        counts = np.zeros(max(each._last for each in both) - first + 1, dtype=np.int64)
        for each in both:
            counts[each.first - first :][: len(each.counts)] += each.counts
        return Histogram(exponent + growth, first, _packed(counts))

    def coarsened(self, by: int) -> Histogram:
        """Return the same values in bins that are wider by 2 to the power of ``by``."""
        if not by or not self.counts:
            return self
        first = self.first >> by
        places = np.arange(self.first, self._last + 1) >> min(by, 63)
        counts = np.zeros((self._last >> by) - first + 1, dtype=np.int64)
        np.add.at(counts, places - first, self.counts)
        return Histogram(self.exponent + by, first, _packed(counts))

    @property
    def _last(self) -> int:
        return self.first + len(self.counts) - 1


def _packed(counts: np.ndarray[Any, np.dtype[np.int64]]) -> array[int]:
    return array("q", counts.astype(np.int64).tobytes())


def _growth(first: int, last: int) -> int:
    """Return how often to double the width so that ``first`` to ``last`` are at most `MOST_BINS` bins."""
    growth = 0
    while (last >> growth) - (first >> growth) >= MOST_BINS:
        growth += 1
    return growth


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of values. NaN and infinities are counted, and excluded from everything else.

    ``count`` is the number of finite values; ``mean``, ``low`` and ``high`` describe them (NaN if there are none);
    ``squares`` is the sum of their squared distances from the mean, in float64, and so infinite for values beyond
    1e154.
    """

    count: int = 0
    mean: float = math.nan
    squares: float = 0.0
    low: float = math.nan
    high: float = math.nan
    zeros: int = 0
    nans: int = 0
    infinities: int = 0
    histogram: Histogram = field(default_factory=Histogram, repr=False)

    @classmethod
    def of(cls, values: Array) -> Statistics:
        """Return the statistics of one block, of any shape.

        >>> found = Statistics.of(np.array([3.0, -4.0, 0.0, np.nan]))
        >>> found.count, found.norm, found.zero_share, found.nans
        (3, 5.0, 0.25, 1)
        """
        values = values.ravel()
        finite = np.isfinite(values)
        nans = infinities = 0
        if not finite.all():
            nans = int(np.isnan(values).sum())
            infinities = int(values.size - finite.sum()) - nans
            values = values[finite]
        if not values.size:
            return cls(nans=nans, infinities=infinities)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            mean = float(values.mean())
            squares = float(np.square(values - mean).sum())
        zeros = values.size - int(np.count_nonzero(values))
        low, high = float(values.min()), float(values.max())
        return cls(values.size, mean, squares, low, high, zeros, nans, infinities, Histogram.of(values))

    @classmethod
    def of_blocks(cls, blocks: Iterable[Array]) -> Statistics:
        """Return the statistics of all blocks together; one is in memory at a time."""
        return reduce(cls.merge, map(cls.of, blocks), cls())

    def merge(self, other: Statistics) -> Statistics:
        """Return the statistics of the values of both."""
        nans, infinities = self.nans + other.nans, self.infinities + other.infinities
        if not self.count or not other.count:
            known = self if self.count else other
            moments = (known.count, known.mean, known.squares, known.low, known.high, known.zeros)
            return Statistics(*moments, nans, infinities, known.histogram)
        count = self.count + other.count
        apart = other.mean - self.mean
        between = apart * apart * (self.count / count * other.count)
        return Statistics(
            count,
            self.mean + apart * (other.count / count),
            self.squares + other.squares + between,
            min(self.low, other.low),
            max(self.high, other.high),
            self.zeros + other.zeros,
            nans,
            infinities,
            self.histogram.merge(other.histogram),
        )

    @property
    def size(self) -> int:
        """The number of values, finite or not."""
        return self.count + self.nans + self.infinities

    @property
    def spread(self) -> float:
        """The standard deviation of the population; NaN if no value is finite."""
        return math.sqrt(self.squares / self.count) if self.count else math.nan

    @property
    def norm(self) -> float:
        """The Euclidean norm of the finite values."""
        return math.sqrt(self.squares + self.count * (self.mean * self.mean)) if self.count else 0.0

    @property
    def zero_share(self) -> float:
        """The share of zeros among all values; NaN if there are none."""
        return self.zeros / self.size if self.size else math.nan

"""Statistics of a stream of numbers, in the same few bytes whatever its length."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Stream", "Summary"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of a stream of numbers. NaN and infinities are counted apart and excluded from every other field.

    ``mean``, ``low`` and ``high`` are NaN if no number was finite; ``spread`` is the standard deviation of the
    population, 0 for a single number.
    """

    count: int
    mean: float
    spread: float
    low: float
    high: float
    nonfinite: int = 0


class Stream:
    """Takes numbers one by one; mean and variance by Welford's method, which does not cancel (Knuth, TAOCP 2, 4.2.2).

    >>> stream = Stream()
    >>> for number in (1.0, 3.0, math.nan):
    ...     stream.add(number)
    >>> stream.summary()
    Summary(count=2, mean=2.0, spread=1.0, low=1.0, high=3.0, nonfinite=1)
    """

    __slots__ = ("_count", "_high", "_low", "_mean", "_nonfinite", "_squares")

    def __init__(self) -> None:
        self._count = self._nonfinite = 0
        self._mean = self._squares = 0.0
        self._low, self._high = math.inf, -math.inf

    def add(self, number: float) -> None:
        """Take one more number."""
        if not math.isfinite(number):
            self._nonfinite += 1
            return
        self._count += 1
        before = number - self._mean
        self._mean += before / self._count
        self._squares += before * (number - self._mean)
        self._low, self._high = min(self._low, number), max(self._high, number)

    def summary(self) -> Summary:
        """Return the statistics of the numbers so far."""
        if not self._count:
            return Summary(0, math.nan, math.nan, math.nan, math.nan, self._nonfinite)
        spread = math.sqrt(self._squares / self._count)
        return Summary(self._count, self._mean, spread, self._low, self._high, self._nonfinite)

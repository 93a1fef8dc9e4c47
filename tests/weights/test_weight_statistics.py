"""Statistics of blocks: what numpy says of the whole, however it is cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fxviz.weights.statistics import MOST_BINS, Histogram, Statistics
from fxviz.weights.values import blocks, row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Array = np.ndarray[Any, np.dtype[np.float64]]

MODERATE = st.floats(-1e6, 1e6, allow_subnormal=False)
ANY_FINITE = st.floats(allow_nan=False, allow_infinity=False)


class Whole:
    """An array as `Values`, that counts what is read at once."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.largest = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def read(self, places: Iterable[tuple[slice, ...]]) -> Iterator[Array]:
        for place in places:
            block = self.array[place]
            self.largest = max(self.largest, block.size)
            yield block


def vectors(elements: st.SearchStrategy[float]) -> st.SearchStrategy[Array]:
    return arrays.arrays(np.float64, st.integers(0, 60), elements=elements)


@given(vectors(MODERATE | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])), st.integers(1, 61))
@settings(max_examples=60, deadline=None)
def test_blocks_do_not_change_statistics(values: Array, step: int) -> None:
    found = Statistics.of_blocks(values[start : start + step] for start in range(0, len(values), step))
    finite = values[np.isfinite(values)]
    assert (found.count, found.nans, found.infinities) == (finite.size, np.isnan(values).sum(), np.isinf(values).sum())
    assert found.zeros == (values == 0).sum()
    assert found.histogram == Histogram.of(finite)
    if finite.size:
        scale = max(1.0, float(np.abs(finite).max()))
        assert found.mean == pytest.approx(finite.mean(), rel=1e-12, abs=1e-12 * scale)
        assert found.spread == pytest.approx(finite.std(), rel=1e-9, abs=1e-12 * scale)
        assert found.norm == pytest.approx(np.linalg.norm(finite), rel=1e-12)
        assert (found.low, found.high) == (finite.min(), finite.max())


def test_a_small_spread_beside_a_large_mean_is_not_lost() -> None:
    values = 1e9 + np.array([4.0, 7.0, 13.0, 16.0])  # variance 22.5, which sums of squares in float64 lose
    found = Statistics.of_blocks([values[:1], values[1:3], values[3:]])
    assert found.spread**2 == pytest.approx(22.5, rel=1e-12)


@given(vectors(ANY_FINITE), vectors(ANY_FINITE))
@settings(max_examples=100, deadline=None)
def test_histograms_merge_to_that_of_the_whole(left: Array, right: Array) -> None:
    whole = Histogram.of(np.concatenate([left, right]))
    assert Histogram.of(left).merge(Histogram.of(right)) == whole
    assert whole.total == left.size + right.size
    assert len(whole.counts) <= MOST_BINS
    if whole.counts:
        assert whole.counts[0]
        assert whole.counts[-1]


@given(arrays.arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e3, 1e3)))
@settings(max_examples=60, deadline=None)
def test_a_histogram_counts_as_numpy_does_between_its_edges(values: Array) -> None:
    found = Histogram.of(values)
    inner = [((values >= low) & (values < high)).sum() for low, high in zip(found.edges, found.edges[1:], strict=False)]
    assert list(found.counts) == inner


def test_bins_are_fine_where_values_are_close() -> None:
    values = 1 + np.linspace(0, 1e-3, 1000)
    assert MOST_BINS / 2 < len(Histogram.of(values).counts) <= MOST_BINS
    assert len(Histogram.of(np.full(5, 0.1)).counts) == 1


@given(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)),
    st.integers(1, 30),
)
@settings(max_examples=80, deadline=None)
def test_blocks_cover_each_element_once_in_order(array: Array, most: int) -> None:
    values = Whole(np.arange(array.size, dtype=np.float64).reshape(array.shape))
    found = [element for block in blocks(values, most) for element in block.ravel()]
    assert found == list(range(array.size))
    assert values.largest <= most
    rows = [element for block in row_blocks(values, most) for element in block.ravel()]
    assert rows == list(range(array.size))


def test_nothing_is_known_of_nothing() -> None:
    found = Statistics.of_blocks([])
    assert found.size == 0
    assert all(map(math.isnan, (found.mean, found.spread, found.low, found.high, found.zero_share)))
    lost = Statistics.of(np.array([math.nan, math.inf]))
    assert (lost.nans, lost.infinities, lost.count, lost.norm) == (1, 1, 0, 0.0)

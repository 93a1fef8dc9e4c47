"""Collect the parameters of a model for the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from fxviz.text.quantity import format_expression, format_shape

if TYPE_CHECKING:
    from fxviz.ir import Dim
    from fxviz.weights.rows import Row, Rows
    from fxviz.weights.statistics import Histogram, Statistics

__all__ = ["parameter_data"]

Data: TypeAlias = dict[str, Any]

_BARS = 32  # of a histogram in a row


def parameter_data(table: Rows) -> list[Data]:
    """Return the rows of a table, with as much of their statistics as fits into a line."""
    return [_row(row) for row in table]


def _row(row: Row) -> Data:
    return {
        "name": row.name,
        "shared": [*row.shared_with],
        "shape": format_shape(row.shape) if row.shape is not None else None,
        "dtype": row.dtype,
        "role": row.role.value if row.role else None,
        "trainable": row.trainable,
        "numel": _amount(row.numel),
        "nbytes": _amount(row.nbytes),
        "values": _statistics(row.statistics),
        "gradient": _statistics(row.gradient),
    }


def _statistics(found: Statistics | None) -> Data | None:
    if found is None:
        return None
    return {
        "mean": _number(found.mean),
        "spread": _number(found.spread),
        "low": _number(found.low),
        "high": _number(found.high),
        "norm": _number(found.norm),
        "zeros": _number(found.zero_share),
        "nonfinite": found.nans + found.infinities,
        **_bars(found.histogram),
    }


def _bars(histogram: Histogram) -> Data:
    """Return at most as many bins as a small picture has room for, each the sum of neighbouring bins."""
    size = -(-len(histogram.counts) // _BARS) or 1
    counts = [sum(histogram.counts[at : at + size]) for at in range(0, len(histogram.counts), size)]
    low = histogram.first * histogram.width
    return {"counts": counts, "edges": [low, low + len(counts) * size * histogram.width]}


def _amount(amount: Dim | None) -> int | str | None:
    return amount if amount is None or isinstance(amount, int) else format_expression(amount)


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None

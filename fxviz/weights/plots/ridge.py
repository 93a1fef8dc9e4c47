"""Draw the distributions of weights, one below the other on the same axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fxviz.errors import InputError
from fxviz.exporters.figures.figure import FAINT, INK, figure_bytes, new_figure
from fxviz.plugins import suggest
from fxviz.weights.plots.choosing import legible
from fxviz.weights.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from fxviz.weights.rows import Row
    from fxviz.weights.statistics import Array, Histogram, Statistics

__all__ = ["draw_ridge"]

_MOST = 48  # distributions that one can tell apart on a page
_OVERLAP = 1.7  # rows that the highest peak of a distribution covers
_BINS = 160  # over the axis
_TAIL = 0.001  # of the values of each weight that may lie beyond the axis, on either side
_WIDEST = 4.0  # times the median reach of the distributions: a single wide one does not turn the others into lines


def draw_ridge(table: Rows, format: str, name: str | None) -> bytes:
    """Return the picture as a file of this format."""
    rows = _rows_of(table, name)
    ridges = _ridges(Rows(table.model, rows))
    low, high = _limits([found.histogram for _, found in ridges])
    with new_figure(8, 1.4 + 0.28 * max(4, len(ridges))) as figure:
        axes = figure.subplots()
        axes.set_yticks(range(len(ridges)), [legible(label) for label, _ in reversed(ridges)], fontsize=7)
        axes.set_xlim(low, high)
        for place, (_, found) in enumerate(ridges):
            _draw(axes, found.histogram, len(ridges) - 1 - place, place)
        axes.set_ylim(-0.3, len(ridges) - 1 + _OVERLAP + 0.1)
        axes.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        beyond = any(found.low < low or found.high > high for _, found in ridges)
        axes.set_xlabel(
            "value; each curve scaled to its peak" + (", tails beyond the axis not shown" if beyond else "")
        )
        figure.suptitle(f"Weights of {legible(name or table.model)}", fontweight="bold")
        return figure_bytes(figure, format)


def _rows_of(table: Rows, name: str | None) -> tuple[Row, ...]:
    """Return the weights at or below ``name`` that have finite values: only matrices and kernels, if there are any."""
    inside = [row for row in table if name is None or row.name == name or row.name.startswith(f"{name}.")]
    if not inside and name is not None:
        raise InputError(
            f"{table.model} has no module or parameter {name!r}{suggest(name, [row.name for row in table])}"
        )
    finite = [row for row in inside if row.statistics is not None and row.statistics.count]
    if not finite:
        raise InputError(f"{name or table.model} has no values to draw: pass a model with its weights")
    return tuple([row for row in finite if len(row.shape or ()) > 1] or finite)


def _ridges(table: Rows) -> list[tuple[str, Statistics]]:
    """Return a distribution for each weight, or for each module at the deepest level with few enough of them."""
    if len(table) <= _MOST:
        return [(row.name, row.statistics) for row in table if row.statistics is not None]
    deepest = max(row.module.count(".") + 1 for row in table)
    by_depth = (table.groups(depth) for depth in range(deepest, -1, -1))
    groups = next(groups for groups in by_depth if len(groups) <= _MOST)
    return [(group.name, group.statistics) for group in groups if group.statistics is not None]


def _limits(histograms: Sequence[Histogram]) -> tuple[float, float]:
    """Return the limits of the axis, which cut off tails, and distributions far wider than most."""
    inner = np.array([_inner(histogram) for histogram in histograms])
    reach = _WIDEST * float(np.median(np.maximum(-inner[:, 0], inner[:, 1])))
    low, high = max(float(inner[:, 0].min()), -reach), min(float(inner[:, 1].max()), reach)
    if low >= high:  # all values are equal, or the median reach is 0
        low, high = float(inner[:, 0].min()), float(inner[:, 1].max())
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def _inner(histogram: Histogram) -> tuple[float, float]:
    """Return the ends of a distribution without its tails."""
    shares = np.cumsum(histogram.counts) / histogram.total
    first = int(np.searchsorted(shares, _TAIL, side="right"))
    last = int(np.searchsorted(shares, 1 - _TAIL))
    return float(histogram.edges[first]), float(histogram.edges[min(last, len(shares) - 1) + 1])


def _draw(axes: Axes, histogram: Histogram, height: int, order: int) -> None:
    low, high = axes.get_xlim()
    first, last = _inner(histogram)
    # Few values in many bins are noise: the rule of Rice asks for twice the cube root of their number.
    fine = max((high - low) / _BINS, (last - first) / (2 * math.cbrt(histogram.total)))
    while 2 * histogram.width <= fine and len(histogram.counts) > 1:
        histogram = histogram.coarsened(1)
    counts: Array = np.array(histogram.counts, dtype=np.float64)
    edges = histogram.edges
    axes.axhline(height, color=FAINT, linewidth=0.4, zorder=order + 0.5)
    if edges[-1] - edges[0] < (high - low) / _BINS:  # one value, or nearly: an area would be invisible
        axes.vlines(edges[0], height, height + _OVERLAP, color=INK, linewidth=1.4, zorder=order + 1)
        return
    top = height + _OVERLAP * counts / counts.max()
    axes.stairs(top, edges, baseline=height, fill=True, facecolor="#7c8fc4", alpha=0.75, zorder=order + 1)
    axes.stairs(top, edges, baseline=None, color=INK, linewidth=0.7, zorder=order + 1)

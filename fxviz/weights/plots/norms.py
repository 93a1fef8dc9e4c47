"""Draw the norm of each row of a matrix; in an embedding, the length of the vector of each token."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fxviz.errors import InputError
from fxviz.exporters.figures.figure import FAINT, INK, figure_bytes, new_figure
from fxviz.text.quantity import format_shape
from fxviz.weights.plots.choosing import choose, legible, values_of
from fxviz.weights.values import row_blocks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fxviz.weights.rows import Rows
    from fxviz.weights.statistics import Array
    from fxviz.weights.values import Values

__all__ = ["draw_norms", "row_norms"]

_COLOR = "#0072b2"
_MOST_POINTS = 4_000
_BANDS = 400
_BINS = 60


def draw_norms(table: Rows, format: str, name: str | None) -> bytes:
    """Return the picture as a file of this format."""
    found = choose(table, name, lambda shape: len(shape) > 1 and math.prod(shape) > 0, "a matrix")
    row = max(found, key=lambda row: values_of(row).shape[0] if len(values_of(row).shape) == 2 else 0)
    values = values_of(row)
    norms = row_norms(values)
    finite = norms[np.isfinite(norms)]
    if not finite.size:
        raise InputError(f"no row of {row.name} is finite: there is no norm to draw")
    with new_figure(9, 3.8) as figure:
        along, across = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        if len(norms) <= _MOST_POINTS:
            along.plot(np.arange(len(norms)), norms, ".", color=_COLOR, markersize=2.5, rasterized=len(norms) > 500)
        else:
            _draw_bands(along, norms)
        along.set_xlim(0, len(norms))
        along.set_xlabel("row")
        along.set_ylabel("norm of the row")
        across.hist(finite, bins=_BINS, orientation="horizontal", color=_COLOR, alpha=0.8)
        across.set_xlabel("rows")
        across.locator_params(axis="x", nbins=3, integer=True)
        for axes in (along, across):
            axes.axhline(float(np.median(finite)), color=INK, linewidth=0.8, linestyle="--")
            axes.grid(axis="y", color=FAINT, linewidth=0.5)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        missing = len(norms) - finite.size
        note = f", {missing} row{'s' if missing > 1 else ''} with NaN or infinity" if missing else ""
        figure.suptitle(f"{legible(row.name)} · {format_shape(values.shape)}{note}", fontweight="bold")
        return figure_bytes(figure, format)


def row_norms(values: Values) -> Array:
    """Return the Euclidean norm of each row: the first dimension by all others."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([np.sqrt(np.square(block).sum(axis=1)) for block in row_blocks(values)])


def _draw_bands(axes: Axes, norms: Array) -> None:
    """Draw the least, the median and the largest norm of each stretch of rows, so that every outlier is visible."""
    starts = np.linspace(0, len(norms), _BANDS + 1).astype(int)
    stretches = [norms[first:last] for first, last in pairwise(starts)]
    finite = [stretch[np.isfinite(stretch)] for stretch in stretches]
    low, middle, high = (
        [float(pick(stretch)) if stretch.size else math.nan for stretch in finite]
        for pick in (np.min, np.median, np.max)
    )
    axes.fill_between(
        starts[:-1], low, high, color=_COLOR, alpha=0.25, linewidth=0, step="post", label="least to largest"
    )
    axes.step(starts[:-1], middle, where="post", color=_COLOR, linewidth=1, label="median")
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))

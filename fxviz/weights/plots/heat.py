"""Draw one tensor as a map of its values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fxviz.exporters.figures.figure import FAINT, figure_bytes, new_figure
from fxviz.text.quantity import format_shape
from fxviz.weights.plots.choosing import choose, legible, values_of
from fxviz.weights.values import row_blocks

if TYPE_CHECKING:
    from fxviz.weights.rows import Rows
    from fxviz.weights.statistics import Array
    from fxviz.weights.values import Values

__all__ = ["downsampled", "draw_heat"]

_MOST = 512  # cells along a side: a picture does not have many more pixels
_QUANTILE = 0.995  # of magnitudes, at which the colours end: one outlier does not make all others pale
_MISSING = "#0f172a"  # a NaN or an infinity


def draw_heat(table: Rows, format: str, name: str | None) -> bytes:
    """Return the picture as a file of this format."""
    found = choose(table, name, lambda shape: math.prod(shape) > 0, "a tensor with elements")
    row = max(found, key=lambda row: (len(values_of(row).shape) > 1, math.prod(values_of(row).shape)))
    values = values_of(row)
    cells, (high, wide) = downsampled(values)
    whole = high == wide == 1
    shown = np.ma.masked_invalid(cells)
    finite = np.abs(shown.compressed())
    limit = float(np.quantile(finite, _QUANTILE)) if finite.size else 0.0
    limit = limit or float(finite.max(initial=0.0)) or 1.0
    rows, columns = cells.shape
    with new_figure(7.5, min(8, max(2.2, 6.2 * rows / columns + 1.2))) as figure:
        axes = figure.subplots()
        image = axes.imshow(
            shown,
            cmap="RdBu_r" if whole else "viridis",
            vmin=-limit if whole else 0.0,
            vmax=limit,
            aspect="equal" if 0.2 < rows / columns < 5 else "auto",
            interpolation="nearest",
            extent=(0, columns * wide, rows * high, 0),
        )
        axes.set_facecolor(_MISSING)
        axes.spines[:].set_color(FAINT)
        axes.set_ylabel("first dimension" if len(values.shape) > 1 else "")
        axes.set_xlabel(
            "all others" if len(values.shape) > 2 else "second dimension" if len(values.shape) > 1 else "index"
        )
        axes.locator_params(integer=True)
        if len(values.shape) < 2:
            axes.set_yticks([])
        bar = figure.colorbar(image, ax=axes, pad=0.02, extend="max" if not whole else "both")
        bar.set_label("value" if whole else f"root mean square of {high} × {wide} values")
        bar.outline.set_visible(False)
        figure.suptitle(f"{legible(row.name)} · {format_shape(values.shape)}", fontweight="bold")
        return figure_bytes(figure, format)


def downsampled(values: Values, most: int = _MOST) -> tuple[Array, tuple[int, int]]:
    """Return the tensor as a matrix of at most ``most`` by ``most`` cells, and the rows and columns of one cell.

    A cell of several elements has their root mean square: means of weights would vanish. A cell with a NaN or an
    infinity is NaN. The tensor is read in blocks.
    """
    rows = values.shape[0] if len(values.shape) > 1 else 1
    columns = math.prod(values.shape) // rows
    high, wide = -(-rows // most), -(-columns // most)
    if high == wide == 1:
        return np.vstack(list(row_blocks(values))), (1, 1)
    squares = np.zeros((-(-rows // high), -(-columns // wide)))
    start = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for block in row_blocks(values):
            summed = np.add.reduceat(np.square(block), range(0, columns, wide), axis=1)
            np.add.at(squares, np.arange(start, start + len(block)) // high, summed)
            start += len(block)
        counts = np.outer(_extents(rows, high), _extents(columns, wide))
        cells: Array = np.sqrt(squares / counts)
    return np.where(np.isfinite(cells), cells, np.nan), (high, wide)


def _extents(length: int, step: int) -> Array:
    """Return the number of elements in each stretch of ``step``; the last may be shorter."""
    return np.array([min(step, length - start) for start in range(0, length, step)], dtype=np.float64)

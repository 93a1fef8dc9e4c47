"""Draw the kernels of a convolution as images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fxviz.exporters.figures.figure import FAINT, figure_bytes, new_figure
from fxviz.text.quantity import format_shape
from fxviz.weights.plots.choosing import choose, legible, values_of

if TYPE_CHECKING:
    from typing import Any

    from fxviz.weights.rows import Rows
    from fxviz.weights.statistics import Array

__all__ = ["draw_kernels"]

_MOST_TILES = 256
_MOST_ROWS = 16  # filters, if each channel that they read is a tile of its own
_GAP = 1  # cells between tiles
_MOST_EXTENT = 64  # of a kernel


def draw_kernels(table: Rows, format: str, name: str | None) -> bytes:
    """Return the picture as a file of this format."""
    row = choose(table, name, _are_kernels, "kernels of a two-dimensional convolution")[0]
    values = values_of(row)
    out, channels = values.shape[:2]
    colored = channels == 3
    filters = min(out, _MOST_TILES if channels in (1, 3) else _MOST_ROWS)
    shown = channels if colored else min(channels, _MOST_ROWS)
    (kernels,) = values.read([(slice(0, filters), slice(0, shown))])
    finite = np.abs(kernels[np.isfinite(kernels)])
    limit = float(finite.max(initial=0.0)) or 1.0
    if colored or channels == 1:
        tiles = np.moveaxis(kernels, 1, -1)
        columns = min(filters, math.ceil(math.sqrt(filters * 1.6)))
    else:
        tiles = kernels.reshape(-1, *kernels.shape[2:], 1)
        columns = shown
    sheet = _sheet(tiles, columns)
    high, wide = sheet.shape[:2]
    with new_figure(7.5, min(9.0, max(1.8, (7.3 if colored else 6.5) * high / wide + 0.8))) as figure:
        axes = figure.subplots()
        image = axes.imshow(
            _painted(sheet, limit, colored), cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
        )
        axes.set(xticks=[], yticks=[], facecolor="white" if colored else FAINT)
        axes.spines[:].set_visible(False)
        if colored:
            words = f"red, green and blue are the three channels; grey is 0, the range ±{limit:.3g}"
        else:
            bar = figure.colorbar(image, ax=axes, pad=0.02, shrink=0.8)
            bar.outline.set_visible(False)
            bar.ax.set_yticks([-limit, 0, limit], [f"{value:.3g}" for value in (-limit, 0, limit)])
            words = "a tile is a filter" if channels == 1 else "a row is a filter, a column a channel that it reads"
        of = f"{filters} of {out} filters" if filters < out else f"{out} filter{'s' if out > 1 else ''}"
        of += f", {shown} of {channels} channels" if shown < channels else ""
        figure.suptitle(f"{legible(row.name)} · {format_shape(values.shape)}", fontweight="bold")
        figure.supxlabel(f"{of}; {words}", fontsize=8)
        return figure_bytes(figure, format)


def _are_kernels(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and math.prod(shape) > 0 and shape[2] * shape[3] > 1 and max(shape[2:]) <= _MOST_EXTENT


def _sheet(tiles: Array, columns: int) -> Array:
    """Arrange tiles of height, width and channels in a grid, with NaN between them."""
    count, height, width, channels = tiles.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels), np.nan)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        top, left = row * (height + _GAP), column * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _painted(sheet: Array, limit: float, colored: bool) -> Any:
    """Return what imshow takes: colours between 0 and 1, with white gaps, or the values of one channel."""
    if colored:
        return np.where(np.isfinite(sheet), (sheet / limit + 1) / 2, 1.0)
    return np.ma.masked_invalid(sheet[..., 0])

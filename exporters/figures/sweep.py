"""A figure of costs over a grid of sizes: a line over one symbol, a map over two, and where a limit is reached."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fxviz.errors import InputError
from fxviz.exporters.figures.figure import FAINT, INK, figure_bytes, format_of, new_figure
from fxviz.files import write_file
from fxviz.passes.sweep import UNITS, Grid
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fxviz.ir.evaluation import Array

__all__ = ["plot_sweep"]

_POINTS = 300  # along an axis; more cannot be seen
_LEVELS = 10
_LIMIT = "#b91c1c"
_TITLES = {
    "matrix": "matrix work",
    "pointwise": "pointwise work",
    "ops": "integer work",
    "parameters": "parameters",
    "peak": "peak memory",
}


def plot_sweep(grid: Grid, path: str | Path, cost: str = "peak", *, limit: int | None = None) -> None:
    """Draw one cost of a `sweep_cost` to ``path``, an SVG, PNG or PDF file by its suffix.

    A line if one symbol has several sizes, a map in steps if two have. ``limit`` is drawn as a line, in the unit of the
    cost: ``80 * 2**30`` shows what fits in 80 GiB.

    Raises:
        InputError: the suffix is not a picture's, the grid does not have this cost, or not one or two symbols have several sizes.
        MissingDependency: matplotlib is not installed.
    """
    format = format_of(path)
    costs = grid[cost]
    several = [name for name, sizes in grid.sizes.items() if len(sizes) > 1]
    if not 1 <= len(several) <= 2:
        raise InputError(
            f"{len(several)} symbols have several sizes: a picture needs one or two such as B=range(1, 65), and one size for all others"
        )
    write_file(path, _draw(grid, cost, costs.squeeze(), several, limit, format))


def _draw(grid: Grid, cost: str, costs: Array, symbols: list[str], limit: int | None, format: str) -> bytes:
    with new_figure(7, 4.6) as figure:
        axes = figure.subplots()
        if len(symbols) == 1:
            _draw_line(axes, grid, cost, costs, symbols[0], limit)
        else:
            _draw_map(figure, axes, grid, cost, costs, symbols, limit)
        fixed = [f"{name} = {sizes[0]}" for name, sizes in grid.sizes.items() if len(sizes) == 1]
        title = f"{_TITLES[cost]} of {grid.graph.name}"
        figure.suptitle(", ".join([title[0].upper() + title[1:], *fixed]), fontweight="bold")
        if conditions := [*grid.conditions()]:
            figure.supxlabel("; ".join(conditions), fontsize=8, style="italic")
        return figure_bytes(figure, format)


def _draw_line(axes: Axes, grid: Grid, cost: str, costs: Array, symbol: str, limit: int | None) -> None:
    sizes = grid.sizes[symbol]
    shown = _thinned(len(sizes))
    axes.plot(sizes[shown], costs[shown], color="#0072b2", linewidth=2)
    axes.set_xlim(sizes[0], sizes[-1])
    top = max(float(costs.max()), float(limit or 0))
    axes.set_ylim(0, (top or 1) * 1.12)
    axes.set_yticks(_ticks(top, UNITS[cost]))
    axes.yaxis.set_major_formatter(lambda number, _: format_quantity(number, UNITS[cost]))
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    _name_sizes(axes.xaxis, symbol, sizes)
    if limit is not None:
        axes.axhline(limit, color=_LIMIT, linewidth=1.2)
        fits = sizes[costs <= limit]
        text = f"{symbol} up to {fits.max()} fits in" if len(fits) else f"no {symbol} of these fits in"
        axes.annotate(
            f"{text} {format_quantity(limit, UNITS[cost])}",
            (0.01, limit),
            xycoords=("axes fraction", "data"),
            xytext=(0, 4),
            textcoords="offset points",
            color=_LIMIT,
            fontweight="bold",
        )


def _draw_map(
    figure: Figure, axes: Axes, grid: Grid, cost: str, costs: Array, symbols: list[str], limit: int | None
) -> None:
    down, along = (grid.sizes[name] for name in symbols)
    rows, columns = _thinned(len(down)), _thinned(len(along))
    x, y, z = along[columns], down[rows], costs[np.ix_(rows, columns)].astype(float)
    levels = _steps(float(z.min()), float(z.max()), UNITS[cost])
    colors: Any = {"cmap": "viridis_r", "levels": levels, "extend": "neither"}
    areas = axes.contourf(x, y, z, norm="log" if levels[0] > 0 else "linear", **colors)
    bar = figure.colorbar(areas, ax=axes, ticks=levels)
    bar.ax.yaxis.set_major_formatter(lambda number, _: format_quantity(number, UNITS[cost]))
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    if limit is not None and z.min() < limit < z.max():
        line = axes.contour(x, y, z, levels=[limit], colors=_LIMIT, linewidths=2)
        labels = axes.clabel(line, fmt=lambda _: format_quantity(limit, UNITS[cost]), fontsize=9)
        for label in labels:
            label.set(fontweight="bold", backgroundcolor="white")
    elif limit is not None:
        all_fit = "all of it fits" if z.max() <= limit else "none of it fits"
        axes.set_title(f"{all_fit} in {format_quantity(limit, UNITS[cost])}", color=_LIMIT, fontsize=9)
    _name_sizes(axes.xaxis, symbols[1], along)
    _name_sizes(axes.yaxis, symbols[0], down)


def _thinned(count: int) -> Array:
    """Return the indices of at most as many points as can be seen, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, _POINTS)).round().astype(int))


def _name_sizes(axis: Any, symbol: str, sizes: Array) -> None:
    """Put sizes that grow by a factor in equal steps, and a tick at each size if they are few."""
    axis.set_label_text(symbol)
    ratios = sizes[1:] / sizes[:-1]
    if len(sizes) > 2 and np.allclose(ratios, ratios[0]) and ratios[0] > 1:
        axis._set_axes_scale("log", base=2)
        axis.set_major_formatter(lambda number, _: f"{number:g}")
        axis.set_minor_locator(_no_ticks())
    if len(sizes) <= 10:
        axis.set_ticks(sizes, [str(size) for size in sizes])
    axis.set_tick_params(color=INK)


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _ticks(most: float, unit: str) -> list[float]:
    """Return about five round numbers up to ``most``, round in the prefix that the unit has there."""
    base = 1024 if unit == "B" else 1000
    scale = base ** max(int(math.log(most, base)), 0) if most >= 1 else 1
    step = next(
        size * 10**power for power in range(-2, 5) for size in (1, 2, 5) if most / scale / (size * 10**power) <= 6
    )
    return [count * step * scale for count in range(int(most / scale / step) + 1)]


def _steps(least: float, most: float, unit: str) -> list[float]:
    """Return the bounds of a map's steps: round numbers that grow by a factor if the costs span several, else equal parts."""
    if least <= 0 or most / least < 4:
        return [*np.linspace(least, most if most > least else least + 1, _LEVELS)]
    if unit == "B":
        first, last = math.floor(math.log2(least)), math.ceil(math.log2(most))
        stride = -(-(last - first) // _LEVELS)
        return [2.0**power for power in range(first, last + stride, stride)]
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    within = next((parts for parts in ((1, 2, 5), (1, 3)) if len(parts) * (last - first) <= 2 * _LEVELS), (1,))
    found = [part * 10.0**power for power in range(first, last + 1) for part in within]
    below, above = (max(n for n in found if n <= least), min(n for n in found if n >= most))
    return [number for number in found if below <= number <= above]

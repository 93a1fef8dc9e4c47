"""Draw pictures of runs with matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fxviz.exporters.figures.figure import FAINT, figure_bytes, new_figure
from fxviz.training.plots.picture import RAMP

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fxviz.training.plots.picture import Panel, Picture

__all__ = ["Draw", "color_norm", "draw_by_matplotlib", "figure_of", "style_heat", "style_lines"]

Draw: TypeAlias = Callable[["Axes", "Panel", "Picture"], None]


def draw_by_matplotlib(picture: Picture, format: str) -> bytes:
    """Return the picture as a file of this format."""
    return figure_of(picture, format, _draw_lines, _draw_heat)


def figure_of(picture: Picture, format: str, lines: Draw, heat: Draw) -> bytes:
    """Return a figure as a file of this format; ``lines`` or ``heat`` draws each panel."""
    width = max(8.0, 4.6 * len(picture.panels))
    with new_figure(width, min(4.2 + 0.11 * picture.rows, 14)) as figure:
        grid = figure.subplots(1, len(picture.panels), sharey=not picture.crowded, squeeze=False)
        for axes, panel in zip(grid[0], picture.panels, strict=True):
            (heat if picture.crowded else lines)(axes, panel, picture)
            axes.set_xlabel("step")
            if len(picture.panels) > 1:
                axes.set_title(panel.title, fontsize=9, style="italic")
        figure.suptitle(picture.title, fontweight="bold")
        return figure_bytes(figure, format)


def style_lines(axes: Axes, panel: Panel, picture: Picture) -> None:
    """Style the axes of lines."""
    if picture.log:
        axes.set_yscale("log", nonpositive="mask")
    axes.yaxis.set_major_formatter(lambda value, _: picture.readable(value))
    axes.set_ylabel(picture.axis)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len(panel.lines) > 1:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    elif (legend := axes.get_legend()) is not None:
        legend.remove()


def _draw_lines(axes: Axes, panel: Panel, picture: Picture) -> None:
    for line, color in panel.colored():
        marker = "o" if len(line.steps) < 30 else ""
        axes.plot(line.steps, line.values, color=color, linewidth=1.4, marker=marker, markersize=3, label=line.name)
        if line.low:
            axes.fill_between(line.steps, line.low, line.high, color=color, alpha=0.18, linewidth=0)
    style_lines(axes, panel, picture)


def _draw_heat(axes: Axes, panel: Panel, picture: Picture) -> None:
    steps, values = panel.grid()
    seen = np.ma.masked_invalid(np.ma.masked_less_equal(values, 0) if picture.log else values)
    edges = [*steps, steps[-1] + max(1, steps[-1] - steps[-2] if len(steps) > 1 else 1)]
    rows = np.arange(len(values) + 1)
    mesh = axes.pcolormesh(edges, rows, seen, cmap=RAMP, norm=color_norm(picture), rasterized=True)
    axes.set_yticks(np.arange(len(values)) + 0.5, [line.name for line in panel.lines], fontsize=7)
    style_heat(axes)
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.01, format=lambda value, _: picture.readable(value))
    bar.set_label(picture.label)
    bar.outline.set_visible(False)


def color_norm(picture: Picture) -> Any:
    """Return the scale of colours, which is the same in all panels."""
    from matplotlib.colors import LogNorm, Normalize

    return (LogNorm if picture.log else Normalize)(*(picture.limits or (1, 1)))


def style_heat(axes: Axes) -> None:
    """Style the axes of a heat map."""
    axes.set_facecolor("#f1f5f9")  # where nothing was seen, or a zero that a logarithm cannot show
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)

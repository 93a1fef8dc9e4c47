"""Draw pictures of runs with seaborn, on matplotlib's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fxviz.errors import MissingDependency
from fxviz.training.plots.matplotlib import color_norm, figure_of, style_heat, style_lines
from fxviz.training.plots.picture import RAMP

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fxviz.training.plots.picture import Panel, Picture

__all__ = ["draw_by_seaborn"]


def draw_by_seaborn(picture: Picture, format: str) -> bytes:
    """Return the picture as a file of this format."""
    try:
        import seaborn  # noqa: F401 -- so that a missing library is reported before anything is drawn
    except ImportError as error:
        raise MissingDependency("drawing with seaborn needs it: pip install 'fxviz[training]'") from error
    return figure_of(picture, format, _draw_lines, _draw_heat)


def _draw_lines(axes: Axes, panel: Panel, picture: Picture) -> None:
    import seaborn

    names = [line.name for line in panel.lines for _ in line.steps]
    steps = [step for line in panel.lines for step in line.steps]
    values = [value for line in panel.lines for value in line.values]
    colors = {line.name: color for line, color in panel.colored()}
    seaborn.lineplot(x=steps, y=values, hue=names, palette=colors, errorbar=None, estimator=None, ax=axes)
    for line in panel.lines:
        if line.low:
            axes.fill_between(line.steps, line.low, line.high, color=colors[line.name], alpha=0.18, linewidth=0)
    style_lines(axes, panel, picture)


def _draw_heat(axes: Axes, panel: Panel, picture: Picture) -> None:
    import seaborn
    from matplotlib.ticker import MaxNLocator

    steps, values = panel.grid()
    hidden = ~np.isfinite(values) | ((values <= 0) if picture.log else False)
    names = [line.name for line in panel.lines]
    seaborn.heatmap(
        values,
        mask=hidden,
        cmap=RAMP,
        norm=color_norm(picture),
        cbar_kws={"label": picture.label, "pad": 0.01, "format": lambda value, _: picture.readable(value)},
        xticklabels=False,
        yticklabels=names,
        rasterized=True,
        ax=axes,
    )
    shown = [
        int(position)
        for position in MaxNLocator(8, integer=True).tick_values(0, len(steps) - 1)
        if 0 <= position < len(steps)
    ]
    axes.set_xticks([position + 0.5 for position in shown], [str(steps[position]) for position in shown], rotation=0)
    axes.tick_params(axis="y", labelsize=7, rotation=0)
    style_heat(axes)
    axes.invert_yaxis()  # seaborn has done so already

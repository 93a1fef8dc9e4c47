"""Pictures of a run: a metric over the steps, drawn by matplotlib, seaborn or plotly from one tidy table.

What is drawn is decided once, as `Panel` s, for all three: a scalar is a line a run, with what lay between samples as a
band; a metric of layers is a panel a run, with a line a layer, or a heat map with a row a layer where there are many.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fxviz.errors import InputError, MissingDependency
from fxviz.exporters.figures.figure import FAINT, INK, PLOTS, figure_bytes, format_of, new_figure
from fxviz.files import write_file
from fxviz.text.escaping import one_line
from fxviz.text.quantity import format_quantity
from fxviz.training.schema import LAYER_METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fxviz.training.run import Backend, Row, Run

__all__ = ["default_backend", "plot_metric"]

_PAGES = (".html",)
_MOST_LINES = 10  # that one can tell apart by colour; more layers are a heat map
_MOST_POINTS = 2_000  # along a line: more than a screen has columns
_MOST_COLUMNS = 400  # of a heat map
_MOST_PANELS = 6
_LOG_FROM = 20.0  # a metric that spans such a factor is drawn on a logarithmic axis
_COLORS = (  # Okabe and Ito, which stay apart for most colour-blind readers, and three greys and blues
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#b4578c",
    "#b8860b",
    "#3a9bd1",
    "#6f5bb5",
    "#8c6d46",
    "#64748b",
    "#0f766e",
)
_RAMP = "viridis"
_LABELS: Mapping[str, str] = {
    **LAYER_METRICS,
    "step_time": "time of a step",
    "memory_rss": "main memory of the process",
    "memory_cuda": "memory allocated on the GPU",
    "memory_cuda_peak": "most memory ever allocated on the GPU",
    "learning_rate": "learning rate",
}
_UNITS = {"step_time": "s", "memory_rss": "B", "memory_cuda": "B", "memory_cuda_peak": "B"}


@dataclass(frozen=True)
class Line:
    """The values of one layer or run; ``low`` and ``high`` are there where more than one value lay between samples."""

    name: str
    steps: Sequence[int]
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """Lines on the same axes."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Picture:
    """All that is drawn: panels side by side, on axes that mean the same."""

    title: str
    label: str
    unit: str
    panels: tuple[Panel, ...]
    log: bool
    limits: tuple[float, float] | None  # the least and the largest value that can be shown

    @property
    def crowded(self) -> bool:
        """Whether there are more lines than one can tell apart, so that a heat map is drawn."""
        return any(len(panel.lines) > _MOST_LINES for panel in self.panels)

    @property
    def rows(self) -> int:
        """The rows of the heat map; 0 for lines."""
        return max(len(panel.lines) for panel in self.panels) if self.crowded else 0

    @property
    def axis(self) -> str:
        """What the axis of values is called."""
        ranged = any(line.low for panel in self.panels for line in panel.lines)
        return f"{self.label}, mean and range" if ranged else self.label

    def readable(self, value: float) -> str:
        """A number for an axis."""
        return format_quantity(value, self.unit) if self.unit else f"{value:g}"


def default_backend(path: str | Path) -> Backend:
    """The backend that writes files of this suffix: plotly for a page, else matplotlib."""
    return "plotly" if Path(path).suffix.lower() in _PAGES else "matplotlib"


def plot_metric(runs: Sequence[Run], metric: str, path: str | Path, *, backend: Backend | None = None) -> None:
    """Draw ``metric`` over the steps of some runs to ``path``.

    Args:
        runs: what to draw; a metric of layers has a panel for each.
        metric: one of `Run.metrics`.
        path: the file, written whole or not at all: SVG, PNG or PDF by matplotlib and seaborn; by plotly one HTML page
            that needs no network.
        backend: the library that draws; plotly for a page and matplotlib for all else, where it is not said.

    Raises:
        InputError: there is no such metric or backend, or the suffix is none of the backend's.
        MissingDependency: the library is not installed.
    """
    backends: Mapping[str, tuple[Sequence[str], Callable[[Picture, str], str | bytes]]] = {
        "matplotlib": (PLOTS, _by_matplotlib),
        "seaborn": (PLOTS, _by_seaborn),
        "plotly": (_PAGES, _by_plotly),
    }
    backend = default_backend(path) if backend is None else backend
    if backend not in backends:
        raise InputError(f"no backend {backend!r}; there are {', '.join(backends)}")
    suffixes, draw = backends[backend]
    format = format_of(path, suffixes)
    for run in runs:
        run.check(metric)
    if len(runs) > _MOST_PANELS and any(metric not in run.scalars for run in runs):
        raise InputError(f"a metric of layers is drawn for up to {_MOST_PANELS} runs, and {len(runs)} were given")
    write_file(path, draw(_picture(runs, metric), format))


# What is drawn --------------------------------------------------------------------------------------------------------


def _picture(runs: Sequence[Run], metric: str) -> Picture:
    scalar = all(metric in run.scalars for run in runs)
    lines = [_lines(run, metric) for run in runs]
    panels = (
        (Panel("", tuple(line for each in lines for line in each)),)
        if scalar
        else tuple(Panel(_legible(run.name), tuple(each)) for run, each in zip(runs, lines, strict=True))
    )
    values = np.array([value for panel in panels for line in panel.lines for value in line.values])
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    log = not (finite < 0).any() and len(positive) > 1 and bool(positive.max() > _LOG_FROM * positive.min())
    shown = positive if log else finite
    limits = (float(shown.min()), float(shown.max())) if len(shown) else None
    what = _legible(runs[0].name if len(runs) == 1 else f"{len(runs)} runs")
    label = _LABELS.get(metric, _legible(metric))
    return Picture(f"{label[:1].upper()}{label[1:]} · {what}", label, _UNITS.get(metric, ""), panels, log, limits)


def _lines(run: Run, metric: str) -> list[Line]:
    by_metric = {name: list(rows) for name, rows in groupby(run.table(metric), key=lambda row: row.metric)}
    if metric in run.scalars:
        name = _legible(run.name)
        return [_line(name, by_metric[metric], by_metric.get(f"{metric}/low"), by_metric.get(f"{metric}/high"))]
    layers = groupby(by_metric.get(metric, []), key=lambda row: row.layer)
    return [_line(_legible(layer), list(rows)) for layer, rows in layers]


def _line(name: str, rows: list[Row], low: list[Row] | None = None, high: list[Row] | None = None) -> Line:
    kept = _thinned(len(rows), _MOST_POINTS)
    return Line(
        name,
        [rows[place].step for place in kept],
        [rows[place].value for place in kept],
        [low[place].value for place in kept] if low else (),
        [high[place].value for place in kept] if high else (),
    )


def _thinned(count: int, most: int) -> list[int]:
    """At most so many places, evenly spread, the first and the last among them."""
    return list(range(count)) if count <= most else np.linspace(0, count - 1, most).astype(int).tolist()


def _grid(panel: Panel) -> tuple[list[int], np.ndarray[Any, np.dtype[np.float64]]]:
    """Steps, and a row of values a layer; NaN where a layer was not seen at a step."""
    steps = sorted({step for line in panel.lines for step in line.steps})
    steps = [steps[place] for place in _thinned(len(steps), _MOST_COLUMNS)]
    rows = [dict(zip(line.steps, line.values, strict=True)) for line in panel.lines]
    return steps, np.array([[row.get(step, np.nan) for step in steps] for row in rows])


def _legible(text: str) -> str:
    return one_line(text) or "(no name)"


# matplotlib and seaborn -----------------------------------------------------------------------------------------------

_Draw = Callable[["Axes", "Panel", "Picture"], None]


def _by_matplotlib(picture: Picture, format: str) -> bytes:
    return _figure(picture, format, _matplotlib_lines, _matplotlib_heat)


def _by_seaborn(picture: Picture, format: str) -> bytes:
    try:
        import seaborn  # noqa: F401 -- so that a missing one is told of before anything is drawn
    except ImportError as error:
        raise MissingDependency("drawing with seaborn needs it: pip install 'fxviz[training]'") from error
    return _figure(picture, format, _seaborn_lines, _seaborn_heat)


def _figure(picture: Picture, format: str, lines: _Draw, heat: _Draw) -> bytes:
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


def _style_lines(axes: Axes, panel: Panel, picture: Picture) -> None:
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


def _matplotlib_lines(axes: Axes, panel: Panel, picture: Picture) -> None:
    for line, color in zip(panel.lines, _COLORS * (1 + len(panel.lines) // len(_COLORS)), strict=False):
        marker = "o" if len(line.steps) < 30 else ""
        axes.plot(line.steps, line.values, color=color, linewidth=1.4, marker=marker, markersize=3, label=line.name)
        if line.low:
            axes.fill_between(line.steps, line.low, line.high, color=color, alpha=0.18, linewidth=0)
    _style_lines(axes, panel, picture)


def _matplotlib_heat(axes: Axes, panel: Panel, picture: Picture) -> None:
    steps, values = _grid(panel)
    seen = np.ma.masked_invalid(np.ma.masked_less_equal(values, 0) if picture.log else values)
    edges = [*steps, steps[-1] + max(1, steps[-1] - steps[-2] if len(steps) > 1 else 1)]
    rows = np.arange(len(values) + 1)
    mesh = axes.pcolormesh(edges, rows, seen, cmap=_RAMP, norm=_norm(picture), rasterized=True)
    axes.set_yticks(np.arange(len(values)) + 0.5, [line.name for line in panel.lines], fontsize=7)
    _style_heat(axes)
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.01, format=lambda value, _: picture.readable(value))
    bar.set_label(picture.label)
    bar.outline.set_visible(False)


def _norm(picture: Picture) -> Any:
    """Colours mean the same in all panels."""
    from matplotlib.colors import LogNorm, Normalize

    return (LogNorm if picture.log else Normalize)(*(picture.limits or (1, 1)))


def _style_heat(axes: Axes) -> None:
    axes.set_facecolor("#f1f5f9")  # where nothing was seen, or a zero that a logarithm cannot show
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _seaborn_lines(axes: Axes, panel: Panel, picture: Picture) -> None:
    import seaborn

    names = [line.name for line in panel.lines for _ in line.steps]
    steps = [step for line in panel.lines for step in line.steps]
    values = [value for line in panel.lines for value in line.values]
    colors = dict(zip(dict.fromkeys(names), _COLORS * (1 + len(panel.lines) // len(_COLORS)), strict=False))
    seaborn.lineplot(x=steps, y=values, hue=names, palette=colors, errorbar=None, estimator=None, ax=axes)
    for line in panel.lines:
        if line.low:
            axes.fill_between(line.steps, line.low, line.high, color=colors[line.name], alpha=0.18, linewidth=0)
    _style_lines(axes, panel, picture)


def _seaborn_heat(axes: Axes, panel: Panel, picture: Picture) -> None:
    import seaborn
    from matplotlib.ticker import MaxNLocator

    steps, values = _grid(panel)
    hidden = ~np.isfinite(values) | ((values <= 0) if picture.log else False)
    names = [line.name for line in panel.lines]
    seaborn.heatmap(
        values,
        mask=hidden,
        cmap=_RAMP,
        norm=_norm(picture),
        cbar_kws={"label": picture.label, "pad": 0.01, "format": lambda value, _: picture.readable(value)},
        xticklabels=False,
        yticklabels=names,
        rasterized=True,
        ax=axes,
    )
    shown = [
        int(place) for place in MaxNLocator(8, integer=True).tick_values(0, len(steps) - 1) if 0 <= place < len(steps)
    ]
    axes.set_xticks([place + 0.5 for place in shown], [str(steps[place]) for place in shown], rotation=0)
    axes.tick_params(axis="y", labelsize=7, rotation=0)
    _style_heat(axes)
    axes.invert_yaxis()  # seaborn has done so already


# plotly ---------------------------------------------------------------------------------------------------------------


def _by_plotly(picture: Picture, format: str) -> str:
    try:
        from plotly.subplots import make_subplots
    except ImportError as error:
        raise MissingDependency("an interactive page needs plotly: pip install 'fxviz[training]'") from error
    titles = [_escaped(panel.title) for panel in picture.panels] if len(picture.panels) > 1 else None
    figure = make_subplots(1, len(picture.panels), shared_yaxes=not picture.crowded, subplot_titles=titles)
    for column, panel in enumerate(picture.panels, 1):
        for trace in _heat_traces(panel, picture) if picture.crowded else _line_traces(panel, column == 1):
            figure.add_trace(trace, row=1, col=column)
    figure.update_layout(
        title=_escaped(picture.title),
        template="simple_white",
        font={"family": "system-ui, sans-serif", "color": INK},
        hovermode="closest" if picture.crowded else "x unified",
        height=max(460, 18 * picture.rows + 160) if picture.crowded else None,
    )
    figure.update_xaxes(title_text="step")
    if picture.crowded:
        figure.update_yaxes(autorange="reversed", type="category")
    else:
        figure.update_yaxes(type="log" if picture.log else "linear", gridcolor=FAINT, showgrid=True)
        figure.update_yaxes(title_text=_escaped(picture.axis), col=1)
    page: str = figure.to_html(
        include_plotlyjs=True,  # all 5 MB of it: the page needs no network
        full_html=True,
        default_height="96vh",
        div_id="fxviz",  # else a random one
        config={"displaylogo": False},
    )
    return page


def _line_traces(panel: Panel, first: bool) -> list[Any]:
    from plotly.graph_objects import Scatter

    traces = []
    for line, color in zip(panel.lines, _COLORS * (1 + len(panel.lines) // len(_COLORS)), strict=False):
        name = _escaped(line.name)
        if line.low:
            around = {"hoverinfo": "skip", "showlegend": False, "legendgroup": name, "line": {"width": 0}}
            traces.append(Scatter(x=line.steps, y=line.high, **around))
            traces.append(Scatter(x=line.steps, y=line.low, fill="tonexty", fillcolor=f"{color}2e", **around))
        shown = {"name": name, "legendgroup": name, "showlegend": first and len(panel.lines) > 1}
        traces.append(Scatter(x=line.steps, y=line.values, mode="lines", line={"color": color}, **shown))
    return traces


def _heat_traces(panel: Panel, picture: Picture) -> list[Any]:
    from plotly.graph_objects import Heatmap

    steps, values = _grid(panel)
    shown = np.full(values.shape, np.nan)
    np.log10(values, out=shown, where=values > 0) if picture.log else np.copyto(shown, values)
    label = _escaped(picture.label)
    hover = f"step %{{x}}<br>%{{y}}<br>{label} %{{customdata:.3g}}<extra></extra>"
    low, high = picture.limits or (1.0, 1.0)
    return [
        Heatmap(
            x=steps,
            y=[_escaped(line.name) for line in panel.lines],
            z=shown,
            zmin=np.log10(low) if picture.log else low,
            zmax=np.log10(high) if picture.log else high,
            customdata=values,
            colorscale=_RAMP,
            colorbar={"title": {"text": f"log10 of {label}" if picture.log else label, "side": "right"}},
            showscale=panel is picture.panels[-1],
            hovertemplate=hover,
        )
    ]


def _escaped(text: str) -> str:
    """Plotly reads texts as a little HTML."""
    return html.escape(text, quote=False)

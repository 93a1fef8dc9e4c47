"""Draw pictures of runs with plotly, as one interactive HTML page."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

from fxviz.errors import MissingDependency
from fxviz.exporters.figures.figure import FAINT, INK
from fxviz.training.plots.picture import RAMP

if TYPE_CHECKING:
    from fxviz.training.plots.picture import Panel, Picture

__all__ = ["draw_by_plotly"]


def draw_by_plotly(picture: Picture, format: str) -> str:
    """Return the picture as an HTML page, the only ``format`` of plotly."""
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
    for line, color in panel.colored():
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

    steps, values = panel.grid()
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
            colorscale=RAMP,
            colorbar={"title": {"text": f"log10 of {label}" if picture.log else label, "side": "right"}},
            showscale=panel is picture.panels[-1],
            hovertemplate=hover,
        )
    ]


def _escaped(text: str) -> str:
    """Escape a text, in which plotly interprets some HTML."""
    return html.escape(text, quote=False)

"""Decide what a picture of runs shows, once for all libraries: panels of lines, their axis and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from fxviz.text.escaping import one_line
from fxviz.text.quantity import format_quantity
from fxviz.training.schema import LAYER_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fxviz.training.history import History
    from fxviz.training.table import Row

__all__ = ["RAMP", "Line", "Panel", "Picture", "picture_of"]

RAMP = "viridis"
"""The colours of heat maps, by the name that all libraries know."""

_MOST_LINES = 10  # that one can tell apart by colour; more layers are a heat map
_MOST_POINTS = 2_000  # along a line: more than a screen has columns
_MOST_COLUMNS = 400  # of a heat map
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
    """The values of one layer or run; ``low`` and ``high`` are empty if one value lies between samples."""

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

    def colored(self) -> Iterator[tuple[Line, str]]:
        """Yield each line with its colour."""
        return zip(self.lines, _COLORS * (1 + len(self.lines) // len(_COLORS)), strict=False)

    def grid(self) -> tuple[list[int], np.ndarray[Any, np.dtype[np.float64]]]:
        """Return the steps and a row of values for each line; NaN where a line has no value at a step."""
        steps = sorted({step for line in self.lines for step in line.steps})
        steps = [steps[position] for position in _thinned(len(steps), _MOST_COLUMNS)]
        rows = [dict(zip(line.steps, line.values, strict=True)) for line in self.lines]
        return steps, np.array([[row.get(step, np.nan) for step in steps] for row in rows])


@dataclass(frozen=True)
class Picture:
    """All that is drawn: panels side by side, with one scale."""

    title: str
    label: str
    unit: str
    panels: tuple[Panel, ...]
    log: bool
    limits: tuple[float, float] | None  # the least and the largest value that can be shown

    @property
    def crowded(self) -> bool:
        """Whether there are more lines than colours can tell apart, so that a heat map is drawn."""
        return any(len(panel.lines) > _MOST_LINES for panel in self.panels)

    @property
    def rows(self) -> int:
        """The number of rows of the heat map; 0 for lines."""
        return max(len(panel.lines) for panel in self.panels) if self.crowded else 0

    @property
    def axis(self) -> str:
        """The title of the axis of values."""
        ranged = any(line.low for panel in self.panels for line in panel.lines)
        return f"{self.label}, mean and range" if ranged else self.label

    def readable(self, value: float) -> str:
        """Format a number for an axis."""
        return format_quantity(value, self.unit) if self.unit else f"{value:g}"


def picture_of(runs: Sequence[History], metric: str) -> Picture:
    """Return the picture of a metric that all of ``runs`` recorded."""
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


def _lines(run: History, metric: str) -> list[Line]:
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
        [rows[position].step for position in kept],
        [rows[position].value for position in kept],
        [low[position].value for position in kept] if low else (),
        [high[position].value for position in kept] if high else (),
    )


def _thinned(count: int, most: int) -> list[int]:
    """Return at most ``most`` evenly spread positions, the first and the last among them."""
    return list(range(count)) if count <= most else np.linspace(0, count - 1, most).astype(int).tolist()


def _legible(text: str) -> str:
    return one_line(text) or "(no name)"

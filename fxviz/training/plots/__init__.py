"""Draw a metric of runs over the steps, by matplotlib, seaborn or plotly.

A scalar is a line for each run, with the range between samples as a band. A metric of layers is a panel for each run,
with a line for each layer, or a heat map with a row for each layer if there are many.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from fxviz.errors import InputError
from fxviz.exporters.figures.figure import PLOTS, format_of
from fxviz.files import write_file
from fxviz.training.plots.matplotlib import draw_by_matplotlib
from fxviz.training.plots.picture import picture_of
from fxviz.training.plots.plotly import draw_by_plotly
from fxviz.training.plots.seaborn import draw_by_seaborn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fxviz.training.history import History
    from fxviz.training.plots.picture import Picture

__all__ = ["Backend", "default_backend", "plot_metric"]

Backend: TypeAlias = Literal["matplotlib", "seaborn", "plotly"]

_PAGES = (".html",)
_MOST_PANELS = 6


class _Drawer(NamedTuple):
    suffixes: Sequence[str]
    draw: Callable[[Picture, str], str | bytes]


_BACKENDS: Mapping[str, _Drawer] = {
    "matplotlib": _Drawer(PLOTS, draw_by_matplotlib),
    "seaborn": _Drawer(PLOTS, draw_by_seaborn),
    "plotly": _Drawer(_PAGES, draw_by_plotly),
}


def default_backend(path: str | Path) -> Backend:
    """Return the backend for files of this suffix: plotly for an HTML page, else matplotlib."""
    return "plotly" if Path(path).suffix.lower() in _PAGES else "matplotlib"


def plot_metric(runs: Sequence[History], metric: str, path: str | Path, *, backend: Backend | None = None) -> None:
    """Draw ``metric`` over the steps of some runs to ``path``.

    Args:
        runs: the runs to draw; a metric of layers has a panel for each.
        metric: one of `Run.metrics`.
        path: the file, written whole or not at all: SVG, PNG or PDF by matplotlib and seaborn; by plotly one HTML page
            that works offline.
        backend: the library that draws; by default plotly for an HTML page and matplotlib for all else.

    Raises:
        InputError: the metric or the backend does not exist, or the backend does not write files of this suffix.
        MissingDependency: the library is not installed.
    """
    backend = default_backend(path) if backend is None else backend
    if backend not in _BACKENDS:
        raise InputError(f"no backend {backend!r}; there are {', '.join(_BACKENDS)}")
    suffixes, draw = _BACKENDS[backend]
    format = format_of(path, suffixes)
    for run in runs:
        run.check(metric)
    if len(runs) > _MOST_PANELS and any(metric not in run.scalars for run in runs):
        raise InputError(f"a metric of layers is drawn for up to {_MOST_PANELS} runs, and {len(runs)} were given")
    write_file(path, draw(picture_of(runs, metric), format))

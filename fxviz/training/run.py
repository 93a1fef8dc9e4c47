"""Load runs, diagnose, draw and compare them."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fxviz.errors import InputError
from fxviz.text.quantity import format_quantity
from fxviz.training.files import RunFolder, holds_run
from fxviz.training.findings import diagnose
from fxviz.training.history import History, list_names
from fxviz.training.plots import plot_metric
from fxviz.training.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fxviz.training.findings import Finding
    from fxviz.training.plots import Backend

__all__ = ["Run", "Runs", "load_run", "open_runs"]


@dataclass(frozen=True, eq=False)
class Run(History):
    """The record of a training run, which it can diagnose and draw."""

    def to_frame(self) -> Any:
        """Return `table` as a ``pandas.DataFrame``."""
        return self.table().to_frame()

    def findings(self) -> tuple[Finding, ...]:
        """Return the problems of the run in words, the worst first; none if it is healthy."""
        return diagnose(self)

    def plot(self, metric: str, path: str | Path, *, backend: Backend | None = None) -> None:
        """Draw a metric over the steps to ``path``, a line for each layer; see `fxviz.training.plots.plot_metric`."""
        plot_metric((self,), metric, path, backend=backend)

    def summary(self) -> list[str]:
        """Return the run in a few lines: the model, the progress, the first and last value of each scalar."""
        lines = list(self._summary())
        width = max(len(label) for label, _ in lines)
        return [f"{label:<{width}}  {text}".rstrip() for label, text in lines]

    def _summary(self) -> Iterator[tuple[str, str]]:
        meta = self.meta
        size = format_quantity(sum(layer.size for layer in meta.layers))
        yield "Run", f"{self.name}: {meta.model}, {len(meta.layers)} layers, {size} parameters"
        if meta.optimizers:
            yield "Optimizer", ", ".join(meta.optimizers)
        sessions = sum(event.kind == "start" for event in self.events)
        state = self.ended or "not ended: it continues, or its process was killed"
        yield "Steps", f"{self.steps}{f' in {sessions} sessions' if sessions > 1 else ''}, {state}"
        for name in self.scalars:
            yield name, self._first_and_last(name)

    def _first_and_last(self, name: str) -> str:
        series = self.scalar(name)
        first, last = (self._readable(name, float(series.values[position])) for position in (0, -1))
        return last if first == last else f"{first} → {last}"

    def _readable(self, name: str, value: float) -> str:
        unit = "B" if name.startswith("memory_") else "s" if name == "step_time" else ""
        return format_quantity(value, unit) if unit and np.isfinite(value) else f"{value:.4g}"


@dataclass(frozen=True, eq=False)
class Runs:
    """Several runs to compare: one table, and plots with a line for each run."""

    runs: tuple[Run, ...]

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, name: str) -> Run:
        found = next((run for run in self.runs if run.name == name), None)
        if found is None:
            raise InputError(f"there is no run {name!r}; there are {list_names([run.name for run in self.runs])}")
        return found

    def table(self, metric: str | None = None, layer: str | None = None) -> Table:
        """Return the tables of all runs, one after the other; a run without the metric has no rows."""
        if metric is not None:
            self._check(metric)
        having = [run for run in self.runs if metric is None or metric in run.metrics]
        return Table(tuple(row for run in having for row in run.table(metric, layer)))

    def to_frame(self) -> Any:
        """Return `table` as a ``pandas.DataFrame``."""
        return self.table().to_frame()

    def plot(self, metric: str, path: str | Path, *, backend: Backend | None = None) -> None:
        """Draw a metric of all runs that have it to ``path``; see `fxviz.training.plots.plot_metric`."""
        self._check(metric)
        plot_metric(tuple(run for run in self.runs if metric in run.metrics), metric, path, backend=backend)

    def _check(self, metric: str) -> None:
        if not any(metric in run.metrics for run in self.runs):
            there = dict.fromkeys(name for run in self.runs for name in run.metrics)
            raise InputError(f"no {metric!r} was recorded in any of the runs; there are {list_names(there)}")


def load_run(path: str | Path) -> Run:
    """Return the run in the folder ``path``, as far as it is written: it may still be training.

    Raises:
        InputError: there is no run.
        FormatError: its files are damaged, or were written by a newer version; the message names the line.
    """
    folder = RunFolder(path)
    return Run(_name(folder.path), folder.meta, folder.poll())


def open_runs(paths: str | Path | Iterable[str | Path]) -> Runs:
    """Return several runs: all that match a pattern such as ``"runs/*"``, or those in the given folders.

    A run is named by its folder, with as much of the path as makes the names distinct.
    """
    if isinstance(paths, str | Path):
        found = [Path(path) for path in sorted(glob.glob(str(paths))) if holds_run(path)]
        if not found:
            raise InputError(f"no run matches {str(paths)!r}")
    else:
        found = [Path(path) for path in paths]
        if not found:
            raise InputError("there are no runs to open")
    folders = [RunFolder(path) for path in found]
    names = _distinct([folder.path for folder in folders])
    return Runs(tuple(Run(name, folder.meta, folder.poll()) for name, folder in zip(names, folders, strict=True)))


def _name(path: Path) -> str:
    return path.resolve().name or str(path)


def _distinct(paths: list[Path]) -> list[str]:
    parts = [path.resolve().parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError("a run is listed twice")

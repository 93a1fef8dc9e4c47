"""Runs to ask: what was recorded, as series and as one tidy table, of one run or of several."""

from __future__ import annotations

import csv
import glob
import io
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from fxviz.errors import InputError, MissingDependency
from fxviz.text.escaping import escape_markdown
from fxviz.text.quantity import format_quantity
from fxviz.training.files import RunFolder, holds_run
from fxviz.training.schema import LAYER_METRICS, Entry, Event, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fxviz.training.findings import Finding
    from fxviz.training.schema import Meta

__all__ = ["Backend", "Row", "Run", "Runs", "Series", "Table", "load_run", "open_runs"]

Backend: TypeAlias = Literal["matplotlib", "seaborn", "plotly"]


class Row(NamedTuple):
    """One number: ``metric`` of ``layer`` at ``step`` of ``run``; ``layer`` is empty for what is of the whole run."""

    run: str
    step: int
    layer: str
    metric: str
    value: float


class Series(NamedTuple):
    """The numbers of one metric in the order of their steps, which increase; ``values`` has no gaps, perhaps NaN."""

    steps: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Table:
    """Rows that say all of themselves (tidy data): what plots, spreadsheets and other libraries take."""

    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_csv(self) -> str:
        """Comma-separated values (RFC 4180) with a header; numbers exactly as recorded."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(Row._fields)
        writer.writerows(self.rows)
        return file.getvalue()

    def to_markdown(self) -> str:
        """A table in GitHub's Markdown; names are escaped."""
        body = [
            [*map(escape_markdown, (row.run, row.layer, row.metric)), str(row.step), str(row.value)] for row in self
        ]
        lines = [["Run", "Layer", "Metric", "Step", "Value"], ["---", "---", "---", "---:", "---:"], *body]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def to_frame(self) -> Any:
        """The same as a ``pandas.DataFrame``; `MissingDependency` where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise MissingDependency("a frame needs pandas: pip install 'fxviz[training]'") from error
        return pandas.DataFrame(self.rows, columns=list(Row._fields))


@dataclass(frozen=True, eq=False)
class Run:
    """What was recorded of a training run, as far as it was written when it was read. Immutable.

    Where a resumed session did steps again, only what it recorded of them counts.
    """

    name: str
    meta: Meta
    entries: tuple[Entry, ...] = field(repr=False)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """The samples that count, by increasing step."""
        found: list[Sample] = []
        for entry in self.entries:
            if isinstance(entry, Event) and entry.kind == "start":
                while found and found[-1].step > entry.step:
                    found.pop()
            elif isinstance(entry, Sample):
                if found and found[-1].step == entry.step:  # what was logged after the last step was written
                    found[-1] = replace(found[-1], scalars={**found[-1].scalars, **entry.scalars})
                elif not found or entry.step > found[-1].step:
                    found.append(entry)
        return tuple(found)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What happened once, in the order of the log."""
        return tuple(entry for entry in self.entries if isinstance(entry, Event))

    @property
    def steps(self) -> int:
        """How many steps were done, as far as the log tells."""
        sampled = self.samples[-1].step if self.samples else 0
        return max(sampled, self.events[-1].step) if self.ended else sampled

    @property
    def ended(self) -> str:
        """How the last session ended, such as ``finished``; empty while it goes on, or where its process was killed."""
        last = next((event for event in reversed(self.events) if event.kind in ("start", "end")), None)
        return last.detail if last is not None and last.kind == "end" else ""

    @cached_property
    def scalars(self) -> tuple[str, ...]:
        """The names of what was recorded of the whole run, in the order of their first appearance."""
        return tuple(dict.fromkeys(name for sample in self.samples for name in sample.scalars))

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The names of all that can be asked for: scalars, then metrics of layers."""
        of_layers = {metric for sample in self.samples for metric in sample.layers}
        known = [metric for metric in LAYER_METRICS if metric in of_layers]
        return tuple(dict.fromkeys((*self.scalars, *known, *sorted(of_layers))))

    def scalar(self, name: str, part: Literal["mean", "low", "high"] = "mean") -> Series:
        """A scalar over the steps: the mean of the steps since the sample before, or their least or largest value.

        Where any of those steps had a NaN or an infinity and none a finite number, the value is NaN.
        """
        if name not in self.scalars:
            raise InputError(f"no scalar {name!r} was recorded in {self.name}; there are {_names(self.scalars)}")
        pairs = [(each.step, getattr(each.scalars[name], part)) for each in self.samples if name in each.scalars]
        return _series(pairs)

    def layer_metric(self, metric: str) -> Mapping[str, Series]:
        """A metric of each layer that has it, by the layers' names, in the order of the model."""
        found: dict[str, list[tuple[int, float]]] = {layer.name: [] for layer in self.meta.layers}
        for sample in self.samples:
            values = sample.layers.get(metric, ())
            for layer, value in zip(self.meta.layers, values, strict=False):
                if value is not None:
                    found[layer.name].append((sample.step, value))
        return {name: _series(pairs) for name, pairs in found.items() if pairs}

    def gradients(self, layer: str) -> Mapping[int, tuple[int, ...]]:
        """The histogram of a layer's gradient over `DECADES`, by step: counts of elements, drawn evenly where many."""
        names = [each.name for each in self.meta.layers]
        if layer not in names:
            raise InputError(f"there is no layer {layer!r} in {self.name}; there are {_names(names)}")
        place = names.index(layer)
        return {
            sample.step: bins
            for sample in self.samples
            if sample.gradients and (bins := sample.gradients[place]) is not None
        }

    def table(self, metric: str | None = None, layer: str | None = None) -> Table:
        """All that was recorded, or one metric, or one layer, as tidy rows by metric, layer and step.

        A scalar that was logged more than once between samples has two more metrics, ``NAME/low`` and ``NAME/high``.
        """
        if metric is not None:
            self.check(metric)
        return Table(tuple(self._rows(metric, layer)))

    def check(self, metric: str) -> None:
        """Raise an `InputError` that names what there is, if ``metric`` was not recorded."""
        if metric not in self.metrics:
            raise InputError(f"no {metric!r} was recorded in {self.name}; there are {_names(self.metrics)}")

    def _rows(self, metric: str | None, layer: str | None) -> Iterator[Row]:
        for name in self.metrics if metric is None else (metric,):
            if name in self.scalars:
                yield from self._scalar_rows(name) if not layer else ()
                continue
            for place, series in self.layer_metric(name).items():
                if layer is None or layer == place:
                    for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                        yield Row(self.name, step, place, name, value)

    def _scalar_rows(self, name: str) -> Iterator[Row]:
        found = [(sample.step, sample.scalars[name]) for sample in self.samples if name in sample.scalars]
        yield from (Row(self.name, step, "", name, summary.mean) for step, summary in found)
        if any(summary.count > 1 for _, summary in found):
            yield from (Row(self.name, step, "", f"{name}/low", summary.low) for step, summary in found)
            yield from (Row(self.name, step, "", f"{name}/high", summary.high) for step, summary in found)

    def to_frame(self) -> Any:
        """`table` as a ``pandas.DataFrame``."""
        return self.table().to_frame()

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the run, in words, the worst first; nothing where it is healthy."""
        from fxviz.training.findings import diagnose

        return diagnose(self)

    def plot(self, metric: str, path: str | Path, *, backend: Backend | None = None) -> None:
        """Draw a metric over the steps to ``path``, a line a layer; see `fxviz.training.plots.plot_metric`."""
        from fxviz.training.plots import plot_metric

        plot_metric((self,), metric, path, backend=backend)

    def summary(self) -> list[str]:
        """The run in a few lines: what is trained, how far it is, the last value of each scalar."""
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
        state = self.ended or "not ended: it goes on, or its process was killed"
        yield "Steps", f"{self.steps}{f' in {sessions} sessions' if sessions > 1 else ''}, {state}"
        for name in self.scalars:
            yield name, self._told(name)

    def _told(self, name: str) -> str:
        series = self.scalar(name)
        first, last = (self._readable(name, float(series.values[place])) for place in (0, -1))
        return last if first == last else f"{first} → {last}"

    def _readable(self, name: str, value: float) -> str:
        unit = "B" if name.startswith("memory_") else "s" if name == "step_time" else ""
        return format_quantity(value, unit) if unit and np.isfinite(value) else f"{value:.4g}"


@dataclass(frozen=True, eq=False)
class Runs:
    """Several runs to compare: one table, and plots with a line a run."""

    runs: tuple[Run, ...]

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, name: str) -> Run:
        found = next((run for run in self.runs if run.name == name), None)
        if found is None:
            raise InputError(f"there is no run {name!r}; there are {_names([run.name for run in self.runs])}")
        return found

    def table(self, metric: str | None = None, layer: str | None = None) -> Table:
        """The tables of all runs, one after the other; a run without the metric has no rows."""
        if metric is not None:
            self._check(metric)
        having = [run for run in self.runs if metric is None or metric in run.metrics]
        return Table(tuple(row for run in having for row in run.table(metric, layer)))

    def to_frame(self) -> Any:
        """`table` as a ``pandas.DataFrame``."""
        return self.table().to_frame()

    def plot(self, metric: str, path: str | Path, *, backend: Backend | None = None) -> None:
        """Draw a metric of all runs that have it to ``path``; see `fxviz.training.plots.plot_metric`."""
        from fxviz.training.plots import plot_metric

        self._check(metric)
        plot_metric(tuple(run for run in self.runs if metric in run.metrics), metric, path, backend=backend)

    def _check(self, metric: str) -> None:
        if not any(metric in run.metrics for run in self.runs):
            there = dict.fromkeys(name for run in self.runs for name in run.metrics)
            raise InputError(f"no {metric!r} was recorded in any of the runs; there are {_names(there)}")


def load_run(path: str | Path) -> Run:
    """The run in the folder ``path``, as far as it is written: it may still be training.

    Raises:
        InputError: there is no run.
        FormatError: its files are damaged, or of a newer version; the message names the line.
    """
    folder = RunFolder(path)
    return Run(_name(folder.path), folder.meta, folder.poll())


def open_runs(paths: str | Path | Iterable[str | Path]) -> Runs:
    """Several runs: a pattern such as ``"runs/*"``, of which all folders with a run are taken, or the folders themselves.

    They are named by their folders, with as much of the path as tells them apart.
    """
    if isinstance(paths, str | Path):
        found = [Path(path) for path in sorted(glob.glob(str(paths))) if holds_run(path)]
        if not found:
            raise InputError(f"no run matches {str(paths)!r}")
    else:
        found = [Path(path) for path in paths]
        if not found:
            raise InputError("no runs were given")
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
    raise InputError("the same run was given twice")


def _series(pairs: list[tuple[int, float]]) -> Series:
    return Series(
        np.array([step for step, _ in pairs], dtype=np.int64), np.array([value for _, value in pairs], dtype=np.float64)
    )


def _names(names: Iterable[str], most: int = 12) -> str:
    given = list(names)
    rest = f" and {len(given) - most} more" if len(given) > most else ""
    return (", ".join(given[:most]) + rest) or "none"

"""The record of a training run as data: samples, events, and series over the steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from fxviz.errors import InputError
from fxviz.training.schema import LAYER_METRICS, Entry, Event, Sample
from fxviz.training.table import Row, Series, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fxviz.training.schema import Meta

__all__ = ["History", "list_names"]


@dataclass(frozen=True, eq=False)
class History:
    """The record of a training run, as far as it was written when it was read. Immutable.

    If a resumed session repeated steps, only its own record of them counts.
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
                if found and found[-1].step == entry.step:  # scalars that were logged after the last step was written
                    found[-1] = replace(found[-1], scalars={**found[-1].scalars, **entry.scalars})
                elif not found or entry.step > found[-1].step:
                    found.append(entry)
        return tuple(found)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The events, in the order of the log."""
        return tuple(entry for entry in self.entries if isinstance(entry, Event))

    @property
    def steps(self) -> int:
        """The number of steps done, as far as the log says."""
        sampled = self.samples[-1].step if self.samples else 0
        return max(sampled, self.events[-1].step) if self.ended else sampled

    @property
    def ended(self) -> str:
        """How the last session ended, such as ``finished``; empty while it continues, or if its process was killed."""
        last = next((event for event in reversed(self.events) if event.kind in ("start", "end")), None)
        return last.detail if last is not None and last.kind == "end" else ""

    @cached_property
    def scalars(self) -> tuple[str, ...]:
        """The names of the metrics of the whole run, in the order of their first appearance."""
        return tuple(dict.fromkeys(name for sample in self.samples for name in sample.scalars))

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics: scalars, then metrics of layers."""
        of_layers = {metric for sample in self.samples for metric in sample.layers}
        known = [metric for metric in LAYER_METRICS if metric in of_layers]
        return tuple(dict.fromkeys((*self.scalars, *known, *sorted(of_layers))))

    def scalar(self, name: str, part: Literal["mean", "low", "high"] = "mean") -> Series:
        """Return a scalar over the steps: the mean since the sample before, or the least or largest value.

        The value is NaN if all numbers since the sample before were NaN or infinite.
        """
        if name not in self.scalars:
            raise InputError(f"no scalar {name!r} was recorded in {self.name}; there are {list_names(self.scalars)}")
        pairs = [(each.step, getattr(each.scalars[name], part)) for each in self.samples if name in each.scalars]
        return _series(pairs)

    def layer_metric(self, metric: str) -> Mapping[str, Series]:
        """Return a metric of layers by the name of each layer that has it, in the order of the model."""
        found: dict[str, list[tuple[int, float]]] = {layer.name: [] for layer in self.meta.layers}
        for sample in self.samples:
            values = sample.layers.get(metric, ())
            for layer, value in zip(self.meta.layers, values, strict=False):
                if value is not None:
                    found[layer.name].append((sample.step, value))
        return {name: _series(pairs) for name, pairs in found.items() if pairs}

    def gradients(self, layer: str) -> Mapping[int, tuple[int, ...]]:
        """Return the histogram of a layer's gradient over `DECADES`, by step; of an even sample of elements if many."""
        names = [each.name for each in self.meta.layers]
        if layer not in names:
            raise InputError(f"there is no layer {layer!r} in {self.name}; there are {list_names(names)}")
        index = names.index(layer)
        return {
            sample.step: bins
            for sample in self.samples
            if sample.gradients and (bins := sample.gradients[index]) is not None
        }

    def table(self, metric: str | None = None, layer: str | None = None) -> Table:
        """Return the whole record, or one metric or layer of it, as tidy rows by metric, layer and step.

        A scalar that was logged more than once between samples has two further metrics, ``NAME/low`` and ``NAME/high``.
        """
        if metric is not None:
            self.check(metric)
        return Table(tuple(self._rows(metric, layer)))

    def check(self, metric: str) -> None:
        """Raise an `InputError` that lists the metrics, if ``metric`` was not recorded."""
        if metric not in self.metrics:
            raise InputError(f"no {metric!r} was recorded in {self.name}; there are {list_names(self.metrics)}")

    def _rows(self, metric: str | None, layer: str | None) -> Iterator[Row]:
        for name in self.metrics if metric is None else (metric,):
            if name in self.scalars:
                yield from self._scalar_rows(name) if not layer else ()
                continue
            for owner, series in self.layer_metric(name).items():
                if layer is None or layer == owner:
                    for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                        yield Row(self.name, step, owner, name, value)

    def _scalar_rows(self, name: str) -> Iterator[Row]:
        found = [(sample.step, sample.scalars[name]) for sample in self.samples if name in sample.scalars]
        yield from (Row(self.name, step, "", name, summary.mean) for step, summary in found)
        if any(summary.count > 1 for _, summary in found):
            yield from (Row(self.name, step, "", f"{name}/low", summary.low) for step, summary in found)
            yield from (Row(self.name, step, "", f"{name}/high", summary.high) for step, summary in found)


def _series(pairs: list[tuple[int, float]]) -> Series:
    return Series(
        np.array([step for step, _ in pairs], dtype=np.int64), np.array([value for _, value in pairs], dtype=np.float64)
    )


def list_names(names: Iterable[str], most: int = 12) -> str:
    """Return the names as one text, at most ``most`` of them, for error messages."""
    given = list(names)
    rest = f" and {len(given) - most} more" if len(given) > most else ""
    return (", ".join(given[:most]) + rest) or "none"

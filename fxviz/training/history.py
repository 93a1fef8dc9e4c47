"""What was recorded of a training run, as data: samples, events, and series over the steps."""

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
            raise InputError(f"no scalar {name!r} was recorded in {self.name}; there are {list_names(self.scalars)}")
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
            raise InputError(f"there is no layer {layer!r} in {self.name}; there are {list_names(names)}")
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
            raise InputError(f"no {metric!r} was recorded in {self.name}; there are {list_names(self.metrics)}")

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


def _series(pairs: list[tuple[int, float]]) -> Series:
    return Series(
        np.array([step for step, _ in pairs], dtype=np.int64), np.array([value for _, value in pairs], dtype=np.float64)
    )


def list_names(names: Iterable[str], most: int = 12) -> str:
    """Return the names as one text, at most ``most`` of them, for error messages."""
    given = list(names)
    rest = f" and {len(given) - most} more" if len(given) > most else ""
    return (", ".join(given[:most]) + rest) or "none"

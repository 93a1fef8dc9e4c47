"""Collect a run for the page: every series over the same few steps, so that one slider serves them all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fxviz.training.schema import LAYER_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fxviz.training.run import Run
    from fxviz.training.schema import Sample

__all__ = ["run_data"]

Data: TypeAlias = dict[str, Any]

_STEPS = 400  # more than a chart has columns
_FEWEST_STEPS = 40
_NUMBERS = 200_000  # of metrics of layers on a page: 1.5 MB
_DIGITS = 5  # as in the log


def run_data(run: Run) -> Data:
    """Return what the page shows of a run: at most `_STEPS` of its samples, spread evenly from the first to the last.

    Numbers are lists over ``steps``; None if there is no number, and ``"nan"``, ``"inf"`` or ``"-inf"`` for numbers
    that JSON cannot hold.
    """
    metrics = [name for name in run.metrics if name not in run.scalars]
    room = _NUMBERS // max(1, len(run.meta.layers) * len(metrics))
    samples = _spread(run.samples, min(_STEPS, max(_FEWEST_STEPS, room)))
    return {
        "name": run.name,
        "model": run.meta.model,
        "optimizers": [*run.meta.optimizers],
        "state": run.ended,
        "done": run.steps,
        "steps": [sample.step for sample in samples],
        "scalars": [_scalar(name, samples) for name in _losses_first(run.scalars)],
        "layers": [layer.name for layer in run.meta.layers],
        "metrics": [_metric(name, samples, len(run.meta.layers)) for name in metrics],
        "findings": [
            {"severity": each.severity.value, "kind": each.kind.value, "words": each.words, "layers": [*each.layers]}
            for each in run.findings()
        ],
    }


def _spread(samples: Sequence[Sample], most: int) -> list[Sample]:
    if len(samples) <= most:
        return [*samples]
    return [samples[place] for place in np.linspace(0, len(samples) - 1, most).round().astype(int)]


def _losses_first(names: Iterable[str]) -> list[str]:
    """Sort names: losses, then other scalars of the loop, then those that fxviz logs itself."""
    ranks = {"learning_rate": 2, "step_time": 3, "memory_rss": 4, "memory_cuda": 4}
    return sorted(names, key=lambda name: 0 if "loss" in name.lower() else ranks.get(name.partition("/")[0], 1))


def _scalar(name: str, samples: Sequence[Sample]) -> Data:
    found = [sample.scalars.get(name) for sample in samples]
    unit = "B" if name.startswith("memory_") else "s" if name == "step_time" else ""
    courses = {
        part: [None if each is None else _number(getattr(each, part)) for each in found]
        for part in ("mean", "low", "high")
    }
    return {"name": name, "unit": unit, **courses}


def _metric(name: str, samples: Sequence[Sample], layers: int) -> Data:
    """Return a metric of layers, with a list for each layer."""
    nothing = (None,) * layers
    rows = zip(*(sample.layers.get(name, nothing) for sample in samples), strict=True)
    values = [[None if value is None else _number(value) for value in row] for row in rows]
    return {"name": name, "meaning": LAYER_METRICS.get(name, ""), "values": values}


def _number(value: float) -> float | str:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else str(float(value))

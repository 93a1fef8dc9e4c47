"""Diagnose a run in words: one function for each problem of a training.

Thresholds are those of published tools if there are any, with their sources below. They are medians over the run
instead of single steps, so that problematic runs meet them and healthy ones do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fxviz.training.history import History
    from fxviz.training.schema import Event, Layer
    from fxviz.training.table import Series

__all__ = ["Finding", "Kind", "Severity", "diagnose"]

VANISHING_GRADIENT = 1e-7
"""A layer whose gradient is this small per element learns nothing: the default of VanishingGradient of SageMaker
Debugger (docs.aws.amazon.com/sagemaker/latest/dg/vanishing-gradient.html)."""

VANISHING_SHARE = 1e-3
"""It is also smaller than the gradient of another layer by this factor, so that the loss is not merely flat: beta_1 of
AutoTrainer (Zhang et al., ICSE 2021, doi.org/10.1109/ICSE43902.2021.00043)."""

LEARNING_UPDATE = 1e-5
"""Updates are sound at a thousandth of the weights (cs231n.github.io/neural-networks-3): a layer with a hundredth of
such updates learns, however small its gradient, which an optimizer such as Adam divides by its own size."""

EXPLODING_GROWTH = 1e3
"""The growth of a gradient since the start of the run, whatever the scale of the loss. AutoTrainer calls a gradient
exploding from 70 times the gradient of another layer; healthy gradients grow tenfold while features form."""

EXPLODING_SHARE = 1e3
"""The ratio of a gradient to its weights: at a learning rate of 0.001, plain descent would replace them in one step."""

DEAD_SHARE = 0.5
"""The share of units that return 0 for the whole batch: the default of DeadRelu of SageMaker Debugger
(docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html, threshold_layer)."""

LARGE_UPDATE = 0.1
"""Updates are sound at a thousandth of the weights (cs231n.github.io/neural-networks-3, ratio of weights to updates);
at a hundred times as much, ten steps replace a layer, and what it learned before is lost."""

REPLACING_UPDATE = 1.0
"""Such a single step replaces a layer, and its initialisation, or what it learned, is lost. If units die during the
run, `LARGE_UPDATE` in a single step is enough: too high a rate kills them so (cs231n.github.io/neural-networks-1,
ReLU)."""

SMALL_UPDATE = 1e-8
"""A layer with smaller updates does not change: small_threshold of WeightUpdateRatio of SageMaker Debugger. It is also
below the resolution of float32."""

RISEN_LOSS = 2.0
"""The ratio to the loss of the first steps beyond which a loss does not merely fluctuate."""

FLAT_LOSS = 0.01
"""The share by which a loss must fall over the whole run to count as falling."""

_FEWEST_SAMPLES = 3  # to distinguish lasting problems from those of the first steps
_FEWEST_STEPS = 100  # after which the loss should have fallen
_LOSSES = ("loss", "train_loss", "train/loss", "training_loss", "loss/train", "train_loss_step")


class Severity(Enum):
    """The severity of a problem."""

    ERROR = "error"  # the run is lost
    WARNING = "warning"  # part of the model does not train
    NOTE = "note"  # worth a look


class Kind(Enum):
    """The kind of a problem."""

    NOT_FINITE = "not finite"
    EXPLODING_GRADIENT = "exploding gradient"
    LEARNING_RATE_TOO_HIGH = "learning rate too high"
    LOSS_RISES = "loss rises"
    VANISHING_GRADIENT = "vanishing gradient"
    DEAD_UNITS = "dead units"
    DOES_NOT_LEARN = "does not learn"
    LOSS_IS_FLAT = "loss is flat"


@dataclass(frozen=True)
class Finding:
    """One problem: ``words`` say what was observed and what to try; ``step`` is the first at which it was observed.

    ``layers`` are the affected layers, with the one to look at first; none if the problem concerns the whole model.
    """

    kind: Kind
    severity: Severity
    step: int
    words: str
    layers: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """The layer to look at first; empty if the problem concerns the whole model."""
        return self.layers[0] if self.layers else ""

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.words}"


def diagnose(run: History) -> tuple[Finding, ...]:
    """Return the problems of ``run``, the worst first; none if it is healthy, or has no samples yet."""
    checks = (_not_finite, _exploding, _rate_too_high, _loss_rises, _vanishing, _dead, _does_not_learn, _flat)
    found = [finding for check in checks for finding in check(run)]
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


# NaN and infinities ---------------------------------------------------------------------------------------------------


def _not_finite(run: History) -> Iterator[Finding]:
    events = [event for event in run.events if event.kind == "nonfinite"]
    if not events:
        return
    losses = [event for event in events if event.what == "scalar" and event.detail.partition(" = ")[0] in _LOSSES]
    layered = [event for event in events if event.layer is not None]
    for event in events:
        if event.what == "scalar" and event not in losses:
            words = f"{event.detail} was logged at step {event.step}: is it defined there?"
            yield Finding(Kind.NOT_FINITE, Severity.WARNING, event.step, words)
    if not losses and not layered:
        return
    step = min(event.step for event in (*losses, *layered))
    first = [event for event in layered if event.step == step]
    seen = "; ".join(event.detail for event in losses if event.step == step)
    origin, where = _origin(run, first, step, bool(losses) and losses[0].step <= step)
    layers = () if origin is None else (run.meta.layers[origin].name,)
    also = f" ({seen})" if seen else ""
    last = _last_total(run, step)
    before = "" if last is None else f" The gradient's norm was {last[1]:.3g} at step {last[0]}."
    words = f"NaN or infinity was first seen at step {step}{also}, {where}.{before}"
    yield Finding(Kind.NOT_FINITE, Severity.ERROR, step, words, layers)


def _origin(run: History, first: Sequence[Event], step: int, loss_is_lost: bool) -> tuple[int | None, str]:
    """Return the layer in which it began, by index, and words for it: the first in forward, the last in backward."""
    order = _order(run)
    by_what = {what: [event.layer for event in first if event.what == what] for what in ("activation", "gradient")}
    name = {index: layer.name for index, layer in enumerate(run.meta.layers)}
    if outputs := [layer for layer in by_what["activation"] if layer is not None]:
        found = min(outputs, key=lambda index: order.get(index, index))
        return found, f"in the output of layer {name[found]}"
    gradients = [layer for layer in by_what["gradient"] if layer is not None]
    if gradients and not loss_is_lost:
        found = max(gradients, key=lambda index: order.get(index, index))
        return found, f"in the gradient of layer {name[found]}, while the loss was finite"
    if weights := [event.layer for event in first if event.layer is not None and not gradients]:
        return weights[0], f"in the weights of layer {name[weights[0]]}"
    sample = next((sample for sample in run.samples if sample.step == step), None)
    if sample is not None and any(mean is not None for mean in sample.layers.get("activation_mean", ())):
        return None, "in the loss itself: the outputs of all layers were finite"
    return None, "at a step whose outputs were not observed: watch with every=1 to learn in which layer it begins"


def _order(run: History) -> Mapping[int, int]:
    """Return the position of each layer among the calls of a forward pass."""
    calls = next((event.layers for event in run.events if event.kind == "order"), ())
    return {index: position for position, index in enumerate(calls)}


def _last_total(run: History, before: int) -> tuple[int, float] | None:
    finite = [(step, norm) for step, norm in zip(*_total_gradient(run), strict=True) if step < before]
    return (int(finite[-1][0]), float(finite[-1][1])) if finite else None


# Gradients ------------------------------------------------------------------------------------------------------------


def _exploding(run: History) -> Iterator[Finding]:
    steps, totals = _total_gradient(run)
    weights = run.layer_metric("weight_norm")
    shares = {
        name: float(np.median(relative))
        for name, series in run.layer_metric("grad_norm").items()
        if name in weights and len(relative := _relative(series, weights[name]))
    }
    large = sorted((name for name, share in shares.items() if share > EXPLODING_SHARE), key=lambda name: -shares[name])
    early = float(np.median(totals[: max(1, len(totals) // 4)])) if len(totals) else 0.0
    deep = _deep_growth(run)
    if len(totals) >= _FEWEST_SAMPLES and early > 0 and totals[-1] > EXPLODING_GROWTH * early:
        step = int(steps[np.argmax(totals > EXPLODING_GROWTH * early)])
        words = (
            f"Gradients explode: their norm was {early:.3g} at first and is {totals[-1]:.3g} at step {steps[-1]}. "
            "Clip them, lower the learning rate, or warm it up."
        )
        yield Finding(Kind.EXPLODING_GRADIENT, Severity.ERROR, step, words, tuple(large))
    elif large:
        words = (
            f"Gradients explode: the gradient of {_named(large)} is {shares[large[0]]:.2g} times its weights. "
            "Look at the initial weights and at the scale of the loss, normalise, or clip."
        )
        yield Finding(Kind.EXPLODING_GRADIENT, Severity.ERROR, int(steps[0]), words, tuple(large))
    elif deep:
        words = (
            f"Gradients explode on their way back: {deep[-1][1]:.2g} at layer {deep[-1][0]} is {deep[0][1]:.2g} at "
            f"layer {deep[0][0]}. Look at the initial weights; try normalisation or residual connections."
        )
        yield Finding(Kind.EXPLODING_GRADIENT, Severity.WARNING, int(steps[0]), words, (deep[0][0],))


def _deep_growth(run: History) -> list[tuple[str, float]]:
    """Return the layer with the largest gradient and the last one called, if their gradients are that far apart."""
    order = {run.meta.layers[index].name: position for index, position in _order(run).items()}
    medians = [
        (name, float(np.median(values)))
        for name, series in run.layer_metric("grad_norm").items()
        if name in order and len(values := _finite(series))
    ]
    if not medians:
        return []
    last = max(medians, key=lambda entry: order[entry[0]])
    largest = max(medians, key=lambda entry: entry[1])
    return [largest, last] if largest[1] > EXPLODING_GROWTH * last[1] > 0 else []


def _vanishing(run: History) -> Iterator[Finding]:
    sizes = _per_element(run)
    largest = max(sizes.values(), default=0.0)
    limit = min(VANISHING_GRADIENT, VANISHING_SHARE * largest)
    updates = run.layer_metric("update_ratio")
    learns = {name for name, series in updates.items() if _median(series) >= LEARNING_UPDATE}
    small = (name for name, size in sizes.items() if 0 < size < limit and name not in learns)
    vanished = sorted(small, key=lambda name: sizes[name])
    if not vanished:
        return
    gone = [name for name, size in sizes.items() if size == 0]  # too small for floats
    strongest = max(sizes, key=lambda name: sizes[name])
    words = (
        f"Gradients vanish: the gradient of {_named([*vanished, *gone])} is {sizes[vanished[0]]:.2g} per element, "
        f"the gradient of {strongest} {largest:.2g}. Try residual connections, normalisation or other activations."
    )
    layers = (*vanished, *gone)
    yield Finding(Kind.VANISHING_GRADIENT, Severity.WARNING, run.samples[0].step, words, layers)


def _per_element(run: History) -> dict[str, float]:
    """Return the median over the run of the root mean square of each layer's gradient, as far as it is finite."""
    found = {}
    for name, series in run.layer_metric("grad_norm").items():
        if len(_finite(series)):
            found[name] = _median(series) / np.sqrt(max(1, _layer(run, name).size))
    return found


# Units and layers -----------------------------------------------------------------------------------------------------


def _dead(run: History) -> Iterator[Finding]:
    found: dict[str, tuple[float, int]] = {}
    for name, series in run.layer_metric("dead_share").items():
        late = series.values[len(series.values) // 2 :]
        if (share := float(np.median(late))) > DEAD_SHARE:
            found[name] = share, int(series.steps[np.argmax(series.values > DEAD_SHARE)])
    if not found:
        return
    order = {run.meta.layers[index].name: position for index, position in _order(run).items()}
    layers = sorted(found, key=lambda name: order.get(name, len(order)))
    share, step = found[layers[0]]
    words = (
        f"{share:.0%} of the units of {_named(layers)} are dead: they return 0 for a whole batch, and learn nothing. "
        "Try a lower learning rate, smaller negative biases, or an activation that leaks."
    )
    yield Finding(Kind.DEAD_UNITS, Severity.WARNING, step, words, tuple(layers))


def _does_not_learn(run: History) -> Iterator[Finding]:
    gradients = run.layer_metric("grad_norm")
    vanished = {name for finding in _vanishing(run) for name in finding.layers}
    reasons: dict[str, list[str]] = {}
    for name, series in run.layer_metric("update_ratio").items():
        updates = series.values[1:]  # a warm-up may begin at a rate of 0
        if not len(updates) or not _layer(run, name).trainable or name in vanished:
            continue
        gradient = gradients.get(name)
        if gradient is not None and len(gradient.values) > 1 and not gradient.values[1:].any():
            reasons.setdefault("its gradient is 0. The layers after it may be dead.", []).append(name)
        elif (updates < SMALL_UPDATE).all() and gradient is None:
            reasons.setdefault("no gradient reaches it. Is it used, or detached?", []).append(name)
        elif (updates < SMALL_UPDATE).all():
            words = "it has a gradient but does not change. Is it in a group of the optimizer, with a learning rate?"
            reasons.setdefault(words, []).append(name)
    for reason, names in reasons.items():
        words = f"Nothing is learned in {_named(names)}: {reason}"
        yield Finding(Kind.DOES_NOT_LEARN, Severity.WARNING, run.samples[0].step, words, tuple(names))


# The learning rate and the loss ---------------------------------------------------------------------------------------


def _rate_too_high(run: History) -> Iterator[Finding]:
    ratios = {
        name: values for name, series in run.layer_metric("update_ratio").items() if len(values := _finite(series))
    }
    lasting = len(run.samples) >= _FEWEST_SAMPLES or any(event.kind == "nonfinite" for event in run.events)
    most = {name: float(values.max()) for name, values in ratios.items()}
    died = any(finding.step > run.samples[0].step for finding in _dead(run))  # units that were alive at the start
    at_once = LARGE_UPDATE if died else REPLACING_UPDATE
    large = [
        name
        for name, values in ratios.items()
        if most[name] > at_once or (lasting and np.median(values) > LARGE_UPDATE)
    ]
    if 2 * sum(_layer(run, name).size for name in large) <= sum(_layer(run, name).size for name in ratios):
        return  # a layer that is initialised to 0 moves far at first, whatever the rate
    large.sort(key=lambda name: -most[name])
    series = run.layer_metric("update_ratio")[large[0]]
    step = int(series.steps[np.argmax(series.values > LARGE_UPDATE)])
    words = (
        f"The learning rate is too high: a step changes {_named(large)} by up to {most[large[0]]:.0%} of its weights, "
        "where about 0.1% is sound. Try a tenth of the rate, or less."
    )
    yield Finding(Kind.LEARNING_RATE_TOO_HIGH, Severity.ERROR, step, words, tuple(large))


def _loss_rises(run: History) -> Iterator[Finding]:
    if (loss := _loss(run)) is None:
        return
    name, first, last = loss
    if first > 0 and last > RISEN_LOSS * first:
        words = f"{name} has risen from {first:.3g} to {last:.3g}. Lower the learning rate; check the sign of the loss."
        yield Finding(Kind.LOSS_RISES, Severity.ERROR, run.steps, words)


def _flat(run: History) -> Iterator[Finding]:
    if run.steps < _FEWEST_STEPS or (loss := _loss(run)) is None:
        return
    name, first, last = loss
    if -FLAT_LOSS * abs(first) < first - last < FLAT_LOSS * abs(first):
        words = f"{name} has not fallen in {run.steps} steps: it was {first:.4g} and is {last:.4g}."
        yield Finding(Kind.LOSS_IS_FLAT, Severity.NOTE, run.steps, words)


def _loss(run: History) -> tuple[str, float, float] | None:
    """Return the name of the loss, its median in the first samples and in the last third; None if it is not known."""
    name = next((name for name in _LOSSES if name in run.scalars), None)
    if name is None:
        return None
    values = _finite(run.scalar(name))
    if len(values) < 2 * _FEWEST_SAMPLES:
        return None
    first = float(np.median(values[:_FEWEST_SAMPLES]))
    return name, first, float(np.median(values[-(len(values) // 3) :]))


# Leaves ---------------------------------------------------------------------------------------------------------------


def _finite(series: Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    finite: np.ndarray[Any, np.dtype[np.float64]] = series.values[np.isfinite(series.values)]
    return finite


def _median(series: Series) -> float:
    """Return the median of the finite values; 0 if there are none."""
    values = _finite(series)
    return float(np.median(values)) if len(values) else 0.0


def _relative(series: Series, to: Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the ratio of two series at their common steps, as far as it is finite."""
    _, here, there = np.intersect1d(series.steps, to.steps, return_indices=True)
    found = [
        value / other
        for value, other in zip(series.values[here].tolist(), to.values[there].tolist(), strict=True)
        if other > 0 and np.isfinite(value / other)
    ]
    return np.array(found)


def _total_gradient(run: History) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the steps at which the norm of the whole gradient was finite, and the norms."""
    found = [
        (sample.step, float(np.sqrt(sum(norm * norm for norm in norms))))
        for sample in run.samples
        if (norms := [norm for norm in sample.layers.get("grad_norm", ()) if norm is not None])
    ]
    finite = [(step, norm) for step, norm in found if np.isfinite(norm)]
    return np.array([step for step, _ in finite], dtype=np.int64), np.array([norm for _, norm in finite])


def _layer(run: History, name: str) -> Layer:
    return next(layer for layer in run.meta.layers if layer.name == name)


def _named(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"layer {names[0]}"
    return f"layer {names[0]} (and {len(names) - 1} more)"

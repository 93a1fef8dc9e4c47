"""The two files of a run as types: ``meta.json`` describes the model, a line of ``log.jsonl`` is a sample or an event.

docs/training.md has the schema in words. A `Sample` has the numbers of one step and of all since the sample before; an
`Event` happened once. A number that JSON cannot hold is written as ``"nan"``, ``"inf"`` or ``"-inf"``.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from fxviz.errors import FormatError
from fxviz.training.statistics import Summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "DECADES",
    "FORMAT",
    "LAYER_METRICS",
    "LOG",
    "META",
    "VERSION",
    "Entry",
    "Event",
    "Layer",
    "Meta",
    "Parameter",
    "Sample",
    "parse_entry",
    "parse_meta",
    "write_entry",
    "write_meta",
]

FORMAT = "fxviz-run"
VERSION = 1
META = "meta.json"
LOG = "log.jsonl"

LAYER_METRICS: Mapping[str, str] = {
    "grad_norm": "norm of the gradient",
    "weight_norm": "norm of the weights before the step",
    "update_ratio": "norm of the update over norm of the weights",
    "activation_mean": "mean of the output",
    "activation_spread": "standard deviation of the output",
    "dead_share": "share of units that were 0 for the whole batch",
}
"""The metrics that are recorded of each layer, with their meanings. All norms are Euclidean."""

DECADES = tuple(range(-12, 4))
"""The bins of a gradient's histogram: bin k counts magnitudes from 10^k up to 10^(k+1); the first also counts all
smaller ones and zeros, the last all larger ones."""

_DIGITS = 5  # of written numbers: more digits of float32 statistics would not matter
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

Data: TypeAlias = Any  # what json.loads returns


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that a layer owns, by its full name; ``trainable`` when the run began."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """A module that owns parameters or has no submodules. A shared parameter belongs to its first owner."""

    name: str
    kind: str
    parameters: tuple[Parameter, ...] = ()

    @property
    def trainable(self) -> bool:
        """Whether any of its parameters was trainable when the run began."""
        return any(parameter.trainable for parameter in self.parameters)

    @property
    def size(self) -> int:
        """The number of elements of its parameters."""
        return sum(math.prod(parameter.shape) for parameter in self.parameters)


@dataclass(frozen=True, slots=True)
class Meta:
    """The description of the model, written once when the run begins. ``layers`` are in the order of registration."""

    model: str
    layers: tuple[Layer, ...]
    every: int
    optimizers: tuple[str, ...] = ()
    created: str = ""  # UTC, ISO 8601
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """The numbers of ``step``, the first being 1, ``time`` seconds after 1970.

    ``scalars`` summarise all steps since the sample before. ``layers`` has, for each observed one of `LAYER_METRICS`, a
    number for each layer, or None; ``gradients`` has a histogram over `DECADES` for each layer. ``every`` is the
    distance of samples at that time.
    """

    step: int
    time: float
    every: int
    scalars: Mapping[str, Summary]
    layers: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    gradients: tuple[tuple[int, ...] | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once, at ``step``.

    ``kind`` is ``"start"`` (of a session, after ``step`` steps; later samples of an earlier session are void),
    ``"end"`` (``detail`` says how), ``"order"`` (``layers`` by index, in the order of their calls), ``"nonfinite"``
    (the first NaN or infinity in ``what`` of ``layer``, or in the scalar that ``detail`` names) or ``"dropped"``
    (``detail`` says what is not recorded). A reader skips unknown kinds.
    """

    kind: str
    step: int
    time: float
    what: str = ""
    layer: int | None = None
    detail: str = ""
    layers: tuple[int, ...] = ()


Entry: TypeAlias = Sample | Event


# Writing --------------------------------------------------------------------------------------------------------------


def write_meta(meta: Meta) -> str:
    """Return the text of ``meta.json``."""
    return json.dumps({"format": FORMAT, "version": VERSION, **asdict(meta)}, indent=1, ensure_ascii=True) + "\n"


def write_entry(entry: Entry) -> bytes:
    """Return a line of ``log.jsonl``, with its newline."""
    data = _sample_data(entry) if isinstance(entry, Sample) else _event_data(entry)
    return json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _sample_data(sample: Sample) -> Data:
    return {
        "sample": sample.step,
        "time": round(sample.time, 3),
        "every": sample.every,
        "scalars": {name: _summary_data(summary) for name, summary in sample.scalars.items()},
        "layers": {metric: [_number(value) for value in values] for metric, values in sample.layers.items()},
        "gradients": sample.gradients,
    }


def _event_data(event: Event) -> Data:
    data = {"event": event.kind, "step": event.step, "time": round(event.time, 3)}
    details = {"what": event.what, "layer": event.layer, "detail": event.detail, "layers": event.layers}
    return {**data, **{name: value for name, value in details.items() if value not in ("", None, ())}}


def _summary_data(summary: Summary) -> Data:
    """Return a list, or the number itself if it was a single finite one."""
    if summary.count == 1 and not summary.nonfinite:
        return _number(summary.mean)
    numbers = (summary.mean, summary.spread, summary.low, summary.high)
    return [summary.count, *map(_number, numbers), summary.nonfinite]


def _number(value: float | None) -> float | str | None:
    if value is None:
        return None
    rounded = float(f"{value:.{_DIGITS}g}")
    if math.isfinite(rounded):
        return rounded
    return value if math.isfinite(value) else str(float(value))  # the largest numbers would be rounded to infinity


# Reading --------------------------------------------------------------------------------------------------------------


def parse_meta(text: str | bytes) -> Meta:
    """Parse ``meta.json``; a `FormatError` says what is wrong with it."""
    data = _load(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise FormatError(f"{META} does not belong to a run of fxviz: its format is not {FORMAT!r}")
    version = data.get("version")
    if not isinstance(version, int) or version < 1:
        raise FormatError(f"{META} has no version")
    if version > VERSION:
        raise FormatError(f"{META} has version {version}, and this fxviz reads up to {VERSION}: update fxviz")
    try:
        return Meta(
            model=_text(data["model"]),
            layers=tuple(map(_layer, _list(data["layers"]))),
            every=_natural(data["every"]),
            optimizers=tuple(map(_text, _list(data.get("optimizers", [])))),
            created=_text(data.get("created", "")),
            versions={_text(name): _text(value) for name, value in data.get("versions", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"{META} is damaged: {_reason(error)}") from error


def parse_entry(line: str | bytes, layers: int) -> Entry:
    """Parse a line of ``log.jsonl`` of a model with so many layers; a `FormatError` says what is wrong with it."""
    data = _load(line)
    try:
        if "sample" in data:
            return _sample(data, layers)
        return Event(
            kind=_text(data["event"]),
            step=_natural(data["step"]),
            time=_float(data["time"]),
            what=_text(data.get("what", "")),
            layer=None if data.get("layer") is None else _index(data["layer"], layers),
            detail=_text(data.get("detail", "")),
            layers=tuple(_index(value, layers) for value in _list(data.get("layers", []))),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"it is neither a sample nor an event: {_reason(error)}") from error


def _load(text: str | bytes) -> Data:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
        raise FormatError(f"it is not JSON: {error}") from error


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _sample(data: Data, layers: int) -> Sample:
    return Sample(
        step=_natural(data["sample"]),
        time=_float(data["time"]),
        every=_natural(data["every"]),
        scalars={_text(name): _summary(value) for name, value in data["scalars"].items()},
        layers={
            _text(metric): tuple(None if value is None else _float(value) for value in _of(layers, values))
            for metric, values in data.get("layers", {}).items()
        },
        gradients=tuple(
            None if bins is None else tuple(map(_natural, _of(len(DECADES), bins)))
            for bins in (_of(layers, data["gradients"]) if data.get("gradients") else ())
        ),
    )


def _summary(value: Data) -> Summary:
    if not isinstance(value, list):
        number = _float(value)
        return Summary(1, number, 0.0, number, number)
    count, mean, spread, low, high, nonfinite = value
    return Summary(_natural(count), _float(mean), _float(spread), _float(low), _float(high), _natural(nonfinite))


def _layer(data: Data) -> Layer:
    parameters = tuple(
        Parameter(
            _text(each["name"]),
            tuple(map(_natural, _list(each["shape"]))),
            _text(each["dtype"]),
            bool(each["trainable"]),
        )
        for each in _list(data["parameters"])
    )
    return Layer(_text(data["name"]), _text(data["kind"]), parameters)


def _of(length: int, value: Data) -> Sequence[Data]:
    if len(_list(value)) != length:
        raise ValueError(f"expected a list of {length}, not of {len(value)}")
    return value  # type: ignore[no-any-return]


def _list(value: Data) -> list[Data]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {_shown(value)}")
    return value


def _text(value: Data) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {_shown(value)}")
    return value


def _natural(value: Data) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise TypeError(f"expected a count, not {_shown(value)}")
    return value


def _index(value: Data, layers: int) -> int:
    if _natural(value) >= layers:
        raise ValueError(f"there is no layer {value}")
    return int(value)


def _float(value: Data) -> float:
    if isinstance(value, str):
        if value not in _SPECIAL:
            raise ValueError(f"expected a number, not {_shown(value)}")
        return _SPECIAL[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, not {_shown(value)}")
    return float(value)


def _shown(value: Data) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

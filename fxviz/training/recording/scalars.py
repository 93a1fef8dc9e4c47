"""Scalars that a training loop logs, added up without waiting for the device that computes them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fxviz.errors import InputError
from fxviz.training.schema import LAYER_METRICS
from fxviz.training.statistics import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.training.statistics import Summary

__all__ = ["MOST_NAMES", "Scalars"]

MOST_NAMES = 1_000
"""So many scalars are recorded by name; a loop that makes up new names all the time would fill any memory."""

_MOST_WAITING = 64  # values on a device that have not been read: each is read together with so many others


@dataclass
class Scalars:
    """The scalars since the last `take`. ``nonfinite`` has, by name, the first step at which one was NaN or infinite."""

    nonfinite: dict[str, tuple[int, float]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    refused: str = ""  # the first name that was one too many
    _streams: dict[str, Stream] = field(default_factory=dict)
    _waiting: list[tuple[str, int, Tensor]] = field(default_factory=list)

    def add(self, step: int, values: Mapping[str, object]) -> bool:
        """Take values of ``step``; whether one is NaN or infinite for the first time, as far as is known yet. `InputError` for what is no number."""
        numbers = {_own_name(name): _number(name, value) for name, value in values.items()}
        alarm = False
        for name, number in numbers.items():
            if name not in self.names and len(self.names) >= MOST_NAMES:
                self.refused = self.refused or name
                continue
            self.names.add(name)
            if isinstance(number, Tensor):
                self._waiting.append((name, step, number))
            else:
                alarm |= self._add(name, step, number)
        if len(self._waiting) >= _MOST_WAITING:
            self._read()
        return alarm

    def take(self) -> dict[str, Summary]:
        """What was taken since the last call, by name."""
        self._read()
        summaries = {name: stream.summary() for name, stream in self._streams.items()}
        self._streams = {}
        return summaries

    def _add(self, name: str, step: int, number: float) -> bool:
        self._streams.setdefault(name, Stream()).add(number)
        if math.isfinite(number):
            return False
        first = name not in self.nonfinite
        self.nonfinite.setdefault(name, (step, number))
        return first

    def _read(self) -> None:
        waiting, self._waiting = self._waiting, []
        for device in dict.fromkeys(tensor.device for _, _, tensor in waiting):
            here = [entry for entry in waiting if entry[2].device == device]
            for (name, step, _), number in zip(here, torch.stack([each for _, _, each in here]).tolist(), strict=True):
                self._add(name, step, number)


def _own_name(name: str) -> str:
    """``grad_norm/total`` for a ``grad_norm`` of the loop's own, since there is one of each layer."""
    return f"{name}/total" if name in LAYER_METRICS else name


def _number(name: str, value: object) -> float | Tensor:
    """A float, or a copy of what is on another device: it is not waited for, and the loop may change its own."""
    if not isinstance(name, str) or not name:
        raise InputError(f"a scalar needs a name, not {name!r}")
    if isinstance(value, Tensor):
        if value.numel() != 1 or value.is_complex():
            raise InputError(f"{name!r} is no scalar: it is a {value.dtype} tensor of shape {tuple(value.shape)}")
        value = value.detach().reshape(())
        return float(value) if value.device.type == "cpu" else value.to(torch.float32, copy=True)
    if isinstance(value, Real) or (hasattr(value, "item") and getattr(value, "size", 0) == 1):
        return float(value)  # type: ignore[arg-type]  # numbers of numpy are registered as Real, or have item()
    raise InputError(f"{name!r} is no number: {type(value).__name__}")

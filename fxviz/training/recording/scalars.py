"""Collect the scalars that a training loop logs, without waiting for the device that computes them."""

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
"""The most scalars that are recorded; a loop that invents names at every step would fill any memory."""

_MOST_WAITING = 64  # values on a device that are not read yet; all are read at once


@dataclass
class Scalars:
    """The scalars since the last `take`. ``nonfinite`` maps a name to the first step with a NaN or infinity."""

    nonfinite: dict[str, tuple[int, float]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    refused: str = ""  # the first name beyond the limit
    _streams: dict[str, Stream] = field(default_factory=dict)
    _waiting: list[tuple[str, int, Tensor]] = field(default_factory=list)

    def add(self, step: int, values: Mapping[str, object]) -> bool:
        """Add the values of ``step``, and return whether one is known to be NaN or infinite for the first time.

        Raises `InputError` if a value is not a number.
        """
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
        """Return the summaries since the last call, by name."""
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
    """Return ``grad_norm/total`` for a ``grad_norm`` that the loop logs, since each layer has one."""
    return f"{name}/total" if name in LAYER_METRICS else name


def _number(name: str, value: object) -> float | Tensor:
    """Return a float, or a copy of a tensor on another device: it is not waited for, and the loop may change it."""
    if not isinstance(name, str) or not name:
        raise InputError(f"a scalar needs a name, not {name!r}")
    if isinstance(value, Tensor):
        if value.numel() != 1 or value.is_complex():
            raise InputError(f"{name!r} is not a scalar: it is a {value.dtype} tensor of shape {tuple(value.shape)}")
        value = value.detach().reshape(())
        return float(value) if value.device.type == "cpu" else value.to(torch.float32, copy=True)
    if isinstance(value, Real) or (hasattr(value, "item") and getattr(value, "size", 0) == 1):
        return float(value)  # type: ignore[arg-type]  # numbers of numpy are registered as Real, or have item()
    raise InputError(f"{name!r} is not a number: {type(value).__name__}")

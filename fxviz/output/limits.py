"""Limits on the cost of a model: the most FLOPs, parameters and memory that it may take, and whether it exceeds them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy

from fxviz.errors import InputError
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.passes.parameters import Parameters
from fxviz.text.quantity import format_quantity, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.analysis.facts import Facts
    from fxviz.ir import Dim

__all__ = ["Finding", "Limits"]


_RELATIVE = re.compile(r"([+-]\d+(?:\.\d+)?)\s*%")


@dataclass(frozen=True)
class Limits:
    """The most that a model may take; None means no limit. ``allow_unknown`` ignores operators that cannot be counted.

    A limit is a number; text such as ``"5G"`` or ``"8GiB"`` (`fxviz.text.quantity.parse_quantity`); or a change against
    another model, ``"+5%"`` or ``"-10%"``.
    """

    max_flops: int | str | None = None
    """Floating point operations of one run, matrix work and all the rest; a multiply-add is two."""
    max_ops: int | str | None = None
    """Integer operations, of quantised layers, which are not among the FLOPs."""
    max_params: int | str | None = None
    max_peak: int | str | None = None
    """Bytes held at the peak of one run, parameters included."""
    allow_unknown: bool = False

    def __post_init__(self) -> None:
        if not self._set():
            names = ", ".join(field.name for field in fields(self) if field.name.startswith("max_"))
            raise InputError(f"there is nothing to check: give one of {names}")
        for name, limit in self._set().items():
            if isinstance(limit, bool) or not isinstance(limit, int | str):
                raise InputError(f"{name} is a number or text such as '5G' or '+5%', not {limit!r}")
            if isinstance(limit, str) and not _RELATIVE.fullmatch(limit.strip()):
                parse_quantity(limit, _WHAT[name][1])

    @property
    def relative(self) -> bool:
        """Whether a limit is a change, so that `check` needs another model."""
        return any(isinstance(limit, str) and _RELATIVE.fullmatch(limit.strip()) for limit in self._set().values())

    def check(self, facts: Facts, against: Facts | None = None) -> tuple[Finding, ...]:
        """Return a finding for each limit, with ``against`` for limits that are changes.

        Raises `InputError` for a cost that depends on symbols, since it is within a limit for some sizes and not for
        others, and for a change without anything known to compare with.
        """
        return tuple(self._finding(name, limit, facts, against) for name, limit in self._set().items())

    def _finding(self, name: str, limit: int | str, facts: Facts, against: Facts | None) -> Finding:
        what, unit = _WHAT[name]
        amount, unknown = _measure(name, facts)
        if isinstance(limit, int):
            return Finding(what, unit, amount, limit, unknown, self.allow_unknown)
        if (change := _RELATIVE.fullmatch(limit.strip())) is None:
            return Finding(what, unit, amount, parse_quantity(limit, unit), unknown, self.allow_unknown)
        if against is None:
            raise InputError(f"{name} is a change, {limit}: name the model or the revision that it is against")
        base, uncounted = _measure(name, against)
        if base is None or (uncounted and not self.allow_unknown):
            raise InputError(f"the {what} of {against.graph.name} are not known, so there is nothing to compare with")
        most = int(base * (1 + Fraction(change[1]) / 100))
        return Finding(what, unit, amount, most, unknown, self.allow_unknown, change[1], base)

    def _set(self) -> dict[str, int | str]:
        limits = ((name, getattr(self, name)) for name in _WHAT)
        return {name: limit for name, limit in limits if limit is not None}


@dataclass(frozen=True)
class Finding:
    """What was measured and what is allowed; ``unknown`` are operators that are not counted in it, and how often.

    Where the limit is a ``change`` in percent, ``base`` is the amount that it is a change of.
    """

    what: str
    unit: str
    amount: int | None
    limit: int
    unknown: Mapping[str, int]
    allow_unknown: bool = False
    change: str | None = None
    base: int | None = None

    @property
    def kept(self) -> bool:
        """Whether the limit is kept: all was counted, or need not be, and it is not more."""
        counted = self.amount is not None and (self.allow_unknown or not self.unknown)
        return counted and self.amount is not None and self.amount <= self.limit

    def __str__(self) -> str:
        text = f"{'ok  ' if self.kept else 'FAIL'} {self.what}: {self._compared()}"
        if self.unknown:
            names = ", ".join(f"{op} × {times}" if times > 1 else op for op, times in self.unknown.items())
            text += f"; not counted: {names}"
            text += "" if self.allow_unknown else " (allow unknown operators to let them pass)"
        return text

    def _compared(self) -> str:
        amount, limit = (format_quantity(number, self.unit) for number in (self.amount, self.limit))
        if amount == limit and self.amount != self.limit:  # equal only as they are written
            amount, limit = f"{self.amount:,} {self.unit}".rstrip(), f"{self.limit:,} {self.unit}".rstrip()
        share = f" ({100 * self.amount / self.limit:.3g} %)" if self.amount is not None and self.limit else ""
        if self.change is None:
            return f"{amount} of {limit}{share}"
        measured = f", {100 * (self.amount / self.base - 1):+.3g} %" if self.amount is not None and self.base else ""
        return f"{amount}{measured} against {format_quantity(self.base, self.unit)}; at most {self.change} %"


def _measure(name: str, facts: Facts) -> tuple[int | None, Mapping[str, int]]:
    """Return a cost, and the operators that are not counted in it."""
    amount, unknown = _MEASURE[name](facts)
    if not isinstance(amount, sympy.Expr):
        return amount, unknown
    what, unit = _WHAT[name]
    symbols = ", ".join(sorted(map(str, amount.free_symbols)))
    raise InputError(
        f"the {what} of {facts.graph.name} are {format_quantity(amount, unit)}: give sizes for {symbols} to check them, "
        "such as -i 1,3,224,224"
    )


def _flops(facts: Facts) -> tuple[Dim | None, Mapping[str, int]]:
    counts = facts[Flops()]
    return counts.total, counts.unknown


def _ops(facts: Facts) -> tuple[Dim | None, Mapping[str, int]]:
    counts = facts[Flops()]
    return counts.ops.total, counts.unknown


def _params(facts: Facts) -> tuple[Dim | None, Mapping[str, int]]:
    count = facts[Parameters()]
    return count.total, {value.name: 1 for value in count.unknown}


def _peak(facts: Facts) -> tuple[Dim | None, Mapping[str, int]]:
    memory = facts[Memory()]
    return memory.peak, memory.unknown


_WHAT = {
    "max_flops": ("FLOPs", "FLOPs"),
    "max_ops": ("integer OPs", "OPs"),
    "max_params": ("parameters", ""),
    "max_peak": ("bytes at the peak", "B"),
}
_MEASURE = {"max_flops": _flops, "max_ops": _ops, "max_params": _params, "max_peak": _peak}

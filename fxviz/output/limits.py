"""A budget for a model: the most FLOPs, parameters and memory that it may take, and whether it keeps to them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import sympy

from fxviz.errors import InputError
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.passes.parameters import Parameters
from fxviz.text.quantity import format_quantity, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fxviz.analysis.facts import Facts
    from fxviz.ir import Dim

__all__ = ["Finding", "Limits"]


@dataclass(frozen=True)
class Limits:
    """The most that a model may take; None is no limit. ``allow_unknown`` lets operators pass that nobody can count.

    Limits are numbers, or text such as ``"5G"`` and ``"8GiB"`` (`fxviz.text.quantity.parse_quantity`).
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
        if not any(limit is not None for _, limit in self._given()):
            names = ", ".join(field.name for field in fields(self) if field.name.startswith("max_"))
            raise InputError(f"there is nothing to check: give one of {names}")
        for name, limit in self._given():
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | str)):
                raise InputError(f"{name} is a number or text such as '5G', not {limit!r}")

    def check(self, facts: Facts) -> tuple[Finding, ...]:
        """What was measured for each limit.

        Raises `InputError` where a cost depends on symbols: it is within a limit for some sizes and not for others.
        """
        findings = []
        for name, limit in self._given():
            if limit is not None:
                what, unit = _WHAT[name]
                most = parse_quantity(limit, unit) if isinstance(limit, str) else limit
                amount, unknown = _MEASURE[name](facts)
                if isinstance(amount, sympy.Expr):
                    symbols = ", ".join(sorted(map(str, amount.free_symbols)))
                    raise InputError(
                        f"the {what} of {facts.graph.name} are {format_quantity(amount, unit)}: give sizes for {symbols} "
                        "to check them, such as -i 1,3,224,224"
                    )
                findings.append(Finding(what, unit, amount, most, unknown, self.allow_unknown))
        return tuple(findings)

    def _given(self) -> Iterator[tuple[str, int | str | None]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self) if field.name in _WHAT)


@dataclass(frozen=True)
class Finding:
    """What was measured beside what is allowed; ``unknown`` are operators that are not counted in it, and how often."""

    what: str
    unit: str
    amount: int | None
    limit: int
    unknown: Mapping[str, int]
    allow_unknown: bool = False

    @property
    def kept(self) -> bool:
        """Whether the limit is kept: all was counted, or need not be, and it is not more."""
        counted = self.amount is not None and (self.allow_unknown or not self.unknown)
        return counted and self.amount is not None and self.amount <= self.limit

    def __str__(self) -> str:
        amount, limit = (format_quantity(number, self.unit) for number in (self.amount, self.limit))
        if amount == limit and self.amount != self.limit:  # equal only as they are written
            amount, limit = f"{self.amount:,} {self.unit}".rstrip(), f"{self.limit:,} {self.unit}".rstrip()
        share = f" ({100 * self.amount / self.limit:.3g} %)" if self.amount is not None and self.limit else ""
        text = f"{'ok  ' if self.kept else 'FAIL'} {self.what}: {amount} of {limit}{share}"
        if self.unknown:
            names = ", ".join(f"{op} × {times}" if times > 1 else op for op, times in self.unknown.items())
            text += f"; not counted: {names}"
            text += "" if self.allow_unknown else " (allow unknown operators to let them pass)"
        return text


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

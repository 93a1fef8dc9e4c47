"""Bytes over time, with symbolic sizes: how much is held at each step, and when that is the most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import lcm
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import sympy

from fxviz.analysis.facts import at_large
from fxviz.ir import Dim, as_dim

__all__ = ["Span", "Timeline", "at_large"]

Matrix: TypeAlias = npt.NDArray[Any]  # of int64, or of Python's integers where those could overflow

Span: TypeAlias = tuple[Dim, int, int]
"""A number of bytes, the step from which it is held, and the first step at which it is held no more."""

_MOST_INT64 = 2**62
_ROUNDING = 1e-9
_MOST_CORNERS = 200  # to look for lines among more takes longer than it is worth


@dataclass(frozen=True, eq=False)
class Timeline(Sequence[Dim]):
    """The bytes held at each step, as a sequence.

    A total is a row of whole coefficients over a few ``terms`` (1, B, B*S …), divided by ``scale``: sums and
    comparisons are then arithmetic on whole arrays, and sympy is asked only for the terms and for what is shown.
    """

    rows: Matrix
    terms: tuple[sympy.Expr, ...]
    scale: int = 1

    @classmethod
    def of(cls, spans: Iterable[Span], steps: int) -> Timeline:
        """Return the totals at steps ``0 … steps - 1`` of what is held over ``spans``."""
        held = [(size, max(start, 0), min(stop, steps)) for size, start, stop in spans]
        parts = {size: _coefficients(size) for size in dict.fromkeys(size for size, _, _ in held)}
        terms = tuple(dict.fromkeys(term for part in parts.values() for term in part)) or (sympy.S.One,)
        scale = lcm(*(coefficient.q for part in parts.values() for coefficient in part.values()))
        columns = {term: column for column, term in enumerate(terms)}
        whole = {
            size: [(columns[term], int(coefficient * scale)) for term, coefficient in part.items()]
            for size, part in parts.items()
        }
        most = sum(abs(amount) for size, _, _ in held for _, amount in whole[size])
        deltas = np.zeros((steps + 1, len(terms)), dtype=np.int64 if most < _MOST_INT64 else object)
        for size, start, stop in held:
            if start < stop:
                for column, amount in whole[size]:
                    deltas[start, column] += amount
                    deltas[stop, column] -= amount
        return cls(np.cumsum(deltas[:-1], axis=0), terms, scale)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Dim: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Dim, ...]: ...
    def __getitem__(self, index: int | slice) -> Dim | tuple[Dim, ...]:
        if isinstance(index, slice):
            return tuple(self[step] for step in range(*index.indices(len(self))))
        row = self.rows[index]
        if self.terms == (1,):
            return int(row[0])
        total = sympy.Add(*(int(number) * term for number, term in zip(row, self.terms, strict=True) if number))
        return as_dim(total / self.scale)

    def peaks(self, steps: Sequence[int] | None = None) -> tuple[int, ...]:
        """Return the steps (of ``steps``, else of all) that hold the most for some sizes, the one for large sizes first.

        There is one where it holds at least as much as every other for all sizes, as it always is without symbols. Of
        equal steps the first counts. Sizes are positive integers. A step is left out that is surpassed at every size by
        one or the other of two steps, as it is where a mean of these, in any proportion, holds at least as much as it.
        """
        order = np.arange(len(self)) if steps is None else np.asarray(steps)
        compared = self._compared[order]
        left = np.arange(len(order))
        found: list[int] = []
        while len(left):
            # What has the largest sum is surpassed by none of the others.
            best = left[np.argmax(compared[left].sum(axis=1))]
            found.append(int(order[best]))
            left = left[(compared[left] > compared[best]).any(axis=1)]
        return tuple(sorted(self._corners(found), key=self._at_large, reverse=True))

    def _corners(self, steps: list[int]) -> list[int]:
        """Return the steps without those that lie below a line between two others."""
        kept = steps
        for step in steps if 2 < len(steps) <= _MOST_CORNERS else ():
            others = [other for other in kept if other != step]
            if _is_below_a_line(self._compared[step], self._compared[others]):
                kept = others
        return kept

    def highest(self, steps: Sequence[int] | None = None) -> Dim:
        """Return the most that is held at any of ``steps`` (else of all): ``Max`` of several if sizes decide between them."""
        totals = [self[step] for step in self.peaks(steps)]
        return totals[0] if len(totals) == 1 else sympy.Max(*totals, evaluate=False)

    def moments(self, most: int) -> tuple[int, ...]:
        """Return at most ``most`` steps, spread evenly, each the one around it at which the most is held for large sizes.

        Of equal steps the first counts.
        """
        totals = (self.rows * self._weights).sum(axis=1)
        bounds = np.linspace(0, len(self), min(most, len(self)) + 1).astype(int)
        return tuple(int(start + np.argmax(totals[start:stop])) for start, stop in pairwise(bounds))

    def _at_large(self, step: int) -> float:
        return float(sum(number * weight for number, weight in zip(self.rows[step], self._weights, strict=True)))

    @cached_property
    def _weights(self) -> list[float]:
        return [at_large(term) for term in self.terms]

    @cached_property
    def _compared(self) -> Matrix:
        """Rows of numbers such that a row whose numbers are nowhere smaller is a total that is never smaller.

        Terms are written in what is 0 or more (`_nonnegative`), of which every power is, too. A term whose sign is not
        known must be equal: it is compared both ways.
        """
        instead = _nonnegative(self.terms)
        shifted = [_coefficients(_rewritten(term, instead)) for term in self.terms]
        scale = lcm(*(coefficient.q for part in shifted for coefficient in part.values()))
        columns = dict.fromkeys(term for part in shifted for term in part)
        unsigned = [term for term in columns if not term.is_nonnegative]
        matrix = [
            [int(part.get(term, 0) * scale) for term in columns]
            + [-int(part.get(term, 0) * scale) for term in unsigned]
            for part in shifted
        ]
        most = int(abs(self.rows).max()) * sum(abs(number) for row in matrix for number in row)
        rows = self.rows if most < _MOST_INT64 else self.rows.astype(object)
        compared: Matrix = rows @ np.array(matrix, dtype=rows.dtype)
        return compared


def _is_below_a_line(row: Matrix, others: Matrix) -> bool:
    """Return whether a mean of two of ``others``, t · one + (1 - t) · the other, is nowhere smaller than ``row``.

    Every number of ``row`` bounds t from below or from above. Which two leave the most room is found in floats, and whether
    they leave any in whole numbers.
    """
    rise = others[:, None] - others[None, :]
    lack = row - others[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = lack.astype(float) / rise.astype(float)
    least = np.where(rise > 0, share, 0).max(axis=-1)
    most = np.where(rise < 0, share, 1).min(axis=-1)
    level = ((rise != 0) | (lack <= 0)).all(axis=-1)
    room = np.where(level, np.minimum(most, 1) - np.maximum(least, 0), -1)
    one, other = np.unravel_index(np.argmax(room), room.shape)
    return bool(room[one, other] > -_ROUNDING) and _has_room(rise[one, other], lack[0, other])


def _has_room(rise: Matrix, lack: Matrix) -> bool:
    """Return whether t · rise ≥ lack in every number for some t from 0 to 1."""
    pairs = [(int(up), int(short)) for up, short in zip(rise, lack, strict=True)]
    least = max([Fraction(0), *(Fraction(short, up) for up, short in pairs if up > 0)])
    most = min([Fraction(1), *(Fraction(short, up) for up, short in pairs if up < 0)])
    return least <= most and all(short <= 0 for up, short in pairs if up == 0)


def _coefficients(size: Dim) -> dict[sympy.Expr, sympy.Rational]:
    """Return ``size`` as a sum of terms with rational coefficients."""
    if isinstance(size, int):
        return {sympy.S.One: sympy.Integer(size)}
    return dict(sympy.expand(size).as_coefficients_dict())


def _nonnegative(terms: Sequence[sympy.Expr]) -> dict[sympy.Expr, sympy.Expr]:
    """Return sizes in terms of what is 0 or more: ``x - 1``, under the same name.

    A size that is rounded somewhere, c = ⌈x/k⌉, is 1 ≤ c ≤ x: c is written in ``c - 1``, and x in that and ``x - c``.
    """
    sizes = {size for term in terms for size in term.free_symbols if size.is_integer and size.is_positive}
    instead: dict[sympy.Expr, sympy.Expr] = {size: size + 1 for size in sizes}
    rounded = sorted({part for term in terms for part in term.atoms(sympy.ceiling)}, key=str)
    for part in rounded:
        share, size = part.args[0].as_coeff_Mul()
        if size in sizes and 0 < share <= 1:
            beyond = sympy.Dummy(integer=True, nonnegative=True)
            instead |= {part: beyond + 1, size: size + beyond + 1}
            sizes.remove(size)
    return instead


def _rewritten(term: sympy.Expr, instead: dict[sympy.Expr, sympy.Expr]) -> sympy.Expr:
    """Return a product of powers of sizes, or of rounded sizes, in what is 0 or more; any other term as it is."""
    written = term.xreplace(instead)  # the largest parts first: a rounded size before the size in it
    return written if written.is_polynomial(*written.free_symbols) else term

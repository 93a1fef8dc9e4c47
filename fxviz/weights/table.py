"""Tables of a model's parameters and buffers: one row for each, or one for each module."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from fxviz.ir import Role
from fxviz.text.quantity import format_quantity, format_shape
from fxviz.weights.plots import plot_parameters
from fxviz.weights.rows import Group, Rows
from fxviz.weights.tabular import Tabular

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fxviz.ir import Dim
    from fxviz.weights.plots import Kind
    from fxviz.weights.rows import Row
    from fxviz.weights.spectrum import Spectrum
    from fxviz.weights.statistics import Statistics
    from fxviz.weights.tabular import Record

__all__ = ["ModuleTable", "ParameterTable"]


@dataclass(frozen=True, eq=False)
class ParameterTable(Rows, Tabular):
    """The parameters and buffers of a model as a table, one row each.

    ``print(table)`` for a terminal; `markdown`, `csv`, `to_frame` and `plot` for other readers.
    """

    def by_module(self, depth: int) -> ModuleTable:
        """Return the table with one row for each module, ``depth`` levels deep; see `Rows.groups`."""
        return ModuleTable(self.model, self.groups(depth))

    def plot(self, path: str | Path, kind: Kind = "ridge", name: str | None = None) -> None:
        """Draw a picture to ``path``, an SVG, PNG or PDF file; see `fxviz.weights.plots.plot_parameters`."""
        plot_parameters(self, path, kind, name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of every record."""
        return (*_DESCRIBED, *_MEASURED, *(f"gradient_{key}" for key in _MEASURED), *_SINGULAR)

    def records(self) -> list[Record]:
        """Return one record for each row: exact values under the names of `columns`, None for unknown ones."""
        return [_record(row) for row in self.rows]

    @property
    def left(self) -> int:
        """The number of columns of words, from the left."""
        return 3

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks below the table."""
        return tuple(filter(None, (_shared_note(self.rows), _unread_note(self.rows))))

    def cells(self) -> list[list[str]]:
        """Return the headings, the rows and the total as text; empty columns are left out."""
        heads = ["Parameter", "Shape", "Dtype", "Kind", "Bytes", *_STATISTIC_HEADS, "Gradient norm", *_SINGULAR_HEADS]
        body = [
            [
                row.name,
                format_shape(row.shape) if row.shape is not None else "?",
                row.dtype or "?",
                _kind(row),
                format_quantity(row.nbytes, "B"),
                *_statistic_cells(row.statistics),
                _number(row.gradient.norm) if row.gradient else "",
                *_singular_cells(row.spectrum),
            ]
            for row in self.rows
        ]
        total = self.total
        last = [_counted(total), "", "", "", format_quantity(total.nbytes, "B"), *_statistic_cells(total.statistics)]
        return _without_empty([heads, *body, [*last, *[""] * (len(heads) - len(last))]], keep=3)


@dataclass(frozen=True, eq=False)
class ModuleTable(Tabular):
    """One row for each module: counts, bytes, and the statistics of all its values together, without buffers."""

    model: str
    groups: tuple[Group, ...] = field(repr=False)

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    @cached_property
    def total(self) -> Group:
        """All modules as one group."""
        return Group("", tuple(row for group in self.groups for row in group.rows))

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of every record."""
        return ("module", "tensors", "parameters", "trainable", "buffers", "bytes", *_MEASURED)

    def records(self) -> list[Record]:
        """Return one record for each module: exact values under the names of `columns`, None for unknown ones."""
        return [
            {
                "module": group.name,
                "tensors": len(group.rows),
                "parameters": _exact(group.parameters),
                "trainable": _exact(group.trainable),
                "buffers": _exact(group.buffers),
                "bytes": _exact(group.nbytes),
                **_measured(group.statistics),
            }
            for group in self.groups
        ]

    @property
    def left(self) -> int:
        """The number of columns of words, from the left."""
        return 1

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks below the table."""
        rows = self.total.rows
        return tuple(filter(None, (_shared_note(rows), _unread_note(rows))))

    def cells(self) -> list[list[str]]:
        """Return the headings, the modules and the total as text; empty columns are left out."""
        heads = ["Module", "Tensors", "Parameters", "Buffers", "Bytes", *_STATISTIC_HEADS]
        body = [_group_cells(group.name or "(model)", group) for group in self.groups]
        return _without_empty([heads, *body, _group_cells("Total", self.total)], keep=3)


# Exact values ---------------------------------------------------------------------------------------------------------

_DESCRIBED = ("name", "module", "shape", "dtype", "device", "role", "trainable", "shared_with", "elements", "bytes")
_MEASURED = ("mean", "std", "min", "max", "norm", "zero_share", "nan", "inf")
_SINGULAR = ("singular_max", "singular_min", "condition", "rank", "stable_rank", "effective_rank")


def _record(row: Row) -> Record:
    spectrum = row.spectrum
    singular = spectrum and (
        *(spectrum.largest, spectrum.smallest, spectrum.condition),
        *(spectrum.rank, spectrum.stable_rank, spectrum.effective_rank),
    )
    return {
        "name": row.name,
        "module": row.module,
        "shape": None if row.shape is None else "x".join(map(str, row.shape)),
        "dtype": row.dtype,
        "device": row.device,
        "role": row.role.value if row.role else None,
        "trainable": row.trainable,
        "shared_with": "; ".join(row.shared_with),
        "elements": _exact(row.numel),
        "bytes": _exact(row.nbytes),
        **_measured(row.statistics),
        **{f"gradient_{key}": value for key, value in _measured(row.gradient).items()},
        **dict(zip(_SINGULAR, singular or (None,) * len(_SINGULAR), strict=True)),
    }


def _measured(found: Statistics | None) -> Record:
    if found is None:
        return dict.fromkeys(_MEASURED)
    moments = (found.mean, found.spread, found.low, found.high, found.norm)
    return dict(zip(_MEASURED, (*moments, found.zero_share, found.nans, found.infinities), strict=True))


def _exact(amount: Dim | None) -> int | str | None:
    return amount if amount is None or isinstance(amount, int) else str(amount)


# Texts ---------------------------------------------------------------------------------------------------------------

_STATISTIC_HEADS = ("Mean", "Std", "Min", "Max", "Norm", "Zeros", "NaN", "Inf")
_SINGULAR_HEADS = ("Largest σ", "Condition", "Rank", "Stable rank", "Effective rank")


def _statistic_cells(found: Statistics | None) -> list[str]:
    if found is None or not found.size:
        return [""] * len(_STATISTIC_HEADS)
    moments = (found.mean, found.spread, found.low, found.high, found.norm)
    words = [_number(number) for number in moments] if found.count else [""] * len(moments)
    share = f"{100 * found.zero_share:.3g} %" if found.zeros else ""
    return [*words, share, *(str(number or "") for number in (found.nans, found.infinities))]


def _singular_cells(found: Spectrum | None) -> list[str]:
    if found is None:
        return [""] * len(_SINGULAR_HEADS)
    numbers = (found.largest, found.condition, found.rank, found.stable_rank, found.effective_rank)
    return [_number(number) for number in numbers]


def _group_cells(name: str, group: Group) -> list[str]:
    counts = [format_quantity(amount) if amount else "" for amount in (group.parameters, group.buffers)]
    amounts = [str(len(group.rows)), *counts, format_quantity(group.nbytes, "B")]
    return [name, *amounts, *_statistic_cells(group.statistics)]


def _kind(row: Row) -> str:
    if row.role is Role.BUFFER:
        return "buffer"
    return "frozen" if row.trainable is False else ""


def _number(value: float) -> str:
    return f"{value:.4g}" if value else "0"


def _counted(total: Group) -> str:
    """Return the heading of the last row: ``Total: 124 M, and 12 of buffers``."""
    buffers = f", and {format_quantity(total.buffers)} of buffers" if total.buffers else ""
    return f"Total: {format_quantity(total.parameters)}{buffers}"


def _without_empty(lines: Sequence[Sequence[str]], keep: int) -> list[list[str]]:
    """Return the lines without columns that are empty below the heading; the first ``keep`` always stay."""
    body = lines[1:]
    kept = [place for place in range(len(lines[0])) if place < keep or any(line[place] for line in body)]
    return [[line[place] for place in kept] for line in lines]


def _shared_note(rows: Sequence[Row], most: int = 5) -> str:
    shared = [f"{row.name} is also {', '.join(row.shared_with)}" for row in rows if row.shared_with]
    more = f", and {len(shared) - most} more" if len(shared) > most else ""
    return f"Counted once: {'; '.join(shared[:most])}{more}." if shared else ""


def _unread_note(rows: Sequence[Row]) -> str:
    unread = sum(row.weight.values is None for row in rows)
    return f"Without values that can be read: {unread} of {len(rows)}." if unread else ""

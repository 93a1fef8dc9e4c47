"""The parameters and buffers of a model as data: one row each, and groups of rows by module."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import TYPE_CHECKING

from fxviz.analysis.facts import add
from fxviz.errors import InputError
from fxviz.ir import Dim, Role
from fxviz.plugins import suggest
from fxviz.weights.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.weights.spectrum import Spectrum
    from fxviz.weights.weight import Weight

__all__ = ["Group", "Row", "Rows"]


@dataclass(frozen=True, eq=False)
class Row:
    """One parameter or buffer.

    ``statistics`` describe its values, ``gradient`` its gradient, ``spectrum`` its singular values; None if it has
    none, or they were not asked for.
    """

    weight: Weight
    statistics: Statistics | None = None
    gradient: Statistics | None = None
    spectrum: Spectrum | None = None

    @property
    def name(self) -> str:
        """The full name; of a shared tensor, the first of its names."""
        return self.weight.name

    @property
    def module(self) -> str:
        """The path of the module that owns it; empty for the model itself."""
        return self.weight.module

    @property
    def shape(self) -> tuple[Dim, ...] | None:
        """The shape; None if it is not known yet."""
        return self.weight.type.shape if self.weight.type else None

    @property
    def dtype(self) -> str | None:
        """The name of the dtype in torch."""
        return self.weight.type.dtype if self.weight.type else None

    @property
    def device(self) -> str | None:
        """The device; ``cpu`` for a tensor in a file."""
        return self.weight.type.device if self.weight.type else None

    @property
    def role(self) -> Role | None:
        """Whether it is a parameter or a buffer; None if the source does not say."""
        return self.weight.role

    @property
    def trainable(self) -> bool | None:
        """Whether it requires gradients; None if the source does not say."""
        return self.weight.trainable

    @property
    def shared_with(self) -> tuple[str, ...]:
        """The other names of the same tensor."""
        return self.weight.shared_with

    @property
    def numel(self) -> Dim | None:
        """The number of elements."""
        return self.weight.type.numel if self.weight.type else None

    @property
    def nbytes(self) -> Dim | None:
        """The size in bytes."""
        return self.weight.type.nbytes if self.weight.type else None


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one module and of all modules inside; ``name`` is its path, empty for the whole model."""

    name: str
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> Dim:
        """The number of elements of parameters, and of tensors of unknown role."""
        return add([row.numel or 0 for row in self.rows if row.role is not Role.BUFFER])

    @property
    def trainable(self) -> Dim:
        """The number of elements that require gradients, as far as the source says."""
        return add([row.numel or 0 for row in self.rows if row.trainable and row.role is not Role.BUFFER])

    @property
    def buffers(self) -> Dim:
        """The number of elements of buffers."""
        return add([row.numel or 0 for row in self.rows if row.role is Role.BUFFER])

    @property
    def nbytes(self) -> Dim:
        """The size of parameters and buffers in bytes."""
        return add([row.nbytes or 0 for row in self.rows])

    @cached_property
    def statistics(self) -> Statistics | None:
        """The statistics of all values together, without buffers; None if none were read."""
        found = [row.statistics for row in self.rows if row.statistics is not None and row.role is not Role.BUFFER]
        return reduce(Statistics.merge, found) if found else None


@dataclass(frozen=True, eq=False)
class Rows:
    """One row for each parameter and buffer of ``model``, in the order of the source. Iterating gives the rows."""

    model: str
    rows: tuple[Row, ...] = field(repr=False)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        """Return the row of a tensor, by any of its names."""
        for row in self.rows:
            if name == row.name or name in row.shared_with:
                return row
        raise InputError(f"{self.model} has no parameter {name!r}{suggest(name, [row.name for row in self.rows])}")

    @cached_property
    def total(self) -> Group:
        """All rows as one group."""
        return Group("", self.rows)

    def groups(self, depth: int) -> tuple[Group, ...]:
        """Return the rows grouped by module, ``depth`` levels deep; a shallower module is a group of its own."""
        if depth < 0:
            raise InputError(f"depth must be 0 or more, not {depth}")
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            path = ".".join(row.module.split(".")[:depth]) if row.module else ""
            groups.setdefault(path, []).append(row)
        return tuple(Group(path, tuple(rows)) for path, rows in groups.items())

"""Choose the tensor that a picture shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fxviz.errors import InputError
from fxviz.text.escaping import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.weights.rows import Row, Rows
    from fxviz.weights.values import Values

__all__ = ["choose", "legible", "values_of"]


def choose(table: Rows, name: str | None, fits: Callable[[tuple[int, ...]], bool], what: str) -> list[Row]:
    """Return the row called ``name``, or all rows with a fitting shape, in order; at least one, and all with values."""
    if name is not None:
        row = table[name]
        if row.weight.values is None:
            raise InputError(f"{name} has no values to draw: pass a model with its weights")
        if not fits(row.weight.values.shape):
            raise InputError(f"{name} is not {what}: its shape is {row.weight.values.shape}")
        return [row]
    found = [row for row in table if row.weight.values and math.prod(row.weight.values.shape)]
    if not found:
        raise InputError(f"{table.model} has no values to draw: pass a model with its weights")
    fitting = [row for row in found if row.weight.values is not None and fits(row.weight.values.shape)]
    if not fitting:
        raise InputError(f"{table.model} has no tensor that is {what}")
    return fitting


def values_of(row: Row) -> Values:
    """Return the values of a row that was chosen."""
    assert row.weight.values is not None
    return row.weight.values


def legible(text: str, most: int = 60) -> str:
    """Return a name for a picture: unprintable characters escaped, and only the end of a long name."""
    shown = one_line(text) or "(model)"
    return shown if len(shown) <= most else f"…{shown[1 - most :]}"

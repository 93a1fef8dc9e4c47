"""Rows with columns, written as text, Markdown, CSV, a data frame, or for a notebook."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.cells import cell_len

from fxviz.errors import MissingDependency
from fxviz.text.escaping import escape_markdown, one_line

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

__all__ = ["Record", "Tabular"]

Record: TypeAlias = "Mapping[str, str | int | float | bool | None]"


class Tabular(ABC):
    """What has exact ``records`` for programs, and ``cells`` to be read."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The keys of every record."""

    @abstractmethod
    def records(self) -> list[Record]:
        """One for each row: exact values under the names of columns, None for what is not known."""

    @abstractmethod
    def cells(self) -> list[list[str]]:
        """The headings, the rows and the totals, as text; columns without content are left out."""

    @property
    @abstractmethod
    def left(self) -> int:
        """How many columns, from the left, are words."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """What a reader of the rows must know."""

    def to_frame(self) -> Any:
        """The records as a ``pandas.DataFrame``; `MissingDependency` where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise MissingDependency("a frame needs pandas: pip install 'fxviz[training]'") from error
        return pandas.DataFrame(self.records(), columns=list(self.columns))

    def csv(self) -> str:
        """Comma-separated values (RFC 4180): a header, then exact numbers; what is not known is empty."""
        file = io.StringIO()
        writer = csv.DictWriter(file, self.columns, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(self.records())
        return file.getvalue()

    def markdown(self) -> str:
        """A table in GitHub's Markdown; names are escaped."""
        heads, *body, totals = ([escape_markdown(cell) for cell in line] for line in self.cells())
        rules = ["---" if place < self.left else "---:" for place in range(len(heads))]
        bold = [f"**{cell}**" if cell else "" for cell in totals]
        table = "".join(f"| {' | '.join(line)} |\n" for line in (heads, rules, *body, bold))
        return "\n".join((table, *(f"{escape_markdown(note)}\n" for note in self.notes)))

    def __str__(self) -> str:
        lines = [[one_line(cell) for cell in line] for line in self.cells()]
        widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
        heads, *body, totals = (self._aligned(line, widths) for line in lines)
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join((heads, rule, *body, rule, totals, *self.notes))

    def _aligned(self, line: Sequence[str], widths: Sequence[int]) -> str:
        padded = (
            cell + blank if place < self.left else blank + cell
            for place, (cell, blank) in enumerate(
                (cell, " " * (width - cell_len(cell))) for cell, width in zip(line, widths, strict=True)
            )
        )
        return "  ".join(padded).rstrip()

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """What a notebook shows; it takes the richest form that it knows."""
        bundle = {"text/markdown": self.markdown(), "text/plain": str(self)}
        return {
            kind: text
            for kind, text in bundle.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }

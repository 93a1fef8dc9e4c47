"""Write rows and columns as text, Markdown, CSV, a data frame, or for a notebook."""

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
    """A table with exact ``records`` for programs, and ``cells`` for readers."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The keys of every record."""

    @abstractmethod
    def records(self) -> list[Record]:
        """Return one record for each row: exact values under the names of columns, None for unknown ones."""

    @abstractmethod
    def cells(self) -> list[list[str]]:
        """Return the headings, the rows and the totals as text; empty columns are left out."""

    @property
    @abstractmethod
    def left(self) -> int:
        """The number of columns of words, from the left."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """Remarks below the table."""

    def to_frame(self) -> Any:
        """Return the records as a ``pandas.DataFrame``; `MissingDependency` if pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise MissingDependency("a frame needs pandas: pip install 'fxviz[training]'") from error
        return pandas.DataFrame(self.records(), columns=list(self.columns))

    def csv(self) -> str:
        """Return comma-separated values (RFC 4180): a header, then exact numbers; unknown values are empty."""
        file = io.StringIO()
        writer = csv.DictWriter(file, self.columns, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(self.records())
        return file.getvalue()

    def markdown(self) -> str:
        """Return a table in GitHub's Markdown; names are escaped."""
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
        """Return the forms by MIME type, of which a notebook shows the richest that it knows."""
        bundle = {"text/markdown": self.markdown(), "text/plain": str(self)}
        return {
            kind: text
            for kind, text in bundle.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }

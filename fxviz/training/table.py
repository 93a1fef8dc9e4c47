"""Numbers of runs as one tidy table, or as series."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fxviz.errors import MissingDependency
from fxviz.text.escaping import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

__all__ = ["Row", "Series", "Table"]


class Row(NamedTuple):
    """One number: ``metric`` of ``layer`` at ``step`` of ``run``; ``layer`` is empty for a metric of the whole run."""

    run: str
    step: int
    layer: str
    metric: str
    value: float


class Series(NamedTuple):
    """The numbers of one metric by increasing step; a value may be NaN."""

    steps: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Table:
    """Tidy rows, each complete in itself, for plots, spreadsheets and other libraries."""

    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_csv(self) -> str:
        """Return comma-separated values (RFC 4180) with a header; numbers exactly as recorded."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(Row._fields)
        writer.writerows(self.rows)
        return file.getvalue()

    def to_markdown(self) -> str:
        """Return a table in GitHub's Markdown; names are escaped."""
        body = [
            [*map(escape_markdown, (row.run, row.layer, row.metric)), str(row.step), str(row.value)] for row in self
        ]
        lines = [["Run", "Layer", "Metric", "Step", "Value"], ["---", "---", "---", "---:", "---:"], *body]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def to_frame(self) -> Any:
        """Return a ``pandas.DataFrame``; raise `MissingDependency` if pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise MissingDependency("a frame needs pandas: pip install 'fxviz[training]'") from error
        return pandas.DataFrame(self.rows, columns=list(Row._fields))

"""Tables: one row for each visible thing, indented as it nests, with its output shapes and its numbers.

`Text` is for terminals, `Markdown` for documents, `Csv` for spreadsheets and scripts: exact numbers, full paths.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text as RichText

from fxviz.exporters.base import Exporter
from fxviz.ir import Dim, Node, Value, format_scope
from fxviz.text.escaping import escape_markdown, one_line
from fxviz.text.quantity import format_quantity, format_shape
from fxviz.views.captions import left_out, sequence_kind
from fxviz.views.view import Box, Item, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.analysis.facts import Metric

__all__ = ["Csv", "Markdown", "Text", "cells", "notes", "rich_table"]


_INDENT = "\u2003"  # an em space, which no title holds: `one_line` would write it as an escape


@dataclass(frozen=True)
class Row:
    """One visible thing: ``depth`` counts the open boxes around it; ``amounts`` run parallel to the view's metrics."""

    item: Item
    depth: int
    title: str
    outputs: tuple[Value, ...]
    amounts: tuple[Dim | None, ...]


def rows(view: View) -> Iterator[Row]:
    """Iterate over the rows of a view, parents before their children. What is inside a folded box is one copy of it."""
    return _rows(view, view.root, 0)


def _rows(view: View, parent: Box, depth: int) -> Iterator[Row]:
    for item in parent.items:
        amounts = tuple(metric.at(*view.places(item)) for metric in view.metrics)
        yield Row(item, depth, view.title(item), item.outputs, amounts)
        if isinstance(item, Box) and item.open:
            yield from _rows(view, item, depth + 1)


def totals(view: View) -> tuple[Dim | None, ...]:
    """Return the numbers of the whole graph, parallel to the view's metrics."""
    return tuple(metric.at(()) for metric in view.metrics)


@dataclass(frozen=True)
class Text(Exporter):
    """A table in plain text, as wide as its content."""

    def export(self, view: View) -> str:
        """Return the table without colours or control characters."""
        table = rich_table(view)
        file = io.StringIO()
        # In a notebook, rich would show the table besides writing it.
        measure = Console(file=file, width=10_000, color_system=None, force_jupyter=False)
        console = Console(file=file, width=measure.measure(table).maximum, color_system=None, force_jupyter=False)
        console.print(table)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n") + "\n"


def rich_table(view: View) -> Table:
    """Return the table as a rich renderable, for a terminal."""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_footer=True,
        pad_edge=False,
        caption="\n".join(notes(view)) or None,
        caption_justify="left",
    )
    table.add_column("Module or operation", "Total", overflow="fold")
    table.add_column("Output shape", overflow="fold")
    for metric, total in zip(view.metrics, totals(view), strict=True):
        table.add_column(_headed(metric.label), _readable(total, metric), justify="right", overflow="fold")
    for row in rows(view):
        title = RichText("  " * row.depth + one_line(row.title), style="" if isinstance(row.item, Box) else "dim")
        table.add_row(title, _shapes(row.outputs), *_amounts(view, row))
    return table


def cells(view: View) -> Iterator[list[str]]:
    """Iterate over the lines of the table as text: the heading, a line for each row, its title indented by em spaces, and the totals."""
    yield ["Module or operation", "Output shape", *(_headed(metric.label) for metric in view.metrics)]
    for row in rows(view):
        yield [_INDENT * row.depth + one_line(row.title), _shapes(row.outputs), *_amounts(view, row)]
    yield [
        "Total",
        "",
        *(_readable(total, metric) for metric, total in zip(view.metrics, totals(view), strict=True)),
    ]


def notes(view: View) -> Iterator[str]:
    """Iterate over what a reader of the rows must know."""
    if any(isinstance(item, Box) and item.open and item.times > 1 for item in view.walk()):
        yield "A row × n stands for n copies; the rows under it show one of them."
    if view.root.items:
        yield from filter(None, (getattr(metric, "note", "") for metric in view.metrics))
    if view.hidden:
        yield f"{left_out(view.hidden)[0].upper()}{left_out(view.hidden)[1:]}."


@dataclass(frozen=True)
class Markdown(Exporter):
    """A table in GitHub's Markdown."""

    embedding = "markdown"
    language = "markdown"

    def export(self, view: View) -> str:
        """Return the table; names are escaped, nesting is shown by indentation."""
        heads, *body, (total, *sums) = ([_marked_up(cell) for cell in line] for line in cells(view))
        rules = ["---", "---", *("---:" for _ in view.metrics)]
        bold = [f"**{cell}**" if cell else "" for cell in (total, *sums)]
        table = "".join(f"| {' | '.join(line)} |\n" for line in [heads, rules, *body, bold])
        return "\n".join((table, *(f"{escape_markdown(note)}\n" for note in notes(view))))


@dataclass(frozen=True)
class Csv(Exporter):
    """Comma-separated values (RFC 4180): full paths and exact numbers, expressions as sympy writes them.

    Columns: depth, path (of a module, or the name of an operation), kind (a class, or an operator), times, shapes and
    dtypes of the outputs, then one column a metric with its unit. The last row, of kind ``Total``, is the whole graph.
    """

    whole = True
    drawn = False
    language = "csv"

    def export(self, view: View) -> str:
        """Return the table; amounts that are not known are empty."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\r\n")
        units = [
            f"{metric.label} ({metric.unit})" if metric.unit not in ("", metric.label) else metric.label
            for metric in view.metrics
        ]
        writer.writerow(["depth", "path", "kind", "times", "shape", "dtype", *units])
        for row in rows(view):
            types = [value.type for value in row.outputs]
            shapes = "; ".join("x".join(map(str, type.shape)) if type else "?" for type in types)
            dtypes = "; ".join(type.dtype if type else "?" for type in types)
            writer.writerow([row.depth, *_identity(row.item), shapes, dtypes, *map(_exact, row.amounts)])
        writer.writerow([0, "", "Total", 1, "", "", *map(_exact, totals(view))])
        return file.getvalue()


def _marked_up(cell: str) -> str:
    text = cell.lstrip(_INDENT)
    return "&emsp;" * (len(cell) - len(text)) + escape_markdown(text)


def _headed(label: str) -> str:
    return label[:1].upper() + label[1:]


def _identity(item: Item) -> tuple[str, str, int]:
    if isinstance(item, Node):
        return item.name, item.op, 1
    if item.label:
        return format_scope(item.scope), item.label, 1
    if item.period > 1:
        return format_scope(item.scope), sequence_kind(item.copies[: item.period]), item.times
    return format_scope(item.scope), item.scope[-1].kind if item.scope else "", item.times


def _amounts(view: View, row: Row) -> list[str]:
    return [_readable(amount, metric) for amount, metric in zip(row.amounts, view.metrics, strict=True)]


def _readable(amount: Dim | None, metric: Metric) -> str:
    """Format an amount: blank if it is not known, without the unit if the column's heading says it."""
    if amount is None:
        return ""
    return format_quantity(amount, "" if amount == 0 or metric.unit == metric.label else metric.unit)


def _exact(amount: Dim | None) -> str:
    if amount is None:
        return ""
    return str(amount if isinstance(amount, int) or not amount.is_number else float(amount))


def _shapes(values: tuple[Value, ...], most: int = 3) -> str:
    shapes = [format_shape(value.type.shape) if value.type else "?" for value in values]
    rest = f", and {len(shapes) - most} more" if len(shapes) > most else ""
    return ", ".join(shapes[:most]) + rest

"""Write the difference between two graphs as text, for a terminal, a log or a failing test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.comparison.costs import Delta
from fxviz.comparison.outline import Entry, outline
from fxviz.comparison.pairs import ScopePair, Status
from fxviz.text.escaping import one_line
from fxviz.text.quantity import format_quantity, format_type
from fxviz.views.captions import value_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.comparison.changes import ValuePair
    from fxviz.comparison.difference import Difference

__all__ = ["Line", "change_lines", "headline", "summary_lines", "text", "total_rows"]

_MAIN = ("parameters", "FLOPs")  # whose changes are shown beside each entry
_LEAST_SHARE = 0.0005  # written as 0.05 %
_ALWAYS = ("parameters", "FLOPs", "peak memory")


@dataclass(frozen=True)
class Line:
    """A line of the report: the status of ``title``, the details of its change, and the costs."""

    status: Status
    depth: int
    title: str
    details: tuple[str, ...]
    costs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.status.value} {'  ' * self.depth}{' · '.join((self.title, *self.details, *self.costs))}"


def text(diff: Difference) -> str:
    """Return the headline, every change on a line, and the totals."""
    if diff.equal:
        return headline(diff)
    changes = [str(line) for line in change_lines(diff)]
    return "\n".join((headline(diff), *(("", *changes) if changes else ()), "", *summary_lines(diff)))


def headline(diff: Difference) -> str:
    """Return the number of operations by status, in one line."""
    before, after = (one_line(facts.graph.name) for facts in (diff.before, diff.after))
    counts = [f"{count:,} {status.name.lower()}" for status, count in diff.counts.items() if count]
    verdict = "no difference" if diff.equal else ", ".join(counts) or "no operations"
    return f"{before} → {after}: {verdict}"


def summary_lines(diff: Difference) -> Iterator[str]:
    """Yield the totals as a table."""
    rows = [("", "before", "after", "change"), *total_rows(diff)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, *amounts in rows:
        cells = (amount.rjust(width) for amount, width in zip(amounts, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *cells)).rstrip()


def total_rows(diff: Difference) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row of cells for the operations and each cost; most rows that are 0 on both sides are left out."""
    yield _row(Delta("operations", "", *(len(facts.graph.nodes) for facts in (diff.before, diff.after))))
    for delta in diff.totals:
        if delta.label in _ALWAYS or not (delta.before == 0 and delta.after == 0):
            yield _row(delta)
    if any(diff.unknown):
        yield _row(Delta("operations not counted", "", *(sum(unknown.values()) for unknown in diff.unknown)))


def _row(delta: Delta) -> tuple[str, str, str, str]:
    before, after = (format_quantity(amount, delta.unit) for amount in (delta.before, delta.after))
    share = (
        f" ({100 * delta.share:+.3g} %)".replace("-", "−") if delta.share and abs(delta.share) >= _LEAST_SHARE else ""
    )
    return delta.label, before, after, f"{delta}{share}"


def change_lines(diff: Difference) -> Iterator[Line]:
    """Yield the changes of inputs, outputs and weights, then those of the modules."""
    yield from _value_lines(diff)
    for entry in outline(diff.root):
        for depth, title, inner in entry.walk():
            yield Line(
                inner.status, depth, one_line(title or diff.after.graph.name), _words(inner), _costs(diff, inner)
            )


def _words(entry: Entry) -> tuple[str, ...]:
    words = tuple(map(one_line, entry.details))
    if entry.children or entry.alone or words or entry.operations == 1:
        return words
    each = " each" if len(entry.pairs) > 1 else ""
    return (f"{entry.operations:,} operations{each}",)


def _costs(diff: Difference, entry: Entry) -> tuple[str, ...]:
    deltas = [cost.at(*entry.pairs) for cost in diff.costs]
    told = [delta for delta in deltas if delta.change is not None and delta.change != 0]
    main = [delta for delta in told if delta.label in _MAIN]
    module = entry.alone or isinstance(entry.pairs[0], ScopePair)
    rest = [delta for delta in told if delta.label == "integer OPs" or (delta.unit == "B" and module)]
    return tuple(f"{delta} {delta.label if not delta.unit else ''}".rstrip() for delta in main) + tuple(
        f"{delta} at the peak" if delta.unit == "B" else str(delta) for delta in rest
    )


def _value_lines(diff: Difference) -> Iterator[Line]:
    """Yield the changed values that no operation shows, with equal changes in one line."""
    alike: dict[tuple[Status, str, tuple[str, ...]], list[str]] = {}
    for pair, details in _untold(diff):
        alike.setdefault((pair.status, pair.role, tuple(map(one_line, details))), []).append(pair.name)
    for (status, role, details), names in alike.items():
        what = f"{role} {names[0]}" if len(names) == 1 else f"{len(names):,} {role}s: {value_title(names)}"
        yield Line(status, 0, one_line(what), details, ())


def _untold(diff: Difference) -> Iterator[tuple[ValuePair, tuple[str, ...]]]:
    """Yield the changed inputs and outputs, and the weights whose change no operation shows, with their details."""
    told = {
        value
        for pair in diff.nodes_by(Status.ADDED, Status.REMOVED, Status.CHANGED)
        for node in (pair.before, pair.after)
        if node is not None
        for value in node.inputs
    }
    come_and_gone = {
        pair.scope[-1].path for pair in diff.root.scopes() if pair.scope and None in (pair.before, pair.after)
    }
    for pair in diff.changed_values:
        given = pair.role in ("input", "output")
        in_those = not pair.details and not come_and_gone.isdisjoint(_around(pair.name))
        if given or not (in_those or told & {pair.before, pair.after}):
            only = [value for value in (pair.before, pair.after) if value] if not pair.details else []
            yield pair, tuple(format_type(value.type) for value in only) or tuple(map(str, pair.details))
        elif pair.training:
            yield pair, tuple(map(str, pair.training))


def _around(name: str) -> Iterator[str]:
    """Yield the paths of the modules around a weight, innermost first."""
    while name := name.rpartition(".")[0]:
        yield name

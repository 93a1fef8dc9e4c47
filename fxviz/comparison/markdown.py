"""Write the difference between two graphs for a pull request: costs, main changes, and all changes folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.comparison.text import change_lines, headline, total_rows
from fxviz.text.escaping import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fxviz.comparison.difference import Difference
    from fxviz.comparison.text import Line

__all__ = ["markdown"]

_SHOWN = 10  # changes at the top level
_LONGEST = 50_000  # characters: a comment on GitHub has at most 65,536


def markdown(diff: Difference) -> str:
    """Return a heading, a table of the costs, the changes at the top level, and all changes in a folded list."""
    return "\n".join(_lines(diff))


def _lines(diff: Difference) -> Iterator[str]:
    yield f"### {escape_markdown(headline(diff))}\n"
    yield "| | before | after | change |"
    yield "| --- | ---: | ---: | ---: |"
    for name, *amounts in total_rows(diff):
        yield f"| {' | '.join((name, *amounts))} |"
    yield ""
    lines = [*change_lines(diff)]
    top = [line for line in lines if not line.depth]
    for line in top[:_SHOWN]:
        yield f"- {_written(line)}"
    if len(lines) > min(len(top), _SHOWN):
        yield f"\n<details><summary>All {len(lines):,} changes</summary>\n"
        yield from _within(lines, _LONGEST)
        yield "\n</details>"
    if lines:
        yield ""


def _within(lines: Sequence[Line], longest: int) -> Iterator[str]:
    """Yield the lines as a nested list, as many as fit into ``longest`` characters."""
    room = longest
    for number, line in enumerate(lines):
        written = f"{'  ' * line.depth}- {_written(line)}"
        if (room := room - len(written)) < 0:
            yield f"- … and {len(lines) - number:,} more: `fxviz diff` prints them"
            return
        yield written


def _written(line: Line) -> str:
    rest = " · ".join(map(escape_markdown, (*line.details, *line.costs)))
    mark = f"`{line.status.value}` " if line.status.value.strip() else ""  # bare, a plus would begin a list
    return f"{mark}**{escape_markdown(line.title)}**{': ' if rest else ''}{rest}"

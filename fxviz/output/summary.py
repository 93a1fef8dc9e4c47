"""The summary of a model: its table, and under it what there is to say of the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts
from fxviz.exporters.table import Markdown, Text
from fxviz.output import default_view
from fxviz.output.report import format_entries, report_entries
from fxviz.text.escaping import escape_markdown

if TYPE_CHECKING:
    from fxviz.ir import Graph
    from fxviz.passes.roofline import Roofline
    from fxviz.views.view import View

__all__ = ["Summary", "summary"]


@dataclass(frozen=True, eq=False)
class Summary:
    """A table of a model, its totals, what was not counted: ``print`` writes it as text, a notebook shows it as Markdown.

    ``view`` is what the table shows; ``entries`` are the lines under it, each a label and its text.
    """

    view: View
    entries: tuple[tuple[str, str], ...]

    @property
    def markdown(self) -> str:
        """The same in GitHub's Markdown: a table and a list."""
        lines = (f"- **{escape_markdown(label)}**: {escape_markdown(text)}\n" for label, text in self.entries)
        return "".join((Markdown().export(self.view), "\n", *lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines under the table, their texts aligned."""
        return tuple(format_entries(self.entries))

    def __str__(self) -> str:
        return "\n".join((Text().export(self.view), *self.lines))

    def __repr__(self) -> str:
        return f"<Summary of {self.view.graph.name}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/plain": str(self)}


def summary(source: Graph | Facts, roofline: Roofline | None = None, *, view: View | None = None) -> Summary:
    """What ``fxviz summary`` prints of a graph, as an object that prints and displays itself.

    Args:
        source: A graph, or its facts.
        roofline: A device, whose least time the table and the lines under it tell too.
        view: What the table shows; by default as much as fits on a page, with its costs.
    """
    facts = source if isinstance(source, Facts) else Facts(source)
    shown = default_view(facts, "text") if view is None else view
    if roofline is not None:
        shown = replace(shown, metrics=(*shown.metrics, facts[roofline]))
    return Summary(shown, tuple(report_entries(facts, roofline)))

"""`fxviz.diff`: compare two graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts
from fxviz.comparison.changes import Changes, pair_values
from fxviz.comparison.difference import Difference
from fxviz.comparison.json import json
from fxviz.comparison.markdown import markdown
from fxviz.comparison.matching import comes_first, match
from fxviz.comparison.merging import merge
from fxviz.comparison.picture import picture
from fxviz.comparison.text import text
from fxviz.errors import InputError
from fxviz.ir import Graph
from fxviz.views.structural_hash import fingerprint_together

if TYPE_CHECKING:
    from fxviz.views.view import View

__all__ = ["GraphDiff", "diff"]


@dataclass(frozen=True, eq=False, repr=False)
class GraphDiff(Difference):
    """What changed from one graph to another, and how to write it down.

    ``str(diff)`` is the report for a terminal, `markdown` the one for a pull request, `json` the one for programs;
    `view` is a picture of both graphs as one, in which colours show what was added, removed and changed.
    """

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status.name.lower()}" for status, count in self.counts.items())
        return f"GraphDiff({self.before.graph.name!r} → {self.after.graph.name!r}: {counts})"

    def _repr_markdown_(self) -> str:
        return self.markdown()  # what a notebook shows

    def markdown(self) -> str:
        """Return the report for a pull request: costs and the main changes, and all changes folded away."""
        return markdown(self)

    def json(self) -> str:
        """Return all changes as JSON, for programs."""
        return json(self)

    def view(self, budget: int | None = None, depth: int | None = None, *, fold: bool = True) -> View:
        """Return both graphs as one picture, which `fxviz.render` and `fxviz.export` write in every format.

        At most ``budget`` boxes are shown, with the modules opened first in which most has changed; by default as many
        as fit on a page.
        """
        return picture(self, budget, depth, fold=fold)


def diff(before: Graph | Facts, after: Graph | Facts) -> GraphDiff:
    """Compare two graphs; the difference of equal graphs is empty.

    Modules and operations are matched by their paths and by what they compute (`fxviz.comparison.matching`). Names of
    graphs and values, source lines, and notes of the trace do not count.
    """
    facts, facts_now = _facts(before), _facts(after)
    ones, others = fingerprint_together(facts.graph, facts_now.graph)
    if comes_first(ones, others):
        matching = match(ones, others)
        values = pair_values(ones.graph, others.graph, matching)
    else:
        mirrored = match(others, ones)
        matching = mirrored.mirrored()
        values = tuple(pair.mirrored() for pair in pair_values(others.graph, ones.graph, mirrored))
    changes = Changes(ones, others, matching, values)
    return GraphDiff(facts, facts_now, merge(ones.root, others.root, matching, changes.of), values)


def _facts(source: Graph | Facts) -> Facts:
    if isinstance(source, Facts):
        return source
    if isinstance(source, Graph):
        return Facts(source)
    kind = type(source).__name__
    raise InputError(f"expected a Graph or Facts, got {kind}; trace the model first: fxviz.trace(model, args)")

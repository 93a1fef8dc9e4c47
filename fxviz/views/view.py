"""What is shown of a graph, decided once for every format: what is open, what is folded, which edges, which numbers.

An exporter sees a `View` and nothing else; it writes what it finds here.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, cast

from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.plugins import DisplayedInNotebooks, plugin_names, suggest
from fxviz.views import labels
from fxviz.views.boxes import Box, Edge, Item
from fxviz.views.categories import CATEGORIES
from fxviz.views.plan import measure, plan
from fxviz.views.spec import ViewSpec
from fxviz.views.visible import Visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.analysis.facts import Analysis, Metric
    from fxviz.ir import Graph, Value

__all__ = ["Box", "Edge", "Item", "View"]

P = ParamSpec("P")


def _with_fields_of(
    spec: Callable[P, ViewSpec],
) -> Callable[[Any], Callable[Concatenate[type[View], Graph | Facts, P], View]]:
    """Give a function with ``**options`` the signature that it has: the fields of ``spec`` as keywords."""

    def decorate(function: Any) -> Callable[Concatenate[type[View], Graph | Facts, P], View]:
        own = inspect.signature(function)
        others = [parameter for parameter in own.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        options = inspect.signature(spec).parameters.values()
        function.__signature__ = own.replace(parameters=[*others, *options])
        return cast("Callable[Concatenate[type[View], Graph | Facts, P], View]", function)

    return decorate


@dataclass(frozen=True, eq=False)
class View(Visible, DisplayedInNotebooks):
    """All that an exporter needs, decided: what is visible, how it nests, and what is written on it.

    Its fields are plain data (see `fxviz.views.visible.Visible`); its methods give each item its words.
    """

    @classmethod
    @_with_fields_of(ViewSpec)
    def of(cls, source: Graph | Facts, **options: Any) -> View:
        """Decide a view of a graph, or of its facts. The options are the fields of `fxviz.views.spec.ViewSpec`."""
        return cls.from_spec(source, ViewSpec(**options))

    @classmethod
    def from_spec(cls, source: Graph | Facts, spec: ViewSpec) -> View:
        """Decide the view that ``spec`` asks for.

        Raises `InputError` for a focus, an analysis or a colour that there is not.
        """
        facts = source if isinstance(source, Facts) else Facts(source)
        metrics = tuple(measure(facts, analysis) for analysis in spec.show)
        color, category = _coloring(facts, spec.color)
        return cls(
            graph=facts.graph, metrics=metrics, color=color, category=category, spec=spec, **vars(plan(facts, spec))
        )

    def with_budget(self, budget: int) -> Self:
        """Return the same view, decided again with another budget; for a format that does not hold this one.

        Raises `InputError` for a view without a ``spec``, and for a budget below 1.
        """
        if self.spec is None:
            raise InputError(f"{self!r} was put together by hand: it has no spec to decide it again from")
        spec = replace(self.spec, budget=budget)
        return replace(self, spec=spec, **vars(plan(self._facts, spec)))

    def kind(self, item: Item | Value) -> str:
        """Return what colours an item: ``"input"``, ``"output"``, ``"weight"``, ``"scope"``, or the operator's kind.

        A closed box whose scope holds a single operation has the kind of that operation (see `fxviz.analysis.ops.Kind`).
        """
        return labels.kind(self, item)

    def title(self, item: Item | Value) -> str:
        """Return the name of an item in a few words: ``add``, ``conv1: conv2d``, ``layers.0–11: Block × 12``."""
        return labels.title(self, item)

    def lines(self, item: Item | Value) -> tuple[str, ...]:
        """Return the lines under the title: what a closed box holds, what varies among copies, output shapes, numbers.

        What is not known, and a number that is 0, is left out.
        """
        return labels.lines(self, item)

    def tooltip(self, item: Item | Value) -> str:
        """Return the rest, over several lines: full path, source line, attributes, types, kernels, every number."""
        return labels.tooltip(self, item)

    @cached_property
    def _facts(self) -> Facts:
        """What is known of the graph, for every budget that is tried."""
        return Facts(self.graph)

    def __repr__(self) -> str:
        return f"<View of {self.graph.name}: {sum(1 for _ in self.walk())} things, {len(self.edges)} edges>"


def _coloring(facts: Facts, color: Analysis[Any] | str | None) -> tuple[Metric | None, str | None]:
    """Return the metric that colours a view, or else the category."""
    if color is None:
        return None, None
    if isinstance(color, str) and color in CATEGORIES:
        return None, color
    if isinstance(color, str) and color not in plugin_names("fxviz.analyses"):
        known = (*CATEGORIES, *plugin_names("fxviz.analyses"))
        raise InputError(f"nothing to colour by is called {color!r}{suggest(color, known)}")
    return measure(facts, color), None

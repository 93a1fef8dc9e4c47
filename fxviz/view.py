"""What is shown of a graph, decided once for every format: what is open, what is folded, which edges, which numbers.

An exporter sees a `View` and nothing else; it writes what it finds here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from fxviz.facts import Analysis, Facts, Metric
from fxviz.ir import Graph, Node, Scope, Value

__all__ = ["Box", "Edge", "Item", "View"]


@dataclass(frozen=True, eq=False)
class Box:
    """What is seen of a scope: its items when open, one box when closed; ``copies`` are all the scopes it stands for.

    A folded run of equal siblings is one box with several copies; its items are those of the first copy.
    ``inputs`` are the values that it reads from outside (parameters left out), ``outputs`` those it makes that are read
    outside, both of the first copy and in order of first use.
    """

    scope: Scope
    items: tuple[Item, ...]
    open: bool = True
    copies: tuple[Scope, ...] = ()
    inputs: tuple[Value, ...] = ()
    outputs: tuple[Value, ...] = ()

    @property
    def times(self) -> int:
        """How many equal scopes this box stands for; 1 when nothing is folded."""
        return max(1, len(self.copies))


Item: TypeAlias = Node | Box
"""What is visible as one thing: an operation, or a scope."""


@dataclass(frozen=True)
class Edge:
    """An arrow between two visible things, and the values that flow along it; no two edges join the same pair.

    A `Value` as an end is an input of the graph (source) or an output of it (target). ``values`` are those that the
    source makes, as in the visible copy.
    """

    source: Item | Value
    target: Item | Value
    values: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class View:
    """All that an exporter needs, decided: what is visible, how it nests, and what is written on it.

    ``root`` is the open box of the whole model, its scope is ``()``. ``twins`` maps every value of a folded copy to its
    equal in the copy that is shown (values that are shown as they are, are absent): see `shown`.
    """

    graph: Graph
    root: Box
    edges: tuple[Edge, ...]
    metrics: tuple[Metric, ...] = ()
    twins: Mapping[Value, Value] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(
        cls,
        source: Graph | Facts,
        *,
        depth: int | None = None,
        fold: bool = True,
        show: tuple[Analysis[Any], ...] = (),
    ) -> View:
        """Decide a view.

        ``depth`` closes every scope that is nested deeper (0: the model's top level only, all of its modules closed).
        ``fold`` shows a run of equal siblings as one box. ``show`` names the analyses whose numbers are written on
        each item, in that order.
        """
        raise NotImplementedError

    def shown(self, value: Value) -> Value:
        """``value`` itself, or its equal in the copy that is shown."""
        return self.twins.get(value, value)

    def walk(self) -> Iterator[Item]:
        """Every visible item, parents before their children, in execution order; the root left out."""
        raise NotImplementedError

    def kind(self, item: Item | Value) -> str:
        """What colours an item: ``"input"``, ``"output"``, ``"scope"``, or the operator's kind (see `fxviz.passes.kinds`)."""
        raise NotImplementedError

    def title(self, item: Item | Value) -> str:
        """The name of an item in a few words: ``conv2d``, ``layer1.0: Bottleneck``, ``layers 0–11: Block × 12``."""
        raise NotImplementedError

    def lines(self, item: Item | Value) -> tuple[str, ...]:
        """What is written under the title: the shapes of the outputs, then a line of numbers where there are any."""
        raise NotImplementedError

    def tooltip(self, item: Item | Value) -> str:
        """The rest, over several lines: full path, source line, attributes, types of inputs and outputs, kernels, every number."""
        raise NotImplementedError

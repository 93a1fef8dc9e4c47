"""Facts about a graph: analyses that run on demand, and their typed results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

import sympy

from fxviz.analysis.places import Place, resolve
from fxviz.errors import FxvizError, InputError
from fxviz.ir import Dim, Graph, Node, Scope, as_dim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fxviz.ir import Category

__all__ = ["Analysis", "Facts", "Metric", "Tally", "Timed", "add", "at_large", "evaluate"]

_LARGE = 1024

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Analysis(Protocol[R_co]):
    """A question about a graph. A frozen dataclass with its options as fields, so that equal questions share one answer."""

    def run(self, facts: Facts) -> R_co:
        """Return the answer, from ``facts.graph`` and the results of other analyses in ``facts``."""
        ...


_RUNNING = object()
_UNASKED = object()


class Facts:
    """The facts about one graph: ``facts[Flops()]`` runs an analysis once and keeps its typed result.

    An analysis asks here for the results that it needs, so no order is declared; one that needs its own is an error.
    """

    def __init__(self, graph: Graph) -> None:
        if not isinstance(graph, Graph):
            kind = type(graph).__name__
            raise InputError(f"expected a Graph, got {kind}; trace the model first: fxviz.trace(model, args)")
        self.graph = graph
        self._answers: dict[Analysis[Any], object] = {}

    def __getitem__(self, analysis: Analysis[R]) -> R:
        if isinstance(analysis, type) or not hasattr(analysis, "run"):
            raise InputError(f"expected an analysis such as Flops(), got {analysis!r}")
        answer = self._answers.get(analysis, _UNASKED)
        if answer is _RUNNING:
            raise FxvizError(f"{analysis!r} needs its own result")
        if answer is _UNASKED:
            self._answers[analysis] = _RUNNING
            try:
                answer = analysis.run(self)
            except BaseException:
                del self._answers[analysis]
                raise
            self._answers[analysis] = answer
        return cast("R", answer)

    def __repr__(self) -> str:
        return f"Facts({self.graph.name!r}: {', '.join(map(repr, self._answers)) or 'nothing asked yet'})"


@runtime_checkable
class Metric(Protocol):
    """A result that can be shown beside a node, and rolled up over a scope. Every metric owns its roll-up."""

    @property
    def label(self) -> str:
        """The name of the number, in a word or two: ``FLOPs``."""
        ...

    @property
    def unit(self) -> str:
        """``"FLOPs"``, ``"B"``, ``"s"`` or ``""``; see `fxviz.text.quantity.format_quantity`."""
        ...

    def at(self, *places: Node | Scope) -> Dim | None:
        """Return the number for a node or a whole scope, or for several together; None where nothing is known."""
        ...


@runtime_checkable
class Timed(Protocol):
    """A metric that is also known at every step of a run; a step is one kernel."""

    @property
    def timeline(self) -> Mapping[Category, Sequence[Dim]]:
        """The amounts of each category, one a step."""
        ...

    def moments(self, most: int) -> Sequence[int]:
        """Return at most that many steps, spread evenly, each with the largest amount around it, so the peak is among them."""
        ...


@dataclass(frozen=True, eq=False)
class Tally:
    """An additive metric. An operator without a rule is counted in ``unknown`` (operator -> how often), never as zero.

    With its ``graph``, it finds scopes by their paths.
    """

    label: str
    amounts: Mapping[Node, Dim]
    unit: str = ""
    unknown: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    graph: Graph | None = None

    @cached_property
    def _by_scope(self) -> Mapping[Scope, Dim]:
        own: dict[Scope, list[Dim]] = {}
        for node, amount in self.amounts.items():
            own.setdefault(node.scope, []).append(amount)
        # The sum over no operation is 0, but where none could be counted it is not known.
        terms: dict[Scope, list[Dim]] = {} if self.unknown else {(): []}
        for scope, amounts in own.items():
            subtotal = add(amounts)
            for depth in range(len(scope) + 1):
                terms.setdefault(scope[:depth], []).append(subtotal)
        return {scope: add(amounts) for scope, amounts in terms.items()}

    @property
    def total(self) -> Dim:
        """The sum over the whole graph, without the operators in ``unknown``."""
        return self._by_scope.get((), 0)

    def at(self, *places: Place) -> Dim | None:
        """Return the sum over nodes and scopes, which must not overlap; None where nothing was counted.

        A str is the path of a scope, ``at("layers.0")`` or ``at("layers.0@1")``; an `InputError` names a path that the
        graph does not have. ``at()`` is the sum over nothing: None. The whole graph is ``at(())``.
        """
        amounts = [
            self.amounts.get(place) if isinstance(place, Node) else self._by_scope.get(place)
            for place in self._resolved(places)
        ]
        known = [amount for amount in amounts if amount is not None]
        return add(known) if known else None

    def _resolved(self, places: tuple[Place, ...]) -> tuple[Node | Scope, ...]:
        if self.graph is not None:
            return resolve(places, self.graph)
        if paths := [place for place in places if isinstance(place, str)]:
            raise InputError(f"cannot find {paths[0]!r}: this Tally was made without its graph; make it with graph=...")
        return cast("tuple[Node | Scope, ...]", places)

    def by_scope(self, depth: int) -> Mapping[Scope, Dim]:
        """Return the sums over all scopes ``depth`` deep, in execution order, and over the nodes above that depth."""
        if depth < 0:
            raise InputError(f"a depth is a number from 0, not {depth}")
        terms: dict[Scope, list[Dim]] = {}
        for node, amount in self.amounts.items():
            terms.setdefault(node.scope[:depth], []).append(amount)
        return {scope: add(amounts) for scope, amounts in terms.items()}

    def top(self, n: int = 10, depth: int | None = None) -> Mapping[Node | Scope, Dim]:
        """Return the ``n`` nodes with the largest amounts, largest first; with a ``depth``, the scopes at most that deep.

        Expressions are compared at large sizes. Of equal amounts, the first in execution order comes first.
        """
        if n < 0:
            raise InputError(f"n is a number from 0, not {n}")
        amounts: list[tuple[Node | Scope, Dim]] = []
        if depth is None:
            amounts.extend(self.amounts.items())
        else:
            amounts.extend(self.by_scope(depth).items())
        weights = {amount: at_large(amount) for _, amount in amounts}
        return dict(sorted(amounts, key=lambda entry: weights[entry[1]], reverse=True)[:n])

    def by_op(self) -> Mapping[str, Dim]:
        """Return the sums by operator, largest first where they are numbers."""
        terms: dict[str, list[Dim]] = {}
        for node, amount in self.amounts.items():
            terms.setdefault(node.op, []).append(amount)
        sums = {op: add(amounts) for op, amounts in terms.items()}
        if all(isinstance(amount, int) for amount in sums.values()):
            return dict(sorted(sums.items(), key=lambda item: -cast("int", item[1])))
        return sums


def evaluate(amount: Dim, **sizes: int) -> int | float:
    """Return the value of a total, a formula in symbolic sizes, at sizes given by the names of its symbols.

    Sizes of other symbols change nothing. Whole numbers are exact, as int.

    Raises:
        InputError: a symbol of the formula has no size, or a size is not a positive integer.

    >>> B, S = sympy.symbols("B S", integer=True, positive=True)
    >>> evaluate(4 * B * S**2 + 7, B=8, S=4096), evaluate(12, B=8)
    (536870919, 12)
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InputError(f"the size of {name} is a positive integer, not {size!r}")
    formula = sympy.sympify(amount)
    if missing := sorted(symbol.name for symbol in formula.free_symbols if symbol.name not in sizes):
        raise InputError(f"give a size for {', '.join(missing)}, such as {missing[0]}=8")
    value = formula.xreplace({symbol: sympy.Integer(sizes[symbol.name]) for symbol in formula.free_symbols})
    return int(value) if value.is_integer else float(value)


def at_large(amount: Dim) -> float:
    """Return ``amount`` with every symbol at the same large number, for comparisons."""
    return float(amount) if isinstance(amount, int) else float(amount.subs(dict.fromkeys(amount.free_symbols, _LARGE)))


def add(amounts: list[Dim]) -> Dim:
    """Return the sum; equal expressions are collected before sympy sees them, since a model repeats its layers."""
    counts = Counter(amounts)
    static = sum(amount * times for amount, times in counts.items() if isinstance(amount, int))
    symbolic = [amount * times for amount, times in counts.items() if not isinstance(amount, int)]
    if not symbolic:
        return static
    total = sympy.expand(sympy.Add(static, *symbolic))
    return as_dim(total)

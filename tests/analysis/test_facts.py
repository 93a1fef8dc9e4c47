"""Facts: each question is answered once; a tally is the sum of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sympy
from build import Builder, encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs

from fxviz.analysis.facts import Facts, Tally, add, evaluate
from fxviz.errors import FxvizError, InputError

if TYPE_CHECKING:
    from fxviz.ir import Dim, Graph

B, S = sympy.symbols("B S", integer=True, positive=True)
amounts = st.one_of(st.integers(0, 100), st.sampled_from([B, S, B * S + 1, 2 * B**2]))


@dataclass(frozen=True)
class Count:
    """How often it was run, which is once for each option."""

    step: int = 1

    def run(self, facts: Facts) -> list[int]:
        return [self.step]


@dataclass(frozen=True)
class Nothing:
    """An answer may be None."""

    runs = 0

    def run(self, facts: Facts) -> None:
        type(self).runs += 1


@dataclass(frozen=True)
class Snake:
    def run(self, facts: Facts) -> object:
        return facts[Snake()]


@dataclass(frozen=True)
class Broken:
    def run(self, facts: Facts) -> object:
        raise ValueError("no")


def test_a_question_is_answered_once() -> None:
    facts = Facts(encoder(1))
    assert facts[Count()] is facts[Count()]
    assert facts[Count(2)] == [2]
    assert facts[Nothing()] is None
    assert facts[Nothing()] is None
    assert Nothing.runs == 1
    assert repr(facts) == "Facts('encoder': Count(step=1), Count(step=2), Nothing())"


@pytest.mark.parametrize("analysis", ["flops", Count, None])
def test_what_is_not_an_analysis_is_refused(analysis: Any) -> None:
    with pytest.raises(InputError, match=r"expected an analysis such as Flops\(\), got "):
        Facts(encoder(1))[analysis]


def test_facts_are_about_a_graph() -> None:
    model: Any = object()
    with pytest.raises(InputError, match="expected a Graph, got object; trace the model first"):
        Facts(model)


def test_an_analysis_that_needs_itself_is_an_error_and_not_a_loop() -> None:
    facts = Facts(encoder(1))
    with pytest.raises(FxvizError, match=r"Snake\(\) needs its own result"):
        facts[Snake()]
    with pytest.raises(FxvizError, match="needs its own result"):  # again, as before
        facts[Snake()]


def test_an_analysis_that_fails_may_be_asked_again() -> None:
    facts = Facts(encoder(1))
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            facts[Broken()]


@st.composite
def tallies(draw: st.DrawFn) -> tuple[Graph, Tally]:
    graph = draw(graphs())
    counted = {node: draw(amounts) for node in graph.nodes if draw(st.booleans())}
    return graph, Tally("FLOPs", counted)


@given(tallies())
@settings(deadline=None, max_examples=25)
def test_a_scope_is_the_sum_of_its_parts(given_: tuple[Graph, Tally]) -> None:
    graph, tally = given_
    for scope in graph.scopes:
        parts = [tally.amounts[node] for node in tally.amounts if node.scope[: len(scope)] == scope]
        if parts:
            assert sympy.expand(tally.at(scope) - sum(parts)) == 0
            assert sympy.expand(tally.at(*(node for node in graph.nodes_within[scope])) - sum(parts)) == 0
        elif scope:
            assert tally.at(scope) is None


@given(tallies(), st.integers(0, 5))
@settings(deadline=None, max_examples=25)
def test_every_grouping_adds_up_to_the_total(given_: tuple[Graph, Tally], depth: int) -> None:
    _, tally = given_
    for groups in (tally.by_scope(depth), tally.by_op()):
        assert sympy.expand(sum(groups.values()) - tally.total) == 0
    assert all(tally.at(scope) is not None for scope in tally.by_scope(depth))


@given(st.lists(amounts))
def test_sums_are_exact_and_static_ones_are_ints(parts: list[Dim]) -> None:
    assert sympy.expand(add(parts) - sum(parts)) == 0
    if all(isinstance(part, int) for part in parts):
        assert type(add(parts)) is int


def test_sums_that_lose_their_symbols_are_ints() -> None:
    assert type(add([B, 1 - B])) is int


def test_nothing_counted() -> None:
    graph = encoder(1)
    nothing = Tally("FLOPs", {}, unknown={"linear": 4})
    assert nothing.total == 0
    assert nothing.at() is None
    assert nothing.at(graph.nodes[0]) is None
    assert nothing.at(graph.scopes[1]) is None
    assert nothing.by_op() == {}


def test_operators_are_listed_by_amount() -> None:
    graph = encoder(2)
    tally = Tally("FLOPs", {node: 10 if node.op == "add" else 1 for node in graph.nodes})
    assert list(tally.by_op().items()) == [("add", 20), ("linear", 6), ("gelu", 2)]


def test_a_depth_below_zero_is_refused() -> None:
    with pytest.raises(InputError, match="from 0, not -1"):
        Tally("FLOPs", {}).by_scope(-1)


def test_two_calls_of_one_module_are_two_scopes() -> None:
    build = Builder()
    x = build.input("x", 2)
    for _ in range(2):
        with build.module("a", "A"):
            x = build.op("relu", x)
    graph = build.graph(x)
    tally = Tally("FLOPs", dict.fromkeys(graph.nodes, 3))
    assert [tally.at(scope) for scope in graph.scopes] == [6, 3, 3]
    assert tally.at(*graph.scopes[1:]) == 6


# A total at sizes -----------------------------------------------------------------------------------------------------


def test_a_total_has_a_number_at_sizes() -> None:
    total = 4 * B * S + 7
    assert evaluate(total, B=2, S=3) == 31
    assert evaluate(12, B=2) == 12
    assert evaluate(sympy.Max(B, S, evaluate=False), B=2, S=3, T=9) == 3
    assert type(evaluate(sympy.ceiling(B / 32), B=33)) is int
    assert evaluate(B / 4, B=1) == 0.25


@pytest.mark.parametrize("sizes", [{"B": 1}, {}, {"b": 1, "S": 1}])
def test_a_total_needs_a_size_for_each_symbol(sizes: dict[str, int]) -> None:
    with pytest.raises(InputError, match="give a size for"):
        evaluate(B * S, **sizes)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "2"])
def test_sizes_are_positive_integers(size: Any) -> None:
    with pytest.raises(InputError, match="positive integer"):
        evaluate(B, B=size)

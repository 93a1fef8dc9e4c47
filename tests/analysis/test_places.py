"""Results found by path: a str is the scope that `format_scope` writes so, in every result that has ``at``."""

from __future__ import annotations

from typing import Any

import pytest
from build import Builder, encoder

from fxviz import Facts, Flops, InputError, Memory, Parameters, Roofline, Tally, format_scope
from fxviz.analysis.places import resolve

RESULTS = (Flops(), Memory(), Parameters(), Roofline("h100"))


@pytest.mark.parametrize("analysis", RESULTS, ids=lambda analysis: type(analysis).__name__)
def test_a_path_is_its_scope(analysis: Flops | Memory | Parameters | Roofline) -> None:
    graph = encoder(3)
    result = Facts(graph)[analysis]
    for scope in graph.scopes:
        assert result.at(format_scope(scope)) == result.at(scope)
    assert result.at("layers.0", "head") == result.at(*graph.scopes_at("layers.0"), *graph.scopes_at("head"))


@pytest.mark.parametrize("analysis", RESULTS, ids=lambda analysis: type(analysis).__name__)
def test_an_unknown_path_is_an_error_that_suggests_one(analysis: Flops | Memory | Parameters | Roofline) -> None:
    result = Facts(encoder(3))[analysis]
    with pytest.raises(
        InputError, match=r"no operation of 'encoder' ran in a module 'layer\.0'; did you mean layers\.0"
    ):
        result.at("layer.0")


@pytest.mark.parametrize("analysis", RESULTS, ids=lambda analysis: type(analysis).__name__)
@pytest.mark.parametrize("place", [0, None])
def test_what_is_not_a_place_is_refused(analysis: Flops | Memory | Parameters | Roofline, place: Any) -> None:
    with pytest.raises(InputError, match="expected a node, a scope or a path"):
        Facts(encoder(1))[analysis].at(place)


def test_every_column_and_the_other_questions_know_paths() -> None:
    facts = Facts(encoder(3))
    flops, roofline, memory = facts[Flops()], facts[Roofline("h100")], facts[Memory()]
    assert flops.matrix.at("layers.0") == 2 * (2 * 8 * 8)  # two products of a vector of 8 with an 8×8 matrix
    assert flops.ops.at("layers.0") == 0
    assert roofline.intensity("layers.0") == roofline.intensity(*facts.graph.scopes_at("layers.0"))
    assert memory.peak_at("layers.0") == memory.peak_at(*facts.graph.scopes_at("layers.0"))


def test_a_call_has_its_number_and_a_container_in_two_calls_is_two_scopes() -> None:
    build = Builder()
    x = build.input("x", 4)
    for _ in range(2):
        with build.module("a", "A"), build.module("steps", "ModuleList"), build.module("0", "Step"):
            x = build.op("relu", x)
    graph = build.graph(x)
    tally = Tally("operations", dict.fromkeys(graph.nodes, 1), graph=graph)
    assert [tally.at(path) for path in ("a", "a@1", "a.steps", "a.steps.0", "a.steps.0@1", "")] == [1, 1, 2, 1, 1, 2]
    assert resolve(["a.steps", graph.nodes[0]], graph) == (
        graph.nodes[0].scope[:2],
        graph.nodes[1].scope[:2],
        graph.nodes[0],
    )


def test_where_nothing_was_counted_a_path_is_known_and_has_no_number() -> None:
    graph = encoder(1)
    assert Tally("FLOPs", {}, unknown={"linear": 1}, graph=graph).at("layers.0") is None


def test_a_tally_without_its_graph_says_so() -> None:
    with pytest.raises(InputError, match=r"cannot find 'layers\.0': this Tally was made without its graph"):
        Tally("FLOPs", {}).at("layers.0")

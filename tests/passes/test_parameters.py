"""Parameters: each counted once in every sum."""

from __future__ import annotations

from dataclasses import replace

from build import Builder, encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs

from fxviz.analysis.facts import Facts
from fxviz.ir import Graph, Role, TensorType, Value, format_scope
from fxviz.passes.parameters import ParameterCount, Parameters


def count(graph: Graph) -> ParameterCount:
    return Facts(graph)[Parameters()]


def tied() -> Graph:
    """An embedding of 10 × 4 that the head uses again, a block of 4 × 4 called twice, a frozen bias, a buffer, a spare."""
    build = Builder("tied")
    x = build.input("x", 3, dtype="int64")
    with build.module("embed", "Embedding"):
        table = build.parameter("weight", 10, 4)
        x = build.op("embedding", x, table, shape=(3, 4), dtype="float32")
    with build.module("layers", "ModuleList"):
        for _ in range(2):
            with build.module("0", "Block"):
                bias = build.parameter("bias", 4, dtype="float16", trainable=False)
                x = build.op("linear", x, build.parameter("weight", 4, 4), bias)
                x = build.op("norm", x, build.buffer("running_mean", 4))
    with build.module("head", "Head"), build.module("proj", "Linear"):
        x = build.op("linear", x, table, shape=(3, 10))
    with build.module("spare", "Spare"):
        build.parameter("weight", 7)
    return build.graph(x, aliases={"head.proj.weight": "embed.weight"})


def test_totals() -> None:
    found = count(tied())
    assert found.total == 10 * 4 + 4 * 4 + 4 + 7
    assert found.frozen == 4
    assert found.trainable == found.total - 4
    assert found.buffers == 4
    assert found.nbytes == 4 * (40 + 16 + 7) + 2 * 4
    assert found.buffer_nbytes == 4 * 4
    assert found.by_dtype == {"float32": 252, "float16": 8}
    assert [value.name for value in found.unused] == ["spare.weight"]
    assert found.unknown == ()
    assert (found.label, found.unit) == ("parameters", "")


def test_places() -> None:
    graph = tied()
    found = count(graph)
    scopes = {format_scope(scope): scope for scope in graph.scopes}
    assert found.at(()) == found.total
    assert found.at(scopes["embed"]) == found.at(scopes["head"]) == found.at(scopes["head.proj"]) == 40
    assert found.at(scopes["embed"], scopes["head"]) == 40  # shared: once over both
    assert found.at(scopes["layers.0"]) == found.at(scopes["layers.0@1"]) == 20
    assert found.at(scopes["layers.0"], scopes["layers.0@1"]) == found.at(scopes["layers"]) == 20
    assert found.at(scopes["embed"], scopes["layers"]) == 60
    assert found.at(graph.node("linear")) == 20
    assert found.at(graph.node("linear"), graph.node("linear_1"), graph.node("linear_2")) == 60
    assert found.at(graph.node("norm")) is None  # a buffer is no parameter
    assert found.at() is None


def test_depths() -> None:
    found = count(tied())
    by_scope = {format_scope(scope): number for scope, number in found.by_scope(1).items()}
    assert by_scope == {"embed": 40, "layers": 20, "": 7}  # the spare module is never called, so it stands at the root
    assert found.by_scope(0) == {(): found.total}


def test_a_shape_that_is_not_known_yet() -> None:
    lazy = Value("fc.weight", None, Role.PARAMETER)
    graph = replace(tied(), parameters=(*tied().parameters, lazy))
    assert count(graph).unknown == (lazy,)
    assert count(graph).total == count(tied()).total


def test_a_name_that_begins_like_a_scope_is_not_inside_it() -> None:
    build = Builder()
    x = build.input("x", 4)
    with build.module("fc", "Linear"):
        x = build.op("linear", x, build.parameter("weight", 4, 4))
    with build.module("fc2", "Linear"):
        x = build.op("linear", x, build.parameter("weight", 2, 4))
    graph = build.graph(x)
    assert [count(graph).at(scope) for scope in graph.scopes] == [24, 16, 8]


def test_what_only_a_kernel_reads_is_used() -> None:
    build = Builder()
    x, weight = build.input("x", 4), build.parameter("weight", 4)
    with build.node("lstm", x) as node:
        y = node.kernel("aten.lstm.input", x, weight, returned=True)
    graph = build.graph(y)
    assert count(graph).unused == ()
    assert count(graph).at(graph.nodes[0]) == 4


@given(graphs(), st.integers(0, 4))
@settings(deadline=None, max_examples=25)
def test_every_depth_adds_up_to_the_total(graph: Graph, depth: int) -> None:
    found = count(graph)
    assert sum(found.by_scope(depth).values()) - found.total == 0
    assert found.trainable + found.frozen - found.total == 0
    assert found.at(()) == (found.total if found.parameters else None)


def test_a_stack_of_layers() -> None:
    graph = encoder(12, width=8)
    found = count(graph)
    assert found.total == 64 + 12 * 2 * 64 + 16
    assert {format_scope(scope): number for scope, number in found.by_scope(1).items()} == {
        "embed": 64,
        "layers": 1536,
        "head": 16,
    }


def test_types_of_parameters() -> None:
    build = Builder()
    x = build.op("mul", build.input("x", 3), build.parameter("packed", 3, dtype="uint4"))
    found = count(build.graph(x))
    assert found.by_dtype == {"uint4": TensorType((3,), "uint4").nbytes} == {"uint4": 2}

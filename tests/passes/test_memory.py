"""Memory: totals and peaks equal what adding up each moment gives."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

import pytest
import sympy
import torch
from build import Builder, encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs
from torch import nn
from work import lines_run

from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.ir import Category, Dim, Graph, Role, Storage, Value, format_scope
from fxviz.passes.memory import Memory, MemoryUse
from fxviz.passes.timelines import Timeline
from fxviz.tracing import trace_training

B, S, Z = sympy.symbols("B S Z", integer=True, positive=True)


def memory(graph: Graph, **options: int) -> MemoryUse:
    return Facts(graph)[Memory(**options)]


def at(size: Dim, sizes: dict[sympy.Symbol, int]) -> int:
    return size if isinstance(size, int) else int(size.subs(sizes))


def brute_force(graph: Graph, sizes: dict[sympy.Symbol, int], device: str | None = None) -> list[int]:
    """The bytes at every step, one storage and one step at a time."""
    steps = range(max(len(graph.kernels), 1))
    alive = [[s for s in graph.storages if s.alive_at(step) and device in (None, s.device)] for step in steps]
    return [sum(at(storage.nbytes, sizes) for storage in storages) for storages in alive]


@given(graphs(), st.integers(1, 50), st.integers(1, 50))
@settings(deadline=None, max_examples=40)
def test_the_peak_is_the_largest_of_all_moments(graph: Graph, b: int, s: int) -> None:
    sizes, found = {B: b, S: s}, memory(graph)
    expected = brute_force(graph, sizes)
    assert [at(total, sizes) for total in found.held] == expected
    assert at(found.peak, sizes) == max(expected)
    by_category = [sum(at(line[step], sizes) for line in found.timeline.values()) for step in range(len(expected))]
    assert by_category == expected
    for nodes in itertools.islice(zip(graph.nodes, graph.nodes[1:], strict=False), 3):
        steps = [step for step, (node, _) in enumerate(graph.walk()) if node in nodes]
        assert at(found.peak_at(*nodes), sizes) == max(expected[step] for step in steps)


@given(graphs())
@settings(deadline=None, max_examples=25)
def test_what_is_alive_at_the_peak_adds_up_to_it(graph: Graph) -> None:
    found = memory(graph)
    at_peak = found.held[found.peak_step]
    assert sympy.expand(sum(holding.nbytes for holding in found.alive_at_peak) - at_peak) == 0
    assert sympy.expand(sum(found.peak_by_category.values()) - at_peak) == 0
    for depth in range(3):
        assert sympy.expand(sum(found.at_peak_by_scope(depth).values()) - at_peak) == 0
    large = [at(holding.nbytes, {B: 1024, S: 1024}) for holding in found.alive_at_peak]
    assert large == sorted(large, reverse=True)
    if found.peak_node is not None:
        assert graph.kernels[found.peak_step] in found.peak_node.kernels


@given(graphs())
@settings(deadline=None, max_examples=25)
def test_a_scope_is_the_set_of_its_nodes(graph: Graph) -> None:
    found = memory(graph)
    for scope in graph.scopes[1:]:
        nodes = graph.nodes_within[scope]
        assert found.at(scope) == found.at(*nodes) == found.at(scope, *nodes[:1])
        if nodes:
            steps = [step for step, (node, _) in enumerate(graph.walk()) if node in nodes]
            left = [s.nbytes for s in graph.storages if s.born in steps and s.alive_at(steps[-1] + 1)]
            assert sympy.expand(found.at(scope) - sum(left)) == 0


# Hand-made: the derivation stands beside each number -------------------------------------------------------------------


def residual() -> Graph:
    """x (64 B) -> fc.linear (64 B, kept for the sum) -> a view of the transposed weight and a product -> add -> relu_.

    step            0 linear   1 t   2 mm   3 add   4 relu_
    x                     64    64     64      64        64
    2 weights            128   128    128     128       128
    linear                64    64     64      64         -
    mm (inside)            -     -     64      64         -
    add                    -     -      -      64        64
    """
    build = Builder("residual")
    x = build.input("x", 4, 4)
    with build.module("fc", "Linear"):
        h = build.op("linear", x, build.parameter("weight", 4, 4), shape=(4, 4))
    weight = build.parameter("weight", 2, 8)
    with build.node("mix", h, weight) as node:
        turned = node.kernel("aten.t.default", weight, shape=(8, 2), view=True)
        product = node.kernel("aten.mm.default", h, turned, shape=(4, 4))
        y = node.kernel("aten.add.default", h, product, returned=True)
    return build.graph(build.op("relu_", y))


def test_numbers_by_hand() -> None:
    graph = residual()
    found = memory(graph)
    assert list(found.held) == [256, 256, 320, 384, 256]
    assert (found.peak, found.peak_step, found.peak_node) == (384, 3, graph.node("mix"))
    assert found.peak_by_category == {
        Category.INPUT: 64,
        Category.PARAMETER: 128,
        Category.ACTIVATION: 128,
        Category.TEMPORARY: 64,
    }
    assert found.timeline[Category.TEMPORARY][:] == (0, 0, 64, 64, 0)
    assert [found.at(node) for node in graph.nodes] == [64, 64, 0]  # a result, a result, nothing: in place
    assert [found.peak_at(node) for node in graph.nodes] == [256, 384, 256]
    assert found.at(*graph.nodes) == 64  # of all, the output is left
    assert found.at(()) == found.peak_at(()) == found.peak
    assert found.at(graph.node("linear"), graph.node("mix")) == 64  # mix has used up what linear made
    assert {format_scope(scope): nbytes for scope, nbytes in found.at_peak_by_scope(1).items()} == {
        "": 64 + 64 + 64 + 64,
        "fc": 64 + 64,
    }
    holding = next(holding for holding in found.alive_at_peak if holding.value and holding.value.name == "fc.weight")
    assert (holding.node, format_scope(holding.scope)) == (None, "fc")
    assert (found.label, found.unit, found.known, found.unknown) == ("memory", "B", True, {})


@given(st.lists(st.integers(0, 99), min_size=1, max_size=40), st.integers(1, 50))
def test_moments_are_the_highest_of_their_neighbourhoods(heights: list[int], most: int) -> None:
    timeline = Timeline.of([(height, step, step + 1) for step, height in enumerate(heights)], len(heights))
    moments = timeline.moments(most)
    assert len(moments) == min(most, len(heights))
    assert [*moments] == sorted(set(moments))
    assert timeline.peaks()[0] in moments
    bounds = [*moments[1:], len(heights)]
    for start, stop in zip(moments, bounds, strict=True):  # no step that is left out is higher than both around it
        assert max(heights[start:stop]) <= max(heights[start], heights[stop] if stop < len(heights) else 0)


def test_the_timeline_as_a_tidy_table() -> None:
    graph = residual()
    found = memory(graph)
    rows = list(found.readings())
    assert len(rows) == len(graph.kernels) * len(found.timeline)
    assert rows[-1]._fields == ("step", "phase", "scope", "node", "kernel", "category", "nbytes")
    assert ("forward", "fc", "linear") in {(row.phase, row.scope, row.node) for row in rows}
    assert [row for row in rows if row.node == "mix" and row.category == "temporary"] == [
        (1, "forward", "", "mix", "aten.t.default", "temporary", 0),
        (2, "forward", "", "mix", "aten.mm.default", "temporary", 64),
        (3, "forward", "", "mix", "aten.add.default", "temporary", 64),
    ]
    for step, total in enumerate(found.held):
        assert sum(row.nbytes for row in rows if row.step == step) == total


def test_what_training_holds_belongs_to_modules() -> None:
    """Two layers of 4 × 4 weights, without bias: 64 bytes of weight, of gradient and of momentum for each."""
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    sgd = partial(torch.optim.SGD, momentum=0.9)
    for kept in (False, True):
        found = memory(trace_training(model, torch.empty(1, 4), loss=torch.sum, optimizer=sgd, keep_gradients=kept))
        held = {
            (format_scope(part.scope), part.storage.category): part.nbytes
            for part in map(found.holding, found.graph.storages)
        }
        for path in ("0", "1"):
            for category in (Category.PARAMETER, Category.GRADIENT, Category.OPTIMIZER):
                assert held[path, category] == 64


def test_the_allocator_rounds_each_storage() -> None:
    assert memory(residual(), round_to=512).peak == 512 * 6
    build = Builder()
    graph = build.graph(build.op("relu", build.input("x", B)))
    rounded = memory(graph, round_to=512).peak
    assert [rounded.subs(B, b) for b in (1, 128, 129)] == [1024, 1024, 2048]  # 4·B bytes each, two of them
    with pytest.raises(InputError, match="from 1, not 0"):
        Memory(round_to=0)


def test_devices_peak_apart() -> None:
    graph = residual()
    for storage in graph.storages[-2:]:
        object.__setattr__(storage, "device", "cuda:0")  # mm and add
    assert memory(graph).peak_by_device == {
        "cpu": max(brute_force(graph, {}, "cpu")),
        "cuda:0": max(brute_force(graph, {}, "cuda:0")),
    }
    assert memory(graph).peak_by_device["cuda:0"] == 128


def test_repeated_layers_leave_the_last_result_only() -> None:
    graph = encoder(12, width=8)
    found = memory(graph)
    layers = [scope for scope in graph.scopes if format_scope(scope).count(".") == 1]
    assert len(layers) == 12
    assert found.at(layers[0]) == found.at(*layers) == 32


# Symbolic -------------------------------------------------------------------------------------------------------------


def test_one_moment_dominates() -> None:
    """Four activations of 32·B bytes at the peak; every other moment holds as much or less at any B."""
    found = memory(encoder(2, batch=B))
    assert found.peak == memory(encoder(2)).peak - 128 + 128 * B
    assert found.peak_step == memory(encoder(2)).peak_step


def competing() -> Graph:
    """4·S² bytes at step 0, 4000·S bytes at step 1: which is more depends on S."""
    build = Builder()
    x = build.input("x", 1)
    build.op("scores", x, shape=(S, S))
    build.op("logits", x, shape=(S, 1000))
    return build.graph(x)


def test_moments_that_compete() -> None:
    found = memory(competing())
    assert isinstance(found.peak, sympy.Max)
    assert {found.peak.subs(S, 10), found.peak.subs(S, 1000), found.peak.subs(S, 5000)} == {40004, 4000004, 100000004}
    assert found.peak_step == 0  # for large sizes
    assert found.peak_by_category[Category.ACTIVATION] == 4 * S**2


def test_sizes_from_one_decide_what_terms_alone_do_not() -> None:
    """S·B ≥ B although neither term has both; S² - S and 2·S·B - S - B are never negative."""
    assert Timeline.of([(B, 0, 1), (S * B, 1, 2)], 2).peaks() == (1,)
    assert Timeline.of([(S, 0, 2), (S**2 - S, 1, 2)], 2).peaks() == (1,)
    assert Timeline.of([(S + B, 0, 1), (2 * S * B, 1, 2)], 2).peaks() == (1,)


def test_of_moments_on_a_line_the_ends_are_kept() -> None:
    """What a backward pass frees of activations, layer by layer, while gradients grow: 10·B + 0, 9·B + 100, … 0·B + 1000."""
    layers = Timeline.of([(size, step, step + 1) for step in range(11) for size in ((10 - step) * B, 100 * step)], 11)
    assert set(layers.peaks()) == {0, 10}
    bulge = Timeline.of([(10 * B, 0, 1), (5 * B + 501, 1, 2), (1000, 2, 3)], 3)
    assert set(bulge.peaks()) == {0, 1, 2}


def test_a_size_that_is_rounded_is_at_most_the_size() -> None:
    rounded = sympy.ceiling(S / 32)
    assert Timeline.of([(B * rounded, 0, 1), (B * S, 1, 2)], 2).peaks() == (1,)
    assert Timeline.of([(B * S + 3 * B * rounded, 0, 1), (3 * B * S + B * rounded, 1, 2)], 2).peaks() == (1,)
    assert set(Timeline.of([(B * S + 3 * B * rounded, 0, 1), (2 * B * S + B * rounded, 1, 2)], 2).peaks()) == {0, 1}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(
                [1, 7, B, S, B * S, S**2, sympy.floor(S / 2), B - 1, sympy.ceiling(S / 3), B * sympy.ceiling(S / 3)]
            ),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 6),
    st.integers(1, 6),
)
@settings(deadline=None, max_examples=150)
def test_the_moments_that_are_kept_hold_the_largest_for_all_sizes(held: list[tuple[int, Dim]], b: int, s: int) -> None:
    timeline = Timeline.of([(size, step, step + 1) for step, size in held], 6)
    values = [at(total, {B: b, S: s}) for total in timeline]
    assert max(values) == max(values[step] for step in timeline.peaks())
    assert max(values) == at(timeline.highest(), {B: b, S: s})


def test_a_term_of_unknown_sign_is_not_guessed() -> None:
    n = sympy.Symbol("n", integer=True)
    assert set(Timeline.of([(10, 0, 1), (10 + n, 1, 2)], 2).peaks()) == {0, 1}


def test_a_term_of_unknown_sign_that_is_in_both_decides_nothing() -> None:
    n = sympy.Symbol("n", integer=True)
    assert Timeline.of([(10 + n, 0, 1), (5 + n, 1, 2)], 2).peaks() == (0,)


def test_a_multiple_of_a_size_is_more_than_its_rounded_half() -> None:
    assert Timeline.of([(2 * B, 0, 1), (sympy.ceiling(B / 2), 1, 2)], 2).peaks() == (0,)


def test_a_step_on_or_below_a_line_in_every_term_is_no_peak() -> None:
    """The mean of 10·B and 10·S is 5·B + 5·S; at B = S = 1, where both are least, all three steps hold 10."""
    assert set(Timeline.of([(10 * B, 0, 1), (10 * S, 1, 2), (4 * B + 4 * S + 2, 2, 3)], 3).peaks()) == {0, 1}


def test_sums_beyond_64_bits_of_numbers_within() -> None:
    """In b = B - 1, B⁴ has the coefficients 1, 4, 6, 4 and 1, of which the sum is 2⁴."""
    assert Timeline.of([(2**60 * B**4, 0, 1), (B, 1, 2)], 2).peaks() == (0,)


def test_numbers_beyond_64_bits() -> None:
    timeline = Timeline.of([(2**70, 0, 2), (2**70, 1, 2), (B * 2**61, 1, 2)], 2)
    assert timeline[:] == (2**70, 2**71 + 2**61 * B)
    assert timeline.peaks() == (1,)


# What is not known ----------------------------------------------------------------------------------------------------


def modules_at_peak(found: MemoryUse, depth: int) -> int:
    return len({holding.scope[:depth] for holding in found.alive_at_peak})


@given(graphs(), st.integers(0, 6))
@settings(deadline=None, max_examples=40)
def test_the_depth_that_fits_is_the_deepest_with_so_few_modules(graph: Graph, most: int) -> None:
    found = memory(graph)
    depths = range(1, max((len(holding.scope) for holding in found.alive_at_peak), default=0) + 1)
    assert found.depth_within(most) == max((d for d in depths if modules_at_peak(found, d) <= most), default=0)


def test_the_depth_that_fits_by_hand() -> None:
    build = Builder()
    x = build.input("x", 4)
    with build.module("layers", "ModuleList"):
        for name in "abc":
            with build.module(name, "Block"):
                x = build.op("add", x, build.parameter("weight", 4))
    found = memory(build.graph(x))
    # The three weights live all the time: at depth 1 in one module, at depth 2 in three; the input belongs to none.
    assert [modules_at_peak(found, depth) for depth in (1, 2)] == [2, 4]
    assert [found.depth_within(most) for most in (0, 1, 2, 3, 4, 9)] == [0, 0, 1, 1, 2, 2]


def test_structure_only_is_unknown_and_not_zero() -> None:
    x, y = Value("x", None, Role.INPUT), Value("relu", None)
    node = replace(residual().nodes[-1], inputs=(x,), outputs=(y,), kernels=())
    found = memory(Graph("bare", (x,), (), (node,), (y,)))
    assert (found.known, found.peak, found.peak_step, found.peak_node) == (False, None, None, None)
    assert found.unknown == {"input": 1, "relu_": 1}
    assert found.at(node) is found.at(()) is found.peak_at(node) is found.peak_at(()) is None
    assert (found.peak_by_category, found.peak_by_device, found.alive_at_peak, found.timeline) == ({}, {}, (), {})


def test_a_graph_of_nothing_holds_nothing() -> None:
    found = memory(Graph("empty", (), (), (), ()))
    assert found.depth_within(3) == 0
    assert (found.known, found.peak, found.peak_node, found.at(())) == (True, 0, None, 0)


def test_a_run_without_kernels_holds_what_it_is_given() -> None:
    build = Builder()
    x = build.input("x", 4)
    build.parameter("weight", 2)
    found = memory(build.graph(x))
    assert (found.peak, found.peak_node) == (24, None)


def test_places_that_are_elsewhere() -> None:
    found, other = memory(residual()), encoder(1)
    assert found.at() is found.at(other.nodes[0]) is found.at(other.scopes[1]) is None
    assert found.peak_at() is found.peak_at(other.nodes[0]) is None


def test_lifetimes_within_the_run() -> None:
    gone_before = Storage(8, Category.INPUT, -1, 0)
    graph = replace(residual(), storages=(*residual().storages, gone_before))
    assert memory(graph).peak == memory(residual()).peak


def test_work_grows_with_the_number_of_kernels() -> None:
    """Ten times the kernels are ten times the lines that run, not a hundred times."""

    def lines(layers: int) -> int:
        graph = encoder(layers)
        _ = graph.kernels
        return lines_run(lambda: (found := memory(graph)) and (found.peak, found.peak_by_category))

    assert lines(1000) < 11 * lines(100)

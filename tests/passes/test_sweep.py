"""Costs over grids: exact, quick, and equal to a fresh trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
import torch
from build import Builder, encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import B, S
from torch import nn
from work import lines_run

from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.ir.evaluation import evaluate
from fxviz.ir.serialize import dumps, loads
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.passes.sweep import sweep_cost
from fxviz.tracing import trace

# Expressions ----------------------------------------------------------------------------------------------------------


def expressions() -> st.SearchStrategy[sympy.Expr]:
    """Of the heads that sizes are made of."""
    leaves = st.sampled_from([B, S, sympy.Integer(1), sympy.Integer(7), sympy.Rational(1, 2), sympy.Rational(3, 4)])

    def grow(inner: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
        pair = st.tuples(inner, inner)
        return st.one_of(
            pair.map(lambda p: p[0] + p[1]),
            pair.map(lambda p: p[0] * p[1]),
            pair.map(lambda p: p[0] - p[1]),
            pair.map(lambda p: sympy.Max(*p)),
            pair.map(lambda p: sympy.Min(*p)),
            pair.map(lambda p: sympy.floor(p[0] / (abs(p[1]) + 1))),
            pair.map(lambda p: sympy.Mod(p[0], abs(p[1]) + 1)),
            inner.map(lambda e: sympy.ceiling(e / 3)),
            inner.map(lambda e: e**2),
            inner.map(lambda e: sympy.ceiling(sympy.log(abs(e) + 1, 2))),
        )

    return st.recursive(leaves, grow, max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(expressions(), st.integers(1, 40), st.integers(1, 40))
def test_an_array_has_what_sympy_says_of_each_point(expression: sympy.Expr, b: int, s: int) -> None:
    got = evaluate(expression, {B: np.array([[b], [b + 1]]), S: np.array([[s, s + 2, 3 * s]])})
    assert got.shape == (2, 3)
    for (i, j), value in np.ndenumerate(got):
        expected = expression.subs({B: b + i, S: (s, s + 2, 3 * s)[j]})
        assert float(value) == pytest.approx(float(expected), rel=1e-12)


def test_whole_numbers_are_exact_and_large_ones_are_floats() -> None:
    sizes = {B: np.array([3, 2**20 + 1])}
    cubed = evaluate(B**3 + 1, sizes)
    assert cubed.dtype == np.int64
    assert cubed.tolist() == [28, (2**20 + 1) ** 3 + 1]
    fifth = evaluate(B**5, sizes)
    assert fifth.dtype == np.float64
    assert fifth[1] == pytest.approx((2**20 + 1) ** 5, rel=1e-15)
    assert evaluate(B * (B + 1) / 2, sizes).tolist() == [6, (2**20 + 1) * (2**20 + 2) // 2]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1023, 1024, 1025, 2**40, 2**40 + 1])
def test_a_rounded_logarithm_is_exact(size: int) -> None:
    assert evaluate(sympy.ceiling(sympy.log(B, 2)), {B: np.array([size])}).tolist() == [(size - 1).bit_length()]


def test_what_cannot_be_evaluated_is_named() -> None:
    with pytest.raises(InputError, match="no sizes are given for S"):
        evaluate(B * S, {B: np.array([1])})
    with pytest.raises(InputError, match="cannot evaluate sin"):
        evaluate(sympy.sin(B), {B: np.array([1])})


# Grids ----------------------------------------------------------------------------------------------------------------


def linear() -> Any:
    """B × 8 by 8 × 4, so 2·8·4·B FLOPs; 32 weights, 8·B in, 4·B out, of 4 bytes."""
    build = Builder()
    x, w = build.input("x", B, 8), build.parameter("w", 8, 4)
    return build.graph(build.op("mm", x, w, shape=(B, 4)))


def test_a_grid_has_an_array_for_each_cost() -> None:
    grid = sweep_cost(linear(), B=[1, 2, 10])
    assert grid["matrix"].tolist() == [64, 128, 640]
    assert grid["pointwise"].tolist() == grid["ops"].tolist() == [0, 0, 0]
    assert grid["parameters"].tolist() == [128, 128, 128]
    assert grid["peak"].tolist() == [128 + 48 * b for b in (1, 2, 10)]
    assert grid.evaluate(B + 1).tolist() == [2, 3, 11]
    assert list(grid.rows())[1] == {"B": 2, "matrix": 128, "pointwise": 0, "ops": 0, "parameters": 128, "peak": 224}
    with pytest.raises(InputError, match="not 'memory'"):
        grid["memory"]


def test_the_largest_that_fits() -> None:
    grid = sweep_cost(linear(), B=range(1, 1001))
    assert grid.largest("B", grid["peak"] <= 128 + 48 * 77 + 1) == 77
    assert grid.largest("B", grid["peak"] < 0) == 0
    with pytest.raises(InputError, match="'S' is not a symbol"):
        grid.largest("S", grid["peak"] < 0)
    with pytest.raises(InputError, match=r"shape \(2,\), the grid \(1000,\)"):
        grid.largest("B", np.array([True, False]))


def test_the_largest_for_each_size_of_the_others() -> None:
    build = Builder()
    x = build.input("x", B, S)
    grid = sweep_cost(build.graph(build.op("relu", x)), B=range(1, 65), S=[1, 2, 1000])
    # 8 bytes for each element, in and out
    assert grid.shape == (64, 3)
    assert grid.largest("B", grid["peak"] <= 400).tolist() == [50, 25, 0]
    assert grid.largest("S", grid["peak"] <= 400).tolist() == [2] * 25 + [1] * 25 + [0] * 14


def test_a_table_shows_what_limits_it() -> None:
    build = Builder()
    y = build.op("strange", build.op("relu", build.input("x", B, 8)), kernel="mylib.strange.default")
    grid = sweep_cost(build.graph(y, guards=("B > 5",)), B=range(6, 106))
    # three tensors of 8·B elements of 4 bytes are held while the second operation runs
    assert grid.to_table(2).splitlines() == [
        "B   matrix  pointwise  parameters   peak",
        "6  0 FLOPs   48 FLOPs         0 B  576 B",
        "7  0 FLOPs   56 FLOPs         0 B  672 B",
        "… and 98 more",
        "only if B > 5",
        "not counted: mylib.strange",
    ]
    assert repr(grid).splitlines()[1:] == ["only if B > 5", "not counted: mylib.strange"]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"S": [1]}, "'S' is not a symbol of this graph; its symbols are B"),
        ({}, r"give sizes for B, such as B=range\(1, 65\)"),
        ({"B": [0, 1]}, "the sizes of B are positive integers"),
        ({"B": []}, "the sizes of B are positive integers"),
        ({"B": [1.5]}, "the sizes of B are positive integers"),
    ],
)
def test_what_does_not_fit(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep_cost(linear(), **sizes)


def test_a_static_graph_has_no_grid() -> None:
    with pytest.raises(InputError, match="trace it with dynamic_shapes"):
        sweep_cost(encoder(1))


# Against fresh traces -------------------------------------------------------------------------------------------------


class Vision(nn.Module):
    """Strides and pooling make floors of sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 4, 1), nn.Flatten(2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).mean(-1)


class Mixer(nn.Module):
    """Products along both axes, and a sort, whose depth is a logarithm."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = x @ self.norm(x).transpose(1, 2)
        return self.inner(scores.sort(-1).values @ x).cumsum(1)


MODELS = {
    "encoder": (
        nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval(),
        (5, 12, 16),
        {0: "B", 1: "S"},
        lambda b, s: (b, s, 16),
    ),
    "convolutions": (Vision().eval(), (5, 3, 24, 32), {0: "B", 2: "S"}, lambda b, s: (b, 3, 2 * s, 32)),
    "mixer": (Mixer().eval(), (5, 12, 8), {0: "B", 1: "S"}, lambda b, s: (b, s, 8)),
}
SYMBOLIC: dict[str, Any] = {}


def symbolic(name: str) -> Facts:
    """Traced once, and read back from its file: the formulas of a file are as good."""
    if name not in SYMBOLIC:
        model, shape, dims, _ = MODELS[name]
        SYMBOLIC[name] = Facts(loads(dumps(trace(model, torch.empty(shape), dynamic_shapes=(dims,)))))
    return SYMBOLIC[name]


@settings(max_examples=12, deadline=None)
@given(name=st.sampled_from(sorted(MODELS)), b=st.integers(2, 9), s=st.integers(4, 20))
def test_a_point_is_a_fresh_trace_at_its_sizes(name: str, b: int, s: int) -> None:
    model, _, _, shape_at = MODELS[name]
    fresh = Facts(trace(model, torch.empty(shape_at(b, s))))
    size = shape_at(b, s)[2] if name == "convolutions" else s
    grid = sweep_cost(symbolic(name), B=b, S=size)
    assert grid["matrix"].item() == fresh[Flops()].matrix.total
    assert grid["pointwise"].item() == fresh[Flops()].pointwise.total
    assert grid["peak"].item() == fresh[Memory()].peak


def test_a_million_points_are_no_more_lines_of_python_than_six() -> None:
    facts = symbolic("encoder")
    assert facts[Flops()].unknown == {}  # analysed before, since only the grid is counted
    assert facts[Memory()].known
    grids = []

    def work(most: int) -> int:
        return lines_run(lambda: grids.append(sweep_cost(facts, B=range(1, most + 1), S=range(1, most + 1))))

    work(3)  # what is computed once, and kept
    assert work(1000) == work(3)
    assert sum(grids[1][name].size for name in grids[1].costs) == 5_000_000

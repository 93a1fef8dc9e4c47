"""Symbolic sizes, in the names that the user gave."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.export import Dim

from fxviz.analysis.facts import Facts, evaluate
from fxviz.errors import InputError
from fxviz.passes.flops import Flops
from fxviz.tracing import trace


def test_names_are_the_users() -> None:
    graph = trace(nn.Linear(4, 2), torch.empty(3, 7, 4), dynamic_shapes={"input": {0: Dim("B"), 1: "S"}})
    graph.verify()
    assert str(graph.inputs[0].type) == "float32[B, S, 4]"
    assert str(graph.outputs[0].type) == "float32[B, S, 2]"
    assert [str(symbol) for symbol in graph.symbols] == ["B", "S"]


@pytest.mark.parametrize(
    "shapes", [{"x": {0: "B"}, "y": {0: "B"}}, ({0: "B"}, {0: "B"}), [("B",), ("B",)], {"x": ["B"], "y": ["B"]}]
)
def test_every_way_of_torch_export_to_write_them(shapes: Any) -> None:
    graph = trace(lambda x, y: x + y, (torch.empty(3), torch.empty(3)), dynamic_shapes=shapes)
    assert str(graph.outputs[0].type) == "float32[B]"
    assert graph.guards == ()


def test_derived_dimensions() -> None:
    half = Dim("H")
    graph = trace(
        lambda x, y: x[::2] + y, (torch.empty(6), torch.empty(3)), dynamic_shapes={"x": {0: 2 * half}, "y": {0: half}}
    )
    assert [str(value.type) for value in graph.inputs] == ["float32[2*H]", "float32[H]"]


def test_guards_that_narrow_a_symbol_are_kept() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.shape[0] > 5 else x - 1

    graph = trace(model, torch.empty(7), dynamic_shapes={"x": {0: "B"}})
    assert graph.guards == ("B > 5",)


def test_a_symbol_that_the_run_fixes_is_a_number_and_a_guard() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        return y + 1 if x.shape[0] == 3 else y

    graph = trace(model, torch.empty(3, 5), dynamic_shapes={"x": {0: "B", 1: "S"}})
    graph.verify()
    assert graph.guards == ("B == 3",)
    assert [str(value.type) for node in graph.nodes for value in node.outputs] == ["float32[3, S]", "float32[3, S]"]
    assert [str(symbol) for symbol in graph.symbols] == ["S"]


def test_the_choice_of_a_library_is_no_guard() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2), nn.Linear(36, 2))
    graph = trace(model, torch.empty(2, 3, 8, 8), dynamic_shapes={"input": {0: "B"}})
    assert str(graph.outputs[0].type) == "float32[B, 4, 2]"
    assert graph.guards == ()


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"x": {5: "B"}}, "dimension 5 of x, which has 2 dimensions"),
        ({"x": {0: 9}}, "dimension 0 of x is 9, but the input has 3"),
        ({"x": {0: "B", 1: "B"}}, "B is 3 in one input and 4 in dimension 1"),
        ({"x": {0: "not a name"}}, "cannot name a dimension"),
        ({"x": {0: 2 * Dim("H")}}, r"is 3, which is not 2\*H"),
        ("B", "must be as in torch.export.export"),
    ],
)
def test_what_does_not_fit(shapes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        trace(lambda x: x + 1, torch.empty(3, 4), dynamic_shapes=shapes)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv1d(3, 8, 2, stride=2)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(self.embed(x).transpose(1, 2)).mean(1)


@settings(max_examples=4, deadline=None)
@given(b=st.integers(2, 9), s=st.integers(2, 20).map(lambda n: 2 * n))
def test_symbolic_totals_at_given_sizes_equal_a_fresh_trace(b: int, s: int) -> None:
    model = Encoder().eval()
    symbolic = Facts(trace(model, torch.empty(5, 3, 24), dynamic_shapes={"x": {0: "B", 2: "S"}}))[Flops()].total
    concrete = Facts(trace(model, torch.empty(b, 3, s)))[Flops()].total
    assert isinstance(symbolic, sympy.Expr)
    assert symbolic.subs({symbol: {"B": b, "S": s}[symbol.name] for symbol in symbolic.free_symbols}) == concrete


class Resized(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(x, **self.options)


class OfOnes(nn.Module):
    """A function of tensors of ones, which are spread over the batch of the last."""

    def __init__(self, function: Any, *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.function, self.shapes = function, shapes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(*[torch.ones(shape) for shape in self.shapes], x)


@pytest.mark.parametrize(
    "model",
    [
        Resized(size=(9, 7), mode="bilinear"),
        Resized(scale_factor=2, mode="bicubic", align_corners=True),
        Resized(size=(9, 7), mode="bilinear", antialias=True),
        Resized(scale_factor=(1.5, 2.0)),
        OfOnes(torch.addcmul, (1, 4, 6, 6), (1, 4, 6, 6)),
        OfOnes(torch.lerp, (4, 6, 6), (4, 6, 6)),
        OfOnes(lambda x: nn.functional.pad(x, (0, 1, 0, 0))),
        OfOnes(lambda x: nn.functional.unfold(x, 2)),
        OfOnes(lambda x: torch.fft.rfft2(x).real),
    ],
    ids=lambda model: str(getattr(model, "options", getattr(model, "function", ""))),
)
def test_operators_whose_cpp_code_wants_numbers_keep_symbols(model: nn.Module) -> None:
    x = torch.ones(5, 4, 6, 6)
    symbolic, static = trace(model, x, dynamic_shapes=({0: Dim("B")},)), trace(model, x)
    assert not symbolic.guards
    assert str(symbolic.outputs[0].type) == str(static.outputs[0].type).replace("[5, ", "[B, ")
    kernels = [[kernel.op for node in graph.nodes for kernel in node.kernels] for graph in (symbolic, static)]
    assert kernels[0] == kernels[1] or "fft" in kernels[1][0]  # that one Python takes apart
    flops = Facts(symbolic)[Flops()]
    assert evaluate(flops.total, B=5) == Facts(static)[Flops()].total


@pytest.mark.parametrize("layer", [nn.LSTM(4, 5), nn.GRU(4, 5, num_layers=2, bidirectional=True), nn.RNN(4, 5)])
def test_recurrent_layers_of_a_dynamic_batch(layer: nn.Module) -> None:
    x = torch.ones(6, 7, 4)
    symbolic, static = trace(layer, x, dynamic_shapes=({1: Dim("B")},)), trace(layer, x)
    assert not symbolic.guards
    assert [node.op for node in symbolic.nodes] == [node.op for node in static.nodes]
    assert evaluate(Facts(symbolic)[Flops()].matrix.total, B=7) == Facts(static)[Flops()].matrix.total


@pytest.mark.parametrize(
    ("shapes", "where"),
    [
        ({"y": {0: "B"}}, r"\['y'\]"),
        ({"x": {0: "B"}, "pair": {"left": {0: "B"}}}, r"\['pair'\]\['left'\]"),
        (({0: "B"}, None, {0: "B"}), r"\[2\]"),
        ({"x": {0: "B"}, "pair": ({0: "B"}, None, {0: "B"})}, r"\['pair'\]\[2\]"),
    ],
)
def test_a_dimension_of_what_is_not_an_input_is_refused(shapes: Any, where: str) -> None:
    def model(x: torch.Tensor, pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return x + pair[0] + pair[1]

    x = torch.ones(4, 3)
    with pytest.raises(
        InputError, match=rf"dynamic_shapes{where} is not for a tensor among the inputs.*x, pair\.0, pair\.1"
    ):
        trace(model, (x, (x.clone(), x.clone())), dynamic_shapes=shapes)


def test_what_asks_for_nothing_is_not_refused() -> None:
    x = torch.ones(4, 3)
    shapes = {"x": {0: "B"}, "scale": None, "unknown": {0: None}}
    graph = trace(lambda x, scale: x * scale, (x, 2.0), dynamic_shapes=shapes)
    assert str(graph.outputs[0].type) == "float32[B, 3]"

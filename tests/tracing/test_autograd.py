"""`trace_autograd` and `make_dot`: what torchviz draws, side by side with torchviz itself where it is installed."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torchvision
from torch import nn

import fxviz
from fxviz.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.ir import Graph


def two_layers() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, model(torch.ones(3, 4)).mean()


def test_nodes_types_and_names() -> None:
    model, loss = two_layers()
    graph = fxviz.trace_autograd(loss, dict(model.named_parameters()))
    graph.verify()
    assert graph.mode == "autograd"
    assert Counter(node.op for node in graph.nodes) == {
        "AccumulateGrad": 4,
        "TBackward0": 2,
        "AddmmBackward0": 2,
        "TanhBackward0": 1,
        "MeanBackward0": 1,
    }
    assert {value.name: value.type.shape for value in graph.inputs} == {
        name: tuple(parameter.shape) for name, parameter in model.named_parameters()
    }
    assert [str(node.outputs[0].type) for node in graph.nodes if node.op == "TanhBackward0"] == ["float32[3, 8]"]
    assert graph.outputs == graph.nodes[-1].outputs


def test_attributes_and_saved_tensors() -> None:
    model, loss = two_layers()
    graph = fxviz.trace_autograd(
        loss, dict(model.named_parameters()), show_attrs=True, show_saved=True, max_attr_chars=5
    )
    graph.verify()
    tanh = next(node for node in graph.nodes if node.op == "TanhBackward0")
    assert tanh.input_names == ("0", "result")
    assert [value.name for value in graph.inputs if value.name.startswith("saved result")] == ["saved result"]
    addmm = next(node for node in graph.nodes if node.op == "AddmmBackward0")
    assert addmm.attributes["alpha"] == 1
    assert addmm.attributes["mat1_sym_sizes"] == "(3..."


def test_nested_outputs_views_and_leaves() -> None:
    base = torch.ones(2, 3, requires_grad=True) * 2
    graph = fxviz.trace_autograd({"row": base[0], "leaf": torch.ones(1, requires_grad=True)})
    graph.verify()
    assert graph.output_names == ("row", "row (base)", "leaf")
    assert graph.outputs[2] in graph.inputs


def test_custom_functions_and_double_backward() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return 2 * ctx.saved_tensors[0] * gradient

    x = torch.ones(3, requires_grad=True)
    y = Square.apply(x).sum()
    graph = fxviz.trace_autograd(y, {"x": x})
    assert [node.op for node in graph.nodes] == ["AccumulateGrad", "SquareBackward", "SumBackward0"]
    square = graph.nodes[1]
    assert square.inputs[1] is graph.inputs[0]  # x itself is what it saved
    (gradient,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    again = fxviz.trace_autograd(gradient, {"x": x})
    again.verify()
    assert {"MulBackward0", "PowBackward0"} <= {node.op for node in again.nodes}


def test_backward_functions_are_linked_to_the_forward_pass() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    x = torch.ones(3, 4)
    forward = fxviz.trace(model, x)
    graph = fxviz.trace_autograd(model(x).mean(), dict(model.named_parameters()), forward=forward)
    graph.verify()
    places = {node.op: (fxviz.format_scope(node.scope), node.attributes.get("forward")) for node in graph.nodes}
    assert places["TanhBackward0"] == ("1", "tanh")
    assert places["MeanBackward0"] == ("", None)  # the forward graph ends before
    linears = [node for node in graph.nodes if node.op == "AddmmBackward0"]
    assert [(fxviz.format_scope(node.scope), node.attributes["forward"]) for node in linears] == [
        ("0", "linear"),
        ("2", "linear_1"),
    ]
    assert all(node.source == forward.nodes[0].source for node in linears)
    gathered = [fxviz.format_scope(node.scope) for node in graph.nodes if node.op == "AccumulateGrad"]
    assert sorted(gathered) == ["0", "0", "2", "2"]


def test_functions_of_another_model_are_left_where_they_are() -> None:
    other = fxviz.trace(nn.Conv1d(1, 1, 1), torch.ones(1, 1, 3))
    graph = fxviz.trace_autograd(nn.Linear(4, 2)(torch.ones(3, 4)).tanh(), forward=other)
    assert not any(node.scope or "forward" in node.attributes for node in graph.nodes)


def test_hooks_of_leaves_are_counted() -> None:
    weight = torch.ones(3, requires_grad=True)
    weight.register_hook(lambda gradient: gradient)
    weight.register_post_accumulate_grad_hook(lambda leaf: None)
    graph = fxviz.trace_autograd((weight * 2).sum())
    assert [node.attributes.get("hooks") for node in graph.nodes if node.op == "AccumulateGrad"] == [2]


def test_after_backward_what_was_freed_is_said() -> None:
    _model, loss = two_layers()
    loss.backward()
    graph = fxviz.trace_autograd(loss, show_saved=True)
    graph.verify()
    assert any("freed" in note for note in graph.notes)


def test_a_graph_deeper_than_the_stack() -> None:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(5000):
        y = y + 1
    assert len(fxviz.trace_autograd(y).nodes) == 5001


@pytest.mark.parametrize(("output", "params"), [(3, None), ({}, None), (torch.ones(1), {"x": 3})])
def test_bad_input(output: Any, params: Any) -> None:
    with pytest.raises(InputError):
        fxviz.trace_autograd(output, params)


def test_make_dot_is_used_like_a_digraph(tmp_path: Path) -> None:
    model, loss = two_layers()
    dot = fxviz.make_dot(loss, dict(model.named_parameters()))
    assert dot.source.startswith("digraph")
    path = dot.render("graph", tmp_path, format="png")
    assert path == str(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    assert "0.weight" in dot._repr_mimebundle_()["image/svg+xml"]
    with pytest.raises(InputError, match="svg, png"):
        dot.render("graph", tmp_path, format="gif")


MODELS = {
    "linear": lambda: (nn.Linear(3, 2), torch.ones(1, 3)),
    "mlp": lambda: (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.ones(2, 3)),
    "conv": lambda: (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.MaxPool2d(2)), torch.ones(2, 3, 8, 8)),
    "embedding": lambda: (nn.Embedding(5, 3), torch.tensor([1, 2])),
    "lstm": lambda: (nn.LSTM(3, 4, 2), torch.ones(5, 1, 3)),
    "gru": lambda: (nn.GRU(3, 4), torch.ones(5, 1, 3)),
    "encoder": lambda: (nn.TransformerEncoderLayer(8, 2, 16), torch.ones(3, 1, 8)),
    "resnet18": lambda: (torchvision.models.resnet18(), torch.ones(2, 3, 32, 32)),
    "bilinear": lambda: (nn.Bilinear(3, 4, 2), (torch.ones(1, 3), torch.ones(1, 4))),
    "squeezenet": lambda: (torchvision.models.squeezenet1_1(), torch.ones(1, 3, 64, 64)),
}


def ours(graph: Graph) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Labels of nodes and edges as torchviz would have them: functions by class, tensors by size."""
    maker = {value: node.op for node in graph.nodes for value in node.outputs}
    label = {value: f"({', '.join(map(str, value.type.shape))})" for value in graph.inputs}
    ends = Counter(f"({', '.join(map(str, value.type.shape))})" for value in graph.outputs)
    nodes = Counter(node.op for node in graph.nodes) + Counter(label.values()) + ends
    edges: Counter[tuple[str, str]] = Counter()
    for node in graph.nodes:
        edges.update((maker.get(value) or label[value], node.op) for value in node.inputs)
    shown = {
        name: f"({', '.join(map(str, v.type.shape))})"
        for name, v in zip(graph.output_names, graph.outputs, strict=True)
    }
    edges.update((maker[value], shown[name]) for name, value in zip(graph.output_names, graph.outputs, strict=True))
    edges.update((shown[name], shown[name.removesuffix(" (base)")]) for name in shown if name.endswith(" (base)"))
    return nodes, edges


def theirs(dot: Any) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    found = re.findall(r'^\t(\d+) \[label=(?:"([^"]*)"|([^ \]]+))', dot.source, re.MULTILINE)
    label = {name: (quoted or plain).split("\n")[-1].strip() for name, quoted, plain in found}
    edges = Counter(
        (label[source], label[target]) for source, target in re.findall(r"^\t(\d+) -> (\d+)", dot.source, re.M)
    )
    return Counter(label.values()), edges


@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torchviz", "graphviz")),
    reason="torchviz and graphviz (Python) are not installed",
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torchviz imports distutils
@pytest.mark.parametrize("name", MODELS)
def test_the_same_nodes_and_edges_as_torchviz(name: str) -> None:
    from torchviz import make_dot

    model, x = MODELS[name]()
    result = model(*x) if isinstance(x, tuple) else model(x)
    result = result[0] if isinstance(result, tuple) else result
    parameters = dict(model.named_parameters())
    assert ours(fxviz.trace_autograd(result, parameters)) == theirs(make_dot(result, parameters))

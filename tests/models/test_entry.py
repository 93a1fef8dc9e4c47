"""`fxviz.trace` takes the name of a model where it takes a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

import fxviz
from fxviz import Graph, InputError, models

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 2)
    def forward(self, x, scale=None):
        y = self.linear(x)
        return y if scale is None else y * scale
"""


@pytest.fixture
def name(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(FILE)
    return f"{tmp_path / 'net.py'}:Net"


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def test_a_model_of_a_zoo_needs_no_inputs() -> None:
    assert str(fxviz.trace("transformers:gpt2")) == str(models.trace("transformers:gpt2"))


@pytest.mark.parametrize("shapes", ["B,8", ["B,8"], ("x=B,8",)])
def test_shapes_are_inputs(name: str, shapes: str | list[str] | tuple[str, ...]) -> None:
    assert str(fxviz.trace(name, shapes).outputs[0].type) == "float32[B, 2]"


def test_tensors_are_inputs(name: str) -> None:
    assert str(fxviz.trace(name, torch.zeros(3, 8)).outputs[0].type) == "float32[3, 2]"
    assert ops(fxviz.trace(name, (torch.zeros(3, 8),), {"scale": torch.zeros(2)})) == ["linear", "mul"]
    symbolic = fxviz.trace(name, torch.zeros(3, 8), dynamic_shapes={"x": {0: "B"}, "scale": None})
    assert str(symbolic.outputs[0].type) == "float32[B, 2]"


def test_files_are_read(name: str, tmp_path: Path) -> None:
    graph = fxviz.trace(name, "3,8")
    graph.save(tmp_path / "graph.json")
    fxviz.export(graph, tmp_path / "graph.onnx")
    program = torch.export.export(torch.nn.Linear(4, 2), (torch.zeros(3, 4),))
    torch.export.save(program, tmp_path / "linear.pt2")
    for path in (tmp_path / "graph.json", str(tmp_path / "graph.json")):
        assert str(fxviz.trace(path)) == str(graph)
    assert ops(fxviz.trace(tmp_path / "graph.onnx"))
    assert str(fxviz.trace(tmp_path / "linear.pt2").outputs[0].type) == "float32[3, 2]"


def test_options_hold_for_names(name: str) -> None:
    assert {storage.device for storage in fxviz.trace(name, "3,8", device="cuda").storages} == {"cuda:0"}
    assert fxviz.trace(name, "3,8", mode="export").mode == "export"
    assert not fxviz.trace(name, "3,7", partial=True).complete


@pytest.mark.parametrize(
    ("model", "args", "words"),
    [
        ("resnet50", (), "cannot tell what model 'resnet50' is"),
        ("torchvision:resnet5", (), "did you mean resnet50"),
        ("torch.nn:Flatten", (), "cannot be guessed"),
        ("torch.nn:Flatten", ("2x3",), "cannot read the extent '2x3'"),
    ],
)
def test_names_and_shapes_that_cannot_be_used(model: str, args: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fxviz.trace(model, args)

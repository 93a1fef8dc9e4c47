"""Graphs as ONNX models that run: the same results, the numbers where they belong, the user's names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
import sympy
import torch
from torch import nn

import fxviz
from fxviz import Facts, Flops, View
from fxviz.errors import ExportError, InputError
from fxviz.exporters.onnx.runnable import RunnableOnnx

if TYPE_CHECKING:
    from pathlib import Path

B = {0: "B"}


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def metadata(proto: onnx.NodeProto | onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in proto.metadata_props}


def exact(text: str) -> sympy.Expr:
    """The exact number of ``2.05 kFLOPs (2048), 5.3 % of all``, or of ``12 FLOPs``."""
    number = text[text.index("(") + 1 : text.rindex(")")] if "(" in text else text.split(" ")[0]
    names = set(re.findall(r"[^\W\d]\w*", number))
    return sympy.sympify(number, locals={name: sympy.Symbol(name, integer=True, positive=True) for name in names})


def flops_in(path: Path) -> sympy.Expr:
    """The FLOPs on the nodes of a file, and those that it tells of operations without one."""
    model = onnx.load(path)
    texts = [metadata(node)["FLOPs"] for node in model.graph.node if "FLOPs" in metadata(node)]
    texts += [text for key, text in metadata(model).items() if key == "FLOPs of operations without a node"]
    return sympy.expand(sum(exact(text) for text in texts if text != "?"))


class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


@dataclass
class Output:
    logits: torch.Tensor
    hidden: tuple[torch.Tensor, ...]
    note: str = "no tensor"


class Nested(nn.Module):
    """Keyword, None, number and dictionary in; a dataclass with a tuple out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 4)
        self.project = nn.Linear(4, 3)

    def forward(
        self, tokens: torch.Tensor, parts: dict[str, torch.Tensor], *, scale: int = 1, mask: torch.Tensor | None = None
    ) -> Output:
        states = self.embed(tokens) * scale + parts["shift"]
        if mask is not None:
            states = states * mask
        return Output(self.project(states), (states, states.sum(1)))


@pytest.fixture(scope="module")
def convnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[fxviz.Graph, Path]:
    torch.manual_seed(0)
    graph = fxviz.trace(ConvNet().eval(), torch.randn(2, 3, 8, 8), dynamic_shapes={"x": B})
    path = tmp_path_factory.mktemp("runnable") / "m.onnx"
    fxviz.export(graph, path, runnable=True, verify=True)
    return graph, path


def test_the_file_is_valid_and_runs_at_any_batch(convnet: tuple[fxviz.Graph, Path]) -> None:
    graph, path = convnet
    onnx.checker.check_model(str(path), full_check=True)
    x = torch.randn(7, 3, 8, 8)
    (found,) = session(path).run(None, {"x": x.numpy()})
    np.testing.assert_allclose(found, graph.module(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_fused_operations_are_one_node_with_the_sum_of_their_numbers(convnet: tuple[fxviz.Graph, Path]) -> None:
    graph, path = convnet
    conv = next(node for node in onnx.load(path).graph.node if node.op_type == "Conv")
    facts = Facts(graph)[Flops()]
    fused = [node for node in graph.nodes if node.op in ("conv2d", "batch_norm")]
    assert metadata(conv)["operation"] == "conv2d\nbatch_norm"
    assert metadata(conv)["module"] == "conv: Conv2d\nnorm: BatchNorm2d"
    assert sympy.expand(exact(metadata(conv)["FLOPs"]) - facts.at(*fused)) == 0


def test_the_numbers_in_the_file_add_up_to_the_graphs(convnet: tuple[fxviz.Graph, Path]) -> None:
    graph, path = convnet
    assert sympy.expand(flops_in(path) - Facts(graph)[Flops()].total) == 0


def test_names_are_those_of_the_graph(convnet: tuple[fxviz.Graph, Path]) -> None:
    model = onnx.load(convnet[1]).graph
    assert [value.name for value in (*model.input, *model.output)] == ["x", "output"]
    assert model.input[0].type.tensor_type.shape.dim[0].dim_param == "B"
    assert "conv.weight" in {weight.name for weight in model.initializer}
    assert len({node.name for node in model.node}) == len(model.node)


def test_nothing_of_torchs_own_metadata_is_left(convnet: tuple[fxviz.Graph, Path]) -> None:
    content = convnet[1].read_bytes()
    assert b"pkg.torch" not in content
    assert b"/site-packages/" not in content


def test_nested_inputs_and_outputs_are_flat(tmp_path: Path) -> None:
    torch.manual_seed(0)
    args = (torch.tensor([[1, 2, 3]]), {"shift": torch.randn(1, 3, 4)})
    model = Nested().eval()
    graph = fxviz.trace(model, args, {"scale": 3, "mask": None})
    fxviz.export(graph, tmp_path / "m.onnx", runnable=True, verify=True)
    loaded = session(tmp_path / "m.onnx")
    assert [value.name for value in loaded.get_inputs()] == ["tokens", "parts.shift"]
    assert [value.name for value in loaded.get_outputs()] == ["logits", "hidden.0", "hidden.1"]
    expected = model(*args, scale=3)
    found = loaded.run(None, {"tokens": args[0].numpy(), "parts.shift": args[1]["shift"].numpy()})
    for mine, theirs in zip((expected.logits, *expected.hidden), found, strict=True):
        np.testing.assert_allclose(theirs, mine.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_a_module_of_torchs_own_is_mapped_operation_by_operation(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).train()  # in eval it is one operator
    graph = fxviz.trace(model, torch.randn(2, 5, 8))
    fxviz.export(graph, tmp_path / "m.onnx", runnable=True, verify=True)
    assert sympy.expand(flops_in(tmp_path / "m.onnx") - Facts(graph)[Flops()].total) == 0
    operations = {metadata(node).get("operation") for node in onnx.load(tmp_path / "m.onnx").graph.node}
    found = {op for ops in operations if ops for op in ops.split("\n")}
    assert {"linear", "multi_head_attention_forward", "layer_norm", "relu", "add"} <= found


@pytest.mark.parametrize("opset", [18, 23])
def test_the_opset_can_be_chosen(opset: int, tmp_path: Path) -> None:
    graph = fxviz.trace(nn.Linear(4, 2), torch.randn(3, 4))
    written = RunnableOnnx(opset=opset, verify=True).write(View.of(graph), tmp_path / "m.onnx")
    assert written.opset == opset == onnx.load(tmp_path / "m.onnx").opset_import[0].version
    assert written.mapped == written.nodes


def test_without_optimization_nothing_is_fused(tmp_path: Path) -> None:
    graph = fxviz.trace(ConvNet().eval(), torch.randn(1, 3, 8, 8))
    fxviz.export(graph, tmp_path / "m.onnx", runnable=True, optimize=False, verify=True)
    assert "BatchNormalization" in {node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node}
    assert flops_in(tmp_path / "m.onnx") == Facts(graph)[Flops()].total


def test_weights_can_lie_in_a_second_file(tmp_path: Path) -> None:
    graph = fxviz.trace(nn.Linear(64, 64), torch.randn(3, 64))
    written = RunnableOnnx(external_data=True, verify=True).write(View.of(graph), tmp_path / "m.onnx")
    files = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert files.keys() == {"m.onnx", "m.onnx.data"}
    assert sum(files.values()) == written.nbytes
    assert files["m.onnx.data"] >= 64 * 64 * 4
    session(tmp_path / "m.onnx").run(None, {graph.inputs[0].name: np.zeros((3, 64), np.float32)})


def test_a_structure_without_data_is_small_valid_and_runs(tmp_path: Path) -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 10))
    graph = fxviz.trace(model, torch.empty(3, 4096, device="meta"))
    fxviz.export(graph, tmp_path / "m.onnx", runnable=True, data=False)
    assert (tmp_path / "m.onnx").stat().st_size < 10_000
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    (found,) = session(tmp_path / "m.onnx").run(None, {graph.inputs[0].name: np.ones((3, 4096), np.float32)})
    assert found.shape == (3, 10)
    assert flops_in(tmp_path / "m.onnx") == Facts(graph)[Flops()].total


# What cannot be lowered ----------------------------------------------------------------------------------------------


def fails(graph: Any, path: Path, match: str, error: type[Exception] = ExportError, **options: object) -> str:
    """The message of the error; there must be no file, and nothing left beside where it would be."""
    with pytest.raises(error, match=match) as caught:
        fxviz.export(graph, path, runnable=True, **options)
    assert not path.parent.exists() or not list(path.parent.iterdir())
    return str(caught.value)


def test_without_weights_the_view_is_offered(tmp_path: Path) -> None:
    with torch.device("meta"):
        model = nn.Linear(4, 2)
    words = fails(fxviz.trace(model, torch.empty(3, 4)), tmp_path / "m.onnx", "has no weights")
    assert "--random-weights" in words
    assert "leave out runnable" in words


def test_a_graph_from_a_file_has_no_code(tmp_path: Path) -> None:
    saved = tmp_path / "graph.json"
    fxviz.trace(nn.Linear(4, 2), torch.randn(3, 4)).save(saved)
    fails(fxviz.load(saved), tmp_path / "out" / "m.onnx", "read from a file")


def test_a_graph_without_inputs_has_no_shapes(tmp_path: Path) -> None:
    fails(fxviz.trace(nn.Linear(4, 2)), tmp_path / "m.onnx", "traced without inputs")


def test_a_transformed_graph_is_not_the_traced_one(tmp_path: Path) -> None:
    from dataclasses import replace

    graph = fxviz.trace(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), torch.randn(3, 4))
    fails(replace(graph, nodes=graph.nodes[:1], outputs=graph.nodes[0].outputs), tmp_path / "m.onnx", "transformed")


@pytest.mark.parametrize(
    ("path", "match"), [("missing/m.onnx", "cannot write .*No such file"), ("", "cannot write .*a folder")]
)
def test_a_place_that_cannot_be_written_to(path: str, match: str, tmp_path: Path) -> None:
    graph = fxviz.trace(nn.Linear(4, 2), torch.randn(3, 4))
    with pytest.raises(InputError, match=match):
        RunnableOnnx().write(View.of(graph), tmp_path / path)


def test_only_onnx_is_runnable(tmp_path: Path) -> None:
    graph = fxviz.trace(nn.Linear(4, 2), torch.randn(3, 4))
    fails(graph, tmp_path / "m.svg", "only ONNX is runnable", InputError)
    fails(graph, tmp_path / "m.onnx", "no option 'verfy'; did you mean verify", InputError, verfy=True)
    fails(graph, tmp_path / "m.onnx", "opset 99 does not exist", InputError, opset=99)


def test_an_operator_that_onnx_lacks_is_named_with_its_line(tmp_path: Path) -> None:
    class Spectrum(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.svd(x)[1]

    words = fails(fxviz.trace(Spectrum(), torch.randn(3, 4)), tmp_path / "m.onnx", "svd")
    assert "test_runnable.py" in words
    assert "leave out runnable" in words
    assert "\n" not in words


# Operators of the user's ---------------------------------------------------------------------------------------------


@torch.library.custom_op("fxviz_test::cube", mutates_args=())
def cube(x: torch.Tensor) -> torch.Tensor:
    return x**3


@cube.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


class Cubes(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cube(x) + 1


def test_a_custom_operator_without_translation_is_named(tmp_path: Path) -> None:
    words = fails(fxviz.trace(Cubes(), torch.randn(3)), tmp_path / "m.onnx", "ONNX has no fxviz_test.cube")
    assert "test_runnable.py" in words
    assert "translations={'fxviz_test.cube': function}" in words


def test_a_custom_operator_is_translated_in_one_line(tmp_path: Path) -> None:
    from onnxscript import opset20 as op

    graph = fxviz.trace(Cubes(), torch.randn(3))
    translations = {"fxviz_test.cube": lambda x: op.Mul(x, op.Mul(x, x))}
    fxviz.export(graph, tmp_path / "m.onnx", runnable=True, translations=translations, verify=True)
    nodes = onnx.load(tmp_path / "m.onnx").graph.node
    assert [metadata(node)["operation"] for node in nodes] == ["fxviz_test.cube", "fxviz_test.cube", "add"]
    assert metadata(nodes[0])["counted on"] == nodes[1].name


def test_a_custom_operator_is_kept_in_its_own_domain(tmp_path: Path) -> None:
    graph = fxviz.trace(Cubes(), torch.randn(3))
    fxviz.export(graph, tmp_path / "m.onnx", runnable=True, keep_custom=True)
    kept = onnx.load(tmp_path / "m.onnx").graph.node[0]
    assert (kept.domain, kept.op_type) == ("fxviz_test", "cube")


def test_a_translation_of_nothing(tmp_path: Path) -> None:
    graph = fxviz.trace(Cubes(), torch.randn(3))
    fails(
        graph,
        tmp_path / "m.onnx",
        "no operator 'fxviz_test.nothing'",
        InputError,
        translations={"fxviz_test.nothing": max},
    )


# Verifying -----------------------------------------------------------------------------------------------------------


def test_verifying_names_the_worst_value(tmp_path: Path) -> None:
    from onnxscript import opset20 as op

    graph = fxviz.trace(Cubes(), torch.randn(3))
    wrong = {"fxviz_test.cube": lambda x: op.Mul(x, x)}
    words = fails(graph, tmp_path / "m.onnx", "does not agree with torch", translations=wrong, verify=True)
    assert re.search(r"output\[\d\]: torch -?[\d.]+, onnxruntime -?[\d.]+, a difference of", words)


def test_verifying_compares_two_sizes_of_each_symbol(tmp_path: Path) -> None:
    sizes = {"x": {0: "B", 1: "S"}}
    graph = fxviz.trace(nn.Linear(4, 2), torch.randn(3, 5, 4), dynamic_shapes={"input": sizes["x"]})
    written = RunnableOnnx(verify=True).write(View.of(graph), tmp_path / "m.onnx")
    assert written.compared == 2
    assert written.worst is not None
    assert written.worst.relative <= written.worst.allowed == 1e-4


def test_random_indices_are_valid() -> None:
    from fxviz.exporters.onnx.runnable.flat import flatten
    from fxviz.exporters.onnx.runnable.sampling import random_inputs

    class Tables(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.large, self.small = nn.Embedding(1000, 2), nn.Embedding(7, 2)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.large(tokens) + self.small(tokens[:, None].reshape(-1))

    program = flatten(fxviz.trace(Tables(), torch.zeros(500, dtype=torch.int64)))
    (tokens,) = random_inputs(program, {}, torch.Generator().manual_seed(0))
    assert set(tokens.tolist()) == set(range(7))

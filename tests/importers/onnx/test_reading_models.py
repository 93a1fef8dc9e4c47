"""What is read from ONNX files: of our own views all that they show, of torch's the same work as in the trace."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import sympy
import torch
from build import Builder, encoder
from hypothesis import given, settings
from onnx import TensorProto, helper
from onnx_files import everything, info, model, numbers, read, untyped, weight
from strategies import graphs as random_graphs
from torch import nn

import fxviz
from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.importers.onnx import read_onnx
from fxviz.ir import Graph, Role, format_scope
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.passes.parameters import Parameters
from fxviz.views.view import View

if TYPE_CHECKING:
    from pathlib import Path

node = helper.make_node


# A file of anybody ----------------------------------------------------------------------------------------------------


def test_a_model_with_a_bit_of_all(tmp_path: Path) -> None:
    graph = read(everything(), tmp_path)
    batch = sympy.Symbol("N", integer=True, positive=True)
    assert [(n.op, format_scope(n.scope)) for n in graph.nodes] == [
        *(("Conv", "stem.conv"), ("BatchNormalization", "stem.bn"), ("Relu", "stem.act"), ("MaxPool", "pool")),
        *(("Reshape", ""), ("Gemm", "head"), ("LayerNormalization", "norm")),
        *(("Neg", "branch.else_branch"), ("Relu", "branch.then_branch"), ("If", "")),
        *(("Loop", ""), ("Identity", "loop.body"), ("MatMul", "loop.body"), ("Loop", "")),
        *(("Einsum", ""), ("Add", "again")),
    ]
    reshape = graph.nodes[4]
    assert reshape.attributes["shape"] == (batch, -1)  # five operations on sizes are this attribute
    assert reshape.outputs[0].type
    assert reshape.outputs[0].type.shape == (batch, 64)
    assert graph.outputs[0].type
    assert graph.outputs[0].type.shape == (batch, 10)
    flops = Facts(graph)[Flops()]
    convolution, head, square = 2 * 8 * 8 * 4 * 27, 2 * 64 * 10, 2 * 10 * 10
    assert flops.matrix.total == batch * (convolution + head + 2 * square)  # in the loop once, and the einsum
    assert dict(flops.unknown) == {"onnx.Loop": 1}
    weights = 4 * 27 + 4 + 64 * 10 + 10 + 10 * 10 + 2 * 4 + 2 * 10
    assert (Facts(graph)[Parameters()].total, Facts(graph)[Parameters()].buffers) == (weights, 8)
    assert [note.split(":")[0] for note in graph.notes] == [
        "of the branches of 'branch' one runs",
        "loop 'loop' runs its body several times",
    ]


def test_memory_lasts_from_the_first_write_to_the_last_read(tmp_path: Path) -> None:
    """x → a → (view) b → c → d; a's memory is there while b is read, and c's no longer than for d."""
    nodes = [
        node("Relu", ["x"], ["a"]),
        node("Reshape", ["a", "s"], ["b"]),
        node("Neg", ["b"], ["c"]),
        node("Exp", ["c"], ["d"]),
    ]
    graph = read(model(nodes, [info("x", 4, 4)], [numbers("s", 16)]), tmp_path)
    storages = [n.outputs[0].storage for n in graph.nodes]
    assert storages[0] is storages[1]
    assert [(s.born, s.died) for s in storages if s] == [(0, 3), (0, 3), (2, 4), (3, None)]
    assert Facts(graph)[Memory()].peak == 3 * 64  # x, and two results


def test_sizes_keep_the_names_of_the_file(tmp_path: Path) -> None:
    nodes = [node("Concat", ["x", "x"], ["y"], axis=1), node("Flatten", ["y"], ["z"], axis=2)]
    graph = read(model(nodes, [info("x", "batch", "seq_len + 1", 3)]), tmp_path)
    assert [str(n.outputs[0].type) for n in graph.nodes] == [
        "float32[batch, 2*seq_len + 2, 3]",
        "float32[2*batch*seq_len + 2*batch, 3]",
    ]


def test_what_the_file_does_not_tell_is_said(tmp_path: Path) -> None:
    nodes = [node("NonZero", ["x"], ["i"]), node("Mystery", ["x"], ["m"], domain="acme"), node("Relu", ["m"], ["y"])]
    graph = read(model(nodes, [info("x", 2, 3)]), tmp_path)
    assert str(graph.nodes[0].outputs[0].type) == "int64[2, u0]"
    assert graph.nodes[1].outputs[0].type is None
    assert graph.notes == ("sizes that the file does not tell: u0",)
    assert dict(Facts(graph)[Flops()].unknown) == {"acme.Mystery": 1, "onnx.Relu": 1}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("/encoder/layer.0/attention/self/query/MatMul", "encoder.layer.0.attention.self.query"),
        ("model/conv2d_1/Conv2D", "model.conv2d_1"),
        ("Conv_0", ""),
        ("", ""),
    ],
)
def test_modules_from_names(name: str, path: str, tmp_path: Path) -> None:
    (found,) = read(model([node("Relu", ["x"], ["y"], name=name)], [info("x", 2)]), tmp_path).nodes
    assert format_scope(found.scope) == path
    assert [call.path for call in found.scope] == [path[:end] for end in _ends(path)]


def _ends(path: str) -> list[int]:
    return [i for i, letter in enumerate(path) if letter == "."] + ([len(path)] if path else [])


def test_modules_and_lines_from_torch_s_metadata(tmp_path: Path) -> None:
    proto = node("Relu", ["x"], ["y"], name="node_relu")
    facts = {
        "pkg.torch.onnx.name_scopes": "['', 'layers.0', 'layers.0.act', 'relu']",
        "pkg.torch.onnx.class_hierarchy": "['my.Net', 'my.Block', 'torch.nn.modules.activation.ReLU', 'aten.relu']",
        "pkg.torch.onnx.stack_trace": 'File "/x/site-packages/my/net.py", line 7, in forward\n  y\n'
        'File "/x/site-packages/torch/nn/f.py", line 9, in relu\n  z',
    }
    for key, value in facts.items():
        proto.metadata_props.add(key=key, value=value)
    (found,) = read(model([proto], [info("x", 2)]), tmp_path).nodes
    assert [(call.path, call.kind) for call in found.scope] == [
        *(("layers", "modules"), ("layers.0", "Block"), ("layers.0.act", "ReLU")),
    ]
    assert str(found.source) == "my/net.py:7 in forward"


def test_roles_of_weights(tmp_path: Path) -> None:
    told = weight("told", 3)
    told.metadata_props.add(key="pkg.torch.export.graph_signature.InputSpec.kind", value="BUFFER")
    weights = [told, weight("plain", 3), weight("table", 100, dtype=np.int64), weight("factor"), numbers("ids", 1, 2)]
    nodes = [
        *(node("Add", ["x", "told"], ["a"]), node("Mul", ["a", "plain"], ["b"]), node("Mul", ["b", "factor"], ["c"])),
        *(node("Gather", ["table", "ids"], ["d"]), node("Identity", ["plain"], ["e"]), node("Add", ["c", "e"], ["f"])),
    ]
    graph = read(model(nodes, [info("x", 2, 3)], weights), tmp_path)
    assert [(value.name, value.role) for value in (*graph.parameters, *graph.constants)] == [
        ("told", Role.BUFFER),
        ("plain", Role.PARAMETER),
        ("table", Role.CONSTANT),
    ]
    multiply, add = graph.nodes[2], graph.nodes[-1]
    assert multiply.attributes["B"] == 0.0
    assert add.inputs[1].name == "plain"  # an Identity of a weight is another name of it


def test_a_scan_and_a_loop_hand_their_body_what_it_reads(tmp_path: Path) -> None:
    body = helper.make_graph(
        [node("Add", ["state", "slice"], ["next"]), node("Relu", ["next"], ["out"])],
        "body",
        [untyped("state"), untyped("slice")],
        [untyped("next"), untyped("out")],
    )
    scan = node("Scan", ["init", "x"], ["last", "all"], body=body, num_scan_inputs=1, name="scan")
    graph = read(model([scan], [info("init", 3), info("x", 5, 3)]), tmp_path)
    assert [n.op for n in graph.nodes] == ["Scan", "Add", "Relu", "Scan"]
    assert str(graph.nodes[1].outputs[0].type) == "float32[3]"
    assert dict(Facts(graph)[Flops()].unknown) == {"onnx.Scan": 1}


# Our own views --------------------------------------------------------------------------------------------------------


def same(graph: Graph, back: Graph) -> None:
    """All that a view shows of a graph is read back, and counted again to the same numbers."""
    assert [(n.name, n.op, n.scope, n.source) for n in graph.nodes] == [
        (n.name, n.op, n.scope, n.source) for n in back.nodes
    ]
    assert [[v.type for v in n.outputs] for n in graph.nodes] == [[v.type for v in n.outputs] for n in back.nodes]
    before, after = Facts(graph), Facts(back)
    for parts in ("total", "trainable", "buffers", "nbytes"):
        assert getattr(before[Parameters()], parts) == getattr(after[Parameters()], parts)
    assert before[Flops()].matrix.total == after[Flops()].matrix.total
    assert before[Flops()].pointwise.total == after[Flops()].pointwise.total


def back_from(graph: Graph, folder: Path, **view: bool) -> Graph:
    file = folder / "view.onnx"
    fxviz.export(View.of(graph, **view), file)
    return read_onnx(file)


def test_a_view_is_read_back(tmp_path: Path) -> None:
    graph = fxviz.models.trace("torchvision:resnet18")
    same(graph, back_from(graph, tmp_path, fold=False))


def test_an_operation_of_many_kernels_is_counted_again(tmp_path: Path) -> None:
    import torch

    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).train()
    graph = fxviz.trace(encoder, (torch.zeros(2, 5, 16),), dynamic_shapes={"src": {0: "B"}})
    assert max(len(n.kernels) for n in graph.nodes if n.op == "multi_head_attention_forward") > 10
    same(graph, back_from(graph, tmp_path, fold=False))


def test_kernels_that_a_file_makes_up_are_not_believed(tmp_path: Path) -> None:
    build = Builder()
    file = tmp_path / "view.onnx"
    fxviz.export(View.of(build.graph(build.op("mystery", build.input("x")))), file)
    made = onnx.load(file)
    for entry in made.graph.node[0].metadata_props:
        if entry.key == "kernels":
            entry.value = "aten.mm.default"  # which needs two matrices
    onnx.save(made, file)
    graph = read_onnx(file)
    assert dict(Facts(graph)[Flops()].unknown) == {"fxviz.mystery": 1}


@pytest.mark.zoo
@pytest.mark.parametrize(
    "name",
    [
        *(
            "timm:vit_tiny_patch16_224",
            "torchvision:swin_t",
            "torchvision:mobilenet_v3_small",
            "timm:convnext_atto",
            "transformers:gpt2",
        ),
        *("transformers:bert", "transformers:t5", "transformers:llama", "transformers:whisper"),
    ],
)
def test_views_of_the_zoos_are_read_back(name: str, tmp_path: Path) -> None:
    graph = fxviz.models.trace(name)
    same(graph, back_from(graph, tmp_path, fold=False))


def test_of_a_folded_view_one_copy_is_read_and_that_is_said(tmp_path: Path) -> None:
    back = back_from(encoder(12), tmp_path, fold=True)
    assert len(back.nodes) == 4 + 2
    (note,) = back.notes
    assert "layers.0 to layers.11: 12 equal ones; one is in the file" in note


def test_a_closed_box_is_an_operation_of_its_class(tmp_path: Path) -> None:
    file = tmp_path / "closed.onnx"
    fxviz.export(View.of(encoder(2), depth=0, fold=False), file)
    assert [n.op for n in read_onnx(file).nodes] == ["linear", "ModuleList", "linear"]


def test_unused_shared_and_frozen_weights_are_counted_as_in_the_model(tmp_path: Path) -> None:
    build = Builder()
    x, shared = build.input("x", 2, 4), build.parameter("shared", 4, 4)
    build.parameter("unused", 7)
    y = build.op("linear", build.op("linear", x, shared), shared)
    graph = build.graph(build.op("mul", y, build.buffer("scale", 4)))
    same(graph, back_from(graph, tmp_path, fold=False))
    assert Facts(back_from(graph, tmp_path))[Parameters()].total == 16 + 7


def test_operations_take_what_their_authors_gave_them(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=2), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(36, 2)
    )
    graph = fxviz.trace(net.eval(), torch.zeros(1, 3, 8, 8))
    fxviz.export(graph, tmp_path / "net.onnx")
    back = fxviz.trace(tmp_path / "net.onnx")
    assert [each.op_type for each in onnx.load(tmp_path / "net.onnx").graph.node if each.op_type != "Constant"] == [
        *("Conv", "BatchNormalization", "Flatten", "Gemm")
    ]
    assert [(n.op, n.input_names, dict(n.attributes)) for n in back.nodes] == [
        (n.op, n.input_names, dict(n.attributes)) for n in graph.nodes
    ]


@pytest.mark.parametrize(
    "told", ["", "[", "{}", '{"inputs":[["x",7]],"attributes":{}}', '{"inputs":7,"attributes":[]}']
)
def test_arguments_that_are_not_there_are_those_of_the_operator(told: str, tmp_path: Path) -> None:
    build = Builder()
    graph = build.graph(build.op("linear", build.input("x", 2, 4), build.parameter("weight", 3, 4)))
    content = onnx.load_from_string(fxviz.render(graph, "onnx"))
    (linear,) = [each for each in content.graph.node if each.op_type == "Gemm"]
    (entry,) = [entry for entry in linear.metadata_props if entry.key == "arguments"]
    assert read(content, tmp_path).nodes[0].input_names == ("input", "weight")
    entry.value = told
    assert read(content, tmp_path).nodes[0].input_names == ("A", "B")


@settings(max_examples=40, deadline=None)
@given(random_graphs())
def test_any_view_is_read(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    back = back_from(graph, tmp_path_factory.mktemp("any"), fold=False)
    assert [n.op for n in back.nodes] == [n.op for n in graph.nodes]


# Files of torch -------------------------------------------------------------------------------------------------------


@pytest.mark.zoo
@pytest.mark.parametrize("name", ["resnet50", "vit_b_16"])
@pytest.mark.parametrize("dynamo", [True, False])
@pytest.mark.filterwarnings("ignore")  # those of torch's exporters
def test_torch_s_exports_do_the_work_that_is_traced(name: str, dynamo: bool, tmp_path: Path) -> None:
    import torch
    import torchvision

    net = getattr(torchvision.models, name)().eval()
    x = torch.zeros(2, 3, 224, 224)
    file = tmp_path / "model.onnx"
    dynamic = (
        {"dynamic_shapes": {"x": {0: torch.export.Dim("batch")}}} if dynamo else {"dynamic_axes": {"x": {0: "batch"}}}
    )
    torch.onnx.export(net, (x,), file, dynamo=dynamo, input_names=["x"], **dynamic)
    traced = Facts(fxviz.trace(net, x))[Flops()].matrix.total
    batch = sympy.Symbol("batch", integer=True, positive=True)
    graph = read_onnx(file)
    counted = Facts(graph)[Flops()]
    assert counted.matrix.total == traced // 2 * batch
    assert not counted.unknown
    assert len(graph.scopes) > 20


@pytest.mark.filterwarnings("ignore")
def test_a_file_of_torch_has_our_modules_and_flops(tmp_path: Path) -> None:
    import torch

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    file = tmp_path / "net.onnx"
    x = torch.zeros(2, 3, 8, 8)
    torch.onnx.export(net.eval(), (x,), file, dynamo=True, verbose=False)
    graph = fxviz.trace(file)
    assert [format_scope(n.scope) for n in graph.nodes] == ["0", "1", "2", "3"]
    traced = Facts(fxviz.trace(net, x))
    assert Facts(graph)[Flops()].matrix.total == traced[Flops()].matrix.total == 2 * 2 * (36 * 4 * 27 + 144 * 5)
    assert Facts(graph)[Parameters()].total == traced[Parameters()].total


# Where it is used -----------------------------------------------------------------------------------------------------


def test_a_path_is_traced_without_inputs(tmp_path: Path) -> None:
    import torch

    file = tmp_path / "net.onnx"
    onnx.save(everything(), file)
    assert len(fxviz.trace(str(file)).nodes) == len(fxviz.models.trace(str(file)).nodes) == 16
    with pytest.raises(InputError, match="inputs and sizes of its own"):
        fxviz.trace(file, torch.zeros(1))
    with pytest.raises(InputError, match="without -i"):
        fxviz.models.trace(str(file), ["1,3"])
    with pytest.raises(InputError, match="give the model that is to be trained"):
        fxviz.models.trace_training(str(file))
    with pytest.raises(InputError, match="not a PyTorch model"):
        fxviz.models.build(str(file))


def test_an_onnx_file_is_summarised_and_drawn_without_torch(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(everything(), file)
    program = (
        "import sys\nfrom fxviz.cli import main\n"
        f"main(['summary', {str(file)!r}], standalone_mode=False)\n"
        f"main(['export', {str(file)!r}, '-o', {str(tmp_path / 'net.mmd')!r}, '-o', {str(tmp_path / 'again.onnx')!r}], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "traced by onnx" in done.stdout
    assert "stem: module" in (tmp_path / "net.mmd").read_text()
    onnx.checker.check_model(str(tmp_path / "again.onnx"), full_check=True)
    assert [n.op for n in read_onnx(tmp_path / "again.onnx").nodes] == [n.op for n in read_onnx(file).nodes]


def test_json_keeps_a_graph_that_was_read(tmp_path: Path) -> None:
    graph = read(everything(), tmp_path)
    graph.save(tmp_path / "graph.json")
    assert str(fxviz.load(tmp_path / "graph.json")) == str(graph)


def test_quantised_work_is_counted_as_integer_operations(tmp_path: Path) -> None:
    int8 = TensorProto.INT8
    nodes = [node("MatMulInteger", ["a", "b"], ["y"])]
    graph = read(model(nodes, [info("a", 2, 3, type=int8), info("b", 3, 5, type=int8)]), tmp_path)
    flops = Facts(graph)[Flops()]
    assert (flops.matrix.total, flops.ops.total) == (0, 2 * 2 * 3 * 5)


class ForNobody(nn.Module):
    """Computes from numbers alone what nobody reads, as position encodings do whose result is kept for the next call."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = Positions()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.positions(4)
        return x.unfold(1, int(torch.div(x.shape[1], 2, rounding_mode="trunc")), 1) * 2


class Positions(nn.Module):
    def forward(self, length: int) -> torch.Tensor:
        steps = torch.arange(length, dtype=torch.float32)
        return steps.sin() + steps.cos()


def test_what_is_made_of_numbers_for_nobody_is_written_and_read(tmp_path: Path) -> None:
    graph = fxviz.trace(ForNobody(), torch.ones(2, 6))
    assert any(not kernel.inputs for node in graph.nodes for kernel in node.kernels if kernel.op.startswith("aten.div"))
    fxviz.export(graph, tmp_path / "m.onnx")
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    read = fxviz.trace(tmp_path / "m.onnx")
    assert {fxviz.format_scope(node.scope) for node in read.nodes} == {"", "positions"}

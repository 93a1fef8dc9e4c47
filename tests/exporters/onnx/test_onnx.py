"""The ONNX view: valid for onnx.checker at every level, and read by Netron's own code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import onnx
import pytest
import sympy
from build import Builder, encoder
from hypothesis import given, settings
from netron_page import copy_sources, parse, parser_missing
from strategies import graphs as random_graphs

from fxviz.analysis.facts import Facts, Tally
from fxviz.analysis.rules import RuleTable
from fxviz.errors import ExportError, GraphError, InputError
from fxviz.exporters.onnx.view.exporter import Onnx
from fxviz.importers.onnx.format import ELEMENT_TYPES
from fxviz.ir import Graph, Node, Role, TensorType, Value
from fxviz.ir.dtypes import DTYPE_BITS
from fxviz.views.view import Box, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

B, S = sympy.symbols("B S", integer=True, positive=True)


def nested(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all that are nested in it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from nested(attribute.g)


def operations(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type != "Constant"]


def check(model: onnx.ModelProto, full: bool = True) -> None:
    """As a whole, then every nested graph on its own: the checker does not look at the types inside of it."""
    onnx.checker.check_model(model, full_check=full)
    defined: list[str] = []
    for graph in nested(model.graph):
        alone = onnx.ModelProto()
        alone.CopyFrom(model)
        alone.graph.CopyFrom(graph)
        for value in (*alone.graph.input, *alone.graph.output):
            if not value.HasField("type"):  # only an outermost graph has to say it
                value.type.tensor_type.shape.SetInParent()
                value.type.tensor_type.elem_type = onnx.TensorProto.UNDEFINED
        onnx.checker.check_model(alone, full_check=full)
        defined += [value.name for value in graph.input] + [name for node in graph.node for name in node.output if name]
        assert not any("." in node.op_type for node in graph.node)  # Netron drops what stands before a dot
    assert len(defined) == len(set(defined))


def export(view: View | Graph) -> onnx.ModelProto:
    view = view if isinstance(view, View) else View.of(view)
    data = Onnx().export(view)
    assert Onnx().export(view) == data
    model = onnx.load_from_string(data)
    check(model)
    return model


@pytest.fixture(scope="session")
def netron_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := parser_missing():
        pytest.skip(reason)
    return copy_sources(tmp_path_factory.mktemp("netron"))


@pytest.fixture
def netron(netron_sources: Path, tmp_path: Path) -> Callable[[View | Graph], dict[str, Any]]:
    """What Netron reads from the file of a view."""

    def read(view: View | Graph) -> dict[str, Any]:
        file = tmp_path / "model.onnx"
        file.write_bytes(export(view).SerializeToString())
        return parse(netron_sources, file)

    return read


@dataclass(frozen=True)
class Cost:
    """A metric to be computed in one's head: 1000 for each operation; of a mystery nothing is known."""

    def run(self, facts: Facts) -> Tally:
        mysteries = [node for node in facts.graph.nodes if node.op == "mystery"]
        amounts = {node: 1000 for node in facts.graph.nodes if node not in mysteries}
        return Tally("cost", amounts, "FLOPs", {"mystery": len(mysteries)} if mysteries else {})


# What Netron shows ----------------------------------------------------------------------------------------------------


def test_netron_reads_a_folded_encoder(netron) -> None:
    found = netron(View.of(encoder(12, batch=B), show=(Cost(),)))
    assert found["format"] == "ONNX v11"
    assert found["metadata"] == {
        "cost": "50 kFLOPs (50000)",  # 12 blocks of 4, and two linears
        **{"inputs": "x: float32 B×8", "outputs": "output: float32 B×2", "operations": "50", "mode": "record"},
    }
    (graph,) = found["graphs"]
    assert [value["type"] for argument in graph["inputs"] for value in argument["values"]] == ["float32[B,8]"]
    assert [argument["name"] for argument in graph["outputs"]] == ["output"]

    embed, layers, head = graph["nodes"]
    assert (embed["type"], embed["category"], embed["domain"]) == ("Gemm", "Layer", "ai.onnx")
    assert embed["inputs"][1]["values"] == [{"name": "embed.weight", "type": "float32[8,8]", "weight": True}]
    assert embed["metadata"]["module"] == "embed: Linear"
    assert head["outputs"][0]["values"] == [{"name": "output", "type": "float32[B,2]", "weight": False}]

    assert (layers["type"], layers["domain"]) == ("layers 0–11 × 12", "fxviz")
    assert layers["metadata"]["stands for"] == "layers.0 to layers.11: 12 equal ones"
    assert layers["metadata"]["cost"] == "48 kFLOPs (48000), 96.0 % of all"
    assert layers["metadata"]["stack"] == "layers: ModuleList\nlayers.0: Block"
    content = layers["attributes"]["48 kFLOPs"]  # where Netron writes it on the box
    assert content["name"] == "Block"
    assert [argument["values"][0]["type"] for argument in content["inputs"]] == ["float32[B,8]"]

    mlp, add = content["nodes"]
    assert (add["type"], add["metadata"]["cost"], add["metadata"]["module"]) == (
        "Add",
        "1 kFLOPs (1000), 2.0 % of all",
        "layers.0: Block",
    )
    assert [node["type"] for node in mlp["attributes"]["3 kFLOPs"]["nodes"]] == ["Gemm", "Gelu", "Gemm"]


def test_netron_names_inputs_and_shows_attributes_of_any_operation(netron) -> None:
    build = Builder()
    x, y = build.input("x", 2), build.input("y", 2)
    attributes = {
        "flag": True,
        "size": (3, -1),
        "eps": 0.5,
        "mode": "it's",
        "dim": S,
        "nothing": None,
        "mixed": (1, "a"),
    }
    (node,) = netron(build.graph(build.op("mylib.my_op", x, y, names=("self", "tensors.0"), line=7, **attributes)))[
        "graphs"
    ][0]["nodes"]
    assert node["type"] == "mylib/my_op"
    assert [argument["name"] for argument in node["inputs"]] == ["self", "tensors.0"]
    assert node["attributes"] == {
        **{"flag": 1, "size": [3, -1], "eps": 0.5, "mode": "it's", "dim": "S", "mixed": ["1", "a"]},
    }
    assert node["metadata"]["source"] == "model.py:7 in forward"
    assert node["metadata"]["kernels"] == "aten.mylib.my_op.default"


def test_netron_sees_the_shape_of_every_value_in_every_graph(netron) -> None:
    seen: list[str | None] = []

    def walk(graph: dict[str, Any]) -> None:
        for node in graph["nodes"]:
            for argument in (*node["inputs"], *node["outputs"]):
                seen.extend(value["type"] for value in argument["values"])
            for content in node["attributes"].values():
                if isinstance(content, dict):
                    walk(content)

    walk(netron(View.of(encoder(3), fold=False))["graphs"][0])
    # 3 linears with weight and result and 3 more values, a block; 2 linears; boxes: the list, and a block and an mlp each.
    assert len(seen) == 3 * (2 * 3 + 2 + 3) + 2 * 3 + 2 * (1 + 3 + 3)
    assert None not in seen


def test_what_is_not_counted_and_how_it_was_traced_is_said() -> None:
    build = Builder()
    graph = build.graph(
        build.op("mystery", build.input("x", 2)), guards=("B < 9",), notes=("a", "b"), complete=False, mode="export"
    )
    model = export(View.of(graph, show=(Cost(),)))
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "cost": "?",
        "cost not counted": "mystery × 1",
        **{"inputs": "x: float32 2", "outputs": "output: float32 2", "operations": "1"},
        "mode": "export",
        "guards": "B < 9",
        "notes": "a\nb",
        "complete": "no: the trace stopped before the end of the model",
    }


# Structure ------------------------------------------------------------------------------------------------------------


def test_nothing_is_said_of_parameters_where_there_are_none() -> None:
    from fxviz.passes.parameters import Parameters

    build = Builder()
    weighted = build.op("linear", build.input("x", 1, 2), build.parameter("weight", 2, 2))
    linear, relu = operations(export(View.of(build.graph(build.op("relu", weighted)), show=(Parameters(),))).graph)
    assert facts_of(linear)["parameters"].startswith("4")
    assert "parameters" not in facts_of(relu)


def test_every_scope_is_a_graph_with_the_inputs_and_outputs_of_its_node() -> None:
    model = export(View.of(encoder(2), fold=False))
    (box,) = [node for node in model.graph.node if node.attribute and node.attribute[0].name == "body"]
    assert (box.op_type, [attribute.g.name for attribute in box.attribute]) == ("layers: ModuleList", ["ModuleList"])
    assert len(list(nested(model.graph))) == 1 + 1 + 2 + 2  # the model, the list, two blocks, an mlp in each
    for graph in nested(model.graph):
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    assert (len(attribute.g.input), len(attribute.g.output)) == (len(node.input), len(node.output))


def test_a_closed_box_has_no_content() -> None:
    model = export(View.of(encoder(2), depth=0))
    assert [(node.op_type, len(node.attribute)) for node in operations(model.graph)] == [
        ("Gemm", 1),  # transB
        ("layers 0–1 × 2", 0),
        ("Gemm", 1),
    ]


def test_modules_nested_deeper_than_protobuf_reads_stay_shut() -> None:
    build = Builder()
    x = build.input("x", 2)

    def enter(depth: int) -> Value:
        with build.module("m", "M"):
            inner = build.op("relu", x)
            return build.op("mine", inner, enter(depth - 1)) if depth else inner

    model = export(build.graph(enter(60)))
    assert len(list(nested(model.graph))) == 1 + 30


def test_weights_are_written_for_each_reader_and_hold_no_data() -> None:
    build = Builder()
    x, weight = build.input("x", 2, 512), build.parameter("weight", 512, 512)
    graph = build.graph(build.op("linear", build.op("linear", x, weight), weight))
    data = Onnx().export(View.of(graph))
    assert len(data) < 1500
    model = export(graph)
    weights = [node for node in model.graph.node if node.op_type == "Constant"]
    assert [node.output[0] for node in weights] == ["weight", "weight~2"]
    assert [list(node.attribute[0].sparse_tensor.dims) for node in weights] == [[512, 512]] * 2


@pytest.mark.parametrize(
    ("shape", "dtype", "operator"),
    [
        ((3,), "float32", "Constant"),
        ((0, 3), "float32", "Constant"),
        ((), "float32", "buffer"),
        ((3,), "qint8", "buffer"),
        ((B,), "float32", "buffer"),
    ],
)
def test_weights_of_any_type_are_valid(shape: tuple[Any, ...], dtype: str, operator: str) -> None:
    build = Builder()
    model = export(build.graph(build.op("mine", build.input("x", 2), build.buffer("w", *shape, dtype=dtype))))
    assert [node.op_type for node in model.graph.node] == [operator, "mine"]
    assert model.graph.node[0].output[0] == "w"


def test_outputs_bear_the_names_that_callers_know() -> None:
    build = Builder()
    x, weight = build.input("x", 2), build.parameter("weight", 2)
    y = build.op("relu", x)
    graph = build.graph(x, y, weight, y)
    model = export(graph)
    assert [value.name for value in model.graph.output] == ["output.0", "output.1, output.3", "output.2"]
    assert [node.op_type for node in operations(model.graph)] == ["Relu", "Identity", "Identity"]
    assert operations(model.graph)[0].output == ["output.1, output.3"]


def test_outputs_of_equal_layers_are_one_by_their_range() -> None:
    build = Builder()
    x = build.input("x", 2)
    states = []
    for i in range(4):
        with build.module(f"layers.{i}", "Block"):
            states.append(x := build.op("add", build.op("relu", x), x, names=("input", "other")))
    model = export(build.graph(*states))
    assert [value.name for value in model.graph.output] == ["output.0–3"]


def test_a_graph_of_nothing_is_valid() -> None:
    assert operations(export(Builder("").graph()).graph) == []
    build = Builder("")
    x = build.input("x", 2)
    assert [node.op_type for node in export(build.graph(x)).graph.node] == ["Identity"]


def test_an_operation_without_inputs_and_outputs_is_valid() -> None:
    node = Node("seed", (), (), name="seed")
    model = export(Graph("g", (), (), (node,), ()))
    assert [(len(node.input), len(node.output)) for node in model.graph.node] == [(0, 1)]


def test_a_view_that_reads_what_nothing_makes_is_refused() -> None:
    stray = Value("stray", TensorType((2,), "float32"))
    node = Node("relu", (stray,), (), ("input",), name="relu")
    view = View(Graph("broken", (), (), (node,), ()), Box((), (node,), copies=((),)), ())
    with pytest.raises(GraphError, match="'broken' of the view reads %stray"):
        Onnx().export(view)


# What is hidden -------------------------------------------------------------------------------------------------------


def facts_of(node: onnx.NodeProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in node.metadata_props}


def test_what_reads_past_hidden_operations_says_so_and_is_no_standard_operator() -> None:
    build = Builder()
    x = build.input("x", 2, 2)
    with build.module("attn", "Attention"):
        y = build.op("mul", build.op("relu", x, kernel="aten.relu.default"), build.op("arange", shape=(2,)))
        turned = build.op("transpose", y, kernel="aten.transpose.int", view=True, shape=(2, 2))
    out = build.op("relu", turned, kernel="aten.relu.default")
    graph = build.graph(build.op("reshape", out, view=True, shape=(4,)))
    model = export(View.of(graph, hide=True))
    box, relu, output = operations(model.graph)
    first, mul = operations(box.attribute[0].g)
    assert (first.domain, relu.domain) == ("", "fxviz")
    assert box.output == relu.input
    assert facts_of(relu)["input via"] == "transpose: float32[2, 2]"
    assert not any(key.endswith(" via") for key in facts_of(mul))
    (constant,) = [node for node in box.attribute[0].g.node if node.op_type == "Constant"]
    assert facts_of(constant)["role"] == "constant"
    assert (output.op_type, [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim]) == ("reshape", [4])
    summary = {entry.key: entry.value for entry in model.metadata_props}
    assert sorted(summary["hidden"].splitlines()) == ["arange × 1", "reshape × 1", "transpose × 1"]


@pytest.mark.parametrize("name", ["transformers:gpt2", "torchvision:swin_t"])
def test_bookkeeping_of_real_models_can_be_hidden_and_costs_are_still_counted(name: str, tmp_path: Path) -> None:
    from fxviz import models, trace
    from fxviz.passes.flops import Flops
    from fxviz.passes.parameters import Parameters

    facts = Facts(models.trace(name))
    view = View.of(facts, fold=False, hide=True)
    model = export(view)
    nodes = [node for graph in nested(model.graph) for node in operations(graph)]
    assert len(nodes) - len(list(view.walk())) <= len(view.graph.outputs)  # an output that hidden operations make
    (tmp_path / "hidden.onnx").write_bytes(model.SerializeToString())
    back = Facts(trace(tmp_path / "hidden.onnx"))
    constants = sum(facts[Flops()].at(node) or 0 for node in view.layout_operators)  # positions counted up
    assert back[Flops()].total == facts[Flops()].total - constants
    assert back[Parameters()].total == facts[Parameters()].total


# Types ----------------------------------------------------------------------------------------------------------------


def test_netron_reads_every_dtype(netron) -> None:
    build = Builder()
    values = [build.input(dtype, 2, dtype=dtype) for dtype in DTYPE_BITS]
    (node,) = netron(build.graph(build.op("use", *values)))["graphs"][0]["nodes"]
    read = {value["name"]: value["type"] for argument in node["inputs"] for value in argument["values"]}
    assert {dtype for dtype, type in read.items() if type == "undefined[2]"} == DTYPE_BITS.keys() - ELEMENT_TYPES.keys()
    assert {"bool", "bfloat16", "float8_e4m3fn", "int4", "uint2", "complex64"} <= ELEMENT_TYPES.keys()
    assert (read["bfloat16"], read["float8_e5m2"], read["float64"]) == ("bfloat16[2]", "float8e5m2[2]", "float64[2]")


def test_a_dtype_that_onnx_lacks_is_said_in_words() -> None:
    build = Builder()
    (value,) = export(build.graph(build.op("use", build.input("x", 2, B, dtype="qint8")))).graph.input
    assert (value.type.tensor_type.elem_type, value.doc_string) == (onnx.TensorProto.UNDEFINED, "qint8 2×B")


def test_sizes_are_shown_as_the_user_names_them(netron) -> None:
    build = Builder()
    found = netron(build.graph(build.op("use", build.input("x", 7, 0, B, 2 * B + S))))
    assert found["graphs"][0]["inputs"][0]["values"][0]["type"] == "float32[7,0,B,2*B + S]"


def test_a_graph_without_types_is_written(netron) -> None:
    x, weight = Value("x", None, Role.INPUT), Value("weight", None, Role.PARAMETER)
    y, z = Value("y", None), Value("z", None)
    nodes = (
        Node("linear", (x, weight), (y,), ("input", "weight"), name="linear"),
        Node("relu", (y,), (z,), ("input",), name="relu"),
    )
    graph = Graph("structure", (x,), (weight,), nodes, (z,), ("z",), mode="symbolic")
    found = netron(graph)["graphs"][0]["nodes"]
    assert [(node["type"], node["domain"]) for node in found] == [
        ("parameter", "fxviz"),
        ("linear", "fxviz"),
        ("relu", "fxviz"),
    ]
    assert found[2]["inputs"][0]["values"][0]["type"] is None


# Names ----------------------------------------------------------------------------------------------------------------

NASTY = ["", " ", 'a"b', "it's", "<b>", "a|b", "{x}", "a->b", "é", "名前", "🙂", "a\nb", "a\tb", "\x00", "\ud800", "a, b", "a.b.c", "%", "~2", "body"]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_any_name_is_written(name: str, netron) -> None:
    build = Builder(name)
    x = build.input(name, 2)
    with build.module(name, name):
        y = build.op(name, x, build.parameter(name, 2), names=(name, name), **{name: name})
        y = build.op(name, x, y, names=(name, "other"))
    found = netron(View.of(build.graph(y, x), show=(Cost(),)))
    (graph,) = found["graphs"]
    assert len(graph["nodes"]) == 2  # the module, and the input that is handed on
    assert [len(content["nodes"]) for content in graph["nodes"][0]["attributes"].values()] == [2]


@settings(max_examples=60, deadline=None)
@given(random_graphs(texts=True))
def test_any_graph_is_valid(graph: Graph) -> None:
    for fold, hide in product((True, False), repeat=2):
        view = View.of(graph, fold=fold, hide=hide, show=(Cost(),))
        model = onnx.load_from_string(Onnx(rules=RuleTable()).export(view))
        check(model)
        boxes = [item for item in view.walk() if isinstance(item, Box)]
        assert len(list(nested(model.graph))) == 1 + sum(box.open for box in boxes)
        # With its rules too; not in full, since a random linear has shapes that no linear has.
        check(onnx.load_from_string(Onnx().export(view)), full=False)


def test_torch_is_not_needed() -> None:
    program = "import sys, fxviz.exporters.onnx.view.exporter; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


# Models that nobody here wrote ----------------------------------------------------------------------------------------


def weights_read(graph: dict[str, Any]) -> Iterator[str]:
    for node in graph["nodes"]:
        for argument in node["inputs"]:
            yield from (value["name"] for value in argument["values"] if value["weight"])
        for content in node["attributes"].values():
            if isinstance(content, dict):
                yield from weights_read(content)


def test_netron_reads_torch_s_own_encoder(netron) -> None:
    torch = pytest.importorskip("torch")
    from fxviz.tracing import trace

    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 3, enable_nested_tensor=False).train()
    graph = trace(model, (torch.zeros(2, 5, 16),))
    found = netron(View.of(graph, fold=False))["graphs"][0]
    assert set(weights_read(found)) == {value.name for value in graph.parameters}


@pytest.mark.zoo
@pytest.mark.parametrize("name", [
    *("torchvision:resnet50", "torchvision:vit_b_16", "torchvision:mobilenet_v3_small", "torchvision:swin_t"),
    *("timm:vit_tiny_patch16_224", "timm:convnext_atto", "timm:efficientnet_b0"),
    *("transformers:gpt2", "transformers:llama", "transformers:t5", "transformers:whisper", "transformers:bert"),
])  # fmt: skip
@pytest.mark.parametrize("fold", [True, False])
def test_netron_reads_real_models(name: str, fold: bool, netron) -> None:
    from fxviz import models

    graph = models.trace(name)
    view = View.of(graph, fold=fold, show=(Cost(),))
    found = netron(view)["graphs"][0]
    used = {view.shown(value) for node in view.walk() if isinstance(node, Node) for value in node.inputs}
    dense = {value for value in used if value.role in (Role.PARAMETER, Role.BUFFER) and value.type and value.type.shape}
    names = set(weights_read(found))
    assert {value.name for value in dense} <= names


def test_a_training_step_is_valid() -> None:
    """In one, a linear layer has a second output, kept for the backward pass, which no Gemm has."""
    import torch

    from fxviz.tracing import trace_training

    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    graph = trace_training(model, torch.empty(3, 4), loss=lambda y: y.square().mean(), optimizer=torch.optim.AdamW)
    assert max(len(node.outputs) for node in graph.nodes if node.op == "linear") == 2
    onnx.checker.check_model(onnx.load_from_string(Onnx().export(View.of(graph))), full_check=True)


def test_weights_hold_their_data_on_request() -> None:
    import torch

    from fxviz.tracing import trace

    net = torch.nn.Sequential(
        torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1, dtype=torch.float64)
    )
    net[2].to(torch.bfloat16)
    graph = trace(lambda x: net[2](net[1](net[0](x)).bfloat16()), torch.zeros(4, 2))
    model = onnx.load_from_string(Onnx(data=True).export(View.of(graph, fold=False)))
    check(model)
    held = {
        entry.value: onnx.numpy_helper.to_array(node.attribute[0].t)
        for level in nested(model.graph)
        for node in level.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
        for entry in node.metadata_props
        if entry.key == "weight"
    }
    tensors = {**dict(graph.module.named_parameters()), **dict(graph.module.named_buffers())}
    assert held.keys() == tensors.keys()
    for name, array in held.items():
        assert array.astype("float64").tolist() == tensors[name].detach().double().tolist()


def test_weights_lie_beside_the_model_once_however_often_they_are_read(tmp_path: Path) -> None:
    import torch

    import fxviz

    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(7, 4)
            self.norm = torch.nn.LayerNorm(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(self.embed(x)) @ self.embed.weight.t()

    graph = fxviz.trace(Tied(), torch.tensor([[1, 2]]))
    file = tmp_path / "tied.onnx"
    fxviz.export(graph, file, data=True, external_data=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tied.onnx", "tied.onnx.data"]
    assert (tmp_path / "tied.onnx.data").stat().st_size == sum(p.nbytes for p in graph.module.parameters())
    onnx.checker.check_model(str(file), full_check=True)
    outside, inside = onnx.load(file), onnx.load_from_string(fxviz.render(graph, "onnx", data=True))
    assert weights_in(outside) == weights_in(inside) != {}


def weights_in(model: onnx.ModelProto) -> dict[str, list[Any]]:
    return {
        facts_of(node)["weight"]: onnx.numpy_helper.to_array(node.attribute[0].t).tolist()
        for level in nested(model.graph)
        for node in level.node
        if "weight" in facts_of(node)
    }


def test_a_second_file_is_not_left_out_or_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    import fxviz
    from fxviz.exporters.onnx.view.weights import WeightData

    graph = fxviz.trace(torch.nn.Linear(2, 3), torch.zeros(1, 2))
    view = View.of(graph)
    with pytest.raises(ExportError, match="write it to a file"):
        Onnx(data=True, external_data=True).export(view)
    with pytest.raises(InputError, match="data=True"):
        Onnx(external_data=True)

    def fail(self: WeightData, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WeightData, "save", fail)
    with pytest.raises(InputError, match="No space left"):
        Onnx(data=True, external_data=True).write(view, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_weights_without_data_are_refused() -> None:
    from fxviz import models
    from fxviz.ir.serialize import dumps, loads

    graph = models.trace("torchvision:squeezenet1_1")
    with pytest.raises(ExportError, match="they are on the meta device"):
        Onnx(data=True).export(View.of(graph))
    with pytest.raises(GraphError, match="has no module"):
        Onnx(data=True).export(View.of(loads(dumps(graph))))


def test_an_autograd_graph_is_valid() -> None:
    import torch

    from fxviz.tracing import trace_autograd

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    graph = trace_autograd(net(torch.zeros(1, 3, 8, 8)).sum(), params=dict(net.named_parameters()))
    assert len(operations(export(graph).graph)) >= 6

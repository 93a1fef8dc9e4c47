"""The modes of `trace`, and that they agree where several can trace a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import timm
import torch
import torchvision
from torch import fx, nn

from fxviz.analysis.facts import Facts
from fxviz.errors import FormatError, InputError, TraceError
from fxviz.passes.flops import Flops
from fxviz.tracing import trace

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.ir import Graph


def skeleton(graph: Graph) -> list[tuple[str, Any, Any]]:
    return [
        (
            node.op,
            tuple((call.path, call.kind, call.index) for call in node.scope),
            [str(value.type) for value in node.outputs],
        )
        for node in graph.nodes
    ]


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        zoo, _, name = name.partition(":")
        model = timm.create_model(name) if zoo == "timm" else torchvision.models.get_model(name)
    return model.eval()


AGREEING = [
    "torchvision:resnet18",
    "torchvision:mobilenet_v3_small",
    "torchvision:densenet121",
    "torchvision:vit_b_16",
    "timm:convnext_atto",
    "timm:mixer_s32_224",
]


@pytest.mark.parametrize("name", AGREEING)
def test_symbolic_and_record_agree(name: str) -> None:
    model, x = on_meta(name), torch.empty(1, 3, 224, 224)
    recorded, symbolic = trace(model, x, mode="record"), trace(model, x, mode="symbolic")
    assert symbolic.mode == "symbolic"
    assert skeleton(recorded) == skeleton(symbolic)
    assert Facts(recorded)[Flops()].total == Facts(symbolic)[Flops()].total


@pytest.mark.zoo
@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")  # of GoogLeNet and Inception
@pytest.mark.parametrize("name", torchvision.models.list_models(module=torchvision.models))
def test_symbolic_and_record_agree_on_every_classifier(name: str) -> None:
    try:
        model = on_meta(f"torchvision:{name}")
    except NotImplementedError:
        pytest.skip("its initialisation reads weights, which the meta device does not have")
    x = torch.empty(1, 3, 299, 299) if name == "inception_v3" else torch.empty(1, 3, 224, 224)
    try:
        symbolic = trace(model, x, mode="symbolic")
    except TraceError:
        pytest.skip("torch.fx.symbolic_trace cannot follow it")
    recorded = trace(model, x, mode="record")
    assert skeleton(recorded) == skeleton(symbolic)
    assert Facts(recorded)[Flops()].total == Facts(symbolic)[Flops()].total


def test_export_and_record_agree_on_scopes_work_and_results() -> None:
    model, x = torchvision.models.resnet18().eval(), torch.empty(1, 3, 64, 64)
    recorded, exported = trace(model, x, mode="record"), trace(model, x, mode="export")
    assert exported.mode == "export"
    assert [node.scope for node in exported.nodes] == [node.scope for node in recorded.nodes]
    assert Facts(recorded)[Flops()].matrix.total == Facts(exported)[Flops()].matrix.total
    assert [str(value.type) for value in recorded.outputs] == [str(value.type) for value in exported.outputs]


def test_structure_without_inputs() -> None:
    model = torchvision.models.resnet18().eval()
    graph = trace(model)
    graph.verify()
    assert graph.mode == "symbolic"
    assert "without inputs" in graph.notes[0]
    assert [node.op for node in graph.nodes[:4]] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert all(value.type is None for node in graph.nodes for value in node.outputs)
    assert all(value.type is not None for value in graph.parameters)
    assert isinstance(graph.module, fx.GraphModule)


def test_a_graph_module_is_run_as_it_is() -> None:
    model = torchvision.models.resnet18().eval()
    traced = fx.symbolic_trace(model)
    graph = trace(traced, torch.empty(1, 3, 64, 64))
    assert [node.scope for node in graph.nodes] == [
        node.scope for node in trace(model, torch.empty(1, 3, 64, 64), mode="symbolic").nodes
    ] or [node.op for node in graph.nodes] == [node.op for node in trace(model, torch.empty(1, 3, 64, 64)).nodes]


def test_an_exported_program_brings_its_inputs(tmp_path: Path) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor, *, bias: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"y": self.linear(x) + bias}

    program = torch.export.export(Model(), (torch.randn(3, 4),), {"bias": torch.randn(2)})
    graph = trace(program)
    assert graph.name == "Model"
    assert graph.output_names == ("y",)
    torch.export.save(program, tmp_path / "model.pt2")
    read = trace(tmp_path / "model.pt2")
    assert skeleton(read) == skeleton(graph)
    with pytest.raises(InputError, match="takes 2 inputs"):
        trace(program, (torch.empty(3, 4), torch.empty(1)), {"bias": torch.empty(2)})


def test_program_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*absent\.pt2"):
        trace(tmp_path / "absent.pt2")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match="is not an exported program"):
        trace(tmp_path / "notes.txt")
    program = torch.export.export(nn.Linear(2, 2), (torch.randn(1, 2),))
    torch.export.save(program, tmp_path / "whole.pt2")
    (tmp_path / "cut.pt2").write_bytes((tmp_path / "whole.pt2").read_bytes()[:700])
    with pytest.raises(FormatError, match="truncated"):
        trace(tmp_path / "cut.pt2")


def test_a_program_file_is_not_unpickled(tmp_path: Path) -> None:
    """A file whose constants are pickled objects is refused before anything in it is loaded."""
    import json
    import zipfile

    program = torch.export.export(nn.Linear(2, 2), (torch.randn(1, 2),))
    torch.export.save(program, tmp_path / "good.pt2")
    with zipfile.ZipFile(tmp_path / "good.pt2") as good, zipfile.ZipFile(tmp_path / "bad.pt2", "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name.endswith("_constants_config.json"):
                data = json.dumps({"config": {"evil": {"path_name": "opaque_obj_0", "is_param": False}}}).encode()
            bad.writestr(name, data)
    with pytest.raises(FormatError, match="pickled objects"):
        trace(tmp_path / "bad.pt2")


class ReadsValues(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.sum().item() > 0 else x[x < 0]


def test_auto_runs_for_real_what_reads_values_that_are_computed() -> None:
    model = nn.Sequential(nn.Identity(), ReadsValues())
    many = torch.ones(5000)  # more than are kept of an input
    graph = trace(model, many)
    graph.verify()
    assert graph.mode == "eager"
    assert "real tensors" in graph.notes[0]
    assert [node.op for node in graph.nodes] == ["sum", "item", "add"]
    other = trace(model, -many)
    assert other.outputs[0].type.shape == (5000,)
    assert [node.op for node in other.nodes] == ["sum", "item", "lt", "getitem"]


class Grid(nn.Module):
    """As vision-language models do: the input says how many patches each image has, a buffer how far to pad."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("padding", torch.tensor(2))
        self.weight = nn.Parameter(torch.empty(4, device="meta"))

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        patches = [torch.zeros(height * width, 4) for height, width in grid.tolist()]
        return nn.functional.pad(torch.cat(patches) * self.weight, (0, self.padding.item()))


def test_values_of_small_inputs_and_buffers_are_read_without_weights() -> None:
    graph = trace(Grid(), torch.tensor([[2, 3], [1, 4]]))
    graph.verify()
    assert graph.mode == "record"
    assert "values of inputs or buffers" in graph.notes[0]
    assert graph.outputs[0].type.shape == (2 * 3 + 1 * 4, 4 + 2)
    with pytest.raises(TraceError, match="reads the value"):
        trace(Grid(), torch.tensor([[2, 3], [1, 4]]), mode="record")


def test_numbers_that_the_code_writes_down_are_read_back() -> None:
    class Constants(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            sizes = torch.tensor([3, 5])
            sizes += 1
            counts = torch.arange(4).cumsum(0)
            return x.repeat(int(sizes.prod()), counts.tolist()[-1])

    graph = trace(Constants(), torch.ones(1, 1), mode="record")
    assert graph.outputs[0].type.shape == (4 * 6, 0 + 1 + 2 + 3)
    assert not graph.notes


def test_what_is_written_into_known_numbers_is_not_known() -> None:
    class Mixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            sizes = torch.zeros(2)
            view = sizes[:1]
            sizes[0] = x.sum()
            return x * view.item()

    with pytest.raises(TraceError, match="reads the value"):
        trace(Mixed(), torch.ones(3), mode="record")


def test_a_module_may_be_converted_to_the_dtype_that_it_has() -> None:
    class Router(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classifier = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.classifier = self.classifier.to(x.dtype)
            return self.classifier(x)

    graph = trace(Router(), torch.ones(1, 3), mode="record")
    assert [node.op for node in graph.nodes] == ["linear"]


def test_eager_makes_up_weights_that_are_not_there_and_says_so() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(3, 3), ReadsValues())
    graph = trace(model, torch.ones(1, 3))
    assert graph.mode == "eager"
    assert "48 bytes of weights and inputs made up" in graph.notes[0]


def test_record_says_what_to_do_about_values() -> None:
    with pytest.raises(TraceError, match="mode='eager'"):
        trace(ReadsValues(), torch.ones(3), mode="record")


def test_symbolic_says_what_to_do_about_control_flow() -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.shape[0] > 2 else x + 1

    with pytest.raises(TraceError, match="use mode='record'"):
        trace(Branches(), mode="symbolic")
    assert trace(Branches(), torch.empty(1)).nodes[0].op == "add"


def test_inputs_go_before_the_example_of_a_program() -> None:
    dynamic = {"x": {0: torch.export.Dim("B")}, "scale": None}

    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> torch.Tensor:
            return x * scale

    scale = torch.ones(3)
    program = torch.export.export(Scaled(), (torch.ones(2, 3),), {"scale": scale}, dynamic_shapes=dynamic)
    assert trace(program).outputs[0].type.shape == (2, 3)
    assert trace(program, (torch.ones(5, 3),), {"scale": scale}).outputs[0].type.shape == (5, 3)
    with pytest.raises(InputError, match=r"takes the keyword inputs \['scale'\], not \['other'\]"):
        trace(program, (torch.ones(5, 3),), {"other": scale})


def test_an_example_of_a_program_gives_way_to_positional_inputs_alone() -> None:
    program = torch.export.export(nn.ReLU(), (torch.ones(2, 3),), dynamic_shapes=({0: torch.export.Dim("B")},))
    assert trace(program, (torch.ones(5, 3),)).outputs[0].type.shape == (5, 3)

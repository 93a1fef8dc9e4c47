"""Model names: what is built for them, and what is said of names that cannot be."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from fxviz import FormatError, InputError, MissingDependency, models
from fxviz.models.signature import argument_names

FILE = """
import torch
from torch import nn

WIDTH = 8

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(WIDTH, 2)
    def forward(self, x, mask=None):
        return self.linear(x)

class Wide(Net):
    def __init__(self, width):
        super().__init__()

def make():
    return nn.Sequential(nn.Linear(WIDTH, 4), nn.Dropout())

def double(x):
    return x + x

def nothing():
    return torch.zeros(3) + 1

def broken():
    raise ValueError("not today")

class holder:
    net = Net()

net = Net()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my model.py"
    path.write_text(FILE)
    return path


def shapes(target: models.Target) -> dict[str, tuple[int, ...]]:
    names = argument_names(target.model)
    tensors = dict(zip(names, target.args, strict=False)) | dict(target.kwargs)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torchvision:resnet18", {"x": (1, 3, 224, 224)}),
        ("torchvision:inception_v3", {"x": (1, 3, 299, 299)}),
        ("torchvision:vit_b_16", {"x": (1, 3, 224, 224)}),
        ("torchvision:r3d_18", {"x": (1, 3, 16, 112, 112)}),
        ("timm:vit_tiny_patch16_224", {"x": (1, 3, 224, 224)}),
        ("timm:convnext_atto", {"x": (1, 3, 224, 224)}),
        ("transformers:gpt2", {"input_ids": (1, 128)}),
        ("transformers:t5", {"input_ids": (1, 128), "decoder_input_ids": (1, 128)}),
        ("transformers:whisper", {"input_features": (1, 80, 3000), "decoder_input_ids": (1, 128)}),
        ("transformers:audio-spectrogram-transformer", {"input_values": (1, 1024, 128)}),
        ("transformers:vit", {"pixel_values": (1, 3, 224, 224)}),
        ("transformers:clip", {"input_ids": (1, 77), "pixel_values": (1, 3, 224, 224)}),
    ],
)
def test_zoo_models_come_with_inputs_and_without_weights(name: str, expected: dict[str, tuple[int, ...]]) -> None:
    target = models.build(name)
    assert isinstance(target.model, torch.nn.Module)
    assert shapes(target) == expected
    assert {parameter.device.type for parameter in target.model.parameters()} == {"meta"}
    assert not target.model.training
    assert target.dynamic_shapes is None


@pytest.mark.parametrize(
    ("model_type", "task"),
    [
        ("gpt2", "GPT2LMHeadModel"),
        ("t5", "T5ForConditionalGeneration"),
        ("bert", "BertForMaskedLM"),
        ("whisper", "WhisperForConditionalGeneration"),
        ("vit", "ViTForImageClassification"),
        ("clip", "CLIPModel"),
    ],
)
def test_transformers_types_get_the_head_that_they_are_known_for(model_type: str, task: str) -> None:
    assert type(models.build(f"transformers:{model_type}").model).__name__ == task


def test_a_model_of_671_billion_parameters_is_built_without_memory() -> None:
    target = models.build("transformers:deepseek_v3", dtype="bfloat16")
    assert isinstance(target.model, torch.nn.Module)
    # DeepSeek-V3's report (arXiv:2412.19437) counts 671 B parameters
    assert round(sum(parameter.numel() for parameter in target.model.parameters()) / 1e9) == 671
    assert {parameter.dtype for parameter in target.model.parameters()} == {torch.bfloat16}
    assert torch.get_default_dtype() is torch.float32


def test_a_config_file_is_data(tmp_path: Path) -> None:
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2ForSequenceClassification"],
        "n_layer": 1,
        "n_embd": 8,
        "n_head": 2,
        "n_positions": 16,
        "auto_map": {"AutoModel": "evil.Model"},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    for name in (str(path), str(tmp_path)):
        target = models.build(name)
        assert type(target.model).__name__ == "GPT2ForSequenceClassification"
        assert shapes(target) == {"input_ids": (1, 16)}  # no longer than its 16 positions


@pytest.mark.parametrize(
    ("attribute", "kind"), [("net", "Net"), ("Net", "Net"), ("make", "Sequential"), ("holder.net", "Net")]
)
def test_attributes_of_files(file: Path, attribute: str, kind: str) -> None:
    target = models.build(f"{file}:{attribute}", ["1,8"])
    assert type(target.model).__name__ == kind
    assert [tuple(tensor.shape) for tensor in target.args if isinstance(tensor, torch.Tensor)] == [(1, 8)]


def test_functions_are_models_too(file: Path) -> None:
    assert [node.op for node in models.trace(f"{file}:double", ["2,3"]).nodes] == ["add"]
    assert models.build(f"{file}:nothing").args == ()


@pytest.mark.parametrize("attribute", ["net", "Net", "make"])
def test_whatever_is_named_is_in_evaluation_mode(file: Path, attribute: str) -> None:
    model = models.build(f"{file}:{attribute}", ["1,8"]).model
    assert isinstance(model, torch.nn.Module)
    assert not any(module.training for module in model.modules())


def test_an_instance_keeps_its_weights(file: Path) -> None:
    target = models.build(f"{file}:net", ["1,8"])
    assert isinstance(target.model, torch.nn.Module)
    assert target.model.linear.weight.device.type == "cpu"
    assert isinstance(target.args[0], torch.Tensor)
    assert target.args[0].device.type == "cpu"


def test_a_file_imports_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "fxviz_test_sibling.py").write_text("def double(x): return x + x\n")
    (tmp_path / "main.py").write_text("from fxviz_test_sibling import double\n")
    path = list(sys.path)
    assert callable(models.build(f"{tmp_path / 'main.py'}:double", ["3"]).model)
    assert sys.path == path


def test_objects_of_importable_packages() -> None:
    assert models.build("torch.nn.functional:relu", ["2,3"]).model is torch.nn.functional.relu


def test_symbols_become_dynamic_shapes() -> None:
    target = models.build("torchvision:resnet18", ["B,3,H,W"])
    assert shapes(target) == {"x": (5, 3, 224, 224)}  # H and W as guessed; B a prime that is no other extent
    assert target.dynamic_shapes is not None
    dims = target.dynamic_shapes["x"]
    assert isinstance(dims, dict)
    assert {dim: symbol.__name__ for dim, symbol in dims.items()} == {0: "B", 2: "H", 3: "W"}


def test_given_inputs_replace_the_guessed_ones_by_name_and_by_place() -> None:
    by_name = models.build("transformers:t5", ["decoder_input_ids=1,7"])
    assert shapes(by_name) == {"input_ids": (1, 128), "decoder_input_ids": (1, 7)}
    by_place = models.build("transformers:t5", ["2,9", "2,5"])
    assert shapes(by_place) == {"input_ids": (2, 9), "decoder_input_ids": (2, 5)}
    assert isinstance(by_place.args[0], torch.Tensor)
    assert by_place.args[0].dtype is torch.int64  # as the guessed one


def test_a_saved_graph_is_read_and_a_program_is_traced(tmp_path: Path, file: Path) -> None:
    graph = models.trace(f"{file}:double", ["2,3"])
    graph.save(tmp_path / "graph.json")
    assert str(models.trace(str(tmp_path / "graph.json"))) == str(graph)
    program = torch.export.export(torch.nn.Linear(4, 2), (torch.zeros(3, 4),))
    torch.export.save(program, tmp_path / "linear.pt2")
    assert [str(value.type) for value in models.trace(str(tmp_path / "linear.pt2")).outputs] == ["float32[3, 2]"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet50", "cannot tell what model 'resnet50' is: write timm:NAME, torchvision:NAME"),
        ("", "cannot tell what model '' is"),
        ("torchvision:resnet5", "torchvision has no model 'resnet5'; did you mean resnet50"),
        ("timm:vit_tny_patch16_224", "timm has no model .*did you mean vit_tiny_patch16_224"),
        ("transformers:gpt-2", "transformers has no model .*did you mean gpt2"),
        ("transformers:clap_text_model", "no model for 'clap_text_model' alone: it is a part of another"),
        ("transformers:openai/gpt2", "downloads nothing: save its config.json"),
        ("nopackage.at.all:model", "nopackage.at.all cannot be imported: ModuleNotFoundError"),
        ("torch.nn:Lineer", "torch.nn has no attribute 'Lineer'; did you mean Linear"),
        ("torch.nn:Linear", "needs arguments .in_features, out_features.: write a function"),
        ("torch:__version__.nope", "has no attribute"),
        ("math:pi", "of type float: expected a module"),
        ("not there.py:net", "there is no file not there.py"),
        ("not-there.pt2", "there is no file not-there.pt2"),
        ("not-there.json", "cannot read not-there.json: No such file"),
        ("torch.nn:Flatten", "inputs of torch.nn:Flatten cannot be guessed; it takes input: give a shape"),
    ],
)
def test_names_that_cannot_be_used(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        models.trace(name)


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("nett", r"/my model\.py has no attribute 'nett'; did you mean net"),
        ("WIDTH", "of type int: expected a module"),
        ("Wide", "needs arguments .width."),
        (
            "Net",
            "cannot be guessed; it takes x, mask: give a shape for each, such as -i 1,3,224,224 or -i x=1,128:int64",
        ),
    ],
)
def test_attributes_that_cannot_be_used(file: Path, attribute: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        models.build(f"{file}:{attribute}")


def test_a_factory_that_raises(file: Path) -> None:
    with pytest.raises(InputError, match="broken raised ValueError: not today"):
        models.build(f"{file}:broken")


@pytest.mark.parametrize(
    "content", ["import fxviz_no_such_package", "1/0", "def (", "raise SystemError('no')", "raise SystemExit(0)"]
)
def test_a_file_that_cannot_be_run(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(content)
    with pytest.raises(InputError, match=r"broken\.py cannot be imported: "):
        models.build(f"{path}:net")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (["1,8", "1,8", "1,8"], "takes 2 inputs .x, mask., and 3 were given"),
        (["y=1,8"], "has no input 'y'"),
        (["x=1,8", "x=1,8"], "gives 'x' a second time"),
        ([f"{10**12},{10**12}"], "cannot make an input of shape"),
        ([f"{10**20}"], r"cannot make an input of shape .*Overflow when unpacking long long$"),
    ],
)
def test_inputs_that_cannot_be_used(file: Path, inputs: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        models.build(f"{file}:net", inputs)


def test_a_dtype_that_this_torch_lacks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch, "float4_e2m1fn_x2")
    with pytest.raises(InputError, match="has no dtype float4_e2m1fn_x2"):
        models.build(f"{file}:net", ["1,8:float4_e2m1fn_x2"])


def test_a_dtype_that_is_none() -> None:
    with pytest.raises(InputError, match="'bfloat61' is not a floating-point dtype of torch; did you mean bfloat16"):
        models.build("torchvision:resnet18", dtype="bfloat61")
    with pytest.raises(InputError, match="'int64' is not a floating-point dtype"):
        models.build("torchvision:resnet18", dtype="int64")


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ('{"model_type": "gpt3"}', InputError, "transformers has no model 'gpt3'; did you mean .*gpt2"),
        ('{"model_type": "gpt2", "n_embd": "many"}', InputError, "transformers cannot build 'gpt2'"),
        ('{"model_type": 3}', InputError, "transformers has no model"),
        ('{"a": 1}', FormatError, "thing.json"),
        ('{"a": ', FormatError, "thing.json"),
        ("[]", FormatError, "thing.json"),
    ],
)
def test_json_files_of_other_kinds(tmp_path: Path, content: str, error: type[Exception], words: str) -> None:
    path = tmp_path / "thing.json"
    path.write_text(content)
    with pytest.raises(error, match=words):
        models.trace(str(path))


@pytest.mark.parametrize("zoo", ["timm", "torchvision", "transformers"])
def test_a_zoo_that_is_not_installed(zoo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"fxviz.models.zoos.{zoo}", raising=False)
    monkeypatch.setitem(sys.modules, zoo, None)
    if zoo == "torchvision":
        monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(MissingDependency, match=f"pip install {zoo}"):
        models.build(f"{zoo}:any")


def test_a_zoo_built_for_another_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision/__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "fxviz.models.zoos.torchvision", raising=False)
    with pytest.raises(
        MissingDependency, match=r"torchvision is installed but cannot be imported.*nms does not exist.*must match"
    ):
        models.build("torchvision:resnet18")


@pytest.mark.parametrize("options", [{"inputs": ["64,3"]}, {"dtype": "float16"}, {"mode": "eager"}])
def test_a_saved_graph_takes_no_options(tmp_path: Path, options: dict[str, Any]) -> None:
    models.trace("torch.nn.functional:relu", ["2,3"]).save(tmp_path / "graph.json")
    with pytest.raises(InputError, match="a saved graph with sizes of its own"):
        models.trace(str(tmp_path / "graph.json"), **options)

"""The table of parameters: beside numpy on whole tensors, of models that nobody here wrote, and written in every form."""

from __future__ import annotations

import csv
import io
import json
import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import timm
import torch
import torchvision
import transformers
from markdown_it import MarkdownIt
from torch import nn
from torch._subclasses import FakeTensorMode

import fxviz
from fxviz.errors import InputError, MissingDependency
from fxviz.ir import Role

if TYPE_CHECKING:
    from fxviz.weights.statistics import Statistics


@pytest.fixture(scope="module")
def gpt2() -> nn.Module:
    config = transformers.GPT2Config(
        n_layer=2, n_embd=16, n_head=2, vocab_size=100, n_positions=32, bos_token_id=0, eos_token_id=0
    )
    return transformers.GPT2LMHeadModel(config)


def resembles(found: Statistics | None, tensor: torch.Tensor) -> bool:
    assert found is not None
    values = tensor.detach().double().numpy()
    near = {
        found.mean: values.mean(),
        found.spread: values.std(),
        found.norm: math.sqrt((values**2).sum()),
        found.zero_share: (values == 0).mean(),
    }
    exact = (found.low, found.high, found.size) == (values.min(), values.max(), values.size)
    return exact and all(math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12) for ours, theirs in near.items())


@pytest.mark.parametrize(
    "build",
    [
        lambda: torchvision.models.squeezenet1_1(num_classes=10),
        lambda: timm.create_model("test_vit"),
        lambda: timm.create_model("test_resnet"),
    ],
    ids=["squeezenet", "vit", "resnet"],
)
def test_a_row_for_each_parameter_and_buffer(build: object) -> None:
    model = build()  # type: ignore[operator]
    table = fxviz.parameters(model)
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    assert {row.name for row in table} == set(tensors)
    for row in table:
        tensor = tensors[row.name]
        assert row.shape == tuple(tensor.shape)
        assert (row.dtype, row.device, row.nbytes) == (str(tensor.dtype).removeprefix("torch."), "cpu", tensor.nbytes)
        assert (row.role is Role.PARAMETER) == isinstance(tensor, nn.Parameter)
        assert row.trainable == tensor.requires_grad
        assert resembles(row.statistics, tensor)
    assert table.total.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert table.total.buffers == sum(buffer.numel() for buffer in model.buffers())
    assert table.total.nbytes == sum(tensor.nbytes for tensor in tensors.values())


def test_tied_weights_are_one_row(gpt2: nn.Module) -> None:
    table = fxviz.parameters(gpt2)
    row = table["transformer.wte.weight"]
    assert row.shared_with == ("lm_head.weight",)
    assert table["lm_head.weight"] is row
    assert "lm_head.weight" not in [each.name for each in table]
    assert table.total.parameters == sum(parameter.numel() for parameter in gpt2.parameters())
    assert "Counted once: transformer.wte.weight is also lm_head.weight." in str(table)
    again = fxviz.parameters(gpt2.state_dict())  # whose tensors are other objects on the same memory
    assert again["lm_head.weight"].shared_with == ("lm_head.weight",)
    assert again.total.parameters == table.total.parameters


def test_a_graph_says_what_is_known(gpt2: nn.Module) -> None:
    graph = fxviz.trace(gpt2, (), {"input_ids": torch.zeros(1, 4, dtype=torch.int64), "use_cache": False})
    ours, model = fxviz.parameters(graph), fxviz.parameters(gpt2)
    assert [(row.name, row.shape, row.shared_with) for row in sorted(ours, key=lambda row: row.name)] == [
        (row.name, row.shape, row.shared_with) for row in sorted(model, key=lambda row: row.name)
    ]
    assert all(row.statistics is None for row in ours)
    assert ours.total.statistics is None
    assert "Mean" not in str(ours)


def test_modules_add_up_to_the_total(gpt2: nn.Module) -> None:
    table = fxviz.parameters(gpt2)
    for depth in range(5):
        modules = table.by_module(depth)
        assert sum(group.parameters for group in modules) == table.total.parameters
        merged = modules.total.statistics
        assert merged is not None
        assert table.total.statistics is not None
        assert merged.norm == pytest.approx(table.total.statistics.norm, rel=1e-12)
    assert [group.name for group in table.by_module(0)] == [""]
    whole = torch.cat([parameter.detach().ravel() for parameter in gpt2.parameters()])
    assert resembles(table.total.statistics, whole)
    with pytest.raises(InputError, match="depth"):
        table.by_module(-1)


def test_gradients_where_there_are_any() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).requires_grad_(True)
    model[1].requires_grad_(False)
    model(torch.rand(5, 3)).square().sum().backward()
    table = fxviz.parameters(model)
    assert model[0].weight.grad is not None
    assert resembles(table["0.weight"].gradient, model[0].weight.grad)
    assert table["1.weight"].gradient is None
    assert table["1.weight"].trainable is False
    assert "frozen" in str(table)
    assert "Gradient norm" in str(table)


def test_singular_values_are_those_of_numpy() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {"tall": nn.Linear(5, 300), "wide": nn.Linear(40, 4), "conv": nn.Conv2d(3, 8, 3), "zero": nn.Linear(2, 2)}
    )
    nn.init.zeros_(model["zero"].weight)
    with torch.no_grad():
        model["wide"].weight[3] = model["wide"].weight[2]  # of rank 3
    table = fxviz.parameters(model, singular_values=True)
    for name in ("tall", "wide", "conv"):
        matrix = model[name].weight.detach().double().flatten(1).numpy()
        theirs = np.linalg.svd(matrix, compute_uv=False)
        spectrum = table[f"{name}.weight"].spectrum
        assert spectrum is not None
        assert spectrum.largest == pytest.approx(theirs[0], rel=1e-10)
        assert spectrum.smallest == pytest.approx(theirs[-1], abs=1e-10)
        assert spectrum.rank == np.linalg.matrix_rank(matrix)
        assert spectrum.stable_rank == pytest.approx((theirs**2).sum() / theirs[0] ** 2, rel=1e-10)
    nothing = table["zero.weight"].spectrum
    assert nothing is not None
    assert nothing.rank == 0
    assert math.isnan(nothing.stable_rank)
    assert table["tall.bias"].spectrum is None


def test_a_tall_matrix_in_blocks_has_the_same_singular_values(monkeypatch: pytest.MonkeyPatch) -> None:
    from fxviz.weights import spectrum, values

    monkeypatch.setattr(spectrum, "row_blocks", lambda matrix: values.row_blocks(matrix, most=50))
    torch.manual_seed(0)
    layer = nn.Linear(5, 300)
    found = fxviz.parameters(layer, singular_values=True)["weight"].spectrum
    theirs = np.linalg.svd(layer.weight.detach().double().numpy(), compute_uv=False)
    assert found is not None
    assert (found.largest, found.smallest) == pytest.approx((theirs[0], theirs[-1]), rel=1e-10)


def test_values_that_are_not_numbers_are_counted() -> None:
    layer = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[math.nan, math.inf, -math.inf, 0.0], [1.0, 2.0, 3.0, 0.0]]))
    row = fxviz.parameters(layer, singular_values=True)["weight"]
    assert row.statistics is not None
    assert (row.statistics.nans, row.statistics.infinities, row.statistics.mean) == (1, 2, 6 / 5)
    assert row.statistics.zero_share == 2 / 8
    assert row.spectrum is None


def test_every_kind_of_tensor() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))
            self.empty = nn.Parameter(torch.empty(0, 3))
            self.narrow = nn.Parameter(torch.full((3,), 1.5, dtype=torch.bfloat16))
            self.lazy = nn.LazyLinear(2)
            self.register_buffer("flags", torch.tensor([True, False]))
            self.register_buffer("count", torch.tensor(7))
            self.register_buffer("codes", torch.arange(4, dtype=torch.uint8))
            self.register_buffer("turns", torch.ones(2, dtype=torch.complex64))
            self.register_buffer("tiny", torch.ones(2).to(torch.float8_e4m3fn))
            self.register_buffer("sparse", torch.eye(3).to_sparse())
            self.register_buffer("strided", torch.arange(12.0).view(3, 4).t()[::2])

    table = fxviz.parameters(Odd())
    means = {row.name: row.statistics.mean for row in table if row.statistics and row.statistics.count}
    assert means == {"scale": 2, "narrow": 1.5, "flags": 0.5, "count": 7, "codes": 1.5, "tiny": 1, "strided": 5}
    assert table["lazy.weight"].shape is None
    assert table["turns"].statistics is None
    assert table["sparse"].statistics is None
    assert table["scale"].shape == ()
    assert str(table)
    assert table.markdown()
    assert table.csv()


def test_quantised_tensors_are_what_they_stand_for() -> None:
    with warnings.catch_warnings(action="ignore"):  # torch says once in a process that these go
        quantised = torch.quantize_per_channel(
            torch.tensor([[1.0, 2.0], [4.0, 8.0]]), torch.tensor([1.0, 4.0]), torch.zeros(2), 0, torch.qint8
        )
    row = fxviz.parameters({"weight": quantised})["weight"]
    assert row.dtype == "qint8"
    assert row.nbytes == 4
    assert row.statistics is not None
    assert row.statistics.mean == 15 / 4


def test_quantised_layers_are_unpacked() -> None:
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("this torch has no quantised kernels")
    with torch.no_grad():
        plain = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        plain[0].weight.fill_(0.5)
        plain[0].bias.fill_(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates its own quantisation
        model = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear}, dtype=torch.qint8)
        table = fxviz.parameters(model)
    assert {(row.shape, row.dtype) for row in table if row.numel and row.numel > 1} == {
        ((3, 4), "qint8"),
        ((3,), "float32"),
    }
    means = [row.statistics.mean for row in table if row.dtype == "qint8" and row.statistics]
    assert means == [pytest.approx(0.5, rel=0.01)]  # of 8 bits


def test_a_scripted_module() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates TorchScript
        scripted = torch.jit.script(model)
    assert [(row.name, row.role, row.shape) for row in fxviz.parameters(scripted)] == [
        (row.name, row.role, row.shape) for row in fxviz.parameters(model)
    ]


def test_without_data_there_are_no_statistics() -> None:
    with torch.device("meta"):
        meta = torchvision.models.resnet18()
    with FakeTensorMode():
        fake = nn.Linear(3, 4)
    for model in (meta, fake):
        table = fxviz.parameters(model, singular_values=True)
        assert table.total.parameters == sum(parameter.numel() for parameter in model.parameters())
        assert all(row.statistics is None and row.spectrum is None for row in table)
        with pytest.raises(InputError, match="no values to draw"):
            table.plot("x.svg")


def test_an_empty_model() -> None:
    table = fxviz.parameters(nn.Identity())
    assert len(table) == 0
    assert table.total.parameters == 0
    assert "Total: 0" in str(table)
    assert fxviz.parameters({}).csv().count("\n") == 1


def test_an_exported_program() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).eval()
    table = fxviz.parameters(torch.export.export(model, (torch.rand(2, 2),)))
    assert {(row.name, row.role) for row in table} == {(row.name, row.role) for row in fxviz.parameters(model)}
    assert resembles(table["0.weight"].statistics, model[0].weight)


def test_statistics_may_be_left_out() -> None:
    table = fxviz.parameters(nn.Linear(2, 2), statistics=False)
    assert [row.statistics for row in table] == [None, None]
    assert table.total.parameters == 6


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (3, "expected a module, a state dict, a graph or a path, not int"),
        (torch.sin, "not builtin_function"),
        ({"state_dict": {}, "epoch": 3}, "'state_dict', 'epoch'"),
        ({1: torch.ones(2)}, "one is 1"),
    ],
)
def test_what_is_no_model_is_refused(source: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fxviz.parameters(source)  # type: ignore[arg-type]


def test_an_unknown_name_is_told_with_what_is_near() -> None:
    with pytest.raises(InputError, match="did you mean weight"):
        fxviz.parameters(nn.Linear(2, 2))["wieght"]


NAMES = ["a|b", "<b>", "new\nline", "模型", '"quoted", it\'s', "$x$ *y*", " "]


def test_names_survive_every_form() -> None:
    table = fxviz.parameters({name: torch.ones(2) for name in NAMES})
    rows = list(csv.DictReader(io.StringIO(table.csv(), newline="")))
    assert [row["name"] for row in rows] == NAMES
    assert [float(row["norm"]) for row in rows] == [math.sqrt(2)] * len(NAMES)
    tokens = MarkdownIt().enable("table").parse(table.markdown())
    cells = [token.content for token in tokens if token.type == "inline"]
    width = table.markdown().splitlines()[0].count("|") - 1
    assert len(cells) >= width * (len(NAMES) + 2)
    assert "<b>" not in table.markdown()
    body = str(table).splitlines()
    assert len(body) == len(NAMES) + 4  # a newline in a name is no line


def test_a_frame_has_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    table = fxviz.parameters(nn.Linear(3, 2), singular_values=True)
    frame = table.to_frame()
    assert list(frame.columns) == list(table.columns)
    assert frame.loc[0, "elements"] == 6
    assert frame.loc[0, "singular_max"] == pytest.approx(table["weight"].spectrum.largest)  # type: ignore[union-attr]
    assert table.by_module(1).to_frame()["parameters"].sum() == 8
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingDependency, match="pip install"):
        table.to_frame()


def test_a_notebook_is_offered_markdown_and_text() -> None:
    table = fxviz.parameters(nn.Linear(3, 2))
    assert table._repr_mimebundle_() == {"text/markdown": table.markdown(), "text/plain": str(table)}
    assert set(table._repr_mimebundle_(exclude={"text/markdown"})) == {"text/plain"}
    json.dumps(table._repr_mimebundle_())

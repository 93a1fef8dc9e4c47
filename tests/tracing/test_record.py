"""What a trace holds: nodes as the author wrote them, scopes, sources, values, storages."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torchvision
from torch import nn

from fxviz.ir import Category, Graph, Role
from fxviz.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Callable


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def paths(graph: Graph) -> list[str]:
    return [node.scope[-1].path + f"@{node.scope[-1].index}" if node.scope else "" for node in graph.nodes]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = x + layer(x).relu()
        return x


def test_nodes_are_what_the_author_wrote() -> None:
    graph = trace(Residual(), torch.empty(3, 4))
    graph.verify()
    assert ops(graph) == ["linear", "relu", "add"] * 2
    linear = graph.nodes[0]
    assert [value.name for value in linear.inputs] == ["x", "layers.0.weight", "layers.0.bias"]
    assert linear.input_names == ("input", "weight", "bias")
    assert [kernel.op for kernel in linear.kernels] == ["aten.t.default", "aten.addmm.default"]


def test_containers_are_frames_and_operators_outside_modules_have_none() -> None:
    graph = trace(Residual(), torch.empty(3, 4))
    assert [[(call.path, call.kind) for call in node.scope] for node in graph.nodes[:2]] == [
        [("layers", "ModuleList"), ("layers.0", "Linear")],
        [],
    ]


def test_source_is_the_line_that_calls_the_module() -> None:
    graph = trace(Residual(), torch.empty(3, 4))
    lines, start = inspect.getsourcelines(Residual.forward)
    expected = start + next(i for i, line in enumerate(lines) if "layer(x)" in line)
    source = graph.nodes[0].source
    assert source is not None
    assert (source.line, source.function) == (expected, "Residual.forward")
    assert source.file.endswith("tests/tracing/test_record.py") or source.file == "test_record.py"


def test_repeated_calls_of_a_shared_module_are_numbered_and_its_weights_are_counted_once() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = self.first
            self.tied = nn.Linear(4, 4, bias=False)
            self.tied.weight = self.first.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.tied(self.second(self.first(x)))

    graph = trace(Shared(), torch.empty(1, 4))
    assert paths(graph) == ["first@0", "first@1", "tied@0"]
    assert [value.name for value in graph.parameters] == ["first.weight", "first.bias"]
    assert graph.aliases == {
        "second.weight": "first.weight",
        "second.bias": "first.bias",
        "tied.weight": "first.weight",
    }
    assert graph.nodes[2].inputs[1] is graph.parameters[0]


def test_slices_of_a_sequential_keep_their_paths() -> None:
    class Sliced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body[:2](x)

    assert paths(trace(Sliced(), torch.empty(1, 2))) == ["body.0@0", "body.1@0"]


def test_in_place_operations_make_new_values_on_the_same_storage() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        y = x + 1
        y.mul_(2)
        y += x
        return y

    graph = trace(model, torch.empty(3))
    assert ops(graph) == ["add", "mul_", "add_"]
    add, mul, iadd = graph.nodes
    assert mul.inputs == add.outputs
    assert iadd.inputs[0] is mul.outputs[0]
    assert {value.storage for node in graph.nodes for value in node.outputs} == {add.outputs[0].storage}
    assert graph.outputs == iadd.outputs


def test_a_write_through_a_view_reaches_the_tensor_it_looks_into() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        base = x + 1
        base[0] = 5
        row = base[1]
        row.zero_()
        return base.sum()

    graph = trace(model, torch.empty(2, 3))
    graph.verify()
    assert ops(graph) == ["add", "setitem", "getitem", "zero_", "sum"]
    setitem, getitem, zero, total = graph.nodes[1:]
    assert getitem.inputs == setitem.outputs
    assert total.inputs[0] in zero.outputs


def test_views_share_storage_and_lifetimes_follow_python() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        y = x.exp()  # kernel 0
        z = y.view(-1)  # 1
        y = None
        w = z.sum()  # 2: the exponential is still alive behind its view
        del z
        return w + 1  # 3

    graph = trace(model, torch.empty(2, 3))
    exp, view, total, _ = graph.nodes
    storage = exp.outputs[0].storage
    assert storage is not None
    assert storage is view.outputs[0].storage
    assert (storage.born, storage.died, storage.nbytes, storage.category) == (0, 3, 24, Category.ACTIVATION)
    assert total.outputs[0].storage.died == 4
    assert graph.outputs[0].storage.died is None


def test_memory_within_one_call_is_temporary() -> None:
    graph = trace(lambda q: nn.functional.scaled_dot_product_attention(q, q, q), torch.empty(1, 2, 5, 8))
    categories = {storage.category for storage in graph.storages}
    assert categories == {Category.INPUT, Category.ACTIVATION, Category.TEMPORARY}


def test_what_passes_through_is_a_node_without_kernels() -> None:
    graph = trace(nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.ReLU()).eval(), torch.empty(1, 2))
    dropout = graph.nodes[1]
    assert (dropout.op, dropout.kernels) == ("dropout", ())
    assert dropout.outputs[0].storage is dropout.inputs[0].storage
    assert graph.nodes[2].inputs == dropout.outputs


def test_nested_arguments_keyword_arguments_and_results_have_names() -> None:
    class Nested(nn.Module):
        def forward(
            self, batch: dict[str, list[torch.Tensor]], *rest: torch.Tensor, scale: int = 2, **more: torch.Tensor
        ) -> object:
            total = batch["xs"][0] + batch["xs"][1] + rest[0] + more["extra"]
            return {"total": total * scale, "parts": [more["extra"], None, 3]}

    x = torch.empty(2)
    graph = trace(Nested(), ({"xs": [x, torch.empty(2)]}, torch.empty(2)), {"extra": torch.empty(2), "scale": 3})
    assert [value.name for value in graph.inputs] == ["batch.xs.0", "batch.xs.1", "rest.0", "extra"]
    assert graph.output_names == ("total", "parts.0")
    assert graph.nodes[-1].attributes["other"] == 3


def test_a_cache_object_is_followed_and_left_as_it_was() -> None:
    class Cache:
        def __init__(self) -> None:
            self.keys = torch.ones(1, 2)

        def append(self, x: torch.Tensor) -> torch.Tensor:
            self.keys = torch.cat([self.keys, x])
            return self.keys

    class Cached(nn.Module):
        def forward(self, x: torch.Tensor, cache: Cache) -> object:
            return cache.append(x).sum(), cache

    cache = Cache()
    graph = trace(Cached(), (torch.empty(1, 2), cache))
    assert [value.name for value in graph.inputs] == ["x", "cache.keys"]
    assert graph.output_names == ("0", "1.keys")
    assert type(cache.keys) is torch.Tensor
    assert cache.keys.shape == (1, 2)
    assert graph.module(torch.full((1, 2), 3.0), cache)[0] == 8


def test_tensors_from_nowhere_are_constants_and_python_numbers_are_not() -> None:
    table = torch.arange(3.0)

    def model(x: torch.Tensor) -> torch.Tensor:
        x = x * table
        x[0] = 1.5
        return x + torch.tensor([1.0, 2.0, 3.0])

    graph = trace(model, torch.empty(3))
    assert [(value.type.shape, value.role) for value in graph.constants] == [((3,), Role.CONSTANT)]


def test_parameters_buffers_and_frozen_ones() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).eval()
    model[0].bias.requires_grad_(False)
    graph = trace(model, torch.empty(4, 2))
    assert {value.name: (value.role.value, value.trainable) for value in graph.parameters} == {
        "0.weight": ("parameter", True),
        "0.bias": ("parameter", False),
        "1.weight": ("parameter", True),
        "1.bias": ("parameter", True),
        "1.running_mean": ("buffer", False),
        "1.running_var": ("buffer", False),
        "1.num_batches_tracked": ("buffer", False),
    }


@pytest.mark.parametrize(
    ("model", "args", "expected"),
    [
        (nn.LSTM(4, 5, 2), (torch.empty(3, 2, 4),), "lstm"),
        (nn.MultiheadAttention(8, 2), (torch.empty(3, 1, 8),) * 3, "multi_head_attention_forward"),
        (lambda x: torch.einsum("ij,kj->ik", x, x), (torch.empty(2, 3),), "einsum"),
        (nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), (torch.empty(1, 2),), "linear"),
    ],
    ids=["lstm", "attention", "einsum", "weight_norm"],
)
def test_fused_calls_are_one_node(model: nn.Module, args: tuple[torch.Tensor, ...], expected: str) -> None:
    graph = trace(model, args)
    graph.verify()
    assert ops(graph).count(expected) == 1


def test_parameter_lists_vmap_and_checkpoint() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.ParameterList([nn.Parameter(torch.ones(3)) for _ in range(2)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.vmap(lambda row: (row * self.weights[0]).sum())(x)
            return torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False)

    graph = trace(Model(), torch.empty(2, 3))
    graph.verify()
    assert ops(graph) == ["mul", "sum", "sin"]
    assert str(graph.outputs[0].type) == "float32[2]"


def test_a_custom_operator_with_a_fake_implementation() -> None:
    @torch.library.custom_op("fxviz_tests::twice", mutates_args=())
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    twice.register_fake(torch.empty_like)
    graph = trace(lambda x: twice(x), torch.empty(3))
    assert ops(graph) == ["fxviz_tests.twice"]
    assert [kernel.op for kernel in graph.kernels] == ["fxviz_tests.twice.default"]


def test_a_mixture_of_experts_in_float32() -> None:
    """torch's fake kernel of ``_grouped_mm`` takes bfloat16 only; ours takes what the real one takes."""
    from transformers import MixtralConfig, MixtralModel

    config = MixtralConfig(
        hidden_size=64, intermediate_size=32, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2,
        num_local_experts=4, vocab_size=50,
    )  # fmt: skip
    graph = trace(
        MixtralModel(config).eval(), (), {"input_ids": torch.zeros(1, 4, dtype=torch.long), "use_cache": False}
    )
    grouped = [kernel for kernel in graph.kernels if "_grouped_mm" in kernel.op]
    assert [str(kernel.outputs[0].type) for kernel in grouped] == ["float32[8, 64]", "float32[8, 64]"]


def test_weights_on_the_meta_device_are_taken_to_be_where_the_input_is() -> None:
    with torch.device("meta"):
        model = torchvision.models.resnet18()
    graph = trace(model.eval(), torch.empty(1, 3, 64, 64))
    graph.verify()
    assert {value.type.device for value in graph.parameters} == {"cpu"}
    assert graph.outputs[0].type.shape == (1, 1000)


def test_equal_runs_give_equal_graphs() -> None:
    from fxviz.ir.serialize import dumps

    model = torchvision.models.googlenet(init_weights=False).eval()
    assert dumps(trace(model, torch.empty(1, 3, 64, 64))) == dumps(trace(model, torch.empty(1, 3, 64, 64)))


def test_arguments_are_named_as_torch_documents_them() -> None:
    lstm = nn.LSTM(4, 5)

    def model(x: torch.Tensor) -> torch.Tensor:
        x = lstm(x)[0].view(2, -1).reshape((1, 10))
        x = x.to(torch.float64).permute(1, 0) + torch.zeros(10, 1)
        return x[0:2, None].sum(0, keepdim=True)

    nodes = {node.op: node for node in trace(model, torch.empty(2, 1, 4)).nodes}
    assert nodes["lstm"].input_names[:3] == ("input", "hx.0", "hx.1")
    assert nodes["lstm"].attributes["num_layers"] == 1
    assert nodes["view"].attributes == {"size": (2, -1)}
    assert nodes["reshape"].attributes == {"shape": (1, 10)}
    assert nodes["to"].attributes == {"dtype": "float64"}
    assert nodes["permute"].attributes == {"dims": (1, 0)}
    assert nodes["zeros"].attributes == {"size": (10, 1)}
    assert nodes["getitem"].attributes == {"idx": ({"slice": (0, 2, None)}, None)}
    assert nodes["sum"].attributes == {"dim": (0,), "keepdim": True}


NAMED: dict[str, tuple[Callable[[torch.Tensor], Any], dict[str, Any]]] = {
    "mean": (lambda x: x.mean(0), {"dim": (0,)}),
    "prod": (lambda x: x.prod(1), {"dim": 1}),
    "sum": (lambda x: x.sum(0, True), {"dim": 0, "keepdim": True}),
    "arange": (lambda x: torch.arange(0, 5) + x.sum(), {"start": 0, "end": 5}),
    "eye": (lambda x: torch.eye(3, 4) + x.sum(), {"n": 3, "m": 4}),
    "var": (lambda x: x.var(1), {"dim": (1,)}),
    "amax": (lambda x: x.amax(1, True), {"dim": 1, "keepdim": True}),
    "view": (lambda x: x.view(6, 4), {"size": (6, 4)}),
    "full": (lambda x: torch.full((2,), 3.0) + x.sum(), {"size": (2,), "fill_value": 3.0}),
    "cumsum": (lambda x: x.cumsum(1), {"dim": 1}),
    "std": (lambda x: x.std(1, False), {"dim": 1, "unbiased": False}),
}


@pytest.mark.parametrize("op", NAMED)
def test_arguments_have_the_names_of_the_overload_that_takes_them(op: str) -> None:
    """A positional argument is never one that an overload takes by keyword alone, and one size may stand for a list."""
    function, attributes = NAMED[op]
    node = next(node for node in trace(function, torch.randn(4, 6)).nodes if node.op == op)
    assert dict(node.attributes) == attributes


@pytest.mark.parametrize("mode", ["record", "eager"])
def test_layers_that_are_not_registered_are_noted(mode: str) -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [nn.Linear(8, 8) for _ in range(3)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for block in self.blocks:
                x = block(x)
            return x

    notes = trace(Plain(), torch.randn(5, 8), mode=mode).notes
    assert notes[0].startswith("6 parameters are not registered with the model")
    assert not any("registered" in note for note in trace(nn.Linear(8, 8), torch.randn(5, 8), mode=mode).notes)

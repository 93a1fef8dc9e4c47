"""A run as if on a device that is not there: the tensors lie on it, forward and backward, in any build of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 -- as torch's own documentation has it
from zoo import ZOO

from fxviz import Facts, Flops, InputError, Memory, TraceError, trace, trace_training
from fxviz.ir import Category
from fxviz.tracing.missing_device import is_missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz import Graph

CUDA = pytest.mark.skipif(not is_missing(torch.device("cuda")), reason="there is a GPU, which is asked itself")


def places(graph: Graph) -> set[str]:
    return {storage.device for storage in graph.storages}


def kernels(graph: Graph) -> list[str]:
    return [kernel.op for kernel in graph.kernels]


def square_mean(result: torch.Tensor) -> torch.Tensor:
    return result.square().mean()


@pytest.mark.parametrize("device", ["cuda", torch.device("cuda"), "cuda:0"])
def test_everything_lies_on_the_device(device: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
    graph = trace(model, torch.empty(3, 4), device=device)
    assert places(graph) == {"cuda:0"}
    assert {value.type.device for value in (*graph.inputs, *graph.parameters, *graph.outputs)} == {"cuda:0"}
    assert next(model.parameters()).device.type == "cpu"


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("example", ZOO)
def test_the_matrix_work_is_that_of_the_derivation(example: str) -> None:
    with torch.device("meta"):
        found = ZOO[example]()
    counts = Facts(trace(found.model, found.args, dict(found.kwargs), device="cuda"))[Flops()]
    assert counts.matrix.total + counts.ops.total == found.matrix
    assert not counts.unknown


def test_the_cpu_can_be_named_and_other_devices_too() -> None:
    with torch.device("meta"):
        model = nn.Linear(4, 2)
    assert places(trace(model, torch.empty(3, 4), device="cpu")) == {"cpu"}
    assert places(trace(model, torch.empty(3, 4), device="cuda:1")) == {"cuda:1"}
    assert places(trace(model, torch.empty(3, 4), device="xpu")) == {"xpu:0"}


class Asks(nn.Module):
    """All ways to ask where a tensor is, and to put others there."""

    def forward(self, x: torch.Tensor) -> Any:
        assert x.device == torch.device("cuda", 0)
        assert x.is_cuda
        assert not x.is_cpu
        assert x.get_device() == 0
        here = torch.arange(3)
        assert here.device.type == "cpu"
        assert here.get_device() == -1
        moved = [here.to(x.device), here.to("cuda"), here.cuda(), here.to(x), here.type_as(x), here.to("cuda", x.dtype)]
        made = [
            x.new_zeros(2),
            torch.zeros_like(x),
            x.new_tensor([1.0]),
            torch.full_like(x, 2),
            torch.zeros(2, device="cuda"),
        ]
        made.append(torch.where(x > 0, 1.0, 0.0))
        assert {t.device.type for t in (*moved, *made)} == {"cuda"}
        assert [t.dtype for t in moved] == [torch.int64] * 3 + [torch.float32] * 3
        back = [x.cpu(), x.to("cpu"), x.to(here), torch.zeros_like(x, device="cpu"), x.new_zeros(2, device="cpu")]
        assert {t.device.type for t in back} == {"cpu"}
        assert x.to(x.device).untyped_storage()._cdata == x.untyped_storage()._cdata
        assert x.to("cuda", copy=True) is not x
        return moved, made, back


@CUDA
def test_a_model_finds_its_tensors_on_the_device() -> None:
    graph = trace(Asks(), torch.empty(3), device="cuda")
    graph.verify()
    assert places(graph) == {"cuda:0", "cpu"}


def test_it_is_as_on_the_cpu_in_all_else() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5))
    make: Callable[..., Graph] = trace_training
    here, there = (
        make(model, torch.empty(2, 3, 8, 8), loss=square_mean, optimizer=torch.optim.SGD, device=device)
        for device in (None, "cuda")
    )
    assert places(there) == {"cuda:0"}
    assert kernels(here) == kernels(there)
    assert Facts(here)[Memory()].peak == Facts(there)[Memory()].peak
    assert Facts(here)[Flops()].total == Facts(there)[Flops()].total


def test_the_state_of_an_optimizer_lies_there_and_its_count_of_steps_on_the_cpu() -> None:
    graph = trace_training(
        nn.Linear(4, 2), torch.empty(3, 4), loss=square_mean, optimizer=torch.optim.AdamW, device="cuda"
    )
    state = {
        value.name: value.type.device
        for value in graph.constants
        if value.storage and value.storage.category is Category.OPTIMIZER
    }
    assert {name.rpartition(".")[2]: place for name, place in state.items()} == {
        "step": "cpu", "exp_avg": "cuda:0", "exp_avg_sq": "cuda:0",
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_casts_as_on_a_gpu(dtype: torch.dtype) -> None:
    class Casts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cuda", dtype=dtype):
                return self.linear(x)

    graph = trace_training(Casts(), torch.empty(2, 8), loss=lambda y: y.float().square().mean(), device="cuda")
    product = next(kernel for kernel in graph.kernels if kernel.op == "aten.addmm.default")
    assert {value.type.dtype for value in product.inputs if value.type} == {str(dtype).removeprefix("torch.")}


# Attention: N · H · L · S scores are held only where CUDA has no kernel that does without --------------------------------

FLASH, EFFICIENT = (
    "aten._scaled_dot_product_flash_attention.default",
    "aten._scaled_dot_product_efficient_attention.default",
)


@CUDA
@pytest.mark.parametrize(
    ("dtype", "width", "options", "kernel"),
    [
        (torch.bfloat16, 64, {}, FLASH),
        (torch.float16, 64, {"is_causal": True}, FLASH),
        (torch.bfloat16, 64, {"dropout_p": 0.1}, FLASH),
        (torch.bfloat16, 20, {}, FLASH),  # padded to 24
        (torch.bfloat16, 64, {"attn_mask": True}, EFFICIENT),
        (torch.bfloat16, 320, {}, EFFICIENT),
        (torch.float32, 64, {}, EFFICIENT),
        (torch.float32, 64, {"attn_mask": True, "dropout_p": 0.1}, EFFICIENT),
        (torch.float32, 18, {}, "aten.bmm.default"),
        (torch.float64, 64, {}, "aten.bmm.default"),
    ],
)
def test_attention_runs_the_kernel_that_cuda_takes(
    dtype: Any, width: int, options: dict[str, Any], kernel: str
) -> None:
    batch, heads, queries = 2, 3, 16

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones((), dtype=dtype))

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            given = {**options, "attn_mask": mask} if "attn_mask" in options else options
            return F.scaled_dot_product_attention(x * self.scale, x, x, **given)

    args = torch.empty(batch, heads, queries, width, dtype=dtype), torch.ones(queries, queries, dtype=torch.bool)
    graph = trace_training(Attention(), args, loss=square_mean, device="cuda")
    assert kernel in kernels(graph)
    assert places(graph) == {"cuda:0"}
    scores = (batch, heads, queries, queries)
    written_out = any(value.type.shape == scores and value.type.dtype == str(dtype).removeprefix("torch.") for k in graph.kernels for value in k.outputs if value.type and k.op not in (FLASH, EFFICIENT) and "expand" not in k.op)  # fmt: skip
    assert written_out is (kernel == "aten.bmm.default")
    assert not Facts(graph)[Flops()].unknown


@CUDA
def test_dropout_keeps_booleans() -> None:
    """Linear and dropout of 2 × 8: a byte for each element is saved, not the four of a mask of numbers."""
    graph = trace_training(
        nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1)), torch.empty(2, 8), loss=square_mean, device="cuda"
    )
    assert "aten.native_dropout.default" in kernels(graph)
    idle = trace(nn.Dropout(0.1).eval(), torch.empty(2, 8), device="cuda")
    assert kernels(idle) == []


@CUDA
def test_attention_inside_of_torchs_own_functions_is_found_too() -> None:
    layer = nn.TransformerEncoderLayer(64, 4, dropout=0.1, batch_first=True)
    graph = trace_training(layer, torch.empty(2, 16, 64), loss=square_mean, device="cuda")
    assert EFFICIENT in kernels(graph)
    assert F.dropout.__module__ == "torch.nn.functional"
    assert F.scaled_dot_product_attention.__module__ != "fxviz.tracing.missing_device"


# What cannot be ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "", 3, 1.5])
def test_a_device_that_torch_does_not_know(device: Any) -> None:
    with pytest.raises(InputError, match="device"):
        trace(nn.Linear(2, 2), torch.empty(1, 2), device=device)


def test_nothing_runs_on_the_meta_device() -> None:
    with pytest.raises(InputError, match="nothing runs on the meta device"):
        trace(nn.Linear(2, 2), torch.empty(1, 2), device="meta")


@pytest.mark.parametrize("mode", ["eager", "export"])
def test_modes_that_run_where_the_tensors_are(mode: Any) -> None:
    with pytest.raises(InputError, match="cannot be traced as if on cuda:0"):
        trace(nn.Linear(2, 2), torch.empty(1, 2), mode=mode, device="cuda")


def test_without_inputs_and_for_a_program() -> None:
    with pytest.raises(InputError, match="without inputs nothing runs"):
        trace(nn.Linear(2, 2), device="cuda")
    program = torch.export.export(nn.Linear(2, 2), (torch.empty(1, 2),))
    with pytest.raises(InputError, match="names its devices itself"):
        trace(program, device="cuda")


def test_a_model_that_names_another_device_stops_as_it_would() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x + torch.arange(3)

    with pytest.raises(TraceError, match="different devices"):
        trace(forward, torch.empty(3), device="cuda")


def test_the_symbols_stay() -> None:
    graph = trace(nn.Linear(4, 2), torch.empty(3, 4), dynamic_shapes=({0: "B"},), device="cuda")
    assert str(graph.outputs[0].type) == "float32[B, 2]"
    assert places(graph) == {"cuda:0"}

"""Memory and parameters of models that nobody here wrote, against what torch itself says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from strategies import same
from torch.export import Dim
from torch.profiler import ProfilerActivity, profile

from fxviz.analysis.facts import Facts
from fxviz.ir.serialize import dumps, loads
from fxviz.passes.memory import Memory
from fxviz.passes.parameters import Parameters
from fxviz.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Callable

Case = tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any]]


def vision_transformer() -> Case:
    from torchvision.models import VisionTransformer

    model = VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64)
    return model, (torch.zeros(2, 3, 32, 32),), {}


def swin() -> Case:
    from torchvision.models import SwinTransformer

    model = SwinTransformer([4, 4], embed_dim=16, depths=[1, 2], num_heads=[2, 2], window_size=[4, 4])
    return model, (torch.zeros(1, 3, 64, 64),), {}


def language_model(kind: str, **sizes: int) -> Callable[[], Case]:
    def build() -> Case:
        from transformers import AutoConfig, AutoModelForCausalLM

        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes))
        return model, (), {"input_ids": torch.zeros(1, 64, dtype=torch.int64)}

    return build


CASES = [
    pytest.param(vision_transformer, id="vision_transformer"),
    pytest.param(swin, id="swin"),
    pytest.param(language_model("gpt2"), id="gpt2", marks=pytest.mark.zoo),
    pytest.param(
        language_model("llama", hidden_size=256, num_hidden_layers=4, vocab_size=1000),
        id="llama",
        marks=pytest.mark.zoo,
    ),
]


def allocated(model: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """The most that the CPU's allocator handed out at a time in one run, above what was there before it."""
    with torch.no_grad():
        model(*args, **kwargs)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            result = model(*args, **kwargs)  # held until the end, as in the trace
    del result
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    level = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        level += event.nbytes()
        peak = max(peak, level)
    return peak


@pytest.mark.parametrize("build", CASES)
def test_peak_and_parameters(build: Callable[[], Case]) -> None:
    model, args, kwargs = build()
    graph = trace(model.eval(), args, kwargs)
    graph.verify()
    assert same(loads(dumps(graph)), graph)

    parameters = Facts(graph)[Parameters()]
    assert parameters.total == sum(parameter.numel() for parameter in model.parameters())
    assert parameters.buffers == sum(buffer.numel() for buffer in model.buffers())
    assert parameters.nbytes == sum(parameter.nbytes for parameter in model.parameters())

    before = sum(storage.nbytes for storage in graph.storages if storage.born < 0)
    peak = Facts(graph)[Memory()].peak
    # Equal to the byte with torch 2.13; a thousandth leaves room for what another version keeps beside it.
    assert peak - before == pytest.approx(allocated(model, args, kwargs), rel=0.001)


def test_a_symbolic_peak_is_that_of_each_size() -> None:
    layer = torch.nn.TransformerEncoderLayer(32, 2, 64, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    symbolic = Facts(trace(model, (torch.zeros(3, 7, 32),), dynamic_shapes=({0: Dim("B"), 1: Dim("S")},)))[
        Memory()
    ].peak
    for batch, length in ((2, 3), (5, 100)):
        static = Facts(trace(model, (torch.zeros(batch, length, 32),)))[Memory()].peak
        assert (
            symbolic.subs({symbol: {"B": batch, "S": length}[symbol.name] for symbol in symbolic.free_symbols})
            == static
        )

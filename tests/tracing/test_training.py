"""`trace_training`: forward, backward and optimizer step, and the memory that they take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from fxviz.analysis.facts import Facts
from fxviz.errors import InputError, TraceError
from fxviz.ir import Category, Graph, Phase
from fxviz.ir.serialize import dumps, loads
from fxviz.passes.memory import Memory
from fxviz.tracing import trace, trace_training


def square_mean(result: torch.Tensor) -> torch.Tensor:
    return result.square().mean()


def two_layers() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def ops(graph: Graph, phase: Phase) -> list[str]:
    return [node.op for node in graph.nodes if node.phase is phase]


def test_phases_scopes_and_sources() -> None:
    graph = trace_training(two_layers(), torch.empty(3, 4), loss=square_mean, optimizer=torch.optim.SGD)
    graph.verify()
    assert graph.mode == "training"
    assert ops(graph, Phase.FORWARD) == ["linear", "relu", "linear", "square", "mean"]
    backward = [node for node in graph.nodes if node.phase is Phase.BACKWARD]
    assert {node.scope[0].path for node in backward} == {"backward"}
    relu = next(node for node in backward if node.op == "relu_backward")
    assert [call.path for call in relu.scope] == ["backward", "1"]
    assert relu.source == graph.nodes[1].source
    assert ops(graph, Phase.BACKWARD).count("accumulate_grad") == 4
    assert {node.scope[0].path for node in graph.nodes if node.phase is Phase.OPTIMIZER} == {"optimizer"}
    assert [str(value.type) for value in graph.outputs] == ["float32[]"]


def test_json_keeps_phases() -> None:
    graph = trace_training(two_layers(), torch.empty(3, 4), loss=square_mean)
    assert [node.phase for node in loads(dumps(graph)).nodes] == [node.phase for node in graph.nodes]
    assert ops(graph, Phase.OPTIMIZER) == []


def test_gradients_state_and_saved_activations_have_their_categories() -> None:
    """Linear(4, 8) and Linear(8, 2): 58 parameters, 232 bytes. Adam keeps two numbers for each and a step for each of 4."""
    graph = trace_training(two_layers(), torch.empty(3, 4), loss=square_mean, optimizer=torch.optim.Adam)
    total: dict[Category, int] = {}
    for storage in graph.storages:
        total[storage.category] = total.get(storage.category, 0) + int(storage.nbytes)
    assert total[Category.PARAMETER] == 232
    assert total[Category.GRADIENT] == 232
    assert total[Category.OPTIMIZER] == 2 * 232 + 4 * 4
    # Saved: the result of relu (3 × 8), that of the second linear (3 × 2) for the square, and the loss itself.
    assert total[Category.SAVED] == 4 * (3 * 8 + 3 * 2 + 1)


def test_kept_gradients_are_there_before_the_step() -> None:
    fresh = trace_training(two_layers(), torch.empty(3, 4), loss=square_mean)
    kept = trace_training(two_layers(), torch.empty(3, 4), loss=square_mean, keep_gradients=True)
    kept.verify()
    born = [[s.born for s in graph.storages if s.category is Category.GRADIENT] for graph in (fresh, kept)]
    assert all(step >= 0 for step in born[0])
    assert born[1] == [-1] * 4
    assert "accumulate_grad" in ops(kept, Phase.BACKWARD)


def test_checkpointing_computes_again() -> None:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.utils.checkpoint.checkpoint(self.block, x, use_reentrant=False)

    model = Checkpointed()
    x = torch.empty(64, 8, requires_grad=True)
    graph = trace_training(model, x, loss=square_mean)
    graph.verify()
    assert ops(graph, Phase.RECOMPUTE)[:3] == ["linear", "tanh", "linear"]
    again = next(node for node in graph.nodes if node.phase is Phase.RECOMPUTE)
    assert [call.path for call in again.scope] == ["backward", "block", "block.0"]
    plain = trace_training(model.block, x, loss=square_mean)
    saved = [sum(int(s.nbytes) for s in g.storages if s.category is Category.SAVED) for g in (graph, plain)]
    assert saved[0] < saved[1]


@pytest.mark.parametrize(
    "name",
    [
        "ASGD",
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Rprop",
        "SGD",
    ],
)
def test_every_optimizer_of_torch(name: str) -> None:
    graph = trace_training(two_layers(), torch.empty(3, 4), loss=square_mean, optimizer=getattr(torch.optim, name))
    graph.verify()
    written = {value.storage for node in graph.nodes if node.phase is Phase.OPTIMIZER for value in node.outputs}
    assert {value.storage for value in graph.parameters} <= written


def test_frozen_layers_have_no_gradient() -> None:
    model = two_layers()
    model[0].requires_grad_(False)
    graph = trace_training(model, torch.empty(3, 4), loss=square_mean)
    assert sum(int(s.nbytes) for s in graph.storages if s.category is Category.GRADIENT) == 4 * (8 * 2 + 2)


def test_autocast_custom_functions_and_symbols() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return gradient * 2

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                x = self.linear(x)
            return Double.apply(x).float()

    graph = trace_training(Model(), torch.empty(3, 4), loss=square_mean, dynamic_shapes={"x": {0: "B"}})
    graph.verify()
    assert str(graph.nodes[0].outputs[0].type) == "bfloat16[B, 4]"
    assert any(node.phase is Phase.BACKWARD and node.scope[-1].path == "linear" for node in graph.nodes)


def test_the_model_is_as_it_was() -> None:
    model = two_layers()
    before = [parameter.clone() for parameter in model.parameters()]
    trace_training(model, torch.ones(3, 4), loss=square_mean, optimizer=torch.optim.AdamW)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert all(type(parameter) is nn.Parameter and parameter.grad is None for parameter in model.parameters())
    assert len(trace(model, torch.ones(3, 4)).nodes) == 3


@pytest.mark.parametrize(
    ("model", "arguments", "error", "message"),
    [
        (two_layers(), {}, InputError, "without a loss; pass one"),
        (two_layers(), {"loss": "mse"}, InputError, "loss is 'mse': give a function, such as lambda result"),
        (two_layers(), {"optimizer": "adamw"}, InputError, r"optimizer is 'adamw': .* such as torch\.optim\.AdamW"),
        (two_layers(), {"loss": lambda y: y}, InputError, r"not a tensor of shape \(3, 2\)"),
        (two_layers(), {"loss": lambda y: 3.0}, InputError, "not float"),
        (two_layers(), {"loss": lambda y: y.detach().mean()}, InputError, "does not depend on any parameter"),
        (two_layers(), {"loss": square_mean, "optimizer": list}, InputError, "not list"),
        (two_layers(), {"loss": square_mean, "optimizer": torch.optim.LBFGS}, InputError, "LBFGS"),
        (nn.ReLU(), {"loss": square_mean}, InputError, "nothing to train"),
        (len, {"loss": square_mean}, InputError, "takes an nn.Module"),
        (two_layers(), {"loss": lambda y: y @ y}, TraceError, "stopped"),
    ],
)
def test_bad_input(model: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        trace_training(model, torch.empty(3, 4), **arguments)


def measured_peak(model: nn.Module, args: tuple[torch.Tensor, ...], optimizer: Any) -> int:
    """The most bytes above what is there before the step, as torch's own profiler saw them allocated and freed."""
    stepper = optimizer(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    stepper.step()
    stepper.zero_grad()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        square_mean(model(*args)).backward()
        stepper.step()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


@pytest.mark.filterwarnings("ignore:.*CUDA is not available.*:UserWarning")
def test_the_peak_is_what_torch_measures() -> None:
    """Layers without a workspace of a library: the allocator's own record is met within half a percent."""
    torch.manual_seed(0)
    model = nn.Sequential(*(layer for _ in range(4) for layer in (nn.Linear(128, 128), nn.LayerNorm(128), nn.GELU())))
    args = (torch.randn(256, 128),)
    memory = Facts(trace_training(model, args, loss=square_mean, optimizer=torch.optim.AdamW))[Memory()]
    there_before = sum(int(s.nbytes) for s in memory.graph.storages if s.born == -1)
    assert int(memory.peak) - there_before == pytest.approx(measured_peak(model, args, torch.optim.AdamW), rel=0.005)


def test_gradients_add_up_in_place_as_they_do_on_real_tensors() -> None:
    """x has three gradients, each made for it alone: two sums, both in the first of them. A sum that is shared is no sum in place."""

    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x * self.weight
            return x.sin() + x.cos() + x.exp()

    graph = trace_training(Branches(), torch.empty(64), loss=square_mean)
    sums = [kernel.op for node, kernel in graph.walk() if node.phase is Phase.BACKWARD and "aten.add" in kernel.op]
    assert sums == ["aten.add_.Tensor"] * 2
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        square_mean(Branches()(torch.ones(64))).backward()
    assert [event.name for event in profiler.events()].count("aten::add_") == 2


def test_a_gradient_that_others_read_is_not_written_to() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.empty(64)), nn.Parameter(torch.empty(64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = x * self.a, x * self.b
            return (a + b) * 2 + a.sin()  # the gradient of the sum goes to a and to b as it is

    graph = trace_training(Shared(), torch.empty(64), loss=square_mean)
    sums = [kernel.op for node, kernel in graph.walk() if node.phase is Phase.BACKWARD and "aten.add" in kernel.op]
    loss = square_mean(Shared()(torch.ones(64)))
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        loss.backward()
    real = [event.name for event in profiler.events() if event.name in ("aten::add", "aten::add_")]
    assert [op.split(".")[1] for op in sums] == [name.removeprefix("aten::") for name in real]

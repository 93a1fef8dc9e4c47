"""What cannot be traced ends in one clear message."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from fxviz.errors import InputError, TraceError
from fxviz.tracing import trace


@pytest.mark.parametrize(
    ("model", "args", "kwargs", "message"),
    [
        (42, (), None, "cannot trace int"),
        (nn.Linear, (), None, "Linear is a class: trace an instance"),
        (nn.Linear(2, 2), 7, None, "args must be a tuple of inputs, not int"),
        (nn.Linear(2, 2), (), [1], "kwargs must map names to inputs, not list"),
        (nn.Linear(2, 2), (torch.empty(1, 2), 3, 4), None, r"do not fit Linear\.forward.*too many positional"),
        (nn.Linear(2, 2), (), {"nope": torch.empty(2)}, r"do not fit Linear\.forward"),
        (nn.LazyLinear(2), (torch.empty(1, 2),), None, "lazy layers"),
    ],
)
def test_wrong_types_and_inputs(model: Any, args: Any, kwargs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        trace(model, args, kwargs)


def test_unknown_mode() -> None:
    with pytest.raises(InputError, match="unknown mode 'fast'; one of auto, record"):
        trace(nn.Linear(2, 2), torch.empty(1, 2), mode="fast")  # type: ignore[arg-type]


class Outer(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.blocks = nn.ModuleList([inner])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks[0](self.first(x))


class Raises(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError('a "quoted" <name> | café\nand a second line')


def test_a_shape_that_does_not_fit_names_module_line_and_torchs_words() -> None:
    with pytest.raises(TraceError) as caught:
        trace(Outer(nn.Linear(4, 4)), torch.empty(2, 3))
    message = str(caught.value)
    assert "tracing Outer stopped in 'blocks.0'" in message
    assert "test_failures.py" in message
    assert "reduction dim" in message or "shapes cannot be multiplied" in message
    assert "check the shapes" in message
    assert "\n" not in message
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_model_that_raises() -> None:
    with pytest.raises(TraceError, match=re.escape('ZeroDivisionError: a "quoted" <name> | café')) as caught:
        trace(Outer(Raises()), torch.empty(2, 3))
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_partial_trace_holds_what_ran() -> None:
    graph = trace(Outer(Raises()), torch.empty(2, 3), partial=True)
    graph.verify()
    assert not graph.complete
    assert [node.op for node in graph.nodes] == ["linear"]
    assert graph.outputs == ()
    assert "ZeroDivisionError" in graph.notes[0]


def test_two_devices() -> None:
    """A fake CUDA tensor stands for one; no CUDA is needed to find out that the devices differ."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True):
        x = torch.empty(1, 3, device="cuda")
    with pytest.raises(TraceError, match="different devices"):
        trace(nn.Linear(3, 3), x)


def test_a_model_without_operations() -> None:
    graph = trace(nn.Identity(), torch.empty(2))
    graph.verify()
    assert graph.nodes == ()
    assert graph.outputs == graph.inputs


def test_a_model_without_inputs() -> None:
    class Constant(nn.Module):
        def forward(self) -> torch.Tensor:
            return torch.ones(3) + 1

    assert [node.op for node in trace(Constant()).nodes] == ["ones", "add"]


def test_names_of_any_kind() -> None:
    model = nn.Module()
    weird = 'a "b" <c> | d\n{é}'
    model.add_module(weird, nn.Linear(2, 2))
    model.forward = lambda x: getattr(model, weird)(x)  # type: ignore[method-assign]
    graph = trace(model, torch.empty(1, 2))
    graph.verify()
    assert graph.nodes[0].scope[0].path == weird
    assert graph.nodes[0].inputs[1].name == f"{weird}.weight"


def test_a_builtin_function_without_a_signature() -> None:
    assert [node.op for node in trace(torch.relu, torch.empty(2)).nodes] == ["relu"]
    assert [node.op for node in trace(torch.add, (torch.empty(2),), {"other": torch.empty(2)}).nodes] == ["add"]


def test_an_operator_without_a_fake_kernel_is_said_to_be_one() -> None:
    with torch.library._scoped_library("fxviz_tests_failures", "DEF") as library:
        library.define("real(Tensor x) -> Tensor")
        library.impl("real", torch.clone, "CPU")
        with pytest.raises(
            TraceError, match=r"fxviz_tests_failures\.real.*register one with torch\.library\.register_fake"
        ):
            trace(torch.ops.fxviz_tests_failures.real, torch.ones(2))

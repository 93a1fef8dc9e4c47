"""Tables of weights, compiled modules, and conversions that change nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fxviz.tracing import torch_private as _torch


def test_tables_are_the_modules_own() -> None:
    norm = nn.BatchNorm1d(3)
    assert set(_torch.parameters_of(norm)) == {"weight", "bias"}
    assert set(_torch.buffers_of(norm)) == {"running_mean", "running_var", "num_batches_tracked"}
    _torch.parameters_of(norm)["weight"] = other = nn.Parameter(torch.zeros(3))
    assert norm.weight is other


def test_members_are_shared() -> None:
    owner, other = nn.Sequential(nn.Linear(2, 2)), nn.Module()
    _torch.share_members(other, owner)
    assert [name for name, _ in other.named_parameters()] == ["0.weight", "0.bias"]
    owner.register_buffer("late", torch.ones(1))
    assert other.late is owner.late


def test_weights_are_changed_in_place() -> None:
    norm = nn.BatchNorm1d(3)
    weight = norm.weight
    _torch.change_weights(norm, lambda tensor: tensor + 1)
    assert norm.weight is weight
    assert norm.weight.tolist() == norm.running_var.tolist() == [2.0, 2.0, 2.0]


def test_a_tensor_is_taken_for_a_parameter() -> None:
    with _torch.FakeTensorMode():
        fake = torch.empty(2)
    assert not isinstance(fake, nn.Parameter)
    _torch.mark_as_parameter(fake)
    assert isinstance(fake, nn.Parameter)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch about itself
def test_compiled_modules_are_unwrapped() -> None:
    model = nn.Linear(2, 2)
    assert _torch.uncompiled(torch.compile(model)) is model
    assert _torch.uncompiled(model) is model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_functions_run_as_they_were() -> None:
    def backend(module: object, inputs: object) -> object:
        raise AssertionError("compiled")

    compiled = torch.compile(lambda x: x + 1, backend=backend)
    with _torch.eager_compile():
        assert compiled(torch.zeros(1)).tolist() == [1.0]


def test_an_idle_conversion_leaves_the_weights() -> None:
    layer = nn.Linear(2, 2)
    weight, calls = layer.weight, []
    with _torch.idle_conversions():
        layer.to(torch.float32)
        assert layer.weight is weight
        layer._apply(lambda tensor: (calls.append(None), tensor)[1])
        assert len(calls) == 2, "asked once for each of the two weights, then left alone"
        layer.double()
    assert layer.weight.dtype is torch.float64

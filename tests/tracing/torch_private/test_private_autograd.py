"""What is asked of autograd's engine, beside what `torch.autograd` promises in public."""

from __future__ import annotations

import pytest
import torch
from torch.overrides import TorchFunctionMode

from fxviz.tracing import torch_private as _torch


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def test_nodes_are_numbered_in_the_order_in_which_they_are_made() -> None:
    x = leaf(1.0)
    first = _torch.sequence_number()
    y = x.sin()
    z = y.cos()
    assert [_torch.sequence_number_of(t.grad_fn) - first for t in (y, z)] == [0, 1]
    assert _torch.sequence_number() == first + 2


def test_a_node_keeps_the_types_of_its_results() -> None:
    first, second = torch.ones(3, 4, requires_grad=True).split([1, 2])
    kept = _torch.results_of(first.grad_fn)
    assert [tuple(result.shape) for result in kept] == [first.shape, second.shape] == [(1, 4), (2, 4)]
    assert kept[0].dtype == torch.float32


def test_a_view_has_a_base() -> None:
    x = leaf(1.0, 2.0)
    base = x * 1
    assert _torch.base_of(base[0]) is base
    assert _torch.base_of(base) is None


def test_hooks_of_a_leaf_are_counted() -> None:
    x = leaf(1.0)
    assert _torch.gradient_hooks(x) == 0
    x.register_hook(lambda grad: None)
    x.register_post_accumulate_grad_hook(lambda tensor: None)
    assert _torch.gradient_hooks(x) == 2
    assert _torch.gradient_hooks(None) == 0


def test_backward_runs_as_no_call_of_the_authors() -> None:
    class Calls(TorchFunctionMode):
        def __torch_function__(self, func: object, types: object, args: tuple = (), kwargs: dict | None = None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    seen: list[object] = []
    x = leaf(3.0)
    scalar = (x * x).sum()
    with Calls():
        _torch.run_backward(scalar)
    assert x.grad.tolist() == [6.0]
    assert torch.autograd.backward not in seen
    assert torch.Tensor.backward not in seen


def test_the_running_node_is_known_within_backward_alone() -> None:
    running: list[str] = []
    x = leaf(1.0)
    x.register_hook(lambda grad: running.append(type(_torch.current_autograd_node()).__name__))
    x.sin().sum().backward()
    assert _torch.current_autograd_node() is None
    assert running == ["AccumulateGrad"]


def test_references_are_counted_in_cpp() -> None:
    x = torch.ones(2)
    before = _torch.references(x)
    view = x.view(2)  # another tensor on the same storage
    assert _torch.references(x)[1] == before[1] + 1
    del view
    assert _torch.references(x) == before


def test_the_last_reference_is_fewer_than_one_of_two() -> None:
    last = _torch.references_of_the_last()
    assert all(count >= 1 for count in last)
    assert _torch.references_of_the_last() is last


@pytest.mark.parametrize("call", ["sum", "mean"])
def test_gradients_are_those_of_autograd(call: str) -> None:
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    _torch.run_backward(getattr(x.exp(), call)())
    getattr(y.exp(), call)().backward()
    assert torch.equal(x.grad, y.grad)

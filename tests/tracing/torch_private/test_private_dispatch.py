"""The modes that watch, and sizes that stay symbols through C++ code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from fxviz.tracing import torch_private as _torch


def test_a_dispatch_mode_sees_operators() -> None:
    class Watch(_torch.DispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(func)
            return func(*args, **(kwargs or {}))

    seen: list[Any] = []
    given = torch.ones(2, 3), torch.ones(4, 3), torch.ones(4)
    with Watch():
        torch.nn.functional.linear(*given)
    assert seen == [torch.ops.aten.t.default, torch.ops.aten.addmm.default]


def test_a_function_mode_is_seen() -> None:
    assert not _torch.calls_are_seen()
    with TorchFunctionMode():
        assert _torch.calls_are_seen()


def test_wrappers_of_function_transforms_come_off() -> None:
    plain = torch.ones(3, 2)
    inside: list[bool] = []

    def function(row: torch.Tensor) -> torch.Tensor:
        inside.append(_torch.is_wrapped(row) and not _torch.is_wrapped(_torch.unwrap(row)))
        return row * 2

    torch.vmap(torch.vmap(function))(plain)
    assert inside == [True]
    assert _torch.unwrap(plain) is plain
    assert not _torch.is_wrapped(plain)


CALLS = {
    "lstm": lambda x: torch.nn.LSTM(4, 5, device="meta", batch_first=True)(x)[0],
    "fft": lambda x: torch.fft.rfft(x, dim=0),
    "interpolate": lambda x: torch.nn.functional.interpolate(x[:, None], scale_factor=2),
}


@pytest.mark.parametrize("name", CALLS)
def test_sizes_stay_symbols(name: str) -> None:
    env = _torch.ShapeEnv()
    batch = _torch.create_symbol(env, "B", 6)
    with _torch.FakeTensorMode(shape_env=env) as mode, torch.no_grad(), _torch.symbols_kept():
        x = torch.empty(batch, 3, 4, device="meta")
        assert mode is not None
        result = CALLS[name](x)
    assert isinstance(result.shape[0], torch.SymInt)
    assert result.shape[0].node.expr.free_symbols == batch.node.expr.free_symbols


def test_functions_are_as_before_afterwards() -> None:
    before = torch.fft.fft, torch._VF.lstm, torch._C._nn.upsample_nearest2d
    with _torch.symbols_kept():
        assert torch.fft.fft is not before[0]
    assert (torch.fft.fft, torch._VF.lstm, torch._C._nn.upsample_nearest2d) == before


def test_the_python_dispatcher_keeps_symbols() -> None:
    env = _torch.ShapeEnv()
    size = _torch.create_symbol(env, "N", 5)
    with _torch.FakeTensorMode(shape_env=env), _torch.enable_python_dispatcher():
        assert isinstance(torch.empty(size).reshape(-1, 1).shape[0], torch.SymInt)

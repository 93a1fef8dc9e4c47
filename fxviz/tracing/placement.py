"""The device that a run is on: that of its tensors, or one that the caller names and this machine need not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fxviz.errors import InputError
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.missing_device import AbsentFakeMode, is_absent
from fxviz.tracing.structure import leaves

if TYPE_CHECKING:
    import inspect

    from torch import nn

__all__ = ["fake_mode", "named_device", "own_device"]


def named_device(device: object) -> torch.device | None:
    """The device that a caller asks for, as fake tensors name it (``cuda:0``); None where nothing is asked."""
    if device is None:
        return None
    if not isinstance(device, str | torch.device):
        raise InputError(f"device is a name such as 'cuda', or a torch.device, not {type(device).__name__}")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InputError(f"torch knows no device {device!r}: name one such as 'cpu', 'cuda' or 'cuda:1'") from error
    if found.type == "meta":
        raise InputError("nothing runs on the meta device: name the one that the model is meant for, such as 'cuda'")
    return found if found.type == "cpu" else torch.device(found.type, found.index or 0)


def own_device(module: nn.Module, arguments: inspect.BoundArguments) -> torch.device:
    """Where tensors on the meta device are taken to be: with the first real input, else the first real weight, else the CPU."""
    tensors = [tensor for _, tensor in leaves(dict(arguments.arguments))]
    for tensor in [*tensors, *module.parameters(), *module.buffers()]:
        if tensor.device.type != "meta":
            return tensor.device
    return torch.device("cpu")


def fake_mode(device: torch.device, env: _torch.ShapeEnv | None) -> _torch.FakeTensorMode:
    """What makes the fake tensors of a run on ``device``, whether that is there or not."""
    kind = AbsentFakeMode if is_absent(device) else _torch.FakeTensorMode
    return _torch.keep_known(kind(allow_non_fake_inputs=True, shape_env=env))

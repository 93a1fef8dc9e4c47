"""The device of a run: the one of its tensors, or one that the caller names, which this machine may lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fxviz.errors import InputError
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.missing_device import MissingDeviceMode, is_missing
from fxviz.tracing.structure import leaves

if TYPE_CHECKING:
    import inspect

    from torch import nn

__all__ = ["fake_mode", "named_device", "own_device"]


def named_device(device: object) -> torch.device | None:
    """Return the device that a caller asks for, as fake tensors name it (``cuda:0``); None for None."""
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
    """Return the device on which tensors of the meta device are taken to be: the device of the first real input, else of the first real weight, else the CPU."""
    tensors = [tensor for _, tensor in leaves(dict(arguments.arguments))]
    for tensor in [*tensors, *module.parameters(), *module.buffers()]:
        if tensor.device.type != "meta":
            return tensor.device
    return torch.device("cpu")


def fake_mode(device: torch.device, env: _torch.ShapeEnv | None) -> _torch.FakeTensorMode:
    """Return the mode that makes the fake tensors of a run on ``device``, whether this machine has it or not."""
    kind = MissingDeviceMode if is_missing(device) else _torch.FakeTensorMode
    return _torch.keep_known(kind(allow_non_fake_inputs=True, shape_env=env))

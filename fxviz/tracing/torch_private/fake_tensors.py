"""Fake tensors: how they are made and laid out, which of them know their values, and the errors that they raise."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.utils._mode_utils import no_dispatch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "UNSUPPORTED_ERRORS",
    "VALUE_ERRORS",
    "FakeTensor",
    "FakeTensorMode",
    "can_be_known",
    "fake_of_layout",
    "keep_known",
    "know",
    "layout_of",
    "silent",
    "storage_key",
]

VALUE_ERRORS = (DataDependentOutputException, DynamicOutputShapeException, GuardOnDataDependentSymNode)
"""The errors that fake tensors raise when the model reads the value of a tensor."""

UNSUPPORTED_ERRORS = (UnsupportedFakeTensorException, UnsupportedOperatorException)
"""The errors that fake tensors raise where an operator has no fake kernel, or a tensor no fake form."""

KNOWN_NUMBERS = 4096  # of a tensor whose values are kept: enough for a table of image sizes, too few to cost time

_aten = torch.ops.aten
_FACTORIES = {_aten.arange, _aten.eye, _aten.full, _aten.linspace, _aten.ones, _aten.scalar_tensor, _aten.zeros}


def keep_known(mode: FakeTensorMode) -> FakeTensorMode:
    """Let small fake tensors that are made from known numbers keep their values, as `know` says; return the mode.

    It is not a subclass, since torch finds what higher-order operators do under a mode by its very type.
    """
    dispatch = mode.dispatch

    def dispatch_and_know(func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = dispatch(func, types, args, kwargs)
        if getattr(func, "overloadpacket", None) in _FACTORIES and type(made) is FakeTensor and can_be_known(made):
            with no_dispatch():
                know(made, func(*args, **(kwargs or {})))
        return made

    patched: Any = mode
    patched.dispatch = dispatch_and_know
    patched.may_turn_const = lambda made: can_be_known(made) and not isinstance(made, FakeTensor)
    return mode


def can_be_known(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has values that are few enough to keep, and to compute with for real."""
    return (
        tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and all(type(size) is int for size in tensor.shape)
        and tensor.numel() <= KNOWN_NUMBERS
    )


def know(fake: torch.Tensor, real: torch.Tensor) -> None:
    """Let ``fake`` answer with the values that ``real`` has now, until something unknown is written into it."""
    assert isinstance(fake, FakeTensor)
    with no_dispatch():
        fake.constant = real.detach().clone()
    fake.fake_mode.fake_tensor_converter.add_constant_storage_mapping(fake)


def layout_of(tensor: torch.Tensor) -> tuple[Any, ...] | None:
    """Return all that determines what an operator makes of a fake tensor; None if that is more than sizes, strides and dtype.

    A complex tensor may be a conjugate in waiting, and a tensor with a known constant behaves by its value.
    """
    if tensor.layout is not torch.strided or tensor.dtype.is_complex or tensor.is_quantized or tensor.is_neg():
        return None
    if getattr(tensor, "constant", None) is not None:
        return None
    return tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype, tensor.device


def fake_of_layout(
    mode: FakeTensorMode, layout: tuple[Any, ...], storage: torch.UntypedStorage | None, nbytes: Any
) -> torch.Tensor:
    """Return a fake tensor of a layout, on ``storage`` or else on a new one of ``nbytes``."""
    shape, stride, offset, dtype, device = layout
    with torch._C._DisableTorchDispatch():
        if storage is None:
            storage = torch.empty(nbytes, dtype=torch.uint8, device="meta").untyped_storage()
        meta = torch.empty(0, dtype=dtype, device="meta").set_(storage, offset, shape, stride)
        return FakeTensor(mode, meta, device)


def alias_of(mode: FakeTensorMode, tensor: torch.Tensor) -> torch.Tensor | None:
    """Return another fake tensor that is ``tensor`` in all but identity; None for one whose values are known, or a subclass."""
    if type(tensor) is not FakeTensor or tensor.constant is not None:
        return None
    with torch._C._DisableTorchDispatch():
        alias = FakeTensor(mode, tensor.detach(), tensor.fake_device)
    kept = {name: value for name, value in vars(tensor).items() if name not in vars(alias) and name != "_fxviz_tag"}
    vars(alias).update(kept)
    return alias.requires_grad_() if tensor.is_leaf and tensor.requires_grad else alias


def storage_key(storage: torch.UntypedStorage) -> int:
    """Return what tells a storage from all others that are alive, however many Python objects show it."""
    return int(storage._cdata)


@contextmanager
def silent() -> Iterator[None]:
    """Keep torch from logging the errors of fake kernels, which are raised anyway."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before

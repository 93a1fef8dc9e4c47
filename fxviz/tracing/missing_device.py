"""Tracing for a device that this machine lacks: fake tensors on it, run by a torch that takes them to be on the CPU.

Before it computes on a tensor, torch's C++ code asks where it is, and stops where there is no driver for that device; its
autograd does not even start. So every fake tensor is on the CPU for C++ code. Python code, fake kernels and the
graph see the device as it is. What C++ code does differently for the device is done here: moving between devices, making
tensors beside others, and for CUDA the choice of a kernel for attention, as a GPU of compute capability 8.0 makes it.
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch.nn import functional

from fxviz.tracing import torch_private as _torch
from fxviz.tracing.autocast import cuda_autocast
from fxviz.tracing.structure import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["MissingDeviceMode", "is_missing", "placed_beside", "pretended", "substitutes_for"]

_CAPABILITY = (8, 0)  # the first with kernels for bfloat16, flash attention and grouped products
_HOST = torch.device("cpu")


def is_missing(device: torch.device) -> bool:
    """Return whether torch cannot compute on ``device`` here."""
    if device.type == "cpu":
        return False
    there = torch.accelerator.current_accelerator()
    if there is None or there.type != device.type or not torch.accelerator.is_available():
        return True
    return (device.index or 0) >= torch.accelerator.device_count()


class MissingDeviceMode(_torch.FakeTensorMode):
    """Fake tensors that are on their device for Python, and on the CPU for C++."""

    _inside = False  # a fake kernel, which calls other operators

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.prim.device.default and not self.in_kernel_invocation:
            return _HOST
        if self._inside and kwargs:
            kwargs = placed_beside(args, kwargs)
        inside, self._inside = self._inside, True
        try:
            return super().__torch_dispatch__(func, types, args, kwargs)
        finally:
            self._inside = inside


@contextmanager
def pretended(device: torch.device) -> Iterator[None]:
    """Answer the questions that torch and models ask before they use a GPU, as a GPU that is there would."""
    answers = {
        "torch.cuda.amp.common.amp_definitely_not_available": False,
        "torch.cuda.is_bf16_supported": True,
        "torch.cuda.get_device_capability": _CAPABILITY,
        "torch.backends.cudnn.is_acceptable": False,  # it would look into the memory of the weights of recurrent layers
    }
    with ExitStack() as stack:
        if device.type == "cuda" and is_missing(device):
            for name, answer in answers.items():
                stack.enter_context(mock.patch(name, return_value=answer))
            stack.enter_context(cuda_autocast())
            for function, substitute in _CUDA_SUBSTITUTES.items():
                # Also where torch's own Python functions call them, which no mode sees.
                stack.enter_context(mock.patch.object(functional, function.__name__, _or_be_seen(function, substitute)))
        yield


def substitutes_for(device: torch.device) -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Return the functions of torch that depend on the device, with their substitutes; none for a device that is there."""
    if not is_missing(device):
        return MappingProxyType({})
    return {**_SUBSTITUTES, **_CUDA_SUBSTITUTES} if device.type == "cuda" else _SUBSTITUTES


def _or_be_seen(function: Callable[..., Any], substitute: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function where a mode sees the call, and will run the substitute; else the substitute."""
    return lambda *args, **kwargs: (function if _torch.calls_are_seen() else substitute)(*args, **kwargs)


# Devices --------------------------------------------------------------------------------------------------------------


def _move(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Convert a tensor as `torch.Tensor.to` does."""
    other = kwargs.pop("other", args[0] if args else None)
    if isinstance(other, torch.Tensor):
        args = (other.device, other.dtype, *args[1:])
    copy = kwargs.pop("copy", False)
    device, dtype, memory_format = _torch.parse_to(*args, **kwargs)
    return _converted(tensor, device, dtype, memory_format, copy=copy)


def _converted(
    tensor: torch.Tensor,
    device: torch.device | None,
    dtype: torch.dtype | None = None,
    memory_format: torch.memory_format | None = None,
    *,
    copy: bool = False,
) -> torch.Tensor:
    target = _numbered(device or tensor.device)
    laid_out = memory_format is None or tensor.is_contiguous(memory_format=memory_format)
    if laid_out and not copy and target == tensor.device and dtype in (None, tensor.dtype):
        return tensor
    made: torch.Tensor = torch.ops.aten._to_copy.default(
        tensor, dtype=dtype, device=target, memory_format=memory_format or torch.preserve_format
    )
    return made


def _numbered(device: torch.device) -> torch.device:
    return device if device.type == "cpu" else torch.device(device.type, device.index or 0)


def _to_cpu(tensor: torch.Tensor, memory_format: torch.memory_format | None = None) -> torch.Tensor:
    return _converted(tensor, _HOST, memory_format=memory_format)


def _to_cuda(
    tensor: torch.Tensor,
    device: str | int | torch.device | None = None,
    non_blocking: bool = False,
    memory_format: torch.memory_format | None = None,
) -> torch.Tensor:
    target = torch.device("cuda", device or 0) if device is None or isinstance(device, int) else torch.device(device)
    return _converted(tensor, target, memory_format=memory_format)


def _type_as(tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return _converted(tensor, other.device, other.dtype)


def _get_device(tensor: torch.Tensor) -> int:
    return -1 if tensor.device.type == "cpu" else tensor.device.index


def _is_on(kind: str) -> Callable[[torch.Tensor], bool]:
    return lambda tensor: tensor.device.type == kind


def _getter(name: str) -> Callable[..., Any]:
    getter: Callable[..., Any] = getattr(torch.Tensor, name).__get__
    return getter


_SUBSTITUTES: Mapping[Callable[..., Any], Callable[..., Any]] = {
    torch.Tensor.to: _move,
    torch.Tensor.cpu: _to_cpu,
    torch.Tensor.cuda: _to_cuda,
    torch.Tensor.type_as: _type_as,
    torch.Tensor.get_device: _get_device,
    **{_getter(f"is_{kind}"): _is_on(kind) for kind in ("cpu", "cuda", "xpu", "mps")},
}


def placed_beside(arguments: Iterable[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keywords of a kernel with the right device, where C++ code asked for the CPU, taking all tensors to be there.

    The right device is the one of the tensors, or the device, among ``arguments``, which are the arguments of the author's
    call. It is the CPU if they name it themselves.
    """
    if kwargs.get("device") != _HOST:
        return kwargs
    given = list(arguments)
    devices = [
        torch.device(part)
        for part in given
        if isinstance(part, torch.device) or (isinstance(part, str) and part == "cpu")
    ]
    if _HOST in devices:
        return kwargs
    devices += [tensor.device for _, tensor in leaves(given) if tensor.device.type != "cpu"]
    return {**kwargs, "device": devices[0]} if devices else kwargs


# Kernels that only CUDA has -------------------------------------------------------------------------------------------

_ATTENTION: Callable[..., torch.Tensor] = functional.scaled_dot_product_attention
_DROPOUT: Callable[..., torch.Tensor] = functional.dropout


def _drop(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    """Apply dropout by the kernel that keeps a mask of booleans."""
    if input.device.type != "cuda" or inplace or not training or not 0 < p < 1:
        return _DROPOUT(input, p, training, inplace)
    return torch.native_dropout(input, p, training)[0]


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Compute `scaled_dot_product_attention` by the kernel that CUDA takes: flash, memory-efficient, or the formula written out.

    As ``select_sdp_backend`` of aten/src/ATen/native/transformers/cuda/sdp_utils.cpp, without cuDNN's kernel, which some
    GPUs prefer and which keeps what flash attention keeps.
    """
    aten = torch.ops.aten
    if not all(tensor.dim() == 4 and tensor.device.type == "cuda" for tensor in (query, key, value)):
        return _ATTENTION(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa)
    if _can_flash(query, key, value, attn_mask, is_causal):
        width = query.shape[-1]
        scale = 1 / math.sqrt(width) if scale is None else scale
        padded = [functional.pad(tensor, (0, -width % 8)) if width % 8 else tensor for tensor in (query, key, value)]
        flash: torch.Tensor = aten._scaled_dot_product_flash_attention.default(
            *padded, dropout_p, is_causal, scale=scale
        )[0]
        return flash[..., :width] if width % 8 else flash
    if _can_be_efficient(query, key, value):
        bias = None if attn_mask is None else _bias(attn_mask, query, key)
        keeps = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (query, key, value))
        efficient: torch.Tensor = aten._scaled_dot_product_efficient_attention.default(
            query, key, value, bias, keeps, dropout_p, is_causal, scale=scale
        )[0]
        return efficient
    written_out: torch.Tensor = aten._scaled_dot_product_attention_math.default(
        query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )[0]
    return written_out


def _can_flash(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any, is_causal: bool) -> bool:
    """Return whether flash attention applies: in half precision, without a mask, with heads of one width up to 256; if causal, with as many queries as keys."""
    width = query.shape[-1]
    return (
        torch.backends.cuda.flash_sdp_enabled()
        and mask is None
        and query.dtype in (torch.float16, torch.bfloat16)
        and width == key.shape[-1] == value.shape[-1]
        and width <= 256
        and (not is_causal or query.shape[-2] == key.shape[-2])
    )


def _can_be_efficient(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> bool:
    """Return whether the memory-efficient kernel applies: in up to 32 bits, with heads whose width in bytes is a multiple of 16."""
    widths = (query.shape[-1], value.shape[-1])
    return (
        torch.backends.cuda.mem_efficient_sdp_enabled()
        and query.dtype in (torch.float16, torch.bfloat16, torch.float32)
        and query.shape[-1] == key.shape[-1]
        and all(width * query.element_size() % 16 == 0 for width in widths)
    )


def _bias(mask: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Return a mask as numbers to add, for every head."""
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(mask.logical_not(), -math.inf)
    return mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])


_CUDA_SUBSTITUTES: Mapping[Callable[..., Any], Callable[..., Any]] = {_ATTENTION: _attend, _DROPOUT: _drop}

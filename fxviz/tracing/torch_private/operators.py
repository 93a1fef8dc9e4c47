"""ATen operators: their schemas, and the Python signatures of torch's API."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch._ops import OpOverload, OpOverloadPacket
from torch.overrides import get_testing_overrides

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "OpOverload",
    "OpOverloadPacket",
    "operator_name",
    "overload_name",
    "overloads_of",
    "packed_extents",
    "parse_to",
    "schema_of",
    "signature_of",
]


def schema_of(operator: OpOverload) -> Any:
    """Return the schema of an operator, with its ``arguments`` and ``returns``."""
    return operator._schema


def operator_name(operator: OpOverload) -> str:
    """Return the name of an operator without its namespace and overload: ``add`` of ``aten.add.Tensor``."""
    return str(operator._schema.name.rpartition("::")[2])


def overload_name(operator: OpOverload) -> str:
    """Return the name of an overload: ``Tensor`` of ``aten.add.Tensor``, ``default`` where it has none."""
    return operator._overloadname


def overloads_of(name: str) -> list[Any]:
    """Return the schemas of the ATen operator called ``name``; none if there is no such operator."""
    packet = getattr(torch.ops.aten, name, None)
    return [schema_of(getattr(packet, overload)) for overload in packet.overloads()] if packet else []


@lru_cache(maxsize=1)
def _signatures() -> dict[Callable[..., Any], Callable[..., Any]]:
    return get_testing_overrides()


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return the Python signature of a function of torch's API, also of a built-in one; None where torch does not say."""
    try:
        return inspect.signature(_signatures().get(function, function))
    except (TypeError, ValueError):
        return None


def parse_to(*args: Any, **kwargs: Any) -> tuple[torch.device | None, torch.dtype | None, torch.memory_format | None]:
    """Return the device, dtype and memory format among the arguments of `torch.Tensor.to`."""
    device, dtype, _, memory_format = torch._C._nn._parse_to(*args, **kwargs)
    return device, dtype, memory_format


def packed_extents(packed: torch.ScriptObject) -> tuple[int, ...] | None:
    """Return the extents of the weight in what a quantised layer holds instead of one; None for any other object."""
    if not hasattr(packed, "unpack"):
        return None
    with torch._C._DisableTorchDispatch():  # it computes on memory, which a fake tensor has not
        unpacked = packed.unpack()
    weight = unpacked[0] if isinstance(unpacked, tuple) else unpacked
    return tuple(weight.shape) if isinstance(weight, torch.Tensor) else None

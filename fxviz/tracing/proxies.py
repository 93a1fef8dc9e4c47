"""`torch.fx.symbolic_trace` without its losses: ``x += y`` stays in place, and nodes know their source."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["symbolic_trace"]

_IN_PLACE = ("add", "and", "floordiv", "lshift", "mod", "mul", "or", "pow", "rshift", "sub", "truediv", "xor")


def symbolic_trace(module: torch.nn.Module) -> fx.GraphModule:
    """Trace ``module`` with proxies; raise whatever proxies raise on control flow that depends on them."""
    tracer = _Tracer()
    tracer.record_stack_traces = True
    return fx.GraphModule(module, tracer.trace(module), class_name=type(module).__name__)


class _Proxy(fx.Proxy):
    """A proxy with Python's in-place operators, without which Python falls back to the others."""


def _in_place(name: str) -> Callable[[fx.Proxy, Any], fx.Proxy]:
    def method(self: fx.Proxy, other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", getattr(operator, f"i{name}"), (self, other), {})

    return method


for _name in _IN_PLACE:
    setattr(_Proxy, f"__i{_name}__", _in_place(_name))


class _Tracer(fx.Tracer):
    proxy_buffer_attributes = True  # else what the model does to a buffer is done while it is traced, for real

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

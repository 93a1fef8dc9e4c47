"""The arguments of an operation besides tensors, as data: attribute values, schemas and operator names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from fxviz.tracing import torch_private as _torch

if TYPE_CHECKING:
    from fxviz.ir import Attribute
    from fxviz.tracing.symbols import Symbols

__all__ = ["Schema", "author_op", "kernel_op", "schema_of", "to_attribute"]

_PYTHON_OPERATORS = {
    "truediv": "div",
    "rtruediv": "rdiv",
    "floordiv": "floor_divide",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "invert": "bitwise_not",
    "true_divide": "div",
}


@lru_cache(maxsize=4096)
def author_op(function: Callable[..., Any]) -> str:
    """Return the name of a function of torch's API as authors write it; in-place operations end in ``_``.

    >>> author_op(torch.Tensor.__iadd__), author_op(torch.nn.functional.conv2d), author_op(torch.Tensor.T.__get__)
    ('add_', 'conv2d', 'T')
    """
    if isinstance(function, _torch.OpOverload):
        return _short(function.namespace, _torch.operator_name(function))
    if isinstance(function, _torch.OpOverloadPacket):
        return _short(*str(function).partition(".")[::2])
    name: str = getattr(function, "__name__", type(function).__name__)
    if name in ("__get__", "__set__"):
        return str(getattr(getattr(function, "__self__", None), "__name__", name))
    if not (name.startswith("__") and name.endswith("__")):
        return name
    name = name.strip("_")
    name = _PYTHON_OPERATORS.get(name, name)
    if name.startswith("i") and hasattr(torch.Tensor, f"{name[1:]}_"):
        return f"{name[1:]}_"
    if name in ("itruediv", "ifloordiv"):
        return f"{_PYTHON_OPERATORS[name[1:]]}_"
    return name


def _short(namespace: str, name: str) -> str:
    return name if namespace in ("aten", "prims") else f"{namespace}.{name}"


@lru_cache(maxsize=4096)
def kernel_op(function: Callable[..., Any]) -> str:
    """Return the full name of a dispatched operator, such as ``aten.add.Tensor``; of a higher-order operator its name."""
    if isinstance(function, _torch.OpOverload):
        return f"{function.namespace}.{_torch.operator_name(function)}.{_torch.overload_name(function)}"
    return str(getattr(function, "__name__", function))


@dataclass(frozen=True, slots=True)
class Schema:
    """The part of an operator's schema that the recorder needs: argument names, and the arguments that it writes to."""

    names: tuple[str, ...]
    written: tuple[tuple[int, str], ...] = ()


@lru_cache(maxsize=4096)
def schema_of(function: Callable[..., Any]) -> Schema:
    """Return the schema of a dispatched operator; an empty one for a higher-order operator, which has none."""
    if not isinstance(function, _torch.OpOverload):
        return Schema(())
    arguments = _torch.schema_of(function).arguments
    written = [(i, a.name) for i, a in enumerate(arguments) if a.alias_info is not None and a.alias_info.is_write]
    return Schema(tuple(argument.name for argument in arguments), tuple(written))


def to_attribute(argument: Any, symbols: Symbols) -> Attribute:
    """Return an argument as data: without the tensors in it, which are inputs; an object that is not data becomes its name."""
    if argument is None or type(argument) in (bool, int, float, complex, str):
        return argument
    for plain in (bool, int, float, complex, str):
        if isinstance(argument, plain):  # of a subclass: a number of numpy, a member of an enumeration
            return plain(argument)  # type: ignore[arg-type]
    if isinstance(argument, torch.SymInt):
        return symbols.to_dim(argument)
    if isinstance(argument, torch.Tensor):
        return None
    if isinstance(argument, list | tuple):
        return tuple(to_attribute(part, symbols) for part in argument)
    if isinstance(argument, slice):
        return {"slice": to_attribute((argument.start, argument.stop, argument.step), symbols)}
    if isinstance(argument, Mapping):
        return {str(key): to_attribute(part, symbols) for key, part in argument.items()}
    if argument is Ellipsis:
        return "..."
    if isinstance(argument, torch.dtype | torch.device | torch.layout | torch.memory_format):
        return str(argument).removeprefix("torch.")
    if isinstance(argument, torch.ScriptObject) and (extents := _torch.packed_extents(argument)) is not None:
        return {"packed": extents}
    if callable(argument):
        return str(getattr(argument, "__qualname__", type(argument).__qualname__))
    return type(argument).__qualname__

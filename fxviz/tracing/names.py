"""Argument names of the calls that an author writes: ``linear(x, w)`` is ``input``, ``weight``.

A Python function has a signature. A built-in one has the schemas of the ATen operator of its name, of which the first that
fits the arguments is taken, as torch's own argument parser does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from fxviz.tracing import torch_private as _torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["named_arguments"]

_SIZES = ("List[int]", "Optional[List[int]]")


def named_arguments(
    function: Callable[..., Any], op: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """Return the arguments of a call with their names; sizes written out one by one (``view(2, -1)``) are one tuple."""
    names, gathers = _parameters(function, op, tuple(_kind(argument) for argument in args), frozenset(kwargs))
    if gathers is not None and len(args) > gathers:
        args = [*args[:gathers], tuple(args[gathers:])]
    named = [(names[i] if i < len(names) else f"arg{i}", argument) for i, argument in enumerate(args)]
    return [*named, *kwargs.items()]


@lru_cache(maxsize=8192)
def _parameters(
    function: Callable[..., Any], op: str, kinds: tuple[str, ...], keywords: frozenset[str]
) -> tuple[tuple[str, ...], int | None]:
    """Return the positional parameter names, and the position from which all further arguments are one."""
    if isinstance(function, _torch.OpOverload):
        return tuple(argument.name for argument in _torch.schema_of(function).arguments), None
    if not hasattr(function, "__code__"):
        for schema in _torch.overloads_of(op):
            if (fit := _fit(schema.arguments, kinds, keywords)) is not None:
                return fit
    signature = _torch.signature_of(function)
    parameters = list(signature.parameters.values()) if signature else []
    names = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
    return names, next((i for i, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL), None)


def _fit(
    arguments: Sequence[Any], kinds: tuple[str, ...], keywords: frozenset[str]
) -> tuple[tuple[str, ...], int | None] | None:
    names = tuple(argument.name for argument in arguments)
    if not keywords <= set(names):
        return None
    positional = [argument for argument in arguments if not argument.kwarg_only]
    required = {argument.name for argument in positional if not argument.has_default_value()}
    complete = len(kinds) <= len(positional) and required & set(names[len(kinds) :]) <= keywords
    if complete and all(_accepts(str(argument.type), kind) for argument, kind in zip(positional, kinds, strict=False)):
        return names, None
    for position, argument in enumerate(positional[: len(kinds)]):
        if str(argument.type) in _SIZES and all(kind == "int" for kind in kinds[position:]):
            return (names, position) if all(map(_takes, positional[:position], kinds)) else None
    return (names, None) if complete and all(map(_takes, positional, kinds)) else None


def _takes(argument: Any, kind: str) -> bool:
    """Return whether an argument of a schema takes a value of that kind; one of type ``int[1]`` takes a single int, too."""
    return _accepts(str(argument.type), kind) or (kind == "int" and str(argument.type) in _SIZES and bool(argument.N))


def _kind(argument: Any) -> str:
    """Return the kind of an argument, as far as a schema tells kinds apart."""
    if argument is None:
        return "None"
    if isinstance(argument, torch.Tensor):
        return "Tensor"
    if isinstance(argument, bool):
        return "bool"
    if isinstance(argument, int | torch.SymInt):
        return "int"
    if isinstance(argument, float | torch.SymFloat):
        return "float"
    if isinstance(argument, list | tuple):
        return f"List[{_kind(argument[0])}]" if argument else "List"
    return {torch.dtype: "dtype", torch.device: "Device", str: "str"}.get(type(argument), "other")


def _accepts(wanted: str, given: str) -> bool:
    """Return whether a parameter of type ``wanted`` takes an argument of kind ``given``; dtypes are ints in schemas."""
    if wanted.startswith("Optional["):
        return given == "None" or _accepts(wanted[len("Optional[") : -1], given)
    if wanted.startswith("List["):
        inner = wanted[len("List[") : -1]
        return given == "List" or (given.startswith("List[") and _accepts(inner, given[5:-1]))
    wider = {
        "number": ("int", "float", "bool", "other"),
        "float": ("float", "int"),
        "int": ("int", "dtype", "other"),
        "Device": ("Device", "str"),
        "str": ("str",),
    }
    return given in wider.get(wanted, (wanted,))

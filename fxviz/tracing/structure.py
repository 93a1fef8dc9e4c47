"""Nested inputs and outputs: finding the tensors in them, and rebuilding them with others in their place.

Follows lists, tuples, named tuples, mappings, dataclasses and plain objects (a key-value cache, say), without a
registry. Every leaf has a `Path`, from which its name and an accessor are made.
"""

from __future__ import annotations

import copy
import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from enum import Enum
from typing import Any, TypeAlias

import torch

__all__ = ["Path", "format_path", "leaves", "members", "rebuild"]

Path: TypeAlias = tuple[tuple[str, Any], ...]
"""How to reach a leaf: steps of ``("item", key)`` and ``("attr", name)``."""

_OPAQUE = (
    str,
    bytes,
    int,
    float,
    complex,
    type(None),
    type,
    Enum,
    torch.nn.Module,
    torch.Generator,
    torch.dtype,
    torch.device,
    torch.layout,
    torch.memory_format,
    torch.SymInt,
    torch.SymFloat,
    torch.SymBool,
    types.ModuleType,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
)


def format_path(path: Path) -> str:
    """Return a path as a dotted name.

    >>> format_path((("item", "cache"), ("attr", "layers"), ("item", 0)))
    'cache.layers.0'
    """
    return ".".join(str(step) for _, step in path)


def members(tree: Any) -> list[tuple[tuple[str, Any], Any]]:
    """Return the parts of ``tree`` that may hold tensors, each with the step that reaches it; empty for a leaf."""
    if isinstance(tree, (torch.Tensor, *_OPAQUE)):
        return []
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return [(("attr", name), getattr(tree, name)) for name in tree._fields]
    if isinstance(tree, list | tuple):
        return [(("item", index), part) for index, part in enumerate(tree)]
    if isinstance(tree, Mapping):
        return [(("item", key), part) for key, part in tree.items()]
    if dataclasses.is_dataclass(tree):
        return [(("attr", field.name), getattr(tree, field.name, None)) for field in dataclasses.fields(tree)]
    return [(("attr", name), part) for name, part in getattr(tree, "__dict__", {}).items()]


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, torch.Tensor]]:
    """Yield the tensors in ``tree`` with their paths, in order; an object met twice is walked once."""
    return _leaves(tree, path, set())


def _leaves(tree: Any, path: Path, seen: set[int]) -> Iterator[tuple[Path, torch.Tensor]]:
    if isinstance(tree, torch.Tensor):
        yield path, tree
        return
    if not (parts := members(tree)) or id(tree) in seen:
        return
    seen.add(id(tree))
    for step, part in parts:
        yield from _leaves(part, (*path, step), seen)


def rebuild(tree: Any, replace: Callable[[Path, torch.Tensor], Any], path: Path = ()) -> Any:
    """Return a copy of ``tree`` in which each tensor is ``replace(path, tensor)``; ``tree`` and the objects in it stay as they are."""
    return _rebuild(tree, replace, path, {})


def _rebuild(tree: Any, replace: Callable[[Path, torch.Tensor], Any], path: Path, done: dict[int, Any]) -> Any:
    if isinstance(tree, torch.Tensor):
        return replace(path, tree)
    if id(tree) in done:
        return done[id(tree)]
    if not (parts := members(tree)):
        return tree
    if isinstance(tree, tuple):
        new = [_rebuild(part, replace, (*path, step), done) for step, part in parts]
        return type(tree)(*new) if hasattr(tree, "_fields") else tuple(new)
    # Registered before its parts are walked, so that an object which holds itself ends.
    done[id(tree)] = clone = copy.copy(tree)
    for (kind, key), part in parts:
        new_part = _rebuild(part, replace, (*path, (kind, key)), done)
        if new_part is part:
            continue
        if kind == "item" and isinstance(clone, MutableMapping | list):
            clone[key] = new_part
        elif kind == "attr":
            object.__setattr__(clone, key, new_part)
    return clone

"""Leaving no trace: what a run may change of a model and of the process, put back as it was."""

from __future__ import annotations

import gc
import random
import sys
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["clear_caches_with", "preserved", "without_garbage_collection"]

_LruCache = type(lru_cache(lambda: None))


@contextmanager
def preserved(model: torch.nn.Module) -> Iterator[None]:
    """On leaving, also by an exception, every module of ``model`` and every random generator is as it was on entering.

    Attributes are kept as they are, and lists, dicts and sets among them with the members that they had; tensors are
    not copied: that nothing writes into them is the caller's part.
    """
    modules = list(model.modules())
    saved = [_save(module) for module in modules]
    generators = _random_state()
    try:
        yield
    finally:
        for module, state in zip(modules, saved, strict=True):
            _restore(module, state)
        _restore_random_state(generators)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Python's collector runs at moments that nobody chose: a tensor in a cycle would die at another step each time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def clear_caches_with(is_ours: Callable[[object], bool]) -> None:
    """Empty every `functools.lru_cache` of the process that holds something of a run: a later call would be handed it."""
    for cached in [thing for thing in gc.get_objects() if type(thing) is _LruCache]:
        if any(is_ours(part) for part in _within(cached)):
            cached.cache_clear()


def _within(holder: object, depth: int = 3) -> Iterator[object]:
    for part in gc.get_referents(holder):
        yield part
        if depth and type(part) in (tuple, list, dict):
            yield from _within(part, depth - 1)


def _save(module: torch.nn.Module) -> list[tuple[str, Any, Any]]:
    return [
        (name, value, value.copy() if isinstance(value, dict | list | set) else None)
        for name, value in vars(module).items()
    ]


def _restore(module: torch.nn.Module, state: list[tuple[str, Any, Any]]) -> None:
    attributes = vars(module)
    attributes.clear()
    for name, value, members in state:
        attributes[name] = value
        if members is None:
            continue
        if isinstance(value, list):
            value[:] = members
        else:
            value.clear()
            value.update(members)


def _random_state() -> dict[str, Any]:
    numpy = sys.modules.get("numpy")
    return {
        "torch": torch.get_rng_state(),
        "random": random.getstate(),
        "numpy": numpy.random.get_state() if numpy else None,
    }


def _restore_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    random.setstate(state["random"])
    if state["numpy"] is not None:
        sys.modules["numpy"].random.set_state(state["numpy"])

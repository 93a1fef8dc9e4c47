"""Leaving no trace: the parts of a model and of the process that a run may change, put back."""

from __future__ import annotations

import gc
import inspect
import random
import sys
import types
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from fxviz.errors import TraceError
from fxviz.tracing.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["clear_caches_with", "holder_of", "preserved", "without_cached", "without_garbage_collection"]

_LruCache = type(lru_cache(lambda: None))


@contextmanager
def preserved(*roots: object) -> Iterator[None]:
    """On leaving, also by an exception, put back what the run changed: all Python state that can be reached from ``roots``.

    ``roots`` are a model and its inputs. Random generators are put back too. Tensors are neither copied nor compared:
    that nothing writes into them is the caller's part.

    Raises:
        TraceError: something could not be put back; it says what, and everything else is as it was.
    """
    snapshot = Snapshot(roots)
    generators = _random_state()
    try:
        yield
    finally:
        failures = snapshot.restore()
        _restore_random_state(generators)
        if failures:
            said = "; ".join(f"{type(failure).__name__}: {failure}" for failure in failures[:3])
            raise TraceError(
                f"the trace changed {len(failures)} objects of the model that cannot be put back ({said}); "
                "make the model anew, and trace it with isolated=True"
            )


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Stop Python's garbage collector, which runs at unforeseeable moments: a tensor in a cycle would die at another step each time."""
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


@contextmanager
def without_cached(kind: type) -> Iterator[None]:
    """On leaving, empty the caches of functions that hold an object of ``kind``, which only the run can have made."""
    try:
        yield
    finally:
        clear_caches_with(lambda thing: isinstance(thing, kind))


def holder_of(tensor: torch.Tensor) -> str | None:
    """Return in words what keeps ``tensor`` alive: a generator, a container, or the class of an object; None for C++ code."""
    for holder in gc.get_referrers(tensor):
        if isinstance(holder, types.FrameType) and holder.f_code.co_flags & inspect.CO_GENERATOR:
            return f"the generator {holder.f_code.co_name} ({holder.f_code.co_filename}:{holder.f_lineno})"
        if isinstance(holder, types.GeneratorType):
            return f"the generator {holder.__qualname__}"
    for holder in gc.get_referrers(tensor):
        if isinstance(holder, dict):
            owner = next((o for o in gc.get_referrers(holder) if getattr(o, "__dict__", None) is holder), None)
            return f"a {type(owner).__name__}" if owner is not None else "a dict"
        if not isinstance(holder, types.FrameType | list):
            return f"a {type(holder).__name__}"
    return None


def _within(holder: object, depth: int = 4) -> Iterator[object]:
    for part in gc.get_referents(holder):
        yield part
        if depth and (type(part) in (tuple, list, dict, set) or _is_plain_instance(part)):
            yield from _within(part, depth - 1)


def _is_plain_instance(thing: object) -> bool:
    """Return whether ``thing`` is an object with attributes, and not code or a tensor, which lead everywhere."""
    leads_everywhere = (torch.Tensor, type, types.ModuleType, types.FunctionType, types.MethodType, torch.nn.Module)
    return hasattr(type(thing), "__dict__") and hasattr(thing, "__dict__") and not isinstance(thing, leads_everywhere)


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

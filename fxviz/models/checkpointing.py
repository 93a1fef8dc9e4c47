"""Activation checkpointing of modules by their paths, as a training script would add it to a model."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from itertools import count
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

__all__ = ["checkpointed", "matches"]


def matches(path: str, pattern: str) -> bool:
    """Whether a module path matches a pattern, name by name: ``*`` stands for a name, or a part of one.

    >>> matches("encoder.layers.3", "encoder.layers.*"), matches("encoder.layers.3.linear", "encoder.layers.*")
    (True, False)
    """
    names, patterns = path.split("."), pattern.split(".")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


@contextmanager
def checkpointed(model: torch.nn.Module, patterns: Sequence[str]) -> Iterator[None]:
    """Let the modules that match a pattern run under ``torch.utils.checkpoint`` while the context lasts.

    Raises `InputError` for a pattern that matches no module that runs.
    """
    paths = {path: module for path, module in model.named_modules() if path and _runs(module)}
    for pattern in patterns:
        if not any(matches(path, pattern) for path in paths):
            raise InputError(
                f"no module of {type(model).__name__} matches {pattern!r}{suggest(pattern, paths, most=0)}"
            )
    chosen = [module for path, module in paths.items() if any(matches(path, pattern) for pattern in patterns)]
    with ExitStack() as stack:
        for module in chosen:
            stack.enter_context(_forward_of(module, _checkpointing(module)))
        yield


def _checkpointing(module: torch.nn.Module) -> Callable[..., Any]:
    """Return a forward that keeps no activations; what is computed again is a call of the module, with its hooks."""
    from torch.utils.checkpoint import checkpoint

    forward = module.forward

    def once_and_again() -> Callable[..., Any]:
        runs = count()

        def run(*args: Any, **kwargs: Any) -> Any:
            if next(runs) == 0:
                return forward(*args, **kwargs)
            with _forward_of(module, forward):
                return module(*args, **kwargs)

        return run

    return lambda *args, **kwargs: checkpoint(once_and_again(), *args, use_reentrant=False, **kwargs)


@contextmanager
def _forward_of(module: torch.nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Let the module have this forward while the context lasts."""
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward  # the forward of its class is visible again
        else:
            module.forward = before


def _runs(module: torch.nn.Module) -> bool:
    """Whether the module has a forward of its own: a container such as a list of layers has none."""
    from torch import nn

    return not isinstance(module, nn.ModuleList | nn.ModuleDict)

"""The modules that are running: a stack of `Call`s, kept by module hooks."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from fxviz.ir import Call, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ScopeStack"]


class ScopeStack:
    """The stack of module calls; ``current`` is the innermost scope.

    A container (``ModuleList``) is never called itself: it is a frame because the path of a module in it says so.
    """

    def __init__(self, root: torch.nn.Module, original: torch.nn.Module | None = None) -> None:
        self.root = root
        self.current: Scope = ()
        self._outer: list[Scope] = []
        self._calls: Counter[str] = Counter()
        self._kinds: dict[str, str] = {}
        self._paths: dict[int, list[str]] = {}  # by identity: modules may compare equal and still be two
        self._modules: dict[int, torch.nn.Module] = {}
        for path, module in root.named_modules(remove_duplicate=False):
            self._kinds[path] = type(module).__name__
            self._paths.setdefault(id(module), []).append(path)
            self._modules[id(module)] = module
        if original is not None:  # a traced copy has no containers of its own: the model that it was made from does
            self._kinds.update(
                (path, type(module).__name__) for path, module in original.named_modules(remove_duplicate=False)
            )

    @property
    def modules(self) -> tuple[torch.nn.Module, ...]:
        """Return every module below the root that can be called and hooked."""
        return tuple(
            m for m in self._modules.values() if m is not self.root and not isinstance(m, torch.jit.ScriptModule)
        )

    def path_of(self, module: torch.nn.Module) -> str:
        """Return the path by which ``module`` is called: of several, one below the current scope, else its first."""
        paths = self._paths[id(module)]
        inside = f"{self.current[-1].path}." if self.current else ""
        return next((path for path in paths if path.startswith(inside)), paths[0])

    def enter(self, path: str, kind: str | None = None) -> None:
        """Begin a call of the module at ``path``."""
        self._outer.append(self.current)
        self.current = (*self.current, *self.containers(path), self._call(path, kind))

    def leave(self) -> None:
        """End the innermost call."""
        self.current = self._outer.pop()

    @contextmanager
    def within(self, scope: Scope) -> Iterator[None]:
        """Take ``scope`` for the current one."""
        self._outer.append(self.current)
        self.current = scope
        try:
            yield
        finally:
            self.leave()

    def _call(self, path: str, kind: str | None) -> Call:
        index = self._calls[path]
        self._calls[path] += 1
        return Call(path, kind or self._kinds.get(path, "Module"), index)

    def containers(self, path: str) -> list[Call]:
        """Return the frames between the current scope and the module at ``path`` that are never called themselves."""
        base = next((call.path for call in reversed(self.current) if call.path in self._kinds), "")
        if base and not path.startswith(f"{base}."):
            return []
        between = path.split(".")[:-1]
        start = base.count(".") + 1 if base else 0
        prefixes = [".".join(between[: depth + 1]) for depth in range(start, len(between))]
        return [Call(prefix, self._kinds.get(prefix, "Module")) for prefix in prefixes]

    @contextmanager
    def hooked(
        self,
        on_enter: Callable[[torch.nn.Module, str, tuple[Any, ...], dict[str, Any]], None],
        on_leave: Callable[[torch.nn.Module, Any], None],
    ) -> Iterator[None]:
        """Follow every module call; ``on_enter`` is called in its scope, ``on_leave`` with its result."""

        def before(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            path = self.path_of(module)
            self.enter(path)
            on_enter(module, path, args, kwargs)

        def after(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
            on_leave(module, result)
            self.leave()

        handles = []
        try:
            for module in self.modules:
                handles.append(module.register_forward_pre_hook(before, prepend=True, with_kwargs=True))
                handles.append(module.register_forward_hook(after, with_kwargs=True, always_call=True))
            yield
        finally:
            for handle in handles:
                handle.remove()

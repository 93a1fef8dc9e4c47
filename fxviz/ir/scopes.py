"""Scopes: the stack of module calls around an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Call", "Scope", "format_scope", "shared_depth"]


@dataclass(frozen=True, slots=True)
class Call:
    """A frame of the module call stack: the ``index``-th call (from 0) of the module at ``path``, of class ``kind``."""

    path: str
    kind: str
    index: int = 0

    @property
    def label(self) -> str:
        """The last part of the path, with the number of the call where it is not the first.

        >>> Call("layers.0.attn", "Attention", 1).label
        'attn@1'
        """
        name = self.path.rpartition(".")[2]
        return f"{name}@{self.index}" if self.index else name


Scope: TypeAlias = tuple[Call, ...]
"""The module calls around a node, outermost first, without the root; ``scope[:n]`` is the scope cut at depth n."""


def format_scope(scope: Scope) -> str:
    """Return a scope as the path of its innermost module, with ``@n`` for repeated calls; ``""`` for the root.

    >>> format_scope((Call("layers", "ModuleList"), Call("layers.0", "Block", 2)))
    'layers.0@2'
    """
    if not scope:
        return ""
    return f"{scope[-1].path}@{scope[-1].index}" if scope[-1].index else scope[-1].path


def shared_depth(a: Scope, b: Scope) -> int:
    """Return how many calls two scopes share, from the outermost.

    >>> shared_depth((Call("a", "A"), Call("a.b", "B")), (Call("a", "A"), Call("a.c", "C")))
    1
    """
    shared = 0
    for one, other in zip(a, b, strict=False):
        if one is not other and one != other:
            break
        shared += 1
    return shared

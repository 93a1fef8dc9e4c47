"""Helper calls: operations that share a box though they share no module, since one helper function did them.

A forward that calls ``create_causal_mask`` or ``apply_rotary_pos_emb`` has their operations among its own, and a reader
loses the thread. Where an operation was written is recorded, so what one function did in a row can stand under its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from fxviz.analysis.ops import WORK
from fxviz.ir import Node, Source
from fxviz.passes.operators import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set

__all__ = ["Called", "group_calls"]

T = TypeVar("T")

_OWN = ("forward", "__call__")


@dataclass(frozen=True)
class Called:
    """Operations in a row that one helper function did, or helpers of one file; ``name`` is ``rotate_half()`` or the file's."""

    name: str
    nodes: tuple[Node, ...]


def group_calls(items: Sequence[Node | T], kind: str) -> Iterator[Node | T | Called]:
    """Yield the items of a module of class ``kind``, with its helpers' operations together where there are several in a row.

    Nothing is together where that would be all of the module, or all that its forward leaves to one helper.
    """
    sources = [item.source for item in items if isinstance(item, Node)]
    own_files = {source.file for source in sources if source and _is_own(source, kind)}
    found = [*_together(items, kind, own_files)]
    calls = [item for item in found if isinstance(item, Called)]
    delegated = not own_files and len(calls) == 1
    yield from items if delegated or len(found) == 1 else found


def _together(items: Sequence[Node | T], kind: str, own_files: Set[str]) -> Iterator[Node | T | Called]:
    helped: list[tuple[Node, Source]] = []
    for item in items:
        if isinstance(item, Node) and item.source and not _is_own(item.source, kind):
            helped.append((item, item.source))
            continue
        yield from _calls(helped, own_files)
        helped = []
        yield item
    yield from _calls(helped, own_files)


def _calls(helped: Sequence[tuple[Node, Source]], own_files: Set[str]) -> Iterator[Node | Called]:
    """Yield the calls in a row of helpers' operations: one for a file of helpers, if they only prepare the work."""
    for file, run in groupby(helped, key=lambda pair: pair[1].file):
        pairs = [*run]
        if own_files and file not in own_files and not any(kind_of(node.op) in WORK for node, _ in pairs):
            yield from _called(pairs)
        else:
            yield from _by_function(pairs)


def _by_function(pairs: Sequence[tuple[Node, Source]]) -> Iterator[Node | Called]:
    """Yield a call for each function; what runs between two operations of a function is in it."""
    functions = [source.function for _, source in pairs]
    at = 0
    while at < len(pairs):
        end = len(functions) - functions[::-1].index(functions[at])
        yield from _called(pairs[at:end])
        at = end


def _called(pairs: Sequence[tuple[Node, Source]]) -> Iterator[Node | Called]:
    nodes = tuple(node for node, _ in pairs)
    if len(nodes) == 1:
        yield from nodes
    else:
        yield Called(_name([source for _, source in pairs]), nodes)


def _is_own(source: Source, kind: str) -> bool:
    """Return whether a function is the forward of some module, or a method of this one."""
    owner, _, name = source.function.partition(".<locals>")[0].rpartition(".")
    return name in _OWN or kind in (owner, name)


def _name(sources: Sequence[Source]) -> str:
    """Return the function that encloses all, else the file in which they are."""
    first, last = _function(sources[0]), _function(sources[-1])
    return f"{first}()" if first == last else PurePosixPath(sources[0].file).stem


def _function(source: Source) -> str:
    """Return the name of a function without the functions around it; a lambda has the name of the function around it."""
    return source.function.removesuffix(".<lambda>").removesuffix(".<locals>").rpartition("<locals>.")[2]

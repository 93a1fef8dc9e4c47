"""What a view is made of: boxes around operations, and arrows between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fxviz.ir import Node
from fxviz.ir.scopes import shared_depth

if TYPE_CHECKING:
    from fxviz.ir import Scope, Value
    from fxviz.views.structural_hash import Varying

__all__ = ["Box", "Edge", "Item"]


@dataclass(frozen=True, eq=False)
class Box:
    """What is seen of a scope: its items when open, one box when closed; ``copies`` are all the scopes it stands for.

    A folded run of equal siblings is one box with several copies; its items are in the first copy. ``copies``
    is ``(scope,)`` where nothing is folded. Of a sequence of siblings that is repeated (a plain and a shifted block, six
    times) each ``period`` of ``copies`` are one copy. ``inputs`` are the values that it reads from outside, without weights and
    constants; ``outputs`` are the values that it makes and that are read outside. Both are as they are shown and in order of
    first use; what one copy hands to the next is an output and not an input. Copies that are equal except for numbers among
    their attributes (a dilation, a drop-path rate) are one box, too: ``varying`` are those numbers, one for each of
    ``copies[::period]``.

    A box may also be around some ``parts`` of a ``scope``, in a row: the operations of a helper function. It has a
    ``label`` of its own, and no ``copies``.
    """

    scope: Scope
    items: tuple[Item, ...]
    open: bool = True
    copies: tuple[Scope, ...] = ()
    inputs: tuple[Value, ...] = ()
    outputs: tuple[Value, ...] = ()
    period: int = 1
    varying: tuple[Varying, ...] = ()
    parts: tuple[Node | Scope, ...] = ()
    label: str = ""

    @property
    def times(self) -> int:
        """How many equal copies this box stands for; 1 when nothing is folded."""
        return max(1, len(self.copies) // self.period)

    @property
    def around(self) -> Scope:
        """The scope that holds all that the box shows: its own, or the parent of the siblings that are repeated."""
        if self.period == 1:
            return self.scope
        return self.scope[: min(shared_depth(self.scope, copy) for copy in self.copies)]


Item: TypeAlias = Node | Box
"""What is visible as one thing: an operation, or a scope."""


@dataclass(frozen=True)
class Edge:
    """An arrow between two visible things, and the values that flow along it; no two edges join the same pair.

    Its ends are operations, closed boxes, or values: a `Value` as an end is an input of the graph (source) or an output
    of it (target), each standing for its equals where copies are folded. An input that is returned as it is, is both
    ends of one edge. ``values`` are those that the source makes, as in the visible copy.
    """

    source: Item | Value
    target: Item | Value
    values: tuple[Value, ...]

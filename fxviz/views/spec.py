"""Which view is wanted: the options of `View.of`, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError

if TYPE_CHECKING:
    from fxviz.analysis.facts import Analysis

__all__ = ["ViewSpec"]


@dataclass(frozen=True, kw_only=True)
class ViewSpec:
    """The options of a view. `View.of` takes them as keywords; the view that it makes keeps them as ``view.spec``.

    A scope that shows a single operation is shown as that operation, and one that holds a single scope as one box
    with it; neither counts as a level of ``depth``.

    Raises `InputError` for a negative ``depth``, a ``budget`` below 1, and a ``show`` that is not a tuple.
    """

    depth: int | None = None
    """Collapse the boxes below this depth. 0 shows the top level of the model, with all of its modules closed."""
    fold: bool = True
    """Show a run of equal siblings as one box, "× n"."""
    hide: bool = False
    """Leave out layout operators: views, reshapes, copies, casts, dropout in inference, and constants that are computed
    in passing (see `fxviz.views.layout_operators`)."""
    group: bool = False
    """Put a box around operations in a row that a helper function did (``apply_rotary_pos_emb()``), among the operations
    of a module's own forward."""
    budget: int | None = None
    """Show at most this many boxes and operations, and at most as many edges between them. Boxes with most of the FLOPs or
    parameters are opened first, or with most operations where neither is known. Siblings share a box where the top level
    alone is over the budget."""
    focus: str | None = None
    """The path of a module, ``encoder.layers.3``, or ``cell@2`` for its third call. Boxes outside of it are closed, and
    ``depth`` counts from it."""
    show: tuple[Analysis[Any] | str, ...] = ()
    """The analyses, or their names, whose numbers are written on each item, in this order: ``("flops", "memory")``."""
    color: Analysis[Any] | str | None = None
    """The analysis, or its name, that colours a picture: the more of it an item has, the darker. Or ``"dtype"`` or
    ``"phase"``, for one colour each (see `fxviz.views.categories`)."""
    ends: bool = True
    """Show the inputs and outputs of the model."""
    weights: bool = False
    """Show the parameters and buffers that visible operations read. They do not count for ``budget``."""
    interest: Analysis[Any] | str | None = None
    """The analysis, or its name, whose numbers say which boxes to open within the ``budget``, in the place of FLOPs and
    parameters. Boxes that have none of it stay closed."""

    def __post_init__(self) -> None:
        if self.depth is not None and self.depth < 0:
            raise InputError(
                f"depth is {self.depth}: give 0 for the top level, more to see inside it, None for everything"
            )
        if self.budget is not None and self.budget < 1:
            raise InputError(f"budget is {self.budget}: give the number of things to be seen, or None for everything")
        if isinstance(self.show, str):
            raise InputError(f"show is {self.show!r}: give a tuple of analyses or their names, ({self.show!r},)")

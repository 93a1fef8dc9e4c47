"""Read the values of a tensor, in memory or in a file, in blocks that fit in memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fxviz.weights.statistics import Array

__all__ = ["BLOCK", "Region", "Values", "blocks", "row_blocks"]

BLOCK = 2**21
"""The number of elements of a block: 16 MiB in float64."""

Region: TypeAlias = tuple[slice, ...]


class Values(Protocol):
    """The elements of a tensor, read as float64."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor."""
        ...

    def read(self, regions: Iterable[Region]) -> Iterator[Array]:
        """Yield the elements in each region, which has a slice for each of the leading dimensions."""
        ...


def blocks(values: Values, most: int = BLOCK) -> Iterator[Array]:
    """Yield all elements, each once, in order, in blocks of at most ``most``."""
    return values.read(_regions(values.shape, most))


def row_blocks(values: Values, most: int = BLOCK) -> Iterator[Array]:
    """Yield all elements as the rows of a matrix: the first dimension by all others.

    A block has at most ``most`` elements, or is a single row. A vector is one row.
    """
    if not math.prod(values.shape):
        return
    shape = values.shape
    rows = shape[0] if len(shape) > 1 else 1
    if rows == 1:
        yield from (block.reshape(1, -1) for block in values.read([_whole(shape)]))
        return
    step = max(1, most // math.prod(shape[1:]))
    regions = ((slice(start, min(start + step, rows)),) for start in range(0, rows, step))
    yield from (block.reshape(len(block), -1) for block in values.read(regions))


def _whole(shape: tuple[int, ...]) -> Region:
    return tuple(slice(0, extent) for extent in shape)


def _regions(shape: tuple[int, ...], most: int) -> Iterator[Region]:
    """Yield regions that cover a tensor once, in the order of its elements.

    >>> list(_regions((2, 3), 2))[:2]
    [(slice(0, 1, None), slice(0, 2, None)), (slice(0, 1, None), slice(2, 3, None))]
    """
    numel = math.prod(shape)
    if numel <= most:
        if numel:
            yield _whole(shape)
        return
    row = math.prod(shape[1:])
    if row > most:
        for start in range(shape[0]):
            yield from ((slice(start, start + 1), *rest) for rest in _regions(shape[1:], most))
        return
    step = most // row
    for start in range(0, shape[0], step):
        yield (slice(start, min(start + step, shape[0])), *_whole(shape[1:]))

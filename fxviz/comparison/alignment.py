"""Align two sequences: pair items that correspond, without changing the order of either."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rapidfuzz.distance import LCSseq

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

__all__ = ["align", "common_subsequence"]

T = TypeVar("T")

_MOST_CELLS = 20_000  # of the table of two sequences, which then takes some hundredths of a second


def align(
    before: Sequence[T],
    after: Sequence[T],
    worth: Callable[[T, T], float],
    *keys: Callable[[T], Hashable],
) -> Iterator[tuple[T, T]]:
    """Yield the pairs, in order, of the alignment with the greatest total ``worth``; a pair worth 0 is not made.

    Common prefixes and suffixes, by the first of ``keys``, are paired without asking ``worth``. A long rest is first
    cut at its longest common subsequence by each key in turn, so that all items are never compared with all others.

    >>> list(align("abcd", "axbd", lambda a, b: float(a == b), lambda a: a))
    [('a', 'a'), ('b', 'b'), ('d', 'd')]
    """
    first = keys[0]
    start = 0
    while start < min(len(before), len(after)) and first(before[start]) == first(after[start]):
        yield before[start], after[start]
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and first(before[-1 - end]) == first(after[-1 - end]):
        end += 1
    yield from _middle(before[start : len(before) - end], after[start : len(after) - end], worth, keys)
    yield from zip(before[len(before) - end :], after[len(after) - end :], strict=True)


def common_subsequence(before: Sequence[Hashable], after: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Yield the positions of a longest common subsequence; linear in time if the two differ little.

    >>> list(common_subsequence([1, 2, 3], [2, 4, 3]))
    [(1, 0), (2, 2)]
    """
    numbers: dict[Hashable, int] = {}  # the library compares hashes, which two keys may share
    one, other = ([numbers.setdefault(key, len(numbers)) for key in keys] for keys in (before, after))
    for block in LCSseq.editops(one, other).as_matching_blocks():
        yield from ((block.a + step, block.b + step) for step in range(block.size))


def _middle(
    before: Sequence[T],
    after: Sequence[T],
    worth: Callable[[T, T], float],
    keys: Sequence[Callable[[T], Hashable]],
) -> Iterator[tuple[T, T]]:
    if not before or not after:
        return
    if len(before) * len(after) <= _MOST_CELLS:
        yield from _best(before, after, worth)
        return
    if not keys:
        return
    key, *others = keys
    a = b = 0
    for one, other in common_subsequence([*map(key, before)], [*map(key, after)]):
        yield from _middle(before[a:one], after[b:other], worth, others)
        yield before[one], after[other]
        a, b = one + 1, other + 1
    yield from _middle(before[a:], after[b:], worth, others)


def _best(before: Sequence[T], after: Sequence[T], worth: Callable[[T, T], float]) -> Iterator[tuple[T, T]]:
    """Align by Needleman and Wunsch's algorithm with free gaps: ``best[a][b]`` is the worth of the suffixes."""
    best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    worths = [[worth(one, other) for other in after] for one in before]
    for a in reversed(range(len(before))):
        for b in reversed(range(len(after))):
            paired = worths[a][b] + best[a + 1][b + 1] if worths[a][b] else 0.0
            best[a][b] = max(paired, best[a + 1][b], best[a][b + 1])
    a = b = 0
    while a < len(before) and b < len(after):
        if worths[a][b] and best[a][b] == worths[a][b] + best[a + 1][b + 1]:
            yield before[a], after[b]
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1

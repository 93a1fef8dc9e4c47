"""What the CPU's allocator did in one run, as torch.profiler recorded it, with the workspaces of kernels told apart.

A workspace is memory that is allocated and freed within one operator that the dispatcher runs on a backend: no tensor that
anyone outside of it could see lies in it. What a composite operator (``linear``, ``layer_norm``) allocates is none, since
the operators in it are dispatched one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.profiler import ProfilerActivity, profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Allocation:
    """A piece of memory and when it was held, in nanoseconds; ``freed`` is None where the run left it."""

    nbytes: int
    made: int
    freed: int | None


@dataclass(frozen=True)
class Operator:
    """A call of an operator that a backend runs, by name without its overload: ``aten::addmm``."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Record:
    """All that was allocated in one run, and all operators that ran, in order."""

    allocations: tuple[Allocation, ...]
    operators: tuple[Operator, ...]
    freed: tuple[tuple[int, int], ...]  # what was there before the run and was freed in it: when, and how many bytes

    @property
    def peak(self) -> int:
        """The highest level above that before the run."""
        return self._highest(self.allocations)

    @property
    def peak_without_workspace(self) -> int:
        """The same, had no operator taken memory for itself."""
        return self._highest(tuple(part for part in self.allocations if self.operator_around(part) is None))

    def operator_around(self, part: Allocation) -> Operator | None:
        """The operator within which ``part`` is a workspace."""
        operator = self._operator_at(part.made)
        return operator if operator is not None and part.freed is not None and part.freed <= operator.end else None

    def left(self) -> Counter[str]:
        """The bytes that each operator allocated and left behind."""
        left: Counter[str] = Counter()
        for part in self.allocations:
            operator = self._operator_at(part.made)
            if operator is not None and (part.freed is None or part.freed > operator.end):
                left[operator.name] += part.nbytes
        return left

    def _operator_at(self, time: int) -> Operator | None:
        index = bisect_right(self.operators, time, key=lambda operator: operator.start) - 1
        return self.operators[index] if index >= 0 and time <= self.operators[index].end else None

    def _highest(self, allocations: tuple[Allocation, ...]) -> int:
        changes = [(part.made, part.nbytes) for part in allocations]
        changes += [(part.freed, -part.nbytes) for part in allocations if part.freed is not None]
        changes += [(when, -nbytes) for when, nbytes in self.freed]
        level = peak = 0
        for _, change in sorted(changes):
            level += change
            peak = max(peak, level)
        return peak


def record(run: Callable[[], object]) -> Record:
    """Run it under the profiler; what it returns is held until the end."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        result = run()
    del result
    roots = profiler.profiler.kineto_results.experimental_event_tree()  # type: ignore[union-attr]
    operators = sorted((found for root in roots for found in _operators(root)), key=lambda operator: operator.start)
    allocations: list[Allocation] = []
    freed: list[tuple[int, int]] = []
    held: dict[int, tuple[int, int]] = {}
    for event in sorted((found for root in roots for found in _memory(root)), key=lambda event: event.start_time_ns):
        time, address, nbytes = event.start_time_ns, event.extra_fields.ptr, event.extra_fields.alloc_size
        if nbytes >= 0:
            held[address] = nbytes, time
        elif address in held:
            allocations.append(Allocation(*held.pop(address), freed=time))
        else:
            freed.append((time, -nbytes))
    allocations += [Allocation(nbytes, made, None) for nbytes, made in held.values()]
    return Record(tuple(allocations), tuple(operators), tuple(freed))


def _memory(event: Any) -> Iterator[Any]:
    if event.name == "[memory]":
        yield event
    for child in event.children:
        yield from _memory(child)


def _operators(event: Any) -> Iterator[Operator]:
    """The outermost operators of a backend: what runs within them, the dispatcher's users do not see."""
    if event.name in _overloads() and not _is_composite(event.name):
        yield Operator(event.name, event.start_time_ns, event.end_time_ns)
        return
    for child in event.children:
        yield from _operators(child)


@cache
def _is_composite(name: str) -> bool:
    """Whether an operator is made of others that are dispatched on their own, whatever the backend."""
    overloads = [found for found in _overloads()[name] if not found.partition(".")[2].endswith("out")]
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    return bool(overloads) and all(has_kernel(overload, "CompositeImplicitAutograd") for overload in overloads)


@cache
def _overloads() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in torch._C._dispatch_get_all_op_names():
        found.setdefault(name.partition(".")[0], []).append(name)
    return found

"""Timing for the scripts in this folder: contenders take turns, and CPU time stands beside wall time.

On a machine that others use, wall time says little. CPU time of the process is steadier, and the best of several runs is
steadier than their mean; taking turns gives each contender the same share of a bad moment.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Timing:
    """Seconds of one run."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Timings:
    """All runs of one contender."""

    runs: tuple[Timing, ...]

    @property
    def best_cpu(self) -> float:
        return min(run.cpu for run in self.runs)

    @property
    def median_cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    @property
    def best_wall(self) -> float:
        return min(run.wall for run in self.runs)

    @property
    def median_wall(self) -> float:
        return statistics.median(run.wall for run in self.runs)


def timed(action: Callable[[], object]) -> Timing:
    """One run, begun with an empty garbage collector."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    timing = Timing(time.process_time() - cpu, time.perf_counter() - wall)
    del result
    return timing


def alternate(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timings]:
    """Each contender once to warm up, then ``rounds`` times in turn."""
    for action in contenders.values():
        action()
    runs: dict[str, list[Timing]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, action in contenders.items():
            runs[name].append(timed(action))
    return {name: Timings(tuple(timings)) for name, timings in runs.items()}


def environment() -> str:
    """Where the numbers come from, in one line of Markdown."""
    processor = platform.processor() or platform.machine()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return (
        f"Python {platform.python_version()}, torch {torch.__version__}, {platform.system()} on {processor}, "
        f"{os.cpu_count()} cores; load at the end {load:.1f}."
    )


def say(text: str) -> None:
    """Progress, on stderr, so that stdout is the table alone."""
    print(text, file=sys.stderr, flush=True)


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the rest are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

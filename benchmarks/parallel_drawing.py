"""What drawing many models costs by one process and by several: time, and the memory of each over a hundred models.

``python benchmarks/parallel_drawing.py [-n MODELS] [-w WORKERS]``. The models are traced and drawn as SVG; the resident memory
of the processes that draw is read from ``/proc`` while they do.
"""

from __future__ import annotations

import argparse
import os
import resource
import threading
import time
from itertools import cycle, islice
from multiprocessing import active_children
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import fxviz

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = ("torchvision:resnet50", "torchvision:vit_b_16", "torchvision:densenet121", "torchvision:efficientnet_b0")
MIB = 2**20


class Readings:
    """The memory of this process and of its children, read four times a second, with how many models were begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.own: list[tuple[int, int]] = []
        self.drawing: list[tuple[int, int]] = []
        self._done = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Readings:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._reader.join()

    def _read(self) -> None:
        while not self._done.wait(0.25):
            self.own.append((self.begun, resident(os.getpid())))
            children = [resident(child.pid) for child in active_children() if child.pid]
            self.drawing.append((self.begun, max(children, default=0)))


def resident(pid: int) -> int:
    """Bytes of memory of a process; 0 once it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def pictures(folder: Path, count: int, readings: Readings) -> Iterator[tuple[Path, str]]:
    for number, model in enumerate(islice(cycle(MODELS), count)):
        readings.begun = number
        yield folder / f"{number}.svg", model


def most(readings: list[tuple[int, int]], after: int, until: int) -> float:
    return max((nbytes for begun, nbytes in readings if after <= begun < until), default=0) / MIB


def computed() -> float:
    """Seconds of processor time of all processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(count: int, workers: int) -> tuple[float, list[bytes]]:
    with TemporaryDirectory() as folder, Readings() as readings:
        began, before = time.perf_counter(), computed()
        fxviz.export_all(pictures(Path(folder), count, readings), workers=workers)
        seconds, spent = time.perf_counter() - began, computed() - before
        files = [Path(folder, f"{number}.svg").read_bytes() for number in range(count)]
    parts = [(at * count // 4, (at + 1) * count // 4) for at in range(4)]
    for name, found in (("this process", readings.own), ("the largest that draws", readings.drawing)):
        row = ", ".join(f"{most(found, *part):.0f}" for part in parts)
        print(f"  MiB of {name}, at most in each quarter: {row}")
    print(f"  {seconds:.1f} s, {spent:.1f} s of processor time")
    return seconds, files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--models", type=int, default=100)
    parser.add_argument("-w", "--workers", type=int, default=2)
    wanted = parser.parse_args()
    print(f"{wanted.models} models, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    times, drawn = [], []
    for workers in (1, wanted.workers):
        print(f"{workers} workers")
        seconds, files = measure(wanted.models, workers)
        times.append(seconds)
        drawn.append(files)
    print(f"{wanted.workers} workers are {times[0] / times[1]:.2f} times as fast; equal files: {drawn[0] == drawn[1]}")


if __name__ == "__main__":
    main()

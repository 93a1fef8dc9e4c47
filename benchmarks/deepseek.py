"""DeepSeek-V3 at its default size, 671 billion parameters, on this machine: seconds and memory of every step.

    python benchmarks/deepseek.py > docs/tables/deepseek.md       # under a minute; --tokens 4096 for a longer prompt

The model is built on the meta device in bfloat16 and traced with 128 tokens. Memory is the peak of the process (RSS) up
to the end of the step, Python and torch included.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from typing import TYPE_CHECKING, TypeVar

from measure import environment, markdown, say

from fxviz import Facts, Flops, Memory, Parameters, View, format_quantity, models, render

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Steps:
    """Runs steps and keeps a row for each."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []

    def run(self, name: str, action: Callable[[], T], tell: Callable[[T], str]) -> T:
        say(name)
        wall, cpu = time.perf_counter(), time.process_time()
        result = action()
        seconds = [f"{time.perf_counter() - wall:.1f}", f"{time.process_time() - cpu:.1f}"]
        self.rows.append([name, *seconds, format_quantity(peak_rss(), "B"), tell(result)])
        return result


def peak_rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=128)
    options = parser.parse_args()

    steps = Steps()
    inputs = [f"1,{options.tokens}:int64"]
    target = steps.run(
        "build",
        lambda: models.build("transformers:deepseek_v3", inputs, dtype="bfloat16"),
        lambda target: f"{type(target.model).__name__}",
    )
    graph = steps.run("trace", target.trace, lambda graph: f"{len(graph.nodes):,} operations, {graph.mode}")
    facts = Facts(graph)
    steps.run("parameters", lambda: facts[Parameters()], lambda count: format_quantity(count.total))
    steps.run("FLOPs", lambda: facts[Flops()], lambda flops: format_quantity(flops.total, "FLOPs"))
    steps.run("memory", lambda: facts[Memory()], lambda memory: f"{format_quantity(memory.peak, 'B')} at the peak")
    view = View.of(facts, show=(Parameters(), Flops(), Memory()))
    steps.run("ONNX view", lambda: render(view, "onnx"), lambda data: f"a file of {format_quantity(len(data), 'B')}")
    steps.run("Mermaid", lambda: render(facts, "mermaid"), lambda text: f"{text.count(chr(10))} lines")

    print(markdown(["step", "wall s", "CPU s", "peak RSS", "result"], steps.rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()

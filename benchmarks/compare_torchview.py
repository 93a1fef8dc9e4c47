"""fxviz beside torchview: seconds from a model to the DOT text of its picture.

    python benchmarks/compare_torchview.py > docs/tables/torchview.md       # about two minutes; --rounds 1 for a look

fxviz traces the model, finds shapes, FLOPs, memory and parameters, and writes the DOT text of its default view.
torchview's `draw_graph` runs the model on the meta device and makes the DOT text of its default picture, with shapes.
Both get the same model and inputs, on the meta device, in one process, in turn. A third contender is the model's own
forward pass on the meta device, which nobody who runs the model can undercut without skipping some of it.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING

import torch
from measure import Timings, alternate, environment, markdown, say
from torchview import draw_graph
from workloads import WORKLOADS, Workload, build

import fxviz

if TYPE_CHECKING:
    from collections.abc import Callable


def contenders(workload: Workload) -> dict[str, Callable[[], object]]:
    model, inputs = workload

    def with_fxviz() -> object:
        return fxviz.render(fxviz.trace(model, kwargs=inputs), "dot")

    def with_torchview() -> object:
        return draw_graph(model, input_data=inputs, device="meta").visual_graph.source

    def forward() -> object:
        with torch.no_grad():
            return model(**inputs)

    return {"forward": forward, "fxviz": with_fxviz, "torchview": with_torchview}


def rows(name: str, timings: dict[str, Timings]) -> list[list[str]]:
    """CPU time, then wall time: best and median of each contender, and how long fxviz takes for a second of torchview."""
    clocks = {
        "CPU s": {key: (timing.best_cpu, timing.median_cpu) for key, timing in timings.items()},
        "wall s": {key: (timing.best_wall, timing.median_wall) for key, timing in timings.items()},
    }
    return [
        [
            f"{name}, {clock}",
            *(f"{best:.2f} ({median:.2f})" for best, median in seconds.values()),
            "{:.2f} ({:.2f})".format(*(a / b for a, b in zip(seconds["fxviz"], seconds["torchview"], strict=True))),
        ]
        for clock, seconds in clocks.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender after one to warm up")
    parser.add_argument("models", nargs="*", default=list(WORKLOADS), help=f"of {', '.join(WORKLOADS)}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what torchview has to say about the models

    table = []
    for name in options.models:
        say(f"{name}: {options.rounds} rounds")
        table += rows(name, alternate(contenders(build(name)), options.rounds))
    print(markdown(["", "forward", "fxviz", "torchview", "fxviz / torchview"], table))
    print(f"\nBest of {options.rounds} runs, and their median in brackets. {environment()}")


if __name__ == "__main__":
    main()

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

    return {"fxviz": with_fxviz, "torchview": with_torchview, "forward": forward}


def row(name: str, timings: dict[str, Timings]) -> list[str]:
    ours, theirs, forward = timings["fxviz"], timings["torchview"], timings["forward"]
    return [
        name,
        f"{forward.best_cpu:.2f}",
        *(f"{timing.best_cpu:.2f} ({timing.median_cpu:.2f})" for timing in (ours, theirs)),
        f"{ours.best_cpu / theirs.best_cpu:.2f} ({ours.median_cpu / theirs.median_cpu:.2f})",
        *(f"{timing.best_wall:.2f} ({timing.median_wall:.2f})" for timing in (ours, theirs)),
        f"{ours.best_wall / theirs.best_wall:.2f} ({ours.median_wall / theirs.median_wall:.2f})",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender after one to warm up")
    parser.add_argument("models", nargs="*", default=list(WORKLOADS), help=f"of {', '.join(WORKLOADS)}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what torchview has to say about the models

    rows = []
    for name in options.models:
        say(f"{name}: {options.rounds} rounds")
        rows.append(row(name, alternate(contenders(build(name)), options.rounds)))
    heads = ["model", "forward, CPU s", "fxviz, CPU s", "torchview, CPU s", "ratio"]
    print(markdown([*heads, "fxviz, wall s", "torchview, wall s", "ratio"], rows))
    print(f"\nBest of {options.rounds} runs, and their median in brackets. {environment()}")


if __name__ == "__main__":
    main()

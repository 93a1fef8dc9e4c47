"""What every analysis costs beside the trace that it reads, in CPU time.

    python benchmarks/time_analyses.py --runs 1 > docs/tables/analyses.md   # a minute

Models on the meta device at their default size; a forward pass and, with AdamW, a training step. Each analysis starts on
facts that know nothing, so that what it asks of others is its own time; *all* asks for all of them once. The best of the runs.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from measure import environment, markdown, say, timed

from fxviz import Facts, Flops, Memory, Parameters, Roofline, Shapes, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz import Graph

MODELS = ("torchvision:resnet50", "torchvision:vit_b_16", "transformers:gpt2")
ANALYSES = {
    "shapes": Shapes(),
    "parameters": Parameters(),
    "FLOPs": Flops(),
    "memory": Memory(),
    "roofline": Roofline(),
}


def best(action: Callable[[], object], runs: int) -> float:
    return min(timed(action).cpu for _ in range(runs))


def ask(graph: Graph, *names: str) -> Callable[[], None]:
    """Ask new facts for what is printed of each analysis."""

    def action() -> None:
        facts = Facts(graph)
        for name in names:
            result = facts[ANALYSES[name]]
            if name != "shapes":
                result.at(())

    return action


def row(name: str, run: str, runs: int) -> list[str]:
    say(f"{name}, {run}")
    target = models.build(name)
    trace = target.trace if run == "forward" else lambda: target.trace_training(optimizer="adamw")
    graphs: list[Graph] = []
    tracing = best(lambda: graphs.append(trace()), runs)
    graph = graphs[-1]
    each = [best(ask(graph, analysis), runs) for analysis in ANALYSES]
    together = best(ask(graph, *ANALYSES), runs)
    times = [f"{seconds * 1000:,.0f}" for seconds in (tracing, *each, together)]
    return [name, run, f"{len(graph.kernels):,}", *times, f"{100 * together / tracing:.1f} %"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    rows = [row(name, run, options.runs) for name in MODELS for run in ("forward", "training")]
    print(markdown(["model", "run", "kernels", "trace, ms", *ANALYSES, "all", "all / trace"], rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()

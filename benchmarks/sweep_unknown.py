"""How much of timm and of transformers fxviz counts: every family, every model type, and which operators are unknown.

    python benchmarks/sweep_unknown.py --keep sweep.jsonl > docs/tables/sweep.md   # about half an hour on 2 idle cores
    python benchmarks/sweep_unknown.py transformers:gpt2 timm:swin   # the names that hold one of these, for a look

Which models, and their limits: benchmarks/zoos.py. A model that does not trace is told with its reason on stderr: a part of
another model, a config that is incomplete by default, an input that cannot be guessed, or the time limit. With --keep a sweep
that was interrupted goes on where it was: outcomes are appended to a file, and those that are there are not found again.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field

from measure import environment, markdown, say
from zoos import ZOOS, OutOfTimeError, add_options, chosen, outcomes, within


@dataclass(frozen=True)
class Outcome:
    """What became of a model: nodes and unknown operators where it traced, else at what step it stopped and why."""

    name: str
    nodes: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    stopped: str = ""
    reason: str = ""


# One model ------------------------------------------------------------------------------------------------------------


def sweep(name: str, seconds: int) -> Outcome:
    """Build, trace, verify and count one model."""
    from fxviz import Facts, Flops, models

    steps = iter(("build", "trace", "count"))
    step = next(steps)
    try:
        with within(seconds):
            target = models.build(name)
            step = next(steps)
            graph = target.trace()
            graph.verify()
            step = next(steps)
            counts = Facts(graph)[Flops()]
            return Outcome(name, len(graph.nodes), dict(counts.unknown))
    except OutOfTimeError:
        return Outcome(name, stopped=step, reason=f"more than {seconds} CPU s")
    except Exception as error:  # whatever hundreds of models may raise is their outcome
        return Outcome(name, stopped=step, reason=f"{type(error).__name__}: {error}".replace("\n", " ")[:400])


# The table ------------------------------------------------------------------------------------------------------------


def row(zoo: str, found: list[Outcome]) -> list[str]:
    traced = [outcome for outcome in found if not outcome.stopped]
    parts = sum("a part of another model" in outcome.reason for outcome in found)
    steps = Counter(outcome.stopped for outcome in found)
    unknown = Counter[str]()
    for outcome in traced:
        unknown.update(outcome.unknown)
    return [
        zoo,
        str(len(found)),
        str(parts),
        str(steps["build"] - parts),
        str(steps["trace"] + steps["count"]),
        str(len(traced)),
        f"{sum(outcome.nodes for outcome in traced):,}",
        ", ".join(f"{op} × {times}" for op, times in unknown.most_common()) or "none",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    options = parser.parse_args()

    rows = []
    for zoo in ZOOS:
        found = []
        for outcome in outcomes(sweep, Outcome, chosen(zoo, options), options):
            found.append(outcome)
            if outcome.stopped or outcome.unknown:
                say(f"{outcome.name}: {f'{outcome.stopped}: {outcome.reason}' if outcome.stopped else outcome.unknown}")
        if found:
            rows.append(row(zoo, found))
    heads = ["zoo", "models", "parts only", "not built", "not traced", "counted", "operations", "unknown operators"]
    print(markdown(heads, rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()

"""How much of timm and of transformers fxviz counts: every family, every model type, and which operators are unknown.

    python benchmarks/sweep_unknown.py --keep sweep.jsonl > docs/tables/sweep.md   # about half an hour on 2 idle cores
    python benchmarks/sweep_unknown.py transformers:gpt2 timm:swin   # the names that hold one of these, for a look

One model a family of timm, one a type of transformers at its default config, with inputs as `fxviz.models` guesses them;
torchvision whole. A model that does not trace is told with its reason on stderr: a part of another model, a config that
is incomplete by default, an input that cannot be guessed, or the time limit. With --keep a sweep that was interrupted goes
on where it was: outcomes are appended to a file, and those that are there are not found again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import signal
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import environment, markdown, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEMORY = 10 * 2**30  # bytes of address space above torch's own: a model that wants more is said to have failed


@dataclass(frozen=True)
class Outcome:
    """What became of a model: nodes and unknown operators where it traced, else at what step it stopped and why."""

    name: str
    nodes: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    stopped: str = ""
    reason: str = ""


class OutOfTimeError(BaseException):
    """Passes through every ``except Exception`` of the models."""


# Names ----------------------------------------------------------------------------------------------------------------


def timm_families() -> list[str]:
    """The first model of every module of timm."""
    import timm

    families = (timm.list_models(module=module) for module in timm.list_modules())
    return [models[0] for models in families if models]


def transformers_types() -> list[str]:
    import transformers

    return sorted(transformers.CONFIG_MAPPING)


def torchvision_models() -> list[str]:
    import torchvision

    return torchvision.models.list_models()


ZOOS: dict[str, Callable[[], list[str]]] = {
    "timm": timm_families,
    "transformers": transformers_types,
    "torchvision": torchvision_models,
}


# One model ------------------------------------------------------------------------------------------------------------


def sweep(name: str, seconds: int) -> Outcome:
    """Build, trace, verify and count one model within a limit of CPU time, which other users of the machine do not shorten."""
    from fxviz import Facts, Flops, models

    steps = iter(("build", "trace", "count"))
    step = next(steps)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
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
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def prepare() -> None:
    """Set a worker up: quiet, on one thread, limited."""
    import torch

    def stop(*_: Any) -> None:
        raise OutOfTimeError

    signal.signal(signal.SIGPROF, stop)
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def outcomes(names: list[str], seconds: int, jobs: int, keep: Path | None) -> Iterator[Outcome]:
    """What becomes of each name; first what is kept in the file."""
    kept = [Outcome(**json.loads(line)) for line in keep.read_text().splitlines()] if keep and keep.exists() else []
    known = {outcome.name: outcome for outcome in kept}
    yield from (known[name] for name in names if name in known)
    fresh = [name for name in names if name not in known]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), prepare) as pool:
        for outcome in pool.map(sweep, fresh, [seconds] * len(fresh)):
            if keep:
                with keep.open("a") as file:
                    file.write(json.dumps(asdict(outcome)) + "\n")
            yield outcome


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
    parser.add_argument("--seconds", type=int, default=90, help="the limit for one model, in CPU seconds")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--keep", type=Path, help="a file of outcomes, one a line, to read and to go on with")
    parser.add_argument("--every", type=int, default=1, help="only every N-th model")
    parser.add_argument("parts", nargs="*", default=[""], help="keep the names, zoo:model, that hold one of these")
    options = parser.parse_args()

    rows = []
    for zoo, list_names in ZOOS.items():
        names = [f"{zoo}:{name}" for name in list_names()][:: options.every]
        names = [name for name in names if any(part in name for part in options.parts)]
        found = []
        for outcome in outcomes(names, options.seconds, options.jobs, options.keep):
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

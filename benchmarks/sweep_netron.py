"""Whether Netron opens the view of every timm family and every transformers type, how large it is and how long it takes.

    python benchmarks/sweep_netron.py --keep netron.jsonl > docs/tables/netron.md   # about half an hour on 2 idle cores
    python benchmarks/sweep_netron.py timm:swin transformers:clip   # the names that hold one of these, for a look

Which models, and their limits: benchmarks/zoos.py. Each view is written as ``fxviz export MODEL -o model.onnx`` writes it,
read by Netron's own code in node, and read back by fxviz. A model whose view does not open is told on stderr.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from measure import environment, markdown, say
from zoos import ZOOS, OutOfTimeError, add_options, chosen, outcomes, within

sys.path.append(str(Path(__file__).parents[1] / "tests/support"))
from netron_page import copy_sources, parse, parser_missing


@dataclass(frozen=True)
class Outcome:
    """A view: its operations in the model, things that Netron reads, bytes, seconds; else at what step it stopped, and why."""

    name: str
    operations: int = 0
    things: int = 0
    size: int = 0
    write: float = 0.0
    open: float = 0.0
    stopped: str = ""
    reason: str = ""

    @property
    def broken(self) -> str:
        """The promise that it breaks."""
        return f"{self.stopped}: {self.reason}" if self.stopped in ("write", "open", "read") else ""


@cache
def sources() -> Path:
    """Netron's code, once a process."""
    return copy_sources(Path(tempfile.mkdtemp(prefix="netron-")))


def things(graph: dict[str, Any]) -> int:
    """The operations and boxes of a graph, those in its boxes included."""
    inner = (content for node in graph["nodes"] for content in node["attributes"].values() if isinstance(content, dict))
    return len(graph["nodes"]) + sum(things(content) for content in inner)


def sweep(name: str, seconds: int) -> Outcome:
    """Trace one model, write its view, let Netron open it."""
    import fxviz
    from fxviz import models

    step = "trace"
    try:
        with within(seconds), tempfile.TemporaryDirectory() as folder:
            graph = models.build(name).trace()
            step = "write"
            file = Path(folder, "model.onnx")
            before = time.process_time()
            fxviz.export(graph, file)
            write = time.process_time() - before
            step = "open"
            before = time.perf_counter()
            (found,) = parse(sources(), file)["graphs"]
            opened = time.perf_counter() - before
            step = "read"
            fxviz.trace(file)
            return Outcome(name, len(graph.nodes), things(found), file.stat().st_size, write, opened)
    except OutOfTimeError:
        return Outcome(name, stopped=step, reason=f"more than {seconds} CPU s")
    except Exception as error:  # whatever hundreds of models may raise is their outcome
        return Outcome(name, stopped=step, reason=f"{type(error).__name__}: {error}".replace("\n", " ")[:400])


def row(zoo: str, found: list[Outcome]) -> list[str]:
    opened = [outcome for outcome in found if not outcome.stopped]
    return [
        zoo,
        str(len(found)),
        str(len(found) - len(opened) - sum(bool(outcome.broken) for outcome in found)),
        str(len(opened)),
        str(sum(bool(outcome.broken) for outcome in found)),
        f"{sum(outcome.operations for outcome in opened):,}",
        f"{sum(outcome.things for outcome in opened):,}",
        f"{max((outcome.size for outcome in opened), default=0) / 2**20:.2f}",
        f"{max((outcome.write for outcome in opened), default=0.0):.1f}",
        f"{max((outcome.open for outcome in opened), default=0.0):.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    options = parser.parse_args()
    if reason := parser_missing():
        parser.error(reason)
    rows = []
    for zoo in ZOOS:
        found = []
        for outcome in outcomes(sweep, Outcome, chosen(zoo, options), options):
            found.append(outcome)
            if outcome.stopped:
                say(f"{outcome.name}: {outcome.stopped}: {outcome.reason}")
        if found:
            rows.append(row(zoo, found))
    heads = [
        "zoo",
        "models",
        "not traced",
        "opened by Netron",
        "not opened",
        "operations",
        "nodes and boxes in the files",
    ]
    print(markdown([*heads, "largest file, MiB", "slowest to write, CPU s", "slowest to read in node, wall s"], rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()

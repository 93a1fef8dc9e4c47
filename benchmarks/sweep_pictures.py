"""Whether the default picture of every timm family and every transformers type can be read: how big it is, who can draw it.

    python benchmarks/sweep_pictures.py --keep pictures.jsonl > docs/tables/pictures.md   # about half an hour on 2 idle cores
    python benchmarks/sweep_pictures.py timm:swin transformers:clip   # the names that hold one of these, for a look

Which models, and their limits: benchmarks/zoos.py. Each is drawn as `fxviz.export` draws it where nobody says otherwise: DOT,
laid out by Graphviz, and Mermaid, read by mermaid.js. A picture that breaks a promise is told on stderr with its name.
"""

from __future__ import annotations

import argparse
import resource
from dataclasses import dataclass

from measure import environment, markdown, say
from mermaid_page import complaints
from zoos import ZOOS, OutOfTimeError, add_options, chosen, outcomes, within

MOST_BOXES = 60
MOST_SECONDS = 2.0


@dataclass(frozen=True)
class Outcome:
    """How big a picture is, and the CPU seconds that Graphviz took for it; else at what step it stopped and why."""

    name: str
    boxes: int = 0
    edges: int = 0
    layout: float = 0.0
    mermaid: str = ""
    stopped: str = ""
    reason: str = ""

    @property
    def arrows(self) -> int:
        """The edges as they are drawn: those of the entries of a cache are one."""
        return self.mermaid.count(" -->")

    @property
    def broken(self) -> str:
        """The promise that it breaks."""
        if self.stopped in ("view", "dot", "mermaid"):
            return f"{self.stopped}: {self.reason}"
        if self.boxes > MOST_BOXES:
            return f"{self.boxes} boxes"
        return f"{self.layout:.1f} s in Graphviz" if self.layout > MOST_SECONDS else ""


def sweep(name: str, seconds: int) -> Outcome:
    """Trace one model and draw it."""
    from fxviz import Facts, models, render
    from fxviz.output import default_view

    step = "trace"
    try:
        with within(seconds):
            facts = Facts(models.build(name).trace())
            step = "view"
            view = default_view(facts, "svg")
            step = "dot"
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            render(view, "svg")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            layout = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            step = "mermaid"
            return Outcome(name, sum(1 for _ in view.walk()), len(view.edges), layout, str(render(view, "mermaid")))
    except OutOfTimeError:
        return Outcome(name, stopped=step, reason=f"more than {seconds} CPU s")
    except Exception as error:  # whatever hundreds of models may raise is their outcome
        return Outcome(name, stopped=step, reason=f"{type(error).__name__}: {error}".replace("\n", " ")[:400])


def row(zoo: str, found: list[Outcome]) -> list[str]:
    drawn = [outcome for outcome in found if not outcome.stopped]
    return [
        zoo,
        str(len(found)),
        str(len(drawn)),
        str(max((outcome.boxes for outcome in drawn), default=0)),
        str(max((outcome.arrows for outcome in drawn), default=0)),
        f"{max((len(outcome.mermaid) for outcome in drawn), default=0):,}",
        f"{max((outcome.layout for outcome in drawn), default=0.0):.2f}",
        str(sum(bool(outcome.broken) for outcome in found)),
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
            if outcome.stopped or outcome.broken:
                say(f"{outcome.name}: {outcome.broken or f'{outcome.stopped}: {outcome.reason}'}")
        said = complaints({outcome.name: outcome.mermaid for outcome in found if outcome.mermaid})
        for name, words in said.items():
            say(f"{name}: mermaid.js: {words}")
        if found:
            rows.append([*row(zoo, found), str(len(said))])
    heads = [
        "zoo",
        "models",
        "drawn",
        "most boxes",
        "most arrows",
        "most characters of Mermaid",
        "slowest layout, CPU s",
    ]
    limits = f"over {MOST_BOXES} boxes or {MOST_SECONDS:g} s, or refused by Graphviz"
    print(markdown([*heads, limits, "refused by mermaid.js"], rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()

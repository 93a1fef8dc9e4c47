"""The order in which boxes are worth opening."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from build import Builder
from shown import Elements

from fxviz.analysis.facts import Facts
from fxviz.ir import Call, Scope
from fxviz.views.opening import openings, shares


@dataclass(frozen=True)
class Thing:
    """A box of some kind with things in it, of which ``plain`` cannot be opened."""

    name: str
    kind: str
    share: float = 0.0
    inner: tuple[Thing, ...] = ()
    plain: int = 1
    label: str = ""

    @property
    def scope(self) -> Scope:
        return (Call(self.name, self.kind),)


def order(*things: Thing, room: int = 99) -> str:
    found = openings(
        Thing("root", "Root", inner=things),
        room,
        share=lambda thing: thing.share,
        inside=lambda thing: thing.inner,
        fitted=lambda thing, room: thing if thing.plain + len(thing.inner) <= room else None,
        size=lambda thing: thing.plain + len(thing.inner),
    )
    return " ".join(box.name for box, shown in found if shown is box)


def test_the_heaviest_is_first_whatever_the_order() -> None:
    things = [Thing("a", "A", 0.2), Thing("b", "B", 0.5), Thing("c", "C", 0.3)]
    assert order(*things) == order(*reversed(things)) == "b c a"


def test_equal_weights_keep_their_order() -> None:
    assert order(*(Thing(name, name, 0.25) for name in "cabd")) == "c a b d"


def test_each_open_box_of_a_kind_makes_the_next_lighter_by_a_square() -> None:
    # The second Block of 0.4 weighs 0.4 / 2² = 0.1, the third of 0.36 weighs 0.36 / 3² = 0.04.
    blocks = [Thing("0", "Block", 0.5), Thing("1", "Block", 0.4), Thing("2", "Block", 0.36)]
    others = [Thing("a", "A", 0.11), Thing("b", "B", 0.09), Thing("c", "C", 0.041), Thing("d", "D", 0.039)]
    assert order(*blocks, *others) == "0 a 1 b c 2 d"


def test_a_box_that_weighs_less_meanwhile_is_still_opened_and_not_twice() -> None:
    assert order(Thing("0", "Block", 0.5), Thing("1", "Block", 0.5), Thing("2", "Block", 0.5)) == "0 1 2"


@pytest.mark.parametrize("container", ["Sequential", "ModuleList", "ModuleDict"])
def test_containers_are_not_of_one_kind(container: str) -> None:
    assert order(Thing("0", container, 0.5), Thing("1", container, 0.4), Thing("a", "A", 0.11)) == "0 1 a"


def test_a_label_is_the_kind_of_a_box_that_has_one() -> None:
    labelled = [Thing("0", "Model", 0.5, label="f()"), Thing("1", "Model", 0.4, label="g()")]
    assert order(*labelled, Thing("a", "A", 0.11)) == "0 1 a"
    same = [Thing("0", "Model", 0.5, label="f()"), Thing("1", "Other", 0.4, label="f()")]
    assert order(*same, Thing("a", "A", 0.11)) == "0 a 1"


def test_what_weighs_less_than_a_hundredth_stays_closed() -> None:
    assert order(Thing("a", "A", 0.01), Thing("b", "B", 0.0099)) == "a"


def test_a_share_decides_that_whatever_is_open_of_its_kind() -> None:
    assert order(*(Thing(str(i), "Block", 0.02) for i in range(4))) == "0 1 2 3"  # the last weighs 0.02 / 16


def test_what_does_not_fit_is_passed_over() -> None:
    things = [Thing("a", "A", 0.5, plain=3), Thing("b", "B", 0.3, plain=3), Thing("c", "C", 0.2, plain=2)]
    assert order(*things, room=8) == "a b c"
    assert order(*things, room=7) == "a b"
    assert order(*things, room=5) == "a c"
    assert order(*things, room=2) == "c"
    assert order(*things, room=1) == ""


def test_what_is_in_an_open_box_waits_with_the_rest() -> None:
    inner = Thing("inner", "Inner", 0.4)
    assert order(Thing("a", "A", 0.5, inner=(inner,)), Thing("b", "B", 0.45)) == "a b inner"


def test_a_share_is_the_one_of_the_metric_that_counts_most() -> None:
    build = Builder()
    x = build.input("x", 8)
    a = build.op("neg", x, shape=(8,))
    b = build.op("exp", a, shape=(24,))
    graph = build.graph(b)
    elements = Facts(graph)[Elements()]
    neg, exp = graph.nodes
    share = shares(graph, [elements], lambda amount: amount if isinstance(amount, int) else None)
    assert (share([neg]), share([exp]), share([neg, exp])) == (8 / 32, 24 / 32, 1.0)
    nothing = shares(graph, [elements], lambda amount: None)
    assert (nothing([neg]), nothing([()])) == (0.5, 1.0)  # of the operations
    half = shares(graph, [elements, elements], lambda amount: amount)  # type: ignore[arg-type,return-value]
    assert half([exp]) == 24 / 32

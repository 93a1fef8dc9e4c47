"""Mermaid, read back by mermaid.js itself."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import mermaidx
import pytest
from build import Builder, encoder
from hostile import WORDS, legible, renamed, words
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fxviz.errors import ExportError
from fxviz.exporters.drawing.mermaid import Mermaid
from fxviz.exporters.drawing.palette import category_color, heat_colors
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.ir import Graph

SVG = "{http://www.w3.org/2000/svg}"


def lay_out(text: str) -> ET.Element:
    return ET.fromstring(mermaidx.render(text).svg())


def of_class(svg: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in svg.iter() if name in (element.get("class") or "").split()]


def written(element: ET.Element) -> str:
    """The text of a label as it is seen; a line break reads as a newline."""
    text = ""
    for part in element.iter():
        text += "\n" if part.tag.endswith("}br") else ""
        text += part.text or ""
        text += "" if part is element else part.tail or ""
    return visible(text).strip()


def visible(text: str) -> str:
    return text.replace("\N{WORD JOINER}", "")


@pytest.mark.parametrize("depth", [0, 2])
def test_golden(depth: int, golden: Callable[[str, str], None]) -> None:
    golden(f"encoder_depth{depth}.mmd", Mermaid().export(View.of(encoder(), depth=depth)))


def test_mermaid_draws_every_shape_arrow_and_scope() -> None:
    view = View.of(encoder(), depth=2)
    svg = lay_out(Mermaid().export(view))
    boxes = [item for item in view.walk() if getattr(item, "items", ())]
    assert len(of_class(svg, "cluster")) == len(boxes) == 2
    assert len(of_class(svg, "node")) == len([*view.walk()]) - len(boxes) + 2  # an input and an output
    assert len(of_class(svg, "flowchart-link")) == len(view.edges)


def test_the_same_view_gives_the_same_text() -> None:
    assert len({Mermaid().export(View.of(encoder(), depth=2)) for _ in range(2)}) == 1


def test_direction() -> None:
    text = Mermaid(direction="LR").export(View.of(encoder(), depth=2))
    assert "flowchart LR" in text
    assert "TB" not in text


def test_no_text_colour_and_no_opaque_fill() -> None:
    """So that the theme of a light or a dark page shows through."""
    classes = re.findall("classDef .*", Mermaid().export(View.of(encoder(), depth=2)))
    assert len(classes) > 4
    for style in classes:
        assert "color:" not in style
        assert re.search(r"fill:#[0-9a-f]{8}\b", style)


@settings(max_examples=4, deadline=None)
@example(list(WORDS))
@given(st.lists(words, min_size=1, max_size=12))
def test_any_label_survives_mermaid(labels: list[str]) -> None:
    svg = lay_out(Mermaid().export(renamed(labels)))
    nodes = {re.sub(r"^.*flowchart-(n\d+)-\d+$", r"\1", node.get("id", "")): node for node in of_class(svg, "node")}
    (cluster,) = of_class(svg, "cluster-label")
    assert written(cluster) == visible(legible(labels[0]))
    # n0 is the input; each label is the title, and the line under it
    for number, label in enumerate(labels, 1):
        assert written(nodes[f"n{number}"]) == "\n".join([visible(legible(label))] * 2).strip()


def chain(*, ops: int, times: int = 1) -> Graph:
    """Modules of ``ops`` operations in a chain, no two of them equal."""
    build = Builder("chain")
    x = build.input("x", 1, 8)
    for i in range(times):
        with build.module(f"part{i}", "Part"):
            for j in range(ops):
                x = build.op("relu" if j % (i + 2) else "neg", x)
    return build.graph(x)


@pytest.mark.parametrize("graph", [chain(ops=60, times=10), chain(ops=1, times=700), encoder(200, width=8)])
def test_a_view_beyond_the_limits_is_drawn_with_a_smaller_budget_and_says_so(graph: Graph) -> None:
    view = View.of(graph, fold=False)
    text = Mermaid().export(view)
    assert text.count(" --> ") <= 500
    assert 2_000 < len(text) <= 50_000
    seen = sum(1 for _ in view.walk())
    assert re.search(rf"\d+ of {seen:,} boxes, as far as Mermaid#39;s limits allow", text)
    assert text == Mermaid().export(view)


def fed(ops: int) -> Graph:
    """Operations in a chain, each with an input of its own: a budget leaves the arrows of all those inputs."""
    build = Builder("fed")
    x = build.input("x", 1, 8)
    for i in range(ops):
        x = build.op("add", x, build.input(f"in{i}", 1, 8))
    return build.graph(x)


@pytest.mark.parametrize(
    ("ops", "budgets"),
    [
        # Of 901 arrows, 500 can be drawn: 450 · 500/901 = 249.7 boxes. Then 564 arrows are left: 250 · 500/564 = 221.6.
        (450, [250, 222]),
        # Of 801: 400 · 500/801 = 249.7. Then it is nearly enough twice, and a tenth is taken off: 225, and 202.5.
        (400, [250, 225, 203]),
    ],
)
def test_a_budget_shrinks_as_far_as_the_diagram_is_too_large(
    monkeypatch: pytest.MonkeyPatch, ops: int, budgets: list[int]
) -> None:
    tried: list[int] = []
    with_budget = View.with_budget
    monkeypatch.setattr(View, "with_budget", lambda view, budget: (tried.append(budget), with_budget(view, budget))[1])
    Mermaid().export(View.of(fed(ops)))
    assert tried == budgets


def test_a_view_within_the_limits_is_drawn_as_it_is() -> None:
    view = View.of(chain(ops=400))
    assert "footer" not in Mermaid().export(view)
    assert len(Mermaid().export(view)) > 20_000


def test_what_cannot_be_decided_again_is_refused() -> None:
    with pytest.raises(ExportError, match=r"at most 500 edges .* has 601 edges .*smaller depth"):
        Mermaid().export(replace(View.of(chain(ops=600)), spec=None))


def test_words_that_no_budget_shortens_are_refused() -> None:
    with pytest.raises(ExportError, match="50,000 characters"):
        Mermaid().export(replace(renamed(["<" * 100] * 60), spec=None))


def test_a_category_colours_operations_and_its_names_are_the_legend() -> None:
    build = Builder("step")
    x = build.op("relu", build.input("x", 1, 8))
    graph = build.graph(x, build.op("argmax", x, dtype="int64"))
    text = Mermaid().export(View.of(graph, color="dtype"))
    assert re.findall(r'\["(float32|int64)"\]:::category(\d)', text) == [("float32", "0"), ("int64", "1")]
    assert [line for line in text.splitlines() if "classDef category" in line] == [
        f"  classDef category{i} fill:{category_color(i)}55,stroke:{category_color(i)}" for i in range(2)
    ]
    assert len(of_class(lay_out(text), "node")) == 7  # three ends, two operations, the legend


def test_a_number_colours_operations_and_hidden_ones_are_told_in_a_footer() -> None:
    build = Builder("hidden")
    x = build.op("view", build.op("linear", build.input("x", 1, 8), build.parameter("weight", 8, 8)), view=True)
    graph = build.graph(build.op("relu", x))
    text = Mermaid().export(View.of(graph, hide=True, color="parameters"))
    assert ":::heat10" in text
    fill, ink = heat_colors(1.0)
    assert f"classDef heat10 fill:{fill},color:{ink}" in text
    drawn = mermaidx.render(text).svg()
    assert "the darker, the more parameters, all copies together: 0 to 64" in drawn
    assert "not shown: 1 view" in drawn
    assert "footer" not in Mermaid().export(View.of(graph))

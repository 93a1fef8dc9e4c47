"""DOT, read back by Graphviz itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from build import Builder, encoder
from hostile import WORDS, legible, renamed, words
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fxviz.exporters.drawing.dot import Dot
from fxviz.exporters.drawing.palette import category_color, heat_colors
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
BESIDE = f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
PROGRAMS = [
    pytest.param(
        program,
        marks=pytest.mark.skipif(shutil.which(program, path=BESIDE) is None, reason=f"{program} is not installed"),
    )
    for program in ("dot", "graphviz-pure")
]


def lay_out(dot: str, program: str = "dot" if shutil.which("dot") else "graphviz-pure") -> ET.Element:
    found = shutil.which(program, path=BESIDE)
    assert found, f"these tests need {program}"
    done = subprocess.run([found, "-Tsvg"], input=dot.encode(), capture_output=True, check=True)
    return ET.fromstring(done.stdout)


def titled(svg: ET.Element, kind: str) -> dict[str, ET.Element]:
    """The groups of a class, by Graphviz's own name for each: the id in the DOT text."""
    found = {}
    for group in svg.iter(f"{SVG}g"):
        if group.get("class") == kind and (title := group.find(f"{SVG}title")) is not None:
            found[title.text or ""] = group
    return found


@pytest.mark.parametrize("depth", [0, 2])
def test_golden(depth: int, golden: Callable[[str, str], None]) -> None:
    golden(f"encoder_depth{depth}.dot", Dot().export(View.of(encoder(), depth=depth)))


@pytest.mark.parametrize("program", PROGRAMS)
def test_graphviz_draws_every_shape_arrow_and_scope(program: str) -> None:
    view = View.of(encoder(2), fold=False)
    svg = lay_out(Dot().export(view), program)
    boxes = [item for item in view.walk() if getattr(item, "items", ())]
    assert len(titled(svg, "cluster")) == len(boxes)
    assert len(titled(svg, "node")) == len([*view.walk()]) - len(boxes) + 2  # an input and an output
    assert len(titled(svg, "edge")) == len(view.edges)


def test_the_same_view_gives_the_same_text() -> None:
    texts = {Dot().export(View.of(encoder(), depth=2)) for _ in range(2)}
    assert len(texts) == 1


def test_direction() -> None:
    view = View.of(encoder(), depth=0)
    down, across = (lay_out(Dot(direction=direction).export(view)) for direction in ("TB", "LR"))

    def is_tall(svg: ET.Element) -> bool:
        width, height = (float(svg.get(side, "").removesuffix("pt")) for side in ("width", "height"))
        return height > width

    assert is_tall(down)
    assert not is_tall(across)


def test_a_folded_box_has_two_borders() -> None:
    svg = lay_out(Dot().export(View.of(encoder(), depth=0)))
    borders = {
        "".join(text.text or "" for text in node.iter(f"{SVG}text")): len([*node.iter(f"{SVG}path")])
        for node in titled(svg, "node").values()
    }
    assert {title: count for title, count in borders.items() if count > 1} == {"layers.0–11: Block × 121×8": 2}


def test_pydot_hands_out_the_graph() -> None:
    graph = Dot().graph(View.of(encoder(), depth=0))
    graph.set("ranksep", "2")
    assert "ranksep=2" in graph.to_string()


@settings(max_examples=12, deadline=None)
@example(list(WORDS))
@given(st.lists(words, min_size=1, max_size=30))
def test_any_label_survives_graphviz(labels: list[str]) -> None:
    svg = lay_out(Dot().export(renamed(labels)))
    nodes, clusters = titled(svg, "node"), titled(svg, "cluster")
    # n0 is the input
    for drawn, label in [
        (clusters["cluster_s0"], labels[0]),
        *((nodes[f"n{i}"], label) for i, label in enumerate(labels, 1)),
    ]:
        written = [(text.text or "").replace("\N{NO-BREAK SPACE}", " ").strip() for text in drawn.iter(f"{SVG}text")]
        assert written[0] == legible(label)
        (link,) = drawn.iter(f"{SVG}a")
        assert legible(link.get(f"{XLINK}title") or "") == legible(label)


def test_a_tooltip_stays_below_the_longest_string_that_graphviz_reads() -> None:
    for hard in ("&", '"', "\\", "😀", "\n"):
        lay_out(Dot().export(renamed([hard * 5000])))


def test_a_number_colours_operations_and_is_explained_under_the_picture() -> None:
    view = View.of(encoder(), depth=0, color="parameters")
    svg = lay_out(Dot().export(view))
    drawn = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "parameters, all copies together: 0" in drawn
    assert "1.54 k" in drawn
    fills = [shape.get("fill") for shape in svg.iter("{http://www.w3.org/2000/svg}path")]
    assert heat_colors(1.0)[0] in fills  # the folded layers
    assert heat_colors(16 / 1536)[0] in fills  # the head


def test_what_is_hidden_is_told_under_the_picture() -> None:
    build = Builder("hidden")
    x = build.op("view", build.op("relu", build.input("x", 1, 8)), view=True)
    graph = build.graph(build.op("relu", x))
    drawn = lay_out(Dot().export(View.of(graph, hide=True))).iter("{http://www.w3.org/2000/svg}text")
    assert "not shown: 1 view" in [text.text for text in drawn]
    assert "not shown" not in Dot().export(View.of(graph))


def test_a_category_colours_operations_and_has_a_legend() -> None:
    build = Builder("dtypes")
    x = build.op("relu", build.input("x", 1, 8))
    text = Dot().export(View.of(build.graph(x, build.op("argmax", x, dtype="int64")), color="dtype"))
    for place, name in enumerate(("float32", "int64")):
        assert re.search(rf'color="{category_color(place)}"[^>]*></td><td>{name} </td>', text)
        assert text.count(f'color="{category_color(place)}"') == 2  # in the legend, and on the operation

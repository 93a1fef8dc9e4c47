"""Many small drawings laid out by Graphviz: sound, in order, each once."""

from __future__ import annotations

import shutil
import sys
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from build import encoder
from hostile import renamed, words
from hypothesis import given, settings
from hypothesis import strategies as st

from fxviz.errors import ExportError, MissingDependency
from fxviz.exporters.drawing.layout import Drawing, draw
from fxviz.exporters.html.graphviz_layout import GraphvizLayout
from fxviz.exporters.html.levels import cut
from fxviz.views.view import View

if TYPE_CHECKING:
    from fxviz.exporters.html.layout import Layout

CLOSED = tuple(draw(View.of(encoder(layers), fold=False, depth=0), 8, 32) for layers in (1, 2, 3))


def check(drawing: Drawing, found: Layout) -> None:
    """Everything is inside, nothing overlaps, and arrows end at what they lead to."""
    assert len(found.shapes) == len(drawing.children)
    assert len(found.arrows) == len(drawing.arrows) == len(found.labels)
    for place in found.shapes:
        assert -1 <= place.x - place.width / 2 <= place.x + place.width / 2 <= found.width + 1
        assert -1 <= place.y - place.height / 2 <= place.y + place.height / 2 <= found.height + 1
    for a, b in combinations(found.shapes, 2):
        apart_x, apart_y = abs(a.x - b.x) - (a.width + b.width) / 2, abs(a.y - b.y) - (a.height + b.height) / 2
        assert max(apart_x, apart_y) > 0
    numbers = {shape: number for number, shape in enumerate(drawing.children)}
    for arrow, points in zip(drawing.arrows, found.arrows, strict=True):
        assert len(points) % 3 == 2  # a start, three points for each piece, and the tip
        target = found.shapes[numbers[arrow.target]]
        assert abs(points[-1][0] - target.x) <= target.width / 2 + 1
        assert abs(points[-1][1] - target.y) <= target.height / 2 + 1


def test_layouts_are_sound_and_in_order() -> None:
    for drawing, found in zip(CLOSED, GraphvizLayout(60).lay_out(CLOSED), strict=True):
        check(drawing, found)


def test_inputs_stand_above_all_else_and_outputs_below() -> None:
    (found,) = GraphvizLayout(60).lay_out(CLOSED[:1])
    height = {shape.title: found.shapes[number].y for number, shape in enumerate(CLOSED[0].children)}
    assert min(height, key=height.__getitem__) == "x"
    assert max(height, key=height.__getitem__) == "output"


def test_the_wheel_lays_out_where_the_system_has_no_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (Path(sys.executable).parent / "graphviz-pure").exists():
        pytest.skip("graphviz-pure is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    check(CLOSED[0], GraphvizLayout(60).lay_out(CLOSED[:1])[0])


def test_equal_drawings_are_laid_out_once_in_as_many_processes_as_pay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = shutil.which("dot") or shutil.which("graphviz-pure", path=str(Path(sys.executable).parent))
    recorder = tmp_path / "dot"
    recorder.write_text(f'#!/bin/sh\ntee {tmp_path}/given.$$ | {program} "$@"\n')
    recorder.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    many = [draw(View.of(encoder(layers), fold=False, depth=0), 8, 32) for layers in range(1, 25)]
    found = GraphvizLayout(60).lay_out([*many, *many])
    assert found[:24] == found[24:]
    given = [path.read_text().count("digraph") for path in tmp_path.glob("given.*")]
    assert given == [8, 8, 8]
    for drawing, layout in zip(many, found, strict=False):
        check(drawing, layout)


@given(st.lists(words, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_any_label_can_be_laid_out(labels: list[str]) -> None:
    level = cut(renamed(labels), most=80, fan_out=99, fan_in=99)
    drawings = [level.drawing, *(inner.drawing for inner in level.inner.values())]
    for drawing, found in zip(drawings, GraphvizLayout(60).lay_out(drawings), strict=True):
        check(drawing, found)


def test_no_graphviz_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingDependency, match="pip install graphviz-pure"):
        GraphvizLayout(60).lay_out(CLOSED)


def test_a_program_that_lays_out_less_than_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho '{}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(ExportError, match="laid out 1 of 3 drawings"):
        GraphvizLayout(60).lay_out(CLOSED)


def test_an_open_box_is_refused() -> None:
    with pytest.raises(ExportError, match="close the boxes"):
        GraphvizLayout(60).lay_out([draw(View.of(encoder(2)), 8, 32)])

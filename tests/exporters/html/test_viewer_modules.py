"""The parts of the viewer that do not touch the page, run in node: numbers, the tree, and where things are placed."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sympy
from build import Builder, encoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fxviz import exporters
from fxviz.exporters.html.exporter import Html
from fxviz.ir.expressions import Symbols, encode_expression
from fxviz.passes.flops import Flops
from fxviz.text.quantity import format_quantity
from fxviz.views.view import View

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed, which runs the viewer's modules")

VIEWER = Path(exporters.__file__).parent / "html/templates/viewer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules where node takes them for what they are."""
    folder = tmp_path_factory.mktemp("viewer")
    for module in VIEWER.glob("*.js"):
        shutil.copy(module, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def run(folder: Path, module: str, names: str, body: str, data: object) -> Any:
    """What ``body`` returns, a function of ``data`` that uses ``names`` of a module."""
    assert NODE is not None
    script = f"""
import {{ {names} }} from "./{module}.js";
import {{ readFileSync }} from "node:fs";
const data = JSON.parse(readFileSync(0, "utf8"));
const answer = ((data) => {{ {body} }})(data);
process.stdout.write(JSON.stringify(answer));
"""
    (folder / "script.mjs").write_text(script)
    command = [NODE, "script.mjs"]
    done = subprocess.run(command, cwd=folder, input=json.dumps(data), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_numbers_are_written_as_everywhere_else(folder: Path) -> None:
    numbers = [
        0,
        1,
        7,
        12.5,
        999,
        999.4,
        999.5,
        1000,
        1023,
        1024,
        1e6 - 1,
        8_178_000_000,
        536870912,
        1.5e24,
        3e30,
        -2048,
    ]
    cases = [[number, unit] for number in numbers for unit in ("", "FLOPs", "B", "s")]
    cases += [[number, "s"] for number in (0.00123, 4.5e-7, 0.9994, 0.9996, 1e-15)]
    found = run(folder, "amounts", "formatNumber", "return data.map(([n, unit]) => formatNumber(n, unit));", cases)
    assert dict(zip(map(str, cases), found, strict=True)) == {str(case): format_quantity(*case) for case in cases}


B, S = sympy.symbols("B S", integer=True, positive=True)
EXPRESSIONS = (
    12864 * B * S**2 + 31570944 * B * S,
    sympy.Max(B * S, 3 * B + 7, evaluate=False),
    sympy.Min(B, S - 5),
    sympy.ceiling(B * S / 3) + sympy.floor(S / 4),
    sympy.Mod(S - 9, 4),
    sympy.Abs(B - S),
    B ** sympy.Rational(1, 2) + sympy.Float(0.25) * S,
)


@pytest.mark.parametrize("sizes", [(1, 1), (3, 10), (64, 4096)])
def test_formulas_are_worked_out_as_sympy_does(folder: Path, sizes: tuple[int, int]) -> None:
    symbols = Symbols()
    symbols.number(B)
    symbols.number(S)
    data = [[encode_expression(expression, symbols) for expression in EXPRESSIONS], sizes]
    found = run(folder, "amounts", "evaluate", "return data[0].map((e) => evaluate(e, data[1]));", data)
    bound = dict(zip((B, S), sizes, strict=True))
    assert found == pytest.approx([float(expression.subs(bound)) for expression in EXPRESSIONS])


intervals = st.lists(
    st.builds(
        lambda start, length, more: {"from": start, "to": start + length, "need": length + more},
        st.floats(0, 900),
        st.floats(1, 300),
        st.floats(0, 2000),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def viewer_data() -> dict[str, Any]:
    return Html().data(View.of(encoder(3), show=(Flops(),)))


@given(cases=st.lists(intervals, min_size=20, max_size=20))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stretching_gives_each_interval_what_it_needs_and_squeezes_nothing(
    folder: Path, cases: list[list[dict[str, float]]]
) -> None:
    body = """
return data.map((intervals) => {
  const map = stretch(intervals);
  const at = Array.from({ length: 121 }, (_, i) => map(10 * i));
  return [at, intervals.map(({ from, to }) => map(to) - map(from))];
});"""
    for case, (at, lengths) in zip(cases, run(folder, "placing", "stretch", body, cases), strict=True):
        assert all(length >= one["need"] - 1e-6 for length, one in zip(lengths, case, strict=True))
        assert all(b - a >= 10 - 1e-6 for a, b in pairwise(at))
        assert at[-1] - 1200 <= sum(one["need"] - (one["to"] - one["from"]) for one in case) + 1e-6


def test_things_in_one_column_share_the_room_that_one_of_them_takes(folder: Path) -> None:
    column = [{"from": 50 - half, "to": 50 + half, "need": 400} for half in (10, 30, 40)]
    assert run(folder, "placing", "stretch", "return stretch(data)(100) - stretch(data)(0);", column) == pytest.approx(
        480
    )


PLACED = """
const tree = growTree(data);
const open = [...tree.byKey.values()].filter((node) => node.scene);
const isOpen = (node) => open.includes(node);
const flat = (scene) => scene.shapes.flatMap((shape) => (shape.inner ? flat(shape.inner) : []));
const clashes = (scene) =>
  scene.shapes.flatMap((a, i) =>
    scene.shapes.slice(i + 1).filter(
      (b) => Math.abs(a.x - b.x) < (a.width + b.width) / 2 - 0.1 && Math.abs(a.y - b.y) < (a.height + b.height) / 2 - 0.1,
    ),
  ).concat(scene.shapes.flatMap((shape) => (shape.inner ? clashes(shape.inner) : [])));
const outside = (scene) =>
  scene.shapes.flatMap((shape) => [
    ...(shape.inner && (shape.inner.width > shape.width || shape.inner.height > shape.height) ? [shape] : []),
    ...(shape.x + shape.width / 2 > scene.width + 1 || shape.y + shape.height / 2 > scene.height + 1 ? [shape] : []),
    ...(shape.inner ? outside(shape.inner) : []),
  ]);
const shut = place(tree.root, () => false);
const all = place(tree.root, isOpen);
return { open: open.length, clashes: clashes(all), outside: outside(all), shut: [shut.width, shut.height], size: data.scenes[data.root].size,
         taller: all.height > shut.height, paths: all.arrows.every((arrow) => !arrow.path.includes("NaN")) };
"""


def test_open_boxes_hold_their_scenes_and_nothing_overlaps(folder: Path, viewer_data: dict[str, Any]) -> None:
    (folder / "both.js").write_text('export * from "./placing.js";\nexport * from "./tree.js";\n')
    found = run(folder, "both", "growTree, place", PLACED, viewer_data)
    assert found["open"] == 3  # the root, the folded layers, the mlp in one
    assert found["clashes"] == found["outside"] == []
    assert found["shut"] == found["size"]
    assert found["taller"]
    assert found["paths"]


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("layers.2.mlp", "mlp: Sequential"),
        ("layers.0", "layers.0–2: Block × 3"),
        ("layers.1.mlp.2", "2: linear"),
        ("head", "head: linear"),
        ("nothing.here", None),
        ("", None),
    ],
)
def test_a_path_is_found_in_the_copy_that_is_shown(
    folder: Path, viewer_data: dict[str, Any], path: str, title: str | None
) -> None:
    body = "return findPath(growTree(data[0]).root, data[1])?.shape.title ?? null;"
    assert run(folder, "tree", "findPath, growTree", body, [viewer_data, path]) == title


def test_search_finds_operators_titles_and_paths(folder: Path, viewer_data: dict[str, Any]) -> None:
    body = "return data[1].map((query) => search(growTree(data[0]), query, 9).map((node) => node.path + ' ' + node.shape.title));"
    gelu, both, none, blank = run(
        folder, "tree", "growTree, search", body, [viewer_data, ["GELU", "mlp linear", "conv", " "]]
    )
    assert gelu == ["layers.0.mlp.1 1: gelu"]
    assert both == ["layers.0.mlp.0 0: linear", "layers.0.mlp.2 2: linear"]
    assert none == blank == []


def test_amounts_inside_a_folded_box_count_for_all_copies(folder: Path, viewer_data: dict[str, Any]) -> None:
    body = """
const tree = growTree(data);
const leaves = [...tree.byKey.values()].filter((node) => node.parent && !node.scene);
return leaves.reduce((sum, node) => sum + together(node, data.metrics[0], 0, (amount) => amount), 0);"""
    found = run(folder, "tree", "growTree, together", body, viewer_data)
    assert found == viewer_data["metrics"][0]["total"] > 0


def test_an_arrow_leads_through_the_border_to_what_shows_its_value(folder: Path) -> None:
    build = Builder("doors")
    x = build.input("x", 4)
    with build.module("maker", "Maker"):
        a, b = build.op("relu", x, shape=(2,)), build.op("neg", x, shape=(3,))
    with build.module("reader", "Reader"):
        y = build.op("add", build.op("exp", a), build.op("exp", b))
    (folder / "both.js").write_text('export * from "./placing.js";\nexport * from "./tree.js";\n')
    body = "const { root } = growTree(data); return place(root, () => true).arrows;"
    data = Html().data(View.of(build.graph(y)))
    entering, across, leaving = run(folder, "both", "growTree, place", body, data)
    assert [len(arrow["tails"]) for arrow in (entering, across, leaving)] == [0, 2, 0]
    assert [len(arrow["fan"]) for arrow in (entering, across, leaving)] == [0, 2, 0]
    borders = {line.split("L")[1] for line in across["tails"]}, {line[1:].split("L")[0] for line in across["fan"]}
    assert borders == ({across["path"][1:].split("L")[0]}, {across["path"].split("L")[-1]})

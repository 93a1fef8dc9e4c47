"""Tables: text for terminals, Markdown and CSV, each read back."""

import csv
import io
import re
from collections.abc import Callable

import pytest
import sympy
from build import Builder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fxviz import Facts, Flops, Graph, Memory, Node, Parameters, View
from fxviz.exporters.table import Csv, Markdown, Text, rows
from fxviz.text.escaping import one_line

SHOW = (Parameters(), Flops(), Memory())


def encoder(blocks: int = 3, batch: int | sympy.Expr = 2) -> Graph:
    """``blocks`` equal layers between a projection and a norm."""
    build = Builder("encoder")
    x = build.input("x", batch, 8)
    x = build.op("linear", x, build.parameter("embed", 8, 8), kernel="aten.mm.default")
    with build.module("layers", "ModuleList"):
        for index in range(blocks):
            with build.module(str(index), "Block"):
                y = build.op("linear", x, build.parameter("weight", 8, 8), kernel="aten.mm.default")
                x = build.op("add", x, build.op("relu", y))
    return build.graph(build.op("tanh", x))


@pytest.mark.parametrize(("exporter", "suffix"), [(Text(), "txt"), (Markdown(), "md"), (Csv(), "csv")])
def test_golden(golden: Callable[[str, str], None], exporter: Text | Markdown | Csv, suffix: str) -> None:
    golden(f"table/encoder.{suffix}", exporter.export(View.of(encoder(), show=SHOW)))


def read_csv(view: View) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Csv().export(view), newline="")))


def test_csv_has_exact_numbers_that_add_up() -> None:
    table = read_csv(View.of(encoder(), fold=False, show=SHOW))
    total = table[-1]
    assert total["kind"] == "Total"
    assert int(total["parameters"]) == 4 * 64
    # four matrix products of 2·8·8·2 FLOPs; a relu and an add in each layer and the tanh, 2·8 elements
    leaves = [row for row in table[:-1] if row["kind"] not in ("ModuleList", "Block")]
    assert sum(int(row["FLOPs"] or 0) for row in leaves) == int(total["FLOPs"])
    assert int(total["FLOPs"]) > 4 * 256


@pytest.mark.parametrize("depth", [0, 1, None])
def test_folding_keeps_the_totals(depth: int | None) -> None:
    folded = read_csv(View.of(encoder(), depth=depth, show=SHOW))
    unfolded = read_csv(View.of(encoder(), depth=depth, fold=False, show=SHOW))
    assert folded[-1] == unfolded[-1]


def test_a_folded_block_is_one_row_with_its_copies_counted() -> None:
    folded = [row for row in read_csv(View.of(encoder(), show=SHOW)) if row["kind"] == "Block"]
    unfolded = [row for row in read_csv(View.of(encoder(), fold=False, show=SHOW)) if row["kind"] == "Block"]
    assert [row["times"] for row in folded] == ["3"]
    assert [row["times"] for row in unfolded] == ["1"] * 3
    assert int(folded[0]["FLOPs"]) == sum(int(row["FLOPs"]) for row in unfolded)
    assert "× n stands for n copies" in Text().export(View.of(encoder(), show=SHOW))
    assert "× n" not in Text().export(View.of(encoder(), fold=False, show=SHOW))


def test_what_is_hidden_is_told() -> None:
    build = Builder()
    graph = build.graph(build.op("relu", build.op("view", build.input("x", 2), view=True)))
    for exporter in (Text(), Markdown()):
        assert exporter.export(View.of(graph, hide=True)).endswith("Not shown: 1 view.\n")
        assert "ot shown" not in exporter.export(View.of(graph))


def test_symbols_are_written_as_expressions() -> None:
    batch = sympy.Symbol("B", integer=True, positive=True)
    view = View.of(encoder(batch=batch), show=(Flops(),))
    total = read_csv(view)[-1]["FLOPs"]
    assert sympy.sympify(total, {"B": batch}).free_symbols == {batch}
    assert "568·B" in Text().export(view)
    assert "B×8" in Text().export(view)


def test_rows_follow_the_view() -> None:
    view = View.of(encoder(), show=SHOW)
    assert [row.item for row in rows(view)] == list(view.walk())
    assert next(row.depth for row in rows(view) if isinstance(row.item, Node)) == 0


def test_an_empty_model() -> None:
    build = Builder("empty")
    view = View.of(build.graph(build.input("x", 2)), show=SHOW)
    assert [row["kind"] for row in read_csv(view)] == ["Total"]
    assert Text().export(view).splitlines()[0].split() == [
        "Module",
        "or",
        "operation",
        "Output",
        "shape",
        "Parameters",
        "FLOPs",
        "Memory",
    ]
    assert Markdown().export(view).count("\n") == 3


def test_a_graph_without_shapes() -> None:
    graph = encoder()
    view = View.of(Facts(graph))
    assert "Parameters" not in Text().export(view)
    assert len(read_csv(view)) == len(list(view.walk())) + 1


NASTY = [
    "a|b",
    "<script>",
    "q\"uo'te",
    "new\nline",
    "\x1b[31mred",
    "[bold]x[/bold]",
    "`code`",
    "*x*",
    "a,b;c",
    "日本語",
    "$\\pi$",
    "&amp;",
    "#5;",
]


def named(name: str) -> View:
    build = Builder(name)
    x = build.input("x", 2)
    with build.module("m", name):
        x = build.op("tanh", build.op("relu", x))
    return View.of(build.graph(x), depth=0)


def cells_of(markdown: str) -> list[list[str]]:
    """What GitHub's Markdown makes of a table: the text of its cells."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    found: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline":
            found[-1].append(
                "".join("" if child.type == "html_inline" else child.content for child in token.children or [])
            )
    return found


@pytest.mark.parametrize("name", NASTY)
def test_any_name_survives_markdown(name: str) -> None:
    view = named(name)
    assert cells_of(Markdown().export(view))[1][0] == one_line(f"m: {name}")


@pytest.mark.parametrize("name", NASTY)
def test_no_name_breaks_a_line_or_colours_the_text(name: str) -> None:
    text = Text().export(named(name))
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(Text().export(named("plain")).splitlines())
    assert one_line(name) in text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_name_survives_csv(name: str) -> None:
    view = named(name)
    assert (
        read_csv(view)[0]["kind"] == name.replace("\r\n", "\n").replace("\r", "\n") or read_csv(view)[0]["kind"] == name
    )


def test_the_text_is_the_same_in_every_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Text().export(View.of(encoder(), show=SHOW))
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Text().export(View.of(encoder(), show=SHOW)) == plain
    assert not re.search(r"\s$", plain.replace("\n", "")) or plain.endswith("\n")

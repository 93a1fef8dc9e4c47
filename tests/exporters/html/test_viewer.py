"""The page in a browser: opened, clicked through, searched, coloured, read, by pointer and by keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sympy
from build import Builder, encoder
from hostile import WORDS, renamed

from fxviz.analysis.facts import Facts
from fxviz.exporters.html.exporter import Html, viewer_element, viewer_modules, viewer_styles
from fxviz.exporters.html.page import Page
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.passes.parameters import Parameters
from fxviz.text.quantity import format_quantity
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab


SHOW = (Parameters(), Flops(), Memory())
LAYERS = "layers.0–11: Block × 12"


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Tab]]:
    """``show(content)``: the page in a tab. At the end, nothing was asked for but the page, and nothing complained."""
    tabs: list[Tab] = []
    faults: list[str] = []

    def show(content: str, address: str = "", **options: object) -> Tab:
        path = tmp_path / f"page{len(tabs)}.html"
        path.write_text(content, encoding="utf-8")
        tab = browser.new_page(viewport={"width": 1200, "height": 800}, **options)
        tabs.append(tab)
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("dialog", lambda dialog: faults.append(dialog.message))
        tab.on("request", lambda request: None if request.url.startswith(path.as_uri()) else faults.append(request.url))
        tab.goto(path.as_uri() + address)
        tab.set_default_timeout(10_000)
        tab.wait_for_selector(".fxviz .canvas")
        tab.keyboard.press("0")  # all of it in the window, so that everything can be clicked
        return tab

    yield show
    for tab in tabs:
        tab.close()
    assert faults == []


def page_of(layers: int = 12, **options: object) -> str:
    return Html().export(View.of(encoder(layers), show=SHOW, **options))  # type: ignore[arg-type]


def titles(tab: Tab) -> list[str]:
    """What is drawn, open and closed things alike, without the lines under the titles."""
    return tab.eval_on_selector_all(
        "[role=treeitem]", "all => all.map(e => e.getAttribute('aria-label').split(', ')[0])"
    )


def item(title: str) -> str:
    return f'[role=treeitem][aria-label^="{title}"]'


def selected(tab: Tab) -> str | None:
    found = tab.query_selector("[role=treeitem][aria-selected=true]")
    return (found.get_attribute("aria-label") or "").split(", ")[0] if found else None


def panel(tab: Tab) -> str:
    return tab.inner_text(".panel")


def close_all(tab: Tab) -> None:
    """Only the top level, to begin with."""
    for _ in range(8):
        tab.keyboard.press("[")


def test_modules_open_and_close_in_place(show: Callable[..., Tab]) -> None:
    tab = show(page_of())
    close_all(tab)
    assert titles(tab) == ["embed: linear", LAYERS, "head: linear"]
    tab.click(f"{item(LAYERS)} .toggle")
    assert titles(tab) == ["embed: linear", LAYERS, "mlp: Sequential", "add", "head: linear"]
    assert tab.get_attribute(item(LAYERS), "aria-expanded") == "true"
    tab.dblclick(f"{item('mlp')} .box")
    assert titles(tab)[2:6] == ["mlp: Sequential", "0: linear", "1: gelu", "2: linear"]
    boxes = tab.eval_on_selector_all(
        "[role=treeitem] > .box", "all => all.map(e => Object.values(e.getBoundingClientRect().toJSON()))"
    )
    outer, inner = boxes[1], boxes[2]
    assert outer[0] < inner[0] < inner[0] + inner[2] < outer[0] + outer[2]
    tab.click(".head .toggle >> nth=0")  # that of the innermost frame
    assert titles(tab)[2:4] == ["mlp: Sequential", "add"]
    tab.click(".head .toggle >> nth=0")
    assert titles(tab) == ["embed: linear", LAYERS, "head: linear"]


def test_the_numbers_in_the_panel_are_those_of_the_facts(show: Callable[..., Tab]) -> None:
    graph = encoder(12)
    facts = Facts(graph)
    tab = show(page_of())
    assert f"{facts[Flops()].total:,} FLOPs" in panel(tab)
    assert format_quantity(facts[Memory()].peak, "B") in panel(tab)
    tab.click(f"{item('add')} .box")
    assert selected(tab) == "add"
    add = next(node for node in graph.nodes if node.op == "add")
    own, total = facts[Flops()].at(add), facts[Flops()].total
    assert isinstance(own, int)
    assert isinstance(total, int)
    told = panel(tab)
    assert f"{own} FLOPs" in told
    assert f"{format_quantity(12 * own, 'FLOPs')} in all 12 copies" in told
    assert f"{100 * 12 * own / total:.2g} %" in told
    assert "layers.0" in told
    assert "Reads" in told.title()


def test_breadcrumbs_lead_in_and_out(show: Callable[..., Tab]) -> None:
    tab = show(page_of())
    tab.click(f"{item('mlp')} > .box", position={"x": 3, "y": 40})
    tab.keyboard.press("f")
    assert titles(tab) == ["0: linear", "1: gelu", "2: linear"]
    assert tab.eval_on_selector_all(".crumbs li", "all => all.map(e => e.innerText)") == [
        "encoder",
        "layers.0–11",
        "mlp",
    ]
    tab.keyboard.press("ArrowDown")
    assert selected(tab) == "0: linear"
    tab.click(".crumbs li >> nth=1")
    assert titles(tab)[0] == "mlp: Sequential"
    tab.keyboard.press("Escape")
    assert titles(tab)[0] == "embed: linear"
    assert "totals" in panel(tab).lower()


def test_search_opens_what_is_around_what_it_finds(show: Callable[..., Tab]) -> None:
    tab = show(page_of())
    close_all(tab)
    tab.keyboard.press("/")
    tab.keyboard.type("gelu")
    assert tab.get_attribute("input[type=search]", "aria-expanded") == "true"
    tab.keyboard.press("Enter")
    assert selected(tab) == "1: gelu"
    tab.fill("input[type=search]", "layers.7.mlp.2")  # in a copy that is not drawn
    tab.keyboard.press("Enter")
    assert selected(tab) == "2: linear"
    tab.fill("input[type=search]", "linear")
    tab.keyboard.press("ArrowDown")
    assert tab.inner_text('.results [aria-selected="true"]').startswith("0: linear")
    tab.keyboard.press("Escape")
    assert not tab.is_visible(".results")


def test_a_path_in_the_address_is_shown(show: Callable[..., Tab]) -> None:
    tab = show(page_of(), address="#layers.3.mlp")
    assert selected(tab) == "mlp: Sequential"


def test_keys_walk_along_the_arrows(show: Callable[..., Tab]) -> None:
    tab = show(page_of(2, fold=False))
    close_all(tab)
    walk = []
    for _ in range(4):
        tab.keyboard.press("ArrowDown")
        walk.append(selected(tab))
    assert walk == ["embed: linear", "layers: ModuleList", "head: linear", "head: linear"]
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Enter")
    assert titles(tab) == ["embed: linear", "layers: ModuleList", "0: Block", "1: Block", "head: linear"]
    tab.keyboard.press("ArrowDown")
    assert selected(tab) == "0: Block"
    assert tab.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Enter")
    assert titles(tab) == ["embed: linear", "layers: ModuleList", "head: linear"]
    tab.keyboard.press("Escape")
    assert selected(tab) is None


def test_colour_by_a_number(show: Callable[..., Tab]) -> None:
    graph = encoder(12)
    tab = show(page_of())
    tab.select_option("select", label="FLOPs")
    fills = tab.eval_on_selector_all(
        "[role=treeitem].heated",
        "all => all.map(e => [e.getAttribute('aria-label').split(',')[0], e.style.getPropertyValue('--fill')])",
    )
    ramp = [fill for fill, _ in Html().data(View.of(graph))["heat"]]
    shades = {title: ramp.index(fill) for title, fill in fills}
    costs = Facts(graph)[Flops()]
    linear = next(node for node in graph.nodes if node.scope and node.scope[-1].path == "layers.0.mlp.0")
    assert max(shades, key=shades.__getitem__) in ("0: linear", "2: linear")
    most, head = costs.at(linear), costs.at(graph.nodes[-1])
    assert isinstance(most, int)
    assert isinstance(head, int)
    assert shades["head: linear"] == round(head / (12 * most) * (len(ramp) - 1))
    assert format_quantity(12 * most, "FLOPs") in tab.inner_text(".stage .legend")
    tab.select_option("select", label="kind")
    assert not tab.query_selector(".heated")
    assert "matrix" in tab.inner_text(".stage .legend")


def test_memory_over_time_leads_to_operations(show: Callable[..., Tab]) -> None:
    graph = encoder(12)
    memory = Facts(graph)[Memory()]
    tab = show(page_of())
    told = tab.inner_text(".told output")
    assert told.startswith(f"peak {format_quantity(memory.peak, 'B')}")
    assert f"at step {memory.peak_step} of {len(graph.kernels) - 1}" in told
    tab.focus(".chart")
    tab.keyboard.press("Enter")
    assert memory.peak_node is not None
    assert (selected(tab) or "").endswith(memory.peak_node.op)
    box = tab.locator(".chart").bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + box["width"] - 2, box["y"] + 20)  # the last step
    assert selected(tab) == "head: linear"
    area = len(tab.query_selector_all(".area"))
    tab.click('.told button[aria-pressed="false"] >> nth=0')
    assert len(tab.query_selector_all(".area")) == area + 1


def test_sizes_are_the_readers_to_choose(show: Callable[..., Tab]) -> None:
    batch = sympy.Symbol("B", integer=True, positive=True)
    graph = encoder(3, batch=batch)
    tab = show(Html().export(View.of(graph, show=SHOW)))
    total = Facts(graph)[Flops()].total
    assert isinstance(total, sympy.Expr)
    for size in (64, 1000):
        tab.fill(".sizes input", str(size))
        tab.press(".sizes input", "Enter")
        assert f"{int(total.subs({batch: size})):,} FLOPs" in panel(tab)
    assert "·B" in panel(tab)


def test_light_and_dark(show: Callable[..., Tab]) -> None:
    def page_colour(tab: Tab) -> str:
        return str(tab.evaluate("getComputedStyle(document.querySelector('.fxviz')).backgroundColor"))

    light, dark = show(page_of(2)), show(page_of(2), color_scheme="dark")
    assert page_colour(light) == "rgb(255, 255, 255)"
    assert max(map(int, re.findall(r"\d+", page_colour(dark)))) < 60
    for tab, other in ((light, page_colour(dark)), (dark, page_colour(light))):
        tab.click("[aria-label='light or dark']")
        assert page_colour(tab) == other


def test_no_word_of_a_model_runs(show: Callable[..., Tab]) -> None:
    attacks = [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(2)</script>",
        "<svg/onload=alert(3)>",
        "${alert(4)}",
    ]
    tab = show(Html().export(renamed([*attacks, *WORDS])))
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    drawn = tab.eval_on_selector_all(".canvas text.title", "all => all.map(e => e.textContent)")
    assert {"<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "<unk>", "é 模型 😀 × – · ²"} <= set(
        drawn
    )
    for title in tab.query_selector_all("[role=treeitem]")[:6]:
        title.focus()
        tab.keyboard.press("ArrowDown")
    assert not tab.query_selector_all("img, iframe, .fxviz script")


def test_it_is_told_to_those_who_do_not_see_it(show: Callable[..., Tab]) -> None:
    tab = show(page_of())
    assert tab.get_attribute("[role=tree]", "aria-label") == "encoder"
    for entry in tab.query_selector_all("[role=treeitem]"):
        assert entry.get_attribute("aria-label")
        assert entry.get_attribute("aria-level")
        assert (entry.get_attribute("aria-expanded") is not None) == (
            entry.query_selector(":scope > .toggle, :scope > [role=group]") is not None
        )
    for control in tab.query_selector_all("button, input, select"):
        named = control.evaluate("e => e.labels?.length || e.getAttribute('aria-label') || e.innerText")
        assert named


def test_on_paper_the_whole_picture_fills_the_page(show: Callable[..., Tab]) -> None:
    tab = show(page_of(), color_scheme="dark")
    before = tab.get_attribute(".canvas > g", "transform")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.get_attribute(".canvas", "viewBox")
    tab.emulate_media(media="print")
    assert not tab.is_visible(".search")
    assert tab.evaluate("getComputedStyle(document.querySelector('.fxviz')).backgroundColor") == "rgb(255, 255, 255)"
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.get_attribute(".canvas > g", "transform") == before
    assert tab.pdf().startswith(b"%PDF")


def test_a_flat_model_opens_part_by_part(show: Callable[..., Tab]) -> None:
    build = Builder("flat")
    x = build.input("x", 1)
    for _ in range(500):
        x = build.op("relu", x)
    tab = show(Html().export(View.of(build.graph(x), show=SHOW)))
    close_all(tab)
    assert titles(tab)[0] == "1–71 of 500"
    tab.click(".toggle >> nth=0")
    assert titles(tab).count("relu") == 71


def test_the_viewer_is_a_part_that_other_pages_can_hold(show: Callable[..., Tab]) -> None:
    app = (
        'import { mountViewers } from "./viewer.js";\n'
        "window.viewers = mountViewers(document);\n"
        'window.viewers[1].overlay({ label: "gradient", amounts: { "layers.0": 2, head: 1 } });\n'
    )
    page = Page(
        "app",
        f"<main>{viewer_element('one')}{viewer_element('two')}</main>",
        styles=("main { height: 900px; display: grid; grid-template-rows: 1fr 1fr; }", *viewer_styles()),
        modules={**viewer_modules(), "app": app},
        data={"one": Html().data(View.of(encoder(3), show=SHOW)), "two": Html().data(View.of(encoder(4), show=SHOW))},
    )
    tab = show(page.render())
    first, second = tab.query_selector_all(".fxviz")
    assert not first.query_selector(".heated")
    heated = [entry.get_attribute("aria-label") or "" for entry in second.query_selector_all(".heated")]
    assert [label.split(":")[0] for label in heated] == ["head"]
    assert "gradient" in second.inner_text()
    before = tab.evaluate("viewers[0].state.open.size")
    tab.evaluate("viewers[1].showPath('layers.2')")
    assert tab.evaluate("viewers[1].state.selected.path") == "layers.0"
    assert tab.evaluate("[viewers[0].state.selected, viewers[0].state.open.size]") == [None, before]

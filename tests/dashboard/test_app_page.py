"""The page of an app in a browser: every tab, the slider that colours the graph, and numbers that are those of the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hostile import WORDS, renamed
from watched import STEPS, made_run

import fxviz
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page
    from torch import nn

NAMES = "#panel-parameters tbody th"


@pytest.fixture(scope="module")
def address(net: nn.Module, run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("app") / "model.html"
    batch = torch.empty(16, 1, 16, 16)
    fxviz.app(net, batch, run=run_folder, loss=lambda y: y.square().mean(), optimizer=torch.optim.SGD).render(path)
    return path.as_uri()


def shown(tab: Page) -> list[str]:
    return tab.eval_on_selector_all("[role=tabpanel]:not([hidden])", "all => all.map(e => e.id)")


def fills(tab: Page) -> dict[str, str]:
    """The colour of each layer that has one."""
    return dict(
        tab.eval_on_selector_all(
            "[role=treeitem].heated",
            "all => all.map(e => [e.getAttribute('aria-label').split(',')[0], e.style.getPropertyValue('--fill')])",
        )
    )


def slide(tab: Page, place: int) -> None:
    tab.fill("input[type=range]", str(place))


def test_every_tab_is_reached_by_pointer_and_keys(visit: Callable[..., Page], address: str) -> None:
    tab = visit(address)
    assert shown(tab) == ["panel-graph"]
    for name in ("parameters", "memory", "training", "graph"):
        tab.click(f"#tab-{name}")
        assert shown(tab) == [f"panel-{name}"]
        assert tab.evaluate("location.hash") == f"#{name}"
    tab.focus("#tab-graph")
    for key, name in (
        ("ArrowRight", "parameters"),
        ("End", "training"),
        ("ArrowRight", "graph"),
        ("ArrowLeft", "training"),
    ):
        tab.keyboard.press(key)
        assert shown(tab) == [f"panel-{name}"]
        assert tab.evaluate("document.activeElement.id") == f"tab-{name}"
    assert tab.eval_on_selector_all("[role=tab]", "all => all.map(e => e.tabIndex)") == [-1, -1, -1, 0]
    for element in tab.query_selector_all("[role=tabpanel]"):
        assert tab.query_selector(f"#{element.get_attribute('aria-labelledby')}")


def test_the_slider_colours_the_graph(visit: Callable[..., Page], address: str, run_folder: Path) -> None:
    tab = visit(address)
    run = fxviz.load_run(run_folder)
    norms = run.layer_metric("grad_norm")
    ramp = tab.evaluate("JSON.parse(document.getElementById('fxviz-graph').textContent).heat.map(([fill]) => fill)")
    shades = []
    for place in (0, len(run.samples) - 1):
        slide(tab, place)
        assert f"{run.samples[place].step} of {STEPS}" in tab.inner_text(".steps output")
        found = {title.split(":")[0]: ramp.index(fill) for title, fill in fills(tab).items()}
        assert set(found) == {"0", "3", "head"}
        true = {name.rpartition(".")[2]: float(series.values[place]) for name, series in norms.items()}
        assert (
            sorted(found, key=found.__getitem__) == sorted(true, key=true.__getitem__) or len(set(found.values())) < 3
        )
        assert max(found, key=found.__getitem__) == max(true, key=true.__getitem__) or len(set(found.values())) < 3
        shades.append(found)
    assert shades[0] != shades[1]
    tab.select_option(".steps select", "dead_share")
    assert {title.split(":")[0] for title in fills(tab)} >= {"1", "4"}
    assert "dead_share" in tab.inner_text(".stage > .legend")


def test_numbers_are_those_of_the_facts(
    visit: Callable[..., Page], address: str, net: nn.Module, run_folder: Path
) -> None:
    tab = visit(address, "#parameters")
    total = sum(parameter.numel() for parameter in net.parameters())
    assert f"{total:,} elements" in tab.inner_text("#panel-parameters output")
    row = tab.inner_text("#panel-parameters tr:has-text('head.weight')")
    assert f"{net.head.weight.norm():.3g}" in row  # type: ignore[union-attr]
    assert "4×64" in row
    tab.click("#tab-memory")
    batch = torch.empty(16, 1, 16, 16)
    peak = fxviz.Facts(fxviz.trace(net, batch))[fxviz.Memory()].peak
    step = fxviz.trace_training(net, batch, loss=lambda y: y.square().mean(), optimizer=torch.optim.SGD)
    told = tab.inner_text("#panel-memory")
    assert f"{format_quantity(peak, 'B')} at the peak" in told
    assert f"{format_quantity(fxviz.Facts(step)[fxviz.Memory()].peak, 'B')} at the peak" in told
    tab.click("#tab-training")
    last = fxviz.load_run(run_folder).scalar("loss").values[-1]
    card = tab.inner_text(".card:has(h3:text-is('loss')) output")
    assert card == f"step {STEPS}: {format_quantity(float(last))}"


def test_parameters_are_sorted_and_searched(visit: Callable[..., Page], address: str, net: nn.Module) -> None:
    tab = visit(address, "#parameters")
    names = [name for name, _ in net.named_parameters()]
    listed = "all => all.map(e => e.innerText)"
    assert tab.eval_on_selector_all(NAMES, listed) == names
    sizes = {name: parameter.numel() for name, parameter in net.named_parameters()}
    tab.click("#panel-parameters th button:text('Bytes')")
    assert tab.eval_on_selector_all(NAMES, listed) == sorted(names, key=lambda name: -sizes[name])
    assert tab.get_attribute("th:has(button:text('Bytes'))", "aria-sort") == "descending"
    tab.click("#panel-parameters th button:text('Bytes')")
    assert tab.eval_on_selector_all(NAMES, listed) == sorted(names, key=lambda name: sizes[name])
    tab.click("#panel-parameters th button:text('Bytes')")
    assert tab.eval_on_selector_all(NAMES, listed) == names
    tab.fill("#panel-parameters input", "HEAD")
    assert tab.eval_on_selector_all(NAMES, listed) == ["head.weight", "head.bias"]
    tab.click(f"{NAMES} button >> nth=0")
    assert shown(tab) == ["panel-graph"]
    assert (tab.get_attribute("[role=treeitem][aria-selected=true]", "aria-label") or "").startswith("head")


def test_memory_is_that_of_the_sizes_given(visit: Callable[..., Page], net: nn.Module, tmp_path: Path) -> None:
    graph = fxviz.trace(net, torch.empty(2, 1, 16, 16), dynamic_shapes={"x": {0: torch.export.Dim("B")}})
    fxviz.app(graph).render(tmp_path / "symbolic.html")
    tab = visit((tmp_path / "symbolic.html").as_uri())
    peak = fxviz.Facts(graph)[fxviz.Memory()].peak
    for size in (8, 512):
        tab.click("#tab-graph")
        tab.fill("input[aria-label='size B']", str(size))
        tab.click("#tab-memory")
        assert f"peak {format_quantity(fxviz.evaluate(peak, B=size), 'B')} " in tab.inner_text("#panel-memory .told")


def test_charts_lead_to_a_step(visit: Callable[..., Page], address: str) -> None:
    tab = visit(address, "#training")
    chart = tab.locator(".card .lines").first
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] * 0.5, "y": 40})
    place = int(tab.input_value("input[type=range]"))
    last = int(tab.get_attribute("input[type=range]", "max") or 0)
    assert 0.3 * last < place < 0.7 * last
    grads = tab.locator(".card:has(h3:text('grad_norm')) .lines")
    grads.hover(position={"x": box["width"] * 0.5, "y": 60})
    assert any(
        name in tab.inner_text(".card:has(h3:text('grad_norm')) output")
        for name in ("features.0", "features.3", "head")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(visit: Callable[..., Page], address: str, scheme: str) -> None:
    tab = visit(address, "#training", color_scheme=scheme)
    colour = "[...document.querySelectorAll('.fxviz')].map(e => getComputedStyle(e).colorScheme)"
    assert set(tab.evaluate(colour)) == {scheme}
    tab.click(".scheme")
    assert set(tab.evaluate(colour)) == {"dark" if scheme == "light" else "light"}


def test_no_word_of_a_model_or_a_run_runs(visit: Callable[..., Page], tmp_path: Path) -> None:
    attacks = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "</h1><svg/onload=alert(3)>"]
    view = renamed([*attacks, *WORDS])
    run = made_run(3, [*attacks, *WORDS], loss=attacks[0])
    fxviz.app(view, run=run).render(tmp_path / "hostile.html")
    tab = visit((tmp_path / "hostile.html").as_uri())
    for button in tab.query_selector_all("[role=tab]"):
        button.click()
    assert attacks[0] in tab.eval_on_selector_all(".card h3", "all => all.map(e => e.textContent)")
    assert not tab.query_selector_all("img, iframe, main script")
    assert tab.inner_text("h1") == " ".join(view.graph.name.split())


def test_a_notebook_shows_the_page_in_a_frame(browser: Browser, net: nn.Module, tmp_path: Path) -> None:
    app = fxviz.app(net, torch.empty(16, 1, 16, 16))
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><title>a notebook</title>{app._repr_html_()}", encoding="utf-8")
    with browser.new_page() as tab:
        faults: list[str] = []
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.goto(notebook.as_uri())
        frame = tab.frame_locator("iframe")
        frame.locator("#tab-parameters").click()
        names = frame.locator(NAMES).all_text_contents()
        assert [name.strip() for name in names] == [name for name, _ in net.named_parameters()]
        assert tab.url == notebook.as_uri()
        assert faults == []

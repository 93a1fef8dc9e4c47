"""A small CNN that was trained and watched, and a browser that is told off for every fault of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from watched import STEPS, Net, Training

import fxviz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page


@pytest.fixture(autouse=True, scope="module")
def quick(one_thread: None) -> None:
    """On one thread, for some tests train."""


@pytest.fixture(scope="module")
def net(one_thread: None) -> Net:
    torch.manual_seed(0)
    return Net()


@pytest.fixture(scope="module")
def run_folder(net: Net, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 steps of ``net``, watched."""
    folder: Path = tmp_path_factory.mktemp("runs") / "first"
    training = Training(net)
    with fxviz.watch(net, training.optimizer, every=10, out=folder) as run:
        training.go_on(run, STEPS)
    return folder


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """``visit(address)``: the page in a tab. At the end, nothing else was asked for, and nothing complained."""
    tabs: list[Page] = []
    faults: list[str] = []

    def visit(address: str, hash: str = "", **options: object) -> Page:
        tab = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
        tabs.append(tab)
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("dialog", lambda dialog: faults.append(dialog.message))
        known = (address, f"{address}events")
        tab.on("request", lambda asked: None if asked.url.split("#")[0] in known else faults.append(asked.url))
        tab.set_default_timeout(60_000)
        tab.goto(address + hash)
        tab.wait_for_selector("[role=tab][aria-selected=true]")
        return tab

    yield visit
    for tab in tabs:
        tab.close()
    assert faults == []

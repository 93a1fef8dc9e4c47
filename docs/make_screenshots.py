"""Take the pictures of the viewer: ``python docs/make_screenshots.py``. Needs chromium, and playwright's Python package."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

import fxviz

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = Path(__file__).parent / "images"


def opened(page: Page) -> None:
    """GPT-2, with the attention of a layer selected."""
    page.fill("input[type=search]", "transformer.h.0.attn")
    page.keyboard.press("Enter")


def coloured(page: Page) -> None:
    """ResNet-50 by FLOPs, in the dark."""
    page.select_option("select", label="FLOPs")


def shoot(browser_path: str, folder: Path) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for name, model, scheme, act in (
            ("viewer", "transformers:gpt2", "light", opened),
            ("viewer-dark", "torchvision:resnet50", "dark", coloured),
        ):
            path = folder / f"{name}.html"
            fxviz.export(fxviz.models.trace(model), path)
            page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
            page.goto(path.as_uri())
            page.wait_for_selector(".fxviz .item")
            act(page)
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("chromium is not installed, which draws the pages")
    with TemporaryDirectory() as folder:
        shoot(found, Path(folder))

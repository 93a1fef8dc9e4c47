"""Take the pictures of the viewer and of the app: ``python docs/make_screenshots.py``. Needs chromium, and playwright's Python package."""

from __future__ import annotations

import contextlib
import io
import re
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


def early(page: Page) -> None:
    """The story's model, early in its training, when gradients are large."""
    page.fill("input[type=range]", "3")


def charts(page: Page) -> None:
    """The training of the story's model, as charts."""
    page.click("#tab-training")


def tell_story(folder: Path) -> Path:
    """The page that the code of story.md makes."""
    text = (Path(__file__).parent / "story.md").read_text(encoding="utf-8")
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec("".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)), {"__name__": "story"})
    return folder / "model.html"


def draw_model(name: str, folder: Path) -> Path:
    path = folder / f"{name.partition(':')[2]}.html"
    fxviz.export(fxviz.models.trace(name), path)
    return path


def shoot(browser_path: str, folder: Path) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        story = tell_story(folder)
        for name, path, scheme, act in (
            ("viewer", draw_model("transformers:gpt2", folder), "light", opened),
            ("viewer-dark", draw_model("torchvision:resnet50", folder), "dark", coloured),
            ("app", story, "light", early),
            ("app-training", story, "light", charts),
        ):
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

"""Twelve views in Netron's own page: how soon they are drawn, what is on the page, what a box and its panel tell.

    python benchmarks/render_netron.py pictures/ > docs/tables/netron_page.md    # some minutes; needs Chromium

Each view is written as ``fxviz export MODEL -o model.onnx`` writes it. Its first box is opened in place, and the panel of
the first operation with a colour is read, or of the first operation where none has one; a picture of the page goes to the folder.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measure import environment, markdown, say

import fxviz
from fxviz import models
from fxviz.integrations.browser import open_page
from fxviz.integrations.netron import draw, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

MODELS = (
    *(
        "torchvision:resnet50",
        "torchvision:swin_t",
        "torchvision:fasterrcnn_resnet50_fpn",
        "torchvision:deeplabv3_resnet50",
    ),
    *("timm:vit_base_patch16_224", "timm:convnext_base", "timm:efficientnet_b0"),
    *("transformers:gpt2", "transformers:llama", "transformers:t5", "transformers:whisper", "transformers:deepseek_v3"),
)
NODES = "document.querySelectorAll('#canvas g.node').length"
OPEN = """
(() => {
    const sign = [...document.querySelectorAll('.node-item')].find((item) => item.textContent.startsWith('+'));
    if (sign) sign.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    return Boolean(sign);
})()
"""
SELECT = """
(() => {
    const coloured = document.querySelector('.node-item-type[class*="node-item-type-"]');
    const isOperation = (node) => node.querySelector('.node-item-type') && !node.textContent.includes('○');
    const plain = [...document.querySelectorAll('#canvas g.node')].find(isOperation);
    const title = coloured || (plain && plain.querySelector('.node-item-type'));
    if (title) title.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    return Boolean(title);
})()
"""
PANEL = """
(() => {
    const panel = document.getElementById('sidebar-content');
    return panel ? panel.innerText + [...panel.querySelectorAll('input')].map((input) => input.value).join(' ') : '';
})()
"""


def look(name: str, folder: Path) -> list[str]:
    """A row of the table: one model on the page."""
    content = fxviz.render(models.trace(name), "onnx")
    assert isinstance(content, bytes)
    with serve(content, browser=False) as address, open_page(120) as page:
        page.set_viewport_size({"width": 1400, "height": 1600})
        before = time.perf_counter()
        draw(page, address)
        seconds = time.perf_counter() - before
        closed = page.evaluate(NODES)
        opened = after_opening(page, closed)
        time.sleep(2)  # the page moves to the box
        found = page.evaluate(SELECT)
        time.sleep(2)
        panel = page.evaluate(PANEL).lower() if found else "no operation is drawn"
        (folder / f"{name.replace(':', '_')}.png").write_bytes(page.screenshot())
    told = [key for key in ("module", "source", "kernels", "flops", "parameters", "memory") if key in panel]
    return [name, f"{len(content) / 1024:.0f}", f"{seconds:.1f}", str(closed), opened, ", ".join(told)]


def after_opening(page: Page, closed: int) -> str:
    """The nodes on the page when the first box is open."""
    if not page.evaluate(OPEN):
        return "no box"
    for _ in range(100):
        if (nodes := page.evaluate(NODES)) != closed:
            return str(nodes)
        time.sleep(0.1)
    return "as before"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where pictures go")
    parser.add_argument("models", nargs="*", default=MODELS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in options.models:
        rows.append(look(name, options.folder))
        say(" ".join(rows[-1]))
    heads = [
        "model",
        "file, KiB",
        "drawn after, s",
        "nodes drawn",
        "with the first box open",
        "its panel tells",
    ]
    print(markdown(heads, rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()

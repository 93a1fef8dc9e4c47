"""Pages of the viewer: how large, how long to write, how long to open. ``python benchmarks/viewer.py > docs/tables/viewer.md``

Time to write is that of `fxviz.export` from the facts: the view, the numbers, the layout, the page. Time to open is from
navigation to the first picture with its words fitted, in headless chromium. Needs chromium and playwright.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from measure import environment, markdown, say
from playwright.sync_api import sync_playwright
from transformers import LlamaConfig

import fxviz
from fxviz import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from fxviz import Graph


def llama(layers: int) -> Graph:
    import torch
    from transformers import LlamaForCausalLM

    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=layers)).eval()
        return fxviz.trace(model, (), {"input_ids": torch.empty(1, 128, dtype=torch.int64)})


MODELS: dict[str, Callable[[], Graph]] = {
    "ResNet-50": lambda: fxviz.models.trace("torchvision:resnet50"),
    "GPT-2": lambda: fxviz.models.trace("transformers:gpt2"),
    "Llama, 32 layers": lambda: llama(32),
    "Llama, 80 layers": lambda: llama(80),
    "DeepSeek-V3, 671 B parameters": lambda: fxviz.models.trace("transformers:deepseek_v3"),
    "Mamba, unrolled over 128 tokens": lambda: fxviz.models.trace("transformers:mamba"),
}


def spent() -> float:
    """CPU seconds of this process and of those that it waited for: Graphviz."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def written(graph: Graph, path: Path) -> tuple[float, float]:
    """Wall and CPU seconds to write the page."""
    wall, cpu = time.perf_counter(), spent()
    fxviz.export(Facts(graph), path)
    return time.perf_counter() - wall, spent() - cpu


def opened(browser: Browser, path: Path) -> float:
    """Seconds until the page can be used, the best of three."""
    times = []
    for _ in range(3):
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        start = time.perf_counter()
        tab.goto(path.as_uri())
        tab.wait_for_selector("[role=treeitem]")
        times.append(time.perf_counter() - start)
        tab.close()
    return min(times)


def rows(browser: Browser, folder: Path) -> Iterator[list[str]]:
    for name, trace in MODELS.items():
        say(name)
        graph, path = trace(), folder / "page.html"
        wall, cpu = written(graph, path)
        size = path.stat().st_size / 1024
        yield [
            name,
            f"{len(graph.nodes):,}",
            f"{size:.0f} KiB",
            f"{wall:.1f}",
            f"{cpu:.1f}",
            f"{opened(browser, path):.2f}",
        ]


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed, which opens the pages")
    heads = ["model", "operations", "page", "to write, wall s", "CPU s", "to open, wall s"]
    with sync_playwright() as driver, TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        print(markdown(heads, [*rows(browser, Path(folder))]))
        browser.close()
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()
